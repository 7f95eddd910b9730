"""The job `run`: the same tiles and the same result however it is done; nothing lost in silence."""

import json
import threading

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin

from apps.aviary.finds.analysis import count
from apps.aviary.finds.detection_file import DETECTION_FILE, read_detection
from apps.aviary.inputs import run_image
from apps.aviary.inputs.run_image import OPEN_IMAGES, OpenImages
from apps.aviary.jobs import JOBS, RUN
from apps.aviary.outputs import objects_geojson
from apps.aviary.parameters import make_parameters, read_parameters
from apps.aviary.pinned import pin_model
from apps.aviary.recipes import find_recipe
from apps.aviary.sharing.import_job import IMPORT
from apps.aviary.work import OVERVIEW_FILE
from shared.errors import (
    FileDamaged,
    InputError,
    ModelServerDown,
    RecipeBroken,
    ResolutionMissing,
    ResolutionUnsuitable,
)
from shared.geo.raster import OpenOptions, hash_file
from shared.jobs.inline import InlineFile, run_inline
from shared.jobs.lookup import find_definition
from tests.apps.aviary import doubles

SOLAR = find_recipe("solar")
SQUARES = [(100, 120, 180, 200), (560, 300, 700, 400), (1250, 900, 1320, 990)]


def picture(size=(1500, 1100)):
    pixels = np.full((size[1], size[0], 3), 120, dtype=np.uint8)
    # Each tile shows something else, so that none is answered from the cache.
    pixels[..., 1] = 120 + np.add.outer(np.arange(size[1]) // 20, np.arange(size[0]) // 30)
    for x0, y0, x1, y1 in SQUARES:
        pixels[y0:y1, x0:x1] = doubles.BLUE
    return pixels


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(picture()).save(path)
    return path


def parameters(client, *, force=False, threshold=None, **options):
    return make_parameters(
        SOLAR,
        pin_model(client, SOLAR),
        OpenOptions(**({"gsd_m": 0.1} | options)),
        force=force,
        threshold=threshold,
    )


def run(client, *paths, words=None, **options):
    files = [InlineFile(path, path.name, "image/png") for path in paths]
    told = parameters(client) if words is None else words
    return run_inline(RUN, files, told, models=client, **options)


def detection(result):
    files = {file.name: file for file in result.summary.files}
    return result.read(files[DETECTION_FILE])


def geojson(content):
    analysis = read_detection(content)
    found = count(analysis, threshold=0.2, min_area_m2=1)
    return objects_geojson(analysis, found, threshold=0.2)


def test_the_job_is_found_by_its_name():
    assert find_definition("aviary", "run") is RUN
    assert JOBS == (RUN, IMPORT)


def test_one_unit_for_each_tile_and_two_files(image):
    client = doubles.finds_blue()
    with run(client, image) as result:
        assert (result.units_total, result.units_failed) == (9, 0)
        assert [file.name for file in result.summary.files] == [DETECTION_FILE, OVERVIEW_FILE]
        assert len(client.asked) == 9
        assert [model.version for model in result.models] == ["9.9.9"]
        summary = result.summary.data
        overview = result.read(result.summary.files[1])
    assert summary["counts"] == {"pv": 3, "solar_thermal": 0, "pv_ground": 0}
    assert (summary["status"], summary["tiles"], summary["failed_tiles"]) == ("ok", 9, 0)
    assert summary["model"] == f"solar 9.9.9 {'ab' * 6}"
    assert overview.startswith(b"\xff\xd8\xff")


def test_several_tiles_at_once_change_nothing(image):
    contents = []
    for units_at_once in (1, 4):
        with run(doubles.finds_blue(), image, units_at_once=units_at_once) as result:
            contents.append(detection(result))
    assert contents[0] == contents[1]


def test_the_file_is_enough_to_count_again(image):
    with run(doubles.finds_blue(), image) as result:
        analysis = read_detection(detection(result))
    counts = [
        len(count(analysis, threshold=value, min_area_m2=0).objects) for value in (0.0, 0.65, 1.0)
    ]
    assert counts == [3, 1, 0]
    assert analysis.info.name == "a.png"
    assert analysis.info.sha256 == hash_file(image)
    assert analysis.nodata_share == 0
    assert [finding.level for finding in analysis.findings] == ["ok"] * len(analysis.findings)


def test_an_old_result_keeps_its_recipe(image, monkeypatch):
    """The recipe stands in the file: a later version of it changes nothing."""
    with run(doubles.finds_blue(), image) as result:
        content = detection(result)
    before = geojson(content)
    monkeypatch.setattr("apps.aviary.recipes.FOLDER", image.parent)
    assert geojson(content) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff", b'{"format": 2}'],
    ids=lambda content: content.decode("latin-1"),
)
def test_a_foreign_file_is_no_result(content):
    with pytest.raises(FileDamaged):
        read_detection(content)


