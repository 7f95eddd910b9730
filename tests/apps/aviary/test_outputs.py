"""The files of a run: exact members, fixed bytes, coordinates that lie on the image."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import Affine, from_origin
from shapely.geometry import box, shape

from apps.aviary.class_maps import map_file
from apps.aviary.commands import stopping
from apps.aviary.finds.analysis import count
from apps.aviary.finds.words import next_step
from apps.aviary.outputs import objects_geojson, summary
from apps.aviary.result_files import (
    OBJECTS_FILE,
    OWN_FILES,
    SUMMARY_FILE,
    prepare_folder,
    to_json,
    write_files,
)
from shared.errors import (
    InputError,
    ResolutionMissing,
    ResolutionUnsuitable,
    ResultsExist,
    StorageFull,
)
from shared.i18n import get_translator
from tests.apps.aviary import doubles

PROPERTIES = {
    "object_id", "class", "class_de", "score", "area_px", "area_m2", "bbox_px", "doubtful",
    "domain_distance",
}  # fmt: skip
SUMMARY = {
    "status", "recipe", "image", "model", "parameters", "counts", "area_m2", "share",
    "nodata_share", "mean_confidence", "domain_warning_share", "warnings", "failed_tiles", "tiles",
    "seconds", "software_version",
}  # fmt: skip
SQUARES = [(100, 120, 180, 200), (560, 300, 700, 400), (650, 600, 720, 690)]


def picture(size=(800, 720)):
    pixels = np.full((size[1], size[0], 3), 120, dtype=np.uint8)
    for x0, y0, x1, y1 in SQUARES:
        pixels[y0:y1, x0:x1] = doubles.BLUE
    return pixels


def png(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(picture()).save(path)
    return path


def run(path, client=None, **options):
    analysis = doubles.analyse(path, client or doubles.finds_blue(), **options)
    return analysis, count(analysis, threshold=0.25, min_area_m2=1.0)


def facts_of(analysis, result):
    return summary(analysis, result, path="a.png", threshold=0.25, min_area_m2=1.0, seconds=1.23456)


def written(analysis, result):
    return objects_geojson(analysis, result, threshold=0.25)


def test_plain_images_give_pixel_coordinates_y_down(tmp_path):
    text = written(*run(png(tmp_path), gsd_m=0.1))
    content = json.loads(text)
    assert content["coordinates"] == "pixel"
    assert "crs" not in content
    assert content["provenance"]["model"]["sha256"] == "ab" * 32
    assert content["provenance"]["threshold"] == 0.25
    assert len(content["features"]) == 3
    for number, feature in enumerate(content["features"], start=1):
        assert set(feature["properties"]) == PROPERTIES
        assert feature["properties"]["object_id"] == number
        x0, y0, x1, y1 = feature["properties"]["bbox_px"]
        assert (x0, y0, x1, y1) in SQUARES
        assert shape(feature["geometry"]).equals(box(x0, y0, x1, y1))
        assert feature["properties"]["area_m2"] == pytest.approx((x1 - x0) * (y1 - y0) * 0.01)
    scores = [feature["properties"]["score"] for feature in content["features"]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "transform",
    [
        from_origin(400000, 5700000, 0.1, 0.1),
        from_origin(400000, 5700000, 0.12, 0.12),
        Affine.translation(400000, 5700000) * Affine.rotation(25) * Affine.scale(0.1, -0.1),
    ],
)
def test_geotiff_objects_lie_on_the_image(tmp_path, transform):
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=800, height=720, count=3, dtype="uint8",
        crs="EPSG:25832", transform=transform,
    ) as target:  # fmt: skip
        target.write(picture().transpose(2, 0, 1))
    content = json.loads(written(*run(path)))
    assert content["coordinates"] == "EPSG:25832"
    assert content["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::25832"
    assert len(content["features"]) == 3
    for feature in content["features"]:
        corners = [~transform * tuple(corner) for corner in feature["geometry"]["coordinates"][0]]
        xs, ys = zip(*corners, strict=True)
        found = (min(xs), min(ys), max(xs), max(ys))
        nearest = min(
            SQUARES, key=lambda true: sum(abs(a - b) for a, b in zip(true, found, strict=True))
        )
        assert found == pytest.approx(nearest, abs=1.0)
        assert feature["properties"]["bbox_px"] == pytest.approx(nearest, abs=1.0)


def test_same_input_gives_the_same_bytes(tmp_path):
    path = png(tmp_path)
    first, again = (written(*run(path, gsd_m=0.12)) for _ in range(2))
    assert first.encode() == again.encode()


def test_nothing_found_is_a_valid_file(tmp_path):
    analysis, result = run(png(tmp_path), client=doubles.finds_nothing(), gsd_m=0.1)
    content = json.loads(written(analysis, result))
    assert (content["type"], content["coordinates"]) == ("FeatureCollection", "pixel")
    assert content["features"] == []
    facts = facts_of(analysis, result)
    assert facts["counts"] == {"pv": 0, "solar_thermal": 0, "pv_ground": 0}
    assert facts["mean_confidence"] is None
    json.loads(to_json(facts))


def test_summary_has_exactly_the_promised_members(tmp_path):
    analysis, result = run(png(tmp_path), gsd_m=0.1)
    facts = facts_of(analysis, result)
    assert set(facts) == SUMMARY
    assert set(facts["image"]) == {
        "path", "sha256", "width", "height", "gsd_m", "gsd_source", "crs", "bands"
    }  # fmt: skip
    assert facts["model"] == {"name": "solar", "version": "9.9.9", "sha256": "ab" * 32}
    assert facts["status"] == "ok"
    assert facts["counts"]["pv"] == 3
    total_m2 = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in SQUARES) * 0.01
    assert facts["area_m2"]["pv"] == pytest.approx(total_m2)
    assert facts["share"]["pv"] == pytest.approx(total_m2 / (800 * 720 * 0.01), abs=1e-6)
    assert facts["domain_warning_share"] is None
    assert facts["seconds"] == 1.235


def test_failed_tiles_make_the_run_incomplete(tmp_path):
    pixels = picture()
    pixels[0, 0] = doubles.MARK
    Image.fromarray(pixels).save(tmp_path / "a.png")
    facts = facts_of(*run(tmp_path / "a.png", client=doubles.fails_on_the_mark(), gsd_m=0.1))
    assert facts["status"] == "incomplete"
    assert [one["tile_id"] for one in facts["failed_tiles"]] == [0]


def test_unusual_images_are_counted(tmp_path):
    analysis, result = run(png(tmp_path), client=doubles.knows_no_such_image(), gsd_m=0.1)
    facts = facts_of(analysis, result)
    assert facts["domain_warning_share"] == 1.0


def test_forced_resolution_marks_both_files(tmp_path):
    analysis, result = run(png(tmp_path), gsd_m=0.4, force=True)
    facts = facts_of(analysis, result)
    assert "aufloesung_ungeeignet" in [one["code"] for one in facts["warnings"]]
    assert json.loads(written(analysis, result))["outside_checked_range"] is True


@pytest.mark.parametrize(
    ("gsd_m", "error"), [(None, ResolutionMissing), (0.4, ResolutionUnsuitable)]
)
def test_a_stop_is_raised_before_the_model_is_asked(tmp_path, gsd_m, error):
    with pytest.raises(error):
        run(png(tmp_path), client=doubles.must_not_be_asked(), gsd_m=gsd_m)


def test_a_tiny_image_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (1, 1), "red").save(path)
    with pytest.raises(InputError, match="1 x 1 Bildpunkten zu klein"):
        run(path, client=doubles.must_not_be_asked(), gsd_m=0.1)


def test_the_threshold_moves_without_the_model(tmp_path):
    analysis, _ = run(png(tmp_path), gsd_m=0.1)
    counts = [
        len(count(analysis, threshold=value, min_area_m2=0).objects) for value in (0.0, 0.65, 1.0)
    ]
    assert counts == [3, 1, 0]
    assert len(count(analysis, threshold=0, min_area_m2=64.1).objects) == 1


def test_results_are_not_overwritten_silently(tmp_path):
    prepare_folder(tmp_path / "out", overwrite=False)
    write_files(tmp_path / "out", {"objects.geojson": "{}", "summary.json": "{}"})
    with pytest.raises(ResultsExist):
        prepare_folder(tmp_path / "out", overwrite=False)
    prepare_folder(tmp_path / "out", overwrite=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "objects.geojson",
        "summary.json",
    ]


def test_results_of_several_images_are_seen_too(tmp_path):
    write_files(tmp_path / "out" / "a", {"summary.json": "{}"})
    with pytest.raises(ResultsExist):
        prepare_folder(tmp_path / "out", overwrite=False)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("not a folder", encoding="utf-8")
    with pytest.raises(StorageFull):
        prepare_folder(tmp_path / "out", overwrite=False)


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    written = Path.write_bytes

    def full(self, *words, **options):
        if "summary" in self.name:
            raise OSError(28, "No space left on device")
        return written(self, *words, **options)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageFull):
        write_files(tmp_path, {"objects.geojson": "{}", "summary.json": "{}"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_a_stop_between_two_files_leaves_no_mixed_result(tmp_path, monkeypatch, number):
    """A summary of yesterday beside finds of today would pass for one result."""
    old = {"objects.geojson": "old", "summary.json": "old"}
    write_files(tmp_path, old)
    move = Path.replace

    def stopped(self, target):
        os.kill(os.getpid(), number)
        return move(self, target)

    monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(KeyboardInterrupt), stopping.stopped_by_signals():
        write_files(tmp_path, dict.fromkeys(old, "new"))
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == dict.fromkeys(old, "new")


def summary_of(*names):
    return json.dumps({"recipe": "landcover", "software_version": "0", "files": names})


def test_what_an_earlier_result_leaves_goes_and_what_is_nobodys_result_stays(tmp_path):
    maps = {"classes.tif": "map", "confidence.tif": "map", "values.tif": "map"}
    told = summary_of("objects.geojson", "summary.json", "classes.png", *maps)
    write_files(tmp_path, {"objects.geojson": "old", "summary.json": told, **maps})
    foreign = {"notizen.txt": "mine", "classes.tif.aux.xml": "mine", "classes.csv": "mine"}
    for name, content in foreign.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "classes.png").mkdir()
    new = {"objects.geojson": "new", "classes.tif": "new", "summary.json": told}
    write_files(tmp_path, new)
    left = {one.name: one.read_text() for one in tmp_path.iterdir() if one.is_file()}
    assert left == {**foreign, **new}


@pytest.mark.parametrize("name", ["classes.png", "classes.tif"])
@pytest.mark.parametrize("linked", [False, True])
def test_an_input_stays_whatever_an_earlier_summary_lists(tmp_path, name, linked):
    out = tmp_path / "out"
    write_files(out, {"summary.json": summary_of("summary.json", name, "values.tif")})
    (out / name).write_text("the image")
    (out / "values.tif").write_text("old")
    named = out / name
    if linked:
        named = tmp_path / "link.png"
        named.symlink_to(out / name)
    write_files(out, {"summary.json": summary_of("summary.json")}, [named])
    left = {one.name: one.read_text() for one in out.iterdir()}
    assert left == {"summary.json": summary_of("summary.json"), name: "the image"}


def test_nothing_outside_goes_whatever_an_earlier_summary_lists(tmp_path):
    out, near = tmp_path / "out", tmp_path / "near.txt"
    near.write_text("mine")
    write_files(out, {"summary.json": summary_of("../near.txt", "notes.txt")})
    (out / "notes.txt").write_text("mine")
    write_files(out, {"summary.json": "{}"})
    assert near.exists()
    assert (out / "notes.txt").exists()


def test_a_summary_that_cannot_be_read_is_replaced_and_nothing_else_goes(tmp_path, monkeypatch):
    write_files(tmp_path, {"summary.json": summary_of("classes.tif"), "classes.tif": "map"})

    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    write_files(tmp_path, {"summary.json": "{}"})
    assert (tmp_path / "summary.json").read_text() == "{}"
    assert (tmp_path / "classes.tif").read_text() == "map"


OF_ANOTHER_KIND = [
    None,
    "",
    "[]",
    "[" * 100_000,
    '{"recipe": "landcover"}',
    '{"recipe": "landcover", "software_version": "0"}',
    '{"recipe": "landcover", "software_version": "0", "files": "classes.tif"}',
]


@pytest.mark.parametrize("summary", OF_ANOTHER_KIND)
def test_without_a_summary_of_this_command_nothing_goes(tmp_path, summary):
    (tmp_path / "classes.tif").write_text("mine")
    if summary is not None:
        (tmp_path / "summary.json").write_text(summary)
    write_files(tmp_path, {"objects.geojson": "new", "summary.json": "{}"})
    assert (tmp_path / "classes.tif").read_text() == "mine"


def test_every_file_of_a_result_is_known_as_such():
    rasters = {map_file.CODES_FILE, map_file.CONFIDENCE_FILE, map_file.VALUES_FILE}
    pictures = {name.replace(".tif", ".png") for name in rasters - {map_file.VALUES_FILE}}
    assert {OBJECTS_FILE, SUMMARY_FILE, *rasters, *pictures} == OWN_FILES


def test_a_stop_while_writing_leaves_nothing(tmp_path, monkeypatch):
    def stopped(self, content):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_files(tmp_path / "new", {"summary.json": "{}"})
    assert not (tmp_path / "new").exists()


def test_tiles_that_nobody_saw_do_not_thin_out_a_warning(tmp_path):
    """Of six tiles four hold no data; the two others are unlike the training data."""
    pixels = np.zeros((640, 2500, 4), dtype=np.uint8)
    pixels[:, :700] = (90, 100, 80, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    analysis, result = run(tmp_path / "a.png", client=doubles.knows_no_such_image(), gsd_m=0.1)
    assert analysis.detection.empty_tiles > 2
    assert facts_of(analysis, result)["domain_warning_share"] == 1.0


def test_a_black_collar_is_no_image_of_which_something_has_a_share(tmp_path):
    pixels = picture()
    height, width = pixels.shape[:2]
    framed = np.zeros((height, 2 * width, 3), dtype=np.uint8)
    framed[:, :width] = pixels
    Image.fromarray(framed).save(tmp_path / "a.png")
    bare = facts_of(*run(png(tmp_path), gsd_m=0.1))
    Image.fromarray(framed).save(tmp_path / "a.png")
    facts = facts_of(*run(tmp_path / "a.png", gsd_m=0.1))
    assert facts["nodata_share"] == pytest.approx(0.5, abs=0.01)
    assert facts["share"]["pv"] == pytest.approx(bare["share"]["pv"], rel=0.02)


def test_nobody_is_sent_to_finds_that_are_not_there(tmp_path):
    """Doubtful finds come first only where there are some."""
    t = get_translator("de")
    _, result = run(png(tmp_path), gsd_m=0.1)
    sure = tuple(replace(one, doubtful=False) for one in result.objects)
    doubtful = (replace(sure[0], doubtful=True), *sure[1:])
    told = [next_step(replace(result, objects=objects), t) for objects in ((), sure, doubtful)]
    assert ["zweifelhaft" in one for one in told] == [False, False, True]
    assert ["Stichprobe" in one for one in told] == [False, True, True]
