"""Class maps from the image to the files of the command: exact, complete, the same each time."""

import json
from xml.sax.saxutils import unescape

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin
from scipy.ndimage import maximum_filter, minimum_filter
from shapely.geometry import shape

from apps.aviary.commands import program as command
from apps.aviary.kinds.row_file import RowFile
from shared.geo.nodata import NO_DATA
from shared.geo.raster import hash_file
from shared.settings import get_settings
from tests.apps.aviary.cell_doubles import MARK, AnswersOtherClasses, CellDouble

ORIGIN = (380_000.0, 5_720_000.0)
GRASS, ASPHALT, TREE, GRAVEL = 7, 3, 8, 5


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def model(monkeypatch):
    def use(double):
        monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: double)
        return double

    return use


def ground(width=1300, height=700):
    """Return class codes: grass with a road, a row of trees and a gravel bed."""
    codes = np.full((height, width), GRASS)
    codes[320:400] = ASPHALT
    codes[80:160, 200:1000] = TREE
    codes[480:560, 600:720] = GRAVEL
    return codes


def picture(codes):
    rgb = np.full((*codes.shape, 3), 90, dtype=np.uint8)
    rgb[..., 0] = codes * 10 + 5
    rgb[::7, ::3, 1] = 130
    return rgb


def save_tiff(path, rgb, nir=None, **profile):
    bands = rgb.transpose(2, 0, 1) if nir is None else np.dstack([rgb, nir]).transpose(2, 0, 1)
    options = {
        "crs": "EPSG:25832",
        "transform": from_origin(*ORIGIN, 0.2, 0.2),
        "photometric": "RGB",
    } | profile
    if nir is not None:
        options["alpha"] = "NO"
    count, height, width = bands.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype="uint8", **options
    ) as target:
        target.write(bands)
    return path


def run(capsys, *words, recipe="landcover"):
    code = command.main(["run", "--recipe", recipe, *map(str, words)])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else None, said.err


def codes_of(folder):
    with rasterio.open(folder / "classes.tif") as source:
        return source.read(1)


def away_from_edges(codes, px=4):
    """Return where all pixels within some distance have the class of the pixel."""
    side = 2 * px + 1
    return maximum_filter(codes, side) == minimum_filter(codes, side)


def test_a_map_has_the_size_and_place_of_the_image(tmp_path, capsys, model):
    double = model(CellDouble())
    codes = ground()
    image = save_tiff(tmp_path / "a.tif", picture(codes))
    code, summary, _ = run(capsys, "--image", image, "--out", tmp_path / "out")
    assert code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["classes.tif", "confidence.tif", "objects.geojson", "summary.json"]
    found = codes_of(tmp_path / "out")
    certain = away_from_edges(codes)
    assert found.shape == codes.shape
    assert np.array_equal(found[certain], codes[certain])
    assert all(width % 8 == 0 and height % 8 == 0 for width, height, _ in double.asked)
    with rasterio.open(tmp_path / "out" / "classes.tif") as source:
        assert source.crs.to_epsg() == 25832
        assert source.nodata == NO_DATA
        assert source.colormap(1)[GRASS] == (0xA9, 0xCF, 0x7F, 255)
        assert source.transform == from_origin(*ORIGIN, 0.2, 0.2)
    with rasterio.open(tmp_path / "out" / "confidence.tif") as source:
        sure = source.read(1)[away_from_edges(codes, 8)]
    assert set(np.unique(sure)) <= {91, 92, 93}
    assert summary["area_m2"]["gravel_rail"] == pytest.approx(80 * 120 * 0.04, rel=0.02)
    assert sum(summary["share"].values()) == pytest.approx(1, abs=1e-5)
    assert summary["nodata_share"] == summary["outside_share"] == 0
    assert summary["status"] == "ok"
    assert summary["counts"]["asphalt"] == 1
    assert summary["counts"]["grass"] == 2
    assert summary["model"]["name"] == "landcover"
    assert summary["warnings"] == []


def test_no_area_ends_at_a_tile(tmp_path, capsys, model):
    """The road crosses three tiles and stays one polygon, on the map."""
    model(CellDouble())
    image = save_tiff(tmp_path / "a.tif", picture(ground()))
    run(capsys, "--image", image, "--out", tmp_path / "out")
    content = json.loads((tmp_path / "out" / "objects.geojson").read_text())
    assert content["coordinates"] == "EPSG:25832"
    (road,) = [one for one in content["features"] if one["properties"]["class"] == "asphalt"]
    assert shape(road["geometry"]).bounds == pytest.approx(
        (ORIGIN[0], ORIGIN[1] - 400 * 0.2, ORIGIN[0] + 1300 * 0.2, ORIGIN[1] - 320 * 0.2), abs=0.45
    )
    assert road["properties"]["score"] == pytest.approx(0.92, abs=0.02)
    assert not road["properties"]["doubtful"]
    grass = [one for one in content["features"] if one["properties"]["class"] == "grass"]
    holes = sum(len(one["geometry"]["coordinates"]) - 1 for one in grass)
    assert holes == 2, "trees and gravel lie in the grass"
    ids = [one["properties"]["object_id"] for one in content["features"]]
    assert ids == list(range(1, len(ids) + 1))


