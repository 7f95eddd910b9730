"""Offline Leaflet: vendored files, the five traps, pixel and map coordinates."""

import hashlib
import io
import re
import tomllib
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit_folium import _get_feature_group_string, _get_map_string

from shared.ui import map_spec
from shared.ui.map_spec import ImageBase, LegendEntry, MapSpec, Shape, display_image
from shared.ui.maps import (
    CLUSTER_FROM_MARKERS,
    COMPONENT_NAME,
    VENDOR_FOLDER,
    _drawn,
    build_map,
    build_shapes,
)
from shared.ui.offline_folium import VENDOR_URL

LEGEND = (
    LegendEntry("pv", "Photovoltaik", "#d1480f"),
    LegendEntry("st", "Solarthermie", "#1d5fbf", dashed=True),
)
PICTURE = ImageBase(b"\xff\xd8\xff", "image/jpeg", 200, 100)
SQUARE = Shape(0, (((10, 20), (50, 20), (50, 60), (10, 60)),), "pv", "Dach <b>1</b>")


def script(spec: MapSpec, selected: int | None = None) -> str:
    """The script that reaches the browser: base map and shapes."""
    built = build_map(spec, "de")
    built.get_root().render()
    shapes = _get_feature_group_string(build_shapes(spec, selected), map=built)
    return _get_map_string(built) + shapes


def links(element: Any) -> list[str]:
    """Every file that an element and its children load."""
    files = [*getattr(element, "default_js", []), *getattr(element, "default_css", [])]
    found = [link for _, link in files]
    for child in element._children.values():
        found += links(child)
    return found


@pytest.fixture
def spec() -> MapSpec:
    return MapSpec(PICTURE, [SQUARE], LEGEND, draw=frozenset({"rectangle", "polygon"}))


def test_vendored_files_are_unchanged_and_licensed() -> None:
    content = tomllib.loads((VENDOR_FOLDER / "versions.toml").read_text(encoding="utf-8"))
    listed = set()
    for package in content["package"]:
        assert (VENDOR_FOLDER / package["licence_file"]).stat().st_size > 500
        for name, sha256 in package["sha256"].items():
            path = VENDOR_FOLDER / package["folder"] / name
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256, name
            listed.add(path)
    folders = [package["folder"] for package in content["package"]]
    there = {path for f in folders for path in (VENDOR_FOLDER / f).rglob("*") if path.is_file()}
    assert there == listed


def test_every_link_leads_to_a_vendored_file(spec: MapSpec) -> None:
    found = links(build_map(spec, "de")) + links(build_shapes(spec, None))
    assert len(found) >= 10
    for link in found:
        assert link.startswith(VENDOR_URL + "/"), link
        path = link.removeprefix(VENDOR_URL + "/").partition("?")[0]
        assert (VENDOR_FOLDER / path).is_file(), path
    assert VENDOR_URL.endswith(COMPONENT_NAME)


def test_no_script_names_a_foreign_host(spec: MapSpec) -> None:
    assert re.findall(r"https?://[^\s\"')]+", script(spec)) == []
    for name in ("frame.js", "draw_labels.js"):
        assert "http" not in (VENDOR_FOLDER / name).read_text(encoding="utf-8")


def test_files_named_by_style_sheets_are_there() -> None:
    for sheet in VENDOR_FOLDER.rglob("*.css"):
        for name in re.findall(
            r"url\(['\"]?([^)'\"#]+)['\"]?\)", sheet.read_text(encoding="utf-8")
        ):
            assert (sheet.parent / name).is_file(), f"{sheet.name}: {name}"


def test_trap_1_icon_path_is_set_after_leaflet(spec: MapSpec) -> None:
    order = [link for _, link in build_map(spec, "de").default_js]
    leaflet = next(i for i, link in enumerate(order) if link.endswith("leaflet.js"))
    assert "frame.js?sprache=de" in order[leaflet + 1]
    frame = (VENDOR_FOLDER / "frame.js").read_text(encoding="utf-8")
    assert "L.Icon.Default.imagePath" in frame
    assert (VENDOR_FOLDER / "leaflet" / "images" / "marker-icon.png").is_file()


def test_trap_2_maps_without_tiles_have_a_largest_zoom(spec: MapSpec) -> None:
    assert '"maxZoom": 4' in script(spec)
    assert '"maxZoom": 20' in script(MapSpec(None, [], LEGEND))


def test_trap_3_nothing_needs_jquery(spec: MapSpec) -> None:
    text = script(spec)
    assert "$(" not in text
    assert "Popup" not in text
    assert "jquery" not in " ".join(links(build_map(spec, "de"))).lower()


def test_trap_4_no_colour_maps(spec: MapSpec) -> None:
    assert "d3" not in " ".join(links(build_map(spec, "de")))


def test_trap_5_names_of_the_full_screen_plugin(spec: MapSpec) -> None:
    found = " ".join(links(build_map(spec, "de")))
    assert "fullscreen/Control.FullScreen.js" in found
    assert "fullscreen/Control.FullScreen.css" in found


