"""Offline Leaflet: pictures and maps with shapes, and the same objects as a table.

folium and streamlit-folium are imported when a map is shown, so that pages without a map stay
light. All scripts and styles come from `vendor/`, served as a Streamlit component folder.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
import streamlit.components.v1 as components
from streamlit.errors import StreamlitAPIException

from shared.i18n import N_, Language, Translator
from shared.ui.failures import log_failure
from shared.ui.language import translator
from shared.ui.map_spec import MAX_SHAPES, LegendEntry, MapEvent, MapSpec, Point, Shape
from shared.ui.result import Column, Row, select_row, selected_row, table

if TYPE_CHECKING:
    import folium

VENDOR_FOLDER = Path(__file__).resolve().parent / "vendor"
COMPONENT_NAME = "urbanki_vendor"
CLUSTER_FROM_MARKERS = 200
BESIDE_SHARES = (2, 3)
_MAP_FAILED = N_("Die Karte konnte nicht geladen werden. Die Tabelle zeigt dieselben Objekte.")
_PICTURE_FAILED = N_("Das Bild konnte nicht geladen werden. Die Tabelle zeigt dieselben Objekte.")
_MAX_ZOOM = 20
_PICTURE_MIN_ZOOM = -6
_PICTURE_MAX_ZOOM = 4


def map_with_table(
    spec: MapSpec,
    rows: Sequence[Row],
    *,
    columns: Sequence[Column],
    key: str,
    alt: str,
    beside: Callable[[], None] | None = None,
    t: Translator | None = None,
) -> MapEvent:
    """Show a map or picture, its legend, and the same objects as a table.

    A click on a shape selects its row; a row selected in the table is emphasised on the map.

    Args:
        spec: What to show.
        rows: One mapping per object, in the order of `Shape.row`.
        columns: Columns of the table.
        key: Widget key, prefixed by the slug.
        alt: Translated description of map and table for screen readers.
        beside: Shows something beside the map, below it where there is no room; for upright
            pictures, which need less than half the width.
        t: Translator; the gallery's by default.
    """
    t = t or translator()
    table_key = f"{key}_rows"
    if len(spec.shapes) > MAX_SHAPES:
        st.caption(
            t(
                "Die Karte zeigt die ersten {shown} von {count} Objekten, die Tabelle alle.",
                shown=t.number(MAX_SHAPES),
                count=t.number(len(spec.shapes)),
            )
        )
    with st.container(key=f"map_{key}"):
        left, right = st.columns(BESIDE_SHARES) if beside is not None else (st.container(), None)
        # The page's script names what comes late by this key; see `watchMaps` in `page.js`.
        with left, st.container(key=f"{'picture' if spec.in_pixels else 'ground'}_{key}"):
            answer = _show(spec, key, selected_row(table_key), t)
            legend(spec.legend)
        if right is not None and beside is not None:
            with right:
                beside()
    clicked = _newly_clicked(answer, key)
    if clicked is not None and clicked != selected_row(table_key):
        select_row(table_key, clicked)
        st.rerun()
    selection = table(rows, columns=columns, key=table_key, alt=alt, selection="single", t=t)
    selected = selection.rows[0] if selection.rows else None
    return MapEvent(selected, _drawn(answer, spec))


def legend(entries: Sequence[LegendEntry]) -> None:
    """Show the kinds of shapes as words beside their colour.

    Args:
        entries: Kinds in the order to show.
    """
    parts = [
        f'<span class="legend-entry"><span class="legend-swatch" style="{_sample(entry)}"></span>'
        f"{escape(entry.title)}</span>"
        for entry in entries
    ]
    if parts:
        st.html(f'<p class="legend">{" ".join(parts)}</p>')


def _sample(entry: LegendEntry) -> str:
    colour = _safe_colour(entry.colour)
    if entry.filled:
        # A pale surface needs an outline on a pale page.
        return f"background: {colour}; border: 1px solid currentColor"
    return f"border: 3px {'dashed' if entry.dashed else 'solid'} {colour}"


def build_map(spec: MapSpec, language: Language) -> folium.Map:
    """Return the constant part of a map: base picture, tools, view.

    Args:
        spec: What to show.
        language: Language of the controls.
    """
    from folium.raster_layers import ImageOverlay

    from shared.ui.offline_folium import offline_draw, offline_fullscreen, offline_map

    bounds = _bounds(spec)
    (south, west), (north, east) = bounds
    options: dict[str, object] = {
        "location": [(south + north) / 2, (west + east) / 2],
        "zoom_start": 0 if spec.in_pixels else 16,
        "zoom_snap": 0.25,
        "zoom_delta": 0.5,
        "maxZoom": _PICTURE_MAX_ZOOM if spec.in_pixels else _MAX_ZOOM,
    }
    if spec.in_pixels:
        options |= {"crs": "Simple", "minZoom": _PICTURE_MIN_ZOOM}
    result = offline_map(language, options)
    if spec.base is not None:
        encoded = base64.b64encode(spec.base.content).decode()
        image = f"data:{spec.base.media_type};base64,{encoded}"
        ImageOverlay(image, bounds=bounds, zindex=1).add_to(result)
    result.fit_bounds(bounds)
    titles = ("Vollbild", "Vollbild beenden") if language == "de" else ("Full screen", "Leave")
    offline_fullscreen(*titles).add_to(result)
    if spec.draw:
        offline_draw(spec.draw).add_to(result)
    return result


def build_shapes(spec: MapSpec, selected: int | None) -> folium.FeatureGroup:
    """Return the changing part of a map: the shapes, the selected one emphasised.

    Args:
        spec: What to show.
        selected: Row of the emphasised shape.
    """
    import folium

    from shared.ui.offline_folium import offline_cluster

    group = folium.FeatureGroup(name="shapes")
    shown = spec.shapes[:MAX_SHAPES]
    areas = [shape for shape in shown if len(shape.rings[0]) > 1]
    points = [shape for shape in shown if len(shape.rings[0]) == 1]
    if areas:
        group.add_child(_layer("areas", areas, spec, selected))
    if len(points) > CLUSTER_FROM_MARKERS:
        cluster = offline_cluster()
        group.add_child(cluster)
        cluster.add_child(_layer("points", points, spec, selected))
    elif points:
        group.add_child(_layer("points", points, spec, selected))
    return group


def _layer(
    name: str, shapes: Sequence[Shape], spec: MapSpec, selected: int | None
) -> folium.GeoJson:
    import folium

    styles = {entry.key: entry for entry in spec.legend}

    def style(feature: Mapping[str, Any]) -> dict[str, object]:
        entry = styles[feature["properties"]["kind"]]
        chosen = feature["properties"]["row"] == selected
        return {
            "color": entry.colour,
            "weight": 5 if chosen else 1 if entry.quiet else 2,
            "dashArray": "6 4" if entry.dashed else None,
            "fillColor": entry.colour,
            "fillOpacity": 0.45 if chosen else 0.04 if entry.quiet else 0.18,
        }

    features = [
        {
            "type": "Feature",
            "id": str(shape.row),
            # folium's tooltip writes properties as HTML.
            "properties": {"row": shape.row, "kind": shape.kind, "label": escape(shape.label)},
            "geometry": _geometry(shape, spec),
        }
        for shape in shapes
    ]
    return folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        name=name,
        style_function=style,
        highlight_function=lambda _: {"weight": 4},
        marker=folium.CircleMarker(radius=8, fill=True),
        tooltip=folium.GeoJsonTooltip(fields=["label"], labels=False),
        zoom_on_click=False,
    )


def _geometry(shape: Shape, spec: MapSpec) -> dict[str, object]:
    rings = [[_to_map(point, spec) for point in ring] for ring in shape.rings]
    if len(rings[0]) == 1:
        return {"type": "Point", "coordinates": rings[0][0]}
    return {"type": "Polygon", "coordinates": rings}


def _show(spec: MapSpec, key: str, selected: int | None, t: Translator) -> Mapping[str, Any]:
    """Show the map; without its files say so instead of leaving an empty frame."""
    try:
        _vendor_component()
        from streamlit_folium import st_folium

        answer: Mapping[str, Any] | None = st_folium(
            build_map(spec, t.language),
            key=f"{key}_map",
            height=spec.height_px,
            use_container_width=True,
            returned_objects=["last_active_drawing", "last_object_clicked_count", "all_drawings"],
            feature_group_to_add=build_shapes(spec, selected),
            pixelated=spec.pixelated,
        )
    except (StreamlitAPIException, OSError) as error:
        log_failure(error)
        words = _PICTURE_FAILED if spec.in_pixels else _MAP_FAILED
        st.warning(t(words))
        return {}
    return answer or {}


@lru_cache(maxsize=1)
def _vendor_component() -> object:
    return components.declare_component(COMPONENT_NAME, path=str(VENDOR_FOLDER))


def _newly_clicked(answer: Mapping[str, Any], key: str) -> int | None:
    """Return the row of a click that was not handled in an earlier run."""
    count = answer.get("last_object_clicked_count") or 0
    seen_key = f"{key}_clicks"
    if count == st.session_state.get(seen_key, 0):
        return None
    st.session_state[seen_key] = count
    properties = (answer.get("last_active_drawing") or {}).get("properties") or {}
    row = properties.get("row")
    return row if isinstance(row, int) else None


def _drawn(answer: Mapping[str, Any], spec: MapSpec) -> tuple[Point, ...] | None:
    drawings = answer.get("all_drawings") or []
    if not drawings:
        return None
    geometry = drawings[-1].get("geometry") or {}
    coordinates = geometry.get("coordinates") or []
    ring = [coordinates] if geometry.get("type") == "Point" else (coordinates or [[]])[0]
    return tuple(_from_map((float(x), float(y)), spec) for x, y in ring)


def _bounds(spec: MapSpec) -> list[list[float]]:
    """Return south-west and north-east corner as Leaflet's (latitude, longitude)."""
    if spec.base is not None and spec.base.bounds_wgs84 is not None:
        west, south, east, north = spec.base.bounds_wgs84
        return [[south, west], [north, east]]
    if spec.base is not None:
        return [[-spec.base.height_px, 0.0], [0.0, spec.base.width_px]]
    points = [point for shape in spec.shapes for ring in shape.rings for point in ring]
    if not points:
        return [[47.2, 5.8], [55.1, 15.1]]  # Germany
    longitudes, latitudes = zip(*points, strict=True)
    return [[min(latitudes), min(longitudes)], [max(latitudes), max(longitudes)]]


def _to_map(point: Point, spec: MapSpec) -> Point:
    x, y = point
    return (round(x, 2), round(-y, 2)) if spec.in_pixels else (round(x, 6), round(y, 6))


def _from_map(point: Point, spec: MapSpec) -> Point:
    x, y = point
    return (x, -y) if spec.in_pixels else (x, y)


def _safe_colour(colour: str) -> str:
    if len(colour) != 7 or colour[0] != "#" or not colour[1:].isalnum():
        message = f"no colour: {colour[:20]!r}"
        raise ValueError(message)
    return colour