def test_the_same_input_gives_the_same_bytes(tmp_path, capsys, model):
    model(CellDouble())
    image = save_tiff(tmp_path / "a.tif", picture(ground(700, 500)))
    for name in ("one", "two"):
        run(capsys, "--image", image, "--out", tmp_path / name, "--no-cache")
    for name in ("classes.tif", "confidence.tif", "objects.geojson"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_second_run_asks_no_model(tmp_path, capsys, model):
    image = save_tiff(tmp_path / "a.tif", picture(ground(700, 500)))
    first = model(CellDouble(distance=7.5))
    _, told, _ = run(capsys, "--image", image, "--out", tmp_path / "one")
    assert len(first.asked) == 2
    second = model(CellDouble(distance=7.5))
    _, again, _ = run(capsys, "--image", image, "--out", tmp_path / "two")
    assert second.asked == []
    assert again["domain_warning_share"] == told["domain_warning_share"] == 1.0
    assert (tmp_path / "one" / "classes.tif").read_bytes() == (
        tmp_path / "two" / "classes.tif"
    ).read_bytes()
    # Another recipe of the same model needs no look either.
    run(capsys, "--image", image, "--out", tmp_path / "three", recipe="sealed")
    assert second.asked == []
    run(capsys, "--image", image, "--out", tmp_path / "four", "--no-cache")
    assert len(second.asked) == 2


def test_sealed_counts_classes_together(tmp_path, capsys, model):
    model(CellDouble())
    codes = ground(700, 500)
    image = save_tiff(tmp_path / "a.tif", picture(codes))
    _, summary, _ = run(capsys, "--image", image, "--out", tmp_path / "out", recipe="sealed")
    found = codes_of(tmp_path / "out")
    certain = away_from_edges(codes)
    expected = np.array([0, 0, 0, 0, 0, 1, 2, 2, 2, 2])[codes]
    assert np.array_equal(found[certain], expected[certain])
    assert list(summary["share"]) == ["sealed", "partly_sealed", "unsealed"]


def test_without_place_the_map_is_a_palette_picture(tmp_path, capsys, model):
    model(CellDouble())
    codes = ground(403, 303)
    Image.fromarray(picture(codes)).save(tmp_path / "a.png")
    code, _, _ = run(
        capsys, "--image", tmp_path / "a.png", "--gsd", "0.2", "--out", tmp_path / "out"
    )
    assert code == 0
    with Image.open(tmp_path / "out" / "classes.png") as found:
        assert (found.mode, found.size) == ("P", (403, 303))
        certain = away_from_edges(codes)
        assert np.array_equal(np.asarray(found)[certain], codes[certain])
        assert found.getpalette()[3 * GRASS : 3 * GRASS + 3] == [0xA9, 0xCF, 0x7F]
    with Image.open(tmp_path / "out" / "confidence.png") as found:
        assert found.mode == "L"
    content = json.loads((tmp_path / "out" / "objects.geojson").read_text())
    assert content["coordinates"] == "pixel"


def test_another_resolution_comes_back_on_its_own_pixels(tmp_path, capsys, model):
    model(CellDouble())
    codes = np.repeat(np.repeat(ground(350, 300), 2, axis=0), 2, axis=1)
    image = save_tiff(tmp_path / "a.tif", picture(codes), transform=from_origin(*ORIGIN, 0.1, 0.1))
    _, summary, _ = run(capsys, "--image", image, "--out", tmp_path / "out")
    found = codes_of(tmp_path / "out")
    certain = away_from_edges(codes, 12)
    assert found.shape == (600, 700)
    assert (found[certain] == codes[certain]).mean() > 0.999
    assert summary["parameters"]["model_gsd_m"] == 0.2


def test_a_failed_tile_is_listed_and_has_no_class(tmp_path, capsys, model):
    model(CellDouble())
    rgb = picture(ground())
    rgb[690:694, 1290:1294] = MARK
    image = save_tiff(tmp_path / "a.tif", rgb)
    code, summary, _ = run(capsys, "--image", image, "--out", tmp_path / "out")
    assert code == 4
    assert summary["status"] == "incomplete"
    (failed,) = summary["failed_tiles"]
    assert failed["box_px"][2:] == [1304, 704]
    found = codes_of(tmp_path / "out")
    assert (found[690:694, 1290:1294] == NO_DATA).all()
    assert (found[:60, :500] != NO_DATA).all()
    assert summary["nodata_share"] == pytest.approx((found == NO_DATA).mean(), abs=1e-6)


def test_outside_the_area_nothing_counts(tmp_path, capsys, model):
    double = model(CellDouble())
    image = save_tiff(tmp_path / "a.tif", picture(ground()))
    area = tmp_path / "area.geojson"
    ring = [[0, 0], [300, 0], [300, 500], [0, 500], [0, 0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    area.write_text(
        json.dumps({"type": "FeatureCollection", "coordinates": "pixel", "features": [feature]})
    )
    _, summary, _ = run(capsys, "--image", image, "--area", area, "--out", tmp_path / "out")
    found = codes_of(tmp_path / "out")
    assert (found[:500, :300] != NO_DATA).all()
    assert (found[500:] == NO_DATA).all()
    assert (found[:, 300:] == NO_DATA).all()
    assert summary["outside_share"] == pytest.approx(1 - 150_000 / 910_000, abs=1e-5)
    assert summary["nodata_share"] == 0
    assert sum(summary["area_m2"].values()) == pytest.approx(150_000 * 0.04, abs=0.05)
    assert len(double.asked) == 2, "tiles that do not meet the area are not sent"


def test_missing_data_have_no_class(tmp_path, capsys, model):
    model(CellDouble())
    rgb = picture(ground(700, 500))
    rgb[:, :100] = 0  # a black collar
    _, summary, _ = run(
        capsys, "--image", save_tiff(tmp_path / "a.tif", rgb), "--out", tmp_path / "out"
    )
    found = codes_of(tmp_path / "out")
    assert (found[:, :100] == NO_DATA).all()
    assert (found[:, 104:] != NO_DATA).all()
    assert summary["nodata_share"] == pytest.approx(1 / 7, abs=1e-4)


@pytest.mark.parametrize("itself", [True, False])
def test_near_infrared_takes_part(tmp_path, capsys, model, itself):
    """The model calls all of it asphalt; fusion lets what is bright in near infrared be grass."""
    codes = np.full((500, 700), ASPHALT)
    nir = np.full(codes.shape, 10, dtype=np.uint8)
    nir[:, 350:] = 250
    double = model(CellDouble(near_infrared=itself, fusion={"grass": (-1.0, 9.0)}))
    image = save_tiff(tmp_path / "a.tif", picture(codes), nir)
    _, summary, _ = run(capsys, "--image", image, "--out", tmp_path / "out")
    found = codes_of(tmp_path / "out")
    assert {bands for _, _, bands in double.asked} == {"rgbi" if itself else "rgb"}
    assert summary["parameters"]["near_infrared"]
    assert (found[:, :340] == ASPHALT).all()
    assert (found[:, 360:] == (ASPHALT if itself else GRASS)).all()


def test_a_simpler_model_that_stands_in_is_named(tmp_path, capsys, model):
    model(CellDouble("landcover_rules"))
    image = save_tiff(tmp_path / "a.tif", picture(ground(700, 500)))
    _, summary, _ = run(capsys, "--image", image, "--out", tmp_path / "out")
    assert summary["model"]["name"] == "landcover_rules"
    assert [one["code"] for one in summary["warnings"]] == ["einfaches_verfahren"]


@pytest.mark.parametrize(
    ("double", "code"), [(CellDouble("other"), 3), (CellDouble(stride=None), 2)]
)
def test_a_model_that_does_not_fit_is_refused(tmp_path, capsys, model, double, code):
    model(double)
    image = save_tiff(tmp_path / "a.tif", picture(ground(300, 200)))
    got, content, said = run(capsys, "--image", image, "--out", tmp_path / "out")
    assert got == code
    assert content is None
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_answer_about_other_classes_is_none(tmp_path, capsys, model):
    model(AnswersOtherClasses())
    image = save_tiff(tmp_path / "a.tif", picture(ground(300, 200)))
    code, summary, _ = run(capsys, "--image", image, "--out", tmp_path / "out")
    assert code == 4
    assert summary["nodata_share"] == 1
    assert summary["mean_confidence"] is None
    assert len(summary["failed_tiles"]) == 1


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, capsys, model, monkeypatch):
    def full(self, rows):
        raise OSError(28, "No space left on device")

    model(CellDouble())
    monkeypatch.setattr(RowFile, "append", full)
    image = save_tiff(tmp_path / "a.tif", picture(ground(300, 200)))
    code, content, said = run(capsys, "--image", image, "--out", tmp_path / "out")
    assert code == 2
    assert content is None
    assert "Platz" in said or "Speicher" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("gsd", "unchecked"), [("0.2", False), ("0.4", True)])
def test_each_file_names_its_origin(tmp_path, capsys, model, gsd, unchecked):
    """Also where the image has no place, and what lies outside the checked range says so."""

    class AnyResolution(CellDouble):
        def segment(self, images, **options):
            return super().segment(images, **options | {"gsd_m": 0.2})

    model(AnyResolution())
    image = tmp_path / "a.png"
    Image.fromarray(picture(ground(300, 200))).save(image)
    words = ["--image", image, "--gsd", gsd, "--force", "--out", tmp_path / "out"]
    run(capsys, *words)
    content = json.loads((tmp_path / "out" / "objects.geojson").read_text(encoding="utf-8"))
    origins = [content["provenance"]]
    for name in ("classes.png", "confidence.png"):
        with Image.open(tmp_path / "out" / name) as opened:
            packet = unescape(opened.info["XML:com.adobe.xmp"])
        origins.append(json.loads(packet[packet.index(">{") + 1 : packet.rindex("}<") + 1]))
    for origin in origins:
        assert origin["recipe"] == "landcover"
        assert origin["input_sha256"] == hash_file(image)
        assert origin.get("outside_checked_range", False) is unchecked