def test_pixels_run_down_and_maps_run_up(spec: MapSpec) -> None:
    assert '"coordinates": [[[10, -20], [50, -20]' in script(spec)
    assert "[[-100, 0.0], [0.0, 200]]" in script(spec)
    on_map = MapSpec(
        ImageBase(b"", "image/png", 9, 9, (7.0, 51.0, 7.1, 51.1)),
        [Shape(0, (((7.0, 51.0), (7.1, 51.0), (7.1, 51.1)),), "pv", "x")],
        LEGEND,
    )
    assert '"coordinates": [[[7.0, 51.0], [7.1, 51.0], [7.1, 51.1]]]' in script(on_map)
    assert "[[51.0, 7.0], [51.1, 7.1]]" in script(on_map)


def test_labels_are_text_never_html(spec: MapSpec) -> None:
    text = script(spec)
    assert "Dach &lt;b&gt;1&lt;/b&gt;" in text or "Dach \\u0026lt;b" in text
    assert "<b>1</b>" not in text


def test_the_selected_shape_is_emphasised_and_dashes_tell_kinds_apart(spec: MapSpec) -> None:
    assert '"weight": 5' not in script(spec)
    assert '"weight": 5' in script(spec, selected=0)
    dashed = Shape(1, SQUARE.rings, "st", "y")
    assert '"dashArray": "6 4"' in script(MapSpec(PICTURE, [SQUARE, dashed], LEGEND))


def test_moving_shapes_leave_the_base_picture_alone(spec: MapSpec) -> None:
    more = MapSpec(PICTURE, [SQUARE, Shape(1, SQUARE.rings, "pv", "y")], LEGEND, draw=spec.draw)

    def base(one: MapSpec) -> str:
        built = build_map(one, "de")
        built.get_root().render()
        return re.sub(r"[0-9a-f]{32}", "", str(_get_map_string(built)))

    assert base(spec) == base(more)


def test_many_points_become_clusters() -> None:
    points = [Shape(i, (((i, 5),),), "pv", "x") for i in range(CLUSTER_FROM_MARKERS + 1)]
    assert "markerClusterGroup" in script(MapSpec(PICTURE, points, LEGEND))
    assert "markerClusterGroup" not in script(MapSpec(PICTURE, points[:5], LEGEND))


def test_more_shapes_than_the_map_shows_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.ui.maps.MAX_SHAPES", 3)
    shapes = [Shape(i, SQUARE.rings, "pv", f"Nummer {i}") for i in range(5)]
    text = script(MapSpec(PICTURE, shapes, LEGEND))
    assert "Nummer 2" in text
    assert "Nummer 3" not in text
    assert map_spec.MAX_SHAPES == 5000


def test_drawings_come_back_in_the_coordinates_of_the_shapes(spec: MapSpec) -> None:
    ring = [[10.0, -20.0], [50.0, -20.0], [50.0, -60.0], [10.0, -20.0]]
    answer = {"all_drawings": [{"geometry": {"type": "Polygon", "coordinates": [ring]}}]}
    assert _drawn(answer, spec) == ((10, 20), (50, 20), (50, 60), (10, 20))
    point = {"all_drawings": [{"geometry": {"type": "Point", "coordinates": [3.0, -4.0]}}]}
    assert _drawn(point, spec) == ((3, 4),)
    assert _drawn({}, spec) is None
    assert _drawn({"all_drawings": []}, spec) is None


def test_display_image_is_upright_small_and_keeps_the_pixel_grid() -> None:
    source = Image.new("RGB", (3000, 1000), "red")
    exif = source.getexif()
    exif[0x0112] = 6
    target = io.BytesIO()
    source.save(target, "JPEG", exif=exif)
    base = display_image(target.getvalue())
    assert (base.width_px, base.height_px) == (1000, 3000)
    with Image.open(io.BytesIO(base.content)) as shown:
        assert shown.size == (667, 2000)
        assert not shown.getexif()
    palette = Image.new("P", (20, 10))
    assert display_image(palette).media_type == "image/jpeg"


def test_quiet_outlines_leave_room_to_read() -> None:
    legend = (LegendEntry("line", "Zeile", "#1a6fb5", quiet=True), *LEGEND)
    shapes = [Shape(0, SQUARE.rings, "line", "Zeile"), Shape(1, SQUARE.rings, "pv", "Dach")]
    drawn = script(MapSpec(PICTURE, shapes, legend))
    assert re.search(r'"fillOpacity": 0\.04.*?"weight": 1\b', drawn)
    assert re.search(r'"fillOpacity": 0\.18.*?"weight": 2\b', drawn)
    chosen = script(MapSpec(PICTURE, shapes, legend), selected=0)
    assert re.search(r'"fillOpacity": 0\.45.*?"weight": 5\b', chosen)


def test_the_legend_fills_what_is_a_surface() -> None:
    def page() -> None:
        from shared.ui.map_spec import LegendEntry
        from shared.ui.maps import legend

        legend(
            [
                LegendEntry("gravel", "Schotter", "#eeeeee", filled=True),
                LegendEntry("found", "Fund", "#1a6fb5", dashed=True),
            ]
        )

    shown = AppTest.from_function(page).run()
    assert not shown.exception
    (html,) = shown.get("html")
    assert 'style="background: #eeeeee; border: 1px solid currentColor"' in html.proto.body
    assert 'style="border: 3px dashed #1a6fb5"' in html.proto.body
