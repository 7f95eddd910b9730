"""Objects derived from the class map: the whole way from tiles to files."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import box

from apps.aviary.finds.analysis import count
from apps.aviary.finds.detection_file import whole_object
from apps.aviary.finds.whole_objects import mark_doubtful
from apps.aviary.methods import METHODS, method_of
from apps.aviary.objects import TileFinds
from apps.aviary.outputs import objects_geojson, summary
from apps.aviary.plan import plan_run
from apps.aviary.recipes import FOLDER, read_recipe
from shared.contracts.model_catalog import Catalog
from shared.errors import RecipeBroken
from shared.geo.raster import RasterInfo
from shared.settings import get_settings
from tests.apps.aviary.cell_doubles import MARK, CellDouble
from tests.apps.aviary.derived_recipes import BUILDINGS, derived, look

ROOF, GRASS = 0, 7
HOUSE = (400, 200, 640, 360)
"""Lies across the border of the first two tiles [px]."""
YARD = (480, 240, 560, 320)


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def save(folder, houses=(HOUSE,), yards=(YARD,), mark=None, size=(1300, 600)):
    codes = np.full((size[1], size[0]), GRASS, dtype=np.uint8)
    for places, code in ((houses, ROOF), (yards, GRASS)):
        for x0, y0, x1, y1 in places:
            codes[y0:y1, x0:x1] = code
    rgb = np.full((*codes.shape, 3), 90, dtype=np.uint8)
    rgb[..., 0] = codes * 10 + 5
    rgb[::7, ::3, 1] = 130
    if mark:
        rgb[mark[1], mark[0]] = MARK
    path = folder / "a.png"
    Image.fromarray(rgb).save(path)
    return path


def test_a_house_across_tiles_is_one_object_with_its_yard(tmp_path):
    analysis = look(save(tmp_path), BUILDINGS, CellDouble())
    result = count(analysis, threshold=analysis.threshold, min_area_m2=10)
    (one,) = result.objects
    true = box(*HOUSE).difference(box(*YARD))
    assert one.polygon.intersection(true).area / one.polygon.union(true).area > 0.97
    assert len(one.polygon.interiors) == 1
    assert one.area_m2 == pytest.approx(true.area * 0.04, rel=0.03)
    assert result.area_m2["building"] == pytest.approx(one.area_m2)
    assert one.object_id == 1
    assert not one.doubtful
    assert analysis.nodata_share == 0
    assert '"score": 0.9' in objects_geojson(analysis, result, threshold=0.3)


def test_holes_are_in_the_file(tmp_path):
    analysis = look(save(tmp_path), BUILDINGS, CellDouble())
    result = count(analysis, threshold=0.3, min_area_m2=10)
    (line,) = [
        one
        for one in objects_geojson(analysis, result, threshold=0.3).splitlines()
        if '"Feature"' in one
    ]
    assert len(json.loads(line.rstrip(","))["geometry"]["coordinates"]) == 2


def test_the_same_image_gives_the_same_bytes_and_asks_no_model(tmp_path):
    image, double = save(tmp_path), CellDouble()
    texts = []
    for _ in range(2):
        analysis = look(image, BUILDINGS, double)
        result = count(analysis, threshold=0.3, min_area_m2=10)
        texts.append(objects_geojson(analysis, result, threshold=0.3))
    assert texts[0] == texts[1]
    assert len(double.asked) == 3, "the second run asked again"


def test_threshold_and_least_area_move_without_a_model(tmp_path):
    houses = [HOUSE, (900, 100, 960, 160)]
    analysis = look(save(tmp_path, houses), BUILDINGS, CellDouble())
    assert len(count(analysis, threshold=0.3, min_area_m2=10).objects) == 2
    assert len(count(analysis, threshold=0.3, min_area_m2=200).objects) == 1
    assert count(analysis, threshold=0.99, min_area_m2=10).objects == ()


def test_a_failed_tile_is_listed_and_holds_no_object(tmp_path):
    house = (1180, 200, 1280, 300)
    analysis = look(save(tmp_path, [house], [], mark=(1250, 500)), BUILDINGS, CellDouble())
    assert [one.code for one in analysis.detection.failed] == ["vorhersage_gescheitert"]
    assert not analysis.complete
    assert 0.1 < analysis.nodata_share < 0.5
    assert count(analysis, threshold=0.3, min_area_m2=10).objects == ()
    content = summary(
        analysis,
        count(analysis, threshold=0.3, min_area_m2=10),
        path="a.png",
        threshold=0.3,
        min_area_m2=10,
        seconds=1,
    )
    assert content["status"] == "incomplete"


def test_unknown_images_make_objects_doubtful(tmp_path):
    analysis = look(save(tmp_path), BUILDINGS, CellDouble(distance=7.5))
    (one,) = count(analysis, threshold=0.3, min_area_m2=10).objects
    assert one.doubtful
    assert one.domain_distance == 7.5
    assert analysis.detection.unusual_tiles == (0, 1, 2)


def test_each_object_takes_after_the_nearest_tile(tmp_path):
    recipe = derived(BUILDINGS)
    info = RasterInfo("a.png", "00" * 32, 1152, 640, 3, "PNG", 0.2, 0.2)
    plan = plan_run(info, recipe)
    tiles = [TileFinds(0, domain_distance=1.0), TileFinds(1, unusual=True, domain_distance=5.0)]
    first = look(save(tmp_path), BUILDINGS, CellDouble())
    (house,) = count(first, threshold=0.3, min_area_m2=10).objects
    left = replace(house, polygon=box(20, 20, 60, 60))
    middle = replace(house, polygon=box(585, 20, 625, 60))
    low = replace(left, score=0.5)
    found = list(mark_doubtful([left, middle, low], plan, tiles, recipe))
    assert [one.domain_distance for one in found] == [1.0, 5.0, 1.0]
    assert [one.doubtful for one in found] == [False, True, True]


def test_objects_survive_the_file(tmp_path):
    analysis = look(save(tmp_path), BUILDINGS, CellDouble())
    (one,) = count(analysis, threshold=0.3, min_area_m2=10).objects
    told = whole_object(replace(one, figures=(("green_m2", 31.51234567),)))
    assert told.figures == (("green_m2", 31.512346),)
    assert len(told.rings) == 2
    assert told.rings[0][0] == told.rings[0][-1]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "buildings"', 'name = "castles"', "method.name"),
        ('name = "buildings"', 'name = "buildings"\nleast = 3', "method.least"),
        ("hole_m2 = 4.0", "hole_m2 = -1", "method.hole_m2"),
        ("hole_m2 = 4.0", "", "method.hole_m2"),
        ("[method]", "[other]", "method"),
        ("threshold = 0.3", "", "post.threshold"),
        ("[model]", 'inputs = ["map"]\n[model]', "needs.inputs"),
        ("[model]", 'inputs = ["ndsm"]\noptional_inputs = ["ndsm"]\n[model]', "needs"),
        ('task = "segment"', 'task = "none"', "model"),
        ('kind = "surfaces"', 'kind = "guess"', "recipe.kind"),
    ],
)
def test_a_wrong_setting_of_a_method_is_named(old, new, named):
    assert old in BUILDINGS
    with pytest.raises(RecipeBroken, match=named):
        method_of(read_recipe(BUILDINGS.replace(old, new, 1), "mine.toml"))


@pytest.mark.parametrize("name", ["solar", "sealed"])
def test_a_kind_without_methods_takes_none(name):
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    with pytest.raises(RecipeBroken, match="method"):
        method_of(read_recipe(text + '\n[method]\nname = "buildings"\n', "mine.toml"))


def test_models_with_other_classes_are_refused(tmp_path):
    """A derivation that reads code 0 as a roof must not be given another table."""

    class Renamed(CellDouble):
        def models(self):
            (entry,) = super().models().models
            castle = entry.classes[0].model_copy(update={"key": "castle"})
            changed = entry.model_copy(update={"classes": [castle, *entry.classes[1:]]})
            return Catalog(models=[changed])

    with pytest.raises(RecipeBroken, match=r"model\.name"):
        look(save(tmp_path), BUILDINGS, Renamed())


def test_each_method_is_there():
    assert {"objects", "semantic", "surfaces"} <= set(METHODS)


def area_file(folder, *edges):
    content = {"type": "Polygon", "coordinates": [list(box(*edges).exterior.coords)]}
    path = folder / "area.geojson"
    features = [{"type": "Feature", "properties": {}, "geometry": content}]
    whole = {"type": "FeatureCollection", "coordinates": "pixel", "features": features}
    path.write_text(json.dumps(whole))
    return path


def test_an_area_does_not_cut_houses(tmp_path):
    """One house lies three quarters in the area, one a quarter: the first counts, and whole."""
    mostly, hardly = (100, 100, 200, 200), (100, 400, 200, 500)
    area = area_file(tmp_path, 0, 0, 175, 300)
    image = save(tmp_path, [mostly, hardly], [])
    analysis = look(image, BUILDINGS, CellDouble(), area=area)
    (one,) = count(analysis, threshold=0.3, min_area_m2=10).objects
    assert one.area_m2 == pytest.approx(100 * 100 * 0.04, rel=0.03)
    area = area_file(tmp_path, 0, 0, 125, 600)
    assert (
        count(look(image, BUILDINGS, CellDouble(), area=area), threshold=0.3, min_area_m2=1).objects
        == ()
    )


def test_what_lies_beyond_the_area_is_not_counted_as_missing(tmp_path):
    area = area_file(tmp_path, 0, 0, 200, 200)
    analysis = look(save(tmp_path), BUILDINGS, CellDouble(), area=area)
    assert analysis.nodata_share == 0