def test_failed_tiles_are_listed_with_their_reason(tmp_path):
    pixels = picture()
    pixels[1099, 1499] = doubles.MARK
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    with run(doubles.fails_on_the_mark(), path) as result:
        assert result.units_failed == 1
        assert result.summary.data["status"] == "incomplete"
        assert result.summary.data["first_failed_tiles"] == [8]
        analysis = read_detection(detection(result))
    (failed,) = analysis.detection.failed
    assert (failed.tile_id, failed.code) == (8, "vorhersage_gescheitert")
    assert failed.message.startswith("Das Modell konnte diesen Teil nicht auswerten.")
    assert failed.box_px == (860, 460, 1500, 1100)


def test_tiles_that_nobody_looked_at_are_failed_too(image):
    """A stop leaves units without outcome: they must not pass for empty ones."""
    with run(doubles.finds_blue(), image) as result:
        some = [one for one in result.outcomes() if one.ordinal < 5]
        summary = RUN.finish(iter(some), result.context)
        failed = read_detection(result.context.read(summary.files[0])).detection.failed
    assert [one.tile_id for one in failed] == list(range(5, 9))
    assert {one.code for one in failed} == {"abgebrochen"}
    assert summary.data["status"] == "incomplete"
    assert (summary.data["failed_tiles"], summary.data["stopped_tiles"]) == (0, 4)
    assert summary.data["first_failed_tiles"] == []


def test_very_many_finds_go_into_a_file_of_the_tile(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(picture((700, 640))).save(path)
    client = doubles.finds_very_much()
    with run(client, path) as result:
        outcomes = list(result.outcomes())
        analysis = read_detection(detection(result))
    assert all(one.file is not None and set(one.data) == {"tile_id"} for one in outcomes)
    assert len(analysis.detection.parts) == 1000
    assert not analysis.detection.boxes_only


def test_the_area_limits_the_tiles(image, tmp_path):
    area = tmp_path / "area.geojson"
    ring = [[0, 0], [300, 0], [300, 300], [0, 300], [0, 0]]
    hole = [[150, 150], [250, 150], [250, 250], [150, 250], [150, 150]]
    area.write_text(
        json.dumps(
            {
                "type": "Feature",
                "coordinates": "pixel",
                "geometry": {"type": "Polygon", "coordinates": [ring, hole]},
            }
        ),
        encoding="utf-8",
    )
    client = doubles.finds_blue()
    with run(client, image, area) as result:
        assert result.units_total == 1
        analysis = read_detection(detection(result))
    assert analysis.area_px.area == 300 * 300 - 100 * 100
    assert len(analysis.detection.plan.tiles) == 1
    assert not analysis.detection.failed


@pytest.mark.parametrize(
    ("options", "error"),
    [({"gsd_m": None}, ResolutionMissing), ({"gsd_m": 0.4}, ResolutionUnsuitable)],
)
def test_the_checks_of_the_page_stop_the_run(image, options, error):
    client = doubles.finds_blue()
    with pytest.raises(error):
        run(client, image, words=parameters(client, **options))
    assert client.asked == []


def test_a_missing_model_server_is_not_a_failed_tile(image):
    class Down(doubles.Double):
        def segment(self, images, **call):
            raise ModelServerDown()

    with pytest.raises(ModelServerDown):
        run(Down(doubles.finds_nothing().look), image)


@pytest.mark.parametrize(
    "change",
    [{"recipe": 7}, {"model_gsd_m": "fein"}, {"bands": [1]}, {"force": None}, {"gsd_m": "x"}],
    ids=lambda change: next(iter(change)),
)
def test_parameters_that_are_none_are_refused(change):
    told = parameters(doubles.finds_blue()) | change
    with pytest.raises(InputError, match=next(iter(change))):
        read_parameters(told)


def test_parameters_travel_as_json():
    told = parameters(doubles.finds_blue(), bands=(3, 2, 1), crs="EPSG:25832", threshold=0.001)
    read, recipe = read_parameters(json.loads(json.dumps(told)))
    assert recipe == SOLAR
    assert read.options == OpenOptions(gsd_m=0.1, bands=(3, 2, 1), crs="EPSG:25832")
    assert read.least_score == 0.001
    assert parameters(doubles.finds_blue(), threshold=0.5)["least_score"] == 0.01


def test_another_version_of_the_recipe_is_another_run():
    told = parameters(doubles.finds_blue()) | {"recipe_version": "0.0.1"}
    with pytest.raises(RecipeBroken):
        read_parameters(told)


def geotiff(path, size=(600, 400)):
    profile = {
        "driver": "GTiff", "width": size[0], "height": size[1], "count": 3, "dtype": "uint8",
        "crs": "EPSG:25832", "transform": from_origin(400000, 5700000, 0.1, 0.1), "tiled": True,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(picture(size).transpose(2, 0, 1))
    return path


def get(images, path, name="a.png", **options):
    return images.get(path, name, hash_file(path), OpenOptions(**options))


def test_an_image_is_opened_once(image, monkeypatch):
    images, opened = OpenImages(), []
    real = run_image.open_raster
    monkeypatch.setattr(
        run_image, "open_raster", lambda path, **words: opened.append(path) or real(path, **words)
    )
    first = get(images, image)
    assert get(images, image) is first
    assert get(images, image, gsd_m=0.1) is not first
    assert opened == [image, image]
    images.forget(first)
    assert get(images, image) is not first


def test_only_few_images_stay_open(tmp_path, image, monkeypatch):
    images = OpenImages()
    paths = [geotiff(tmp_path / f"{number}.tif") for number in range(3)]
    held = [get(images, path, path.name) for path in paths]
    assert get(images, paths[0], paths[0].name) is not held[0]
    monkeypatch.setattr(run_image, "MOST_HELD_MEGAPIXELS", 1)
    plain = get(images, image)
    assert plain.held_megapixels == 1.65
    assert held[1].held_megapixels == 0
    get(images, paths[1])
    assert get(images, image) is not plain


def test_an_image_that_was_let_go_can_still_be_read(tmp_path):
    images = OpenImages()
    first = get(images, geotiff(tmp_path / "0.tif"))
    for number in (1, 2):
        get(images, geotiff(tmp_path / f"{number}.tif"))
    assert not first.read((0, 0, 64, 64), (64, 64)).empty


def test_threads_may_read_one_image(tmp_path):
    opened = get(OpenImages(), geotiff(tmp_path / "a.tif", (1500, 1100)))
    expected = opened.read((90, 110, 190, 210), (100, 100)).rgb.tobytes()
    found = []

    def look():
        found.extend(opened.read((90, 110, 190, 210), (100, 100)).rgb.tobytes() for _ in range(20))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 80


def test_nothing_stays_open_after_the_run(image):
    with run(doubles.finds_blue(), image):
        pass
    assert image not in {path for path, *_ in OPEN_IMAGES._images}
