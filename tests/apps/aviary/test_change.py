"""What changed between two images: exact pixels, moved edges, whole runs."""

import json

import numpy as np
import pytest
from rasterio.transform import from_origin

from apps.aviary.commands import program as command
from apps.aviary.kinds.change import Vintages, find_changes, transition_table, usual_class
from apps.aviary.kinds.change_method import read_settings
from apps.aviary.kinds.land_cover import CODES
from apps.aviary.recipes import FOLDER, find_recipe, read_recipe
from shared.clients.model_server import ModelServerClient
from shared.demo_city import SceneSettings, render_scene
from shared.errors import RecipeBroken
from shared.geo.nodata import NO_DATA
from shared.settings import get_settings
from tests.apps.aviary.cell_doubles import MARK, CellDouble
from tests.apps.aviary.test_class_maps import ORIGIN, picture, save_tiff

ROOF, ASPHALT, GRASS, TREE = 0, 3, 7, 8
SURE = 90


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


def run(capsys, *words):
    code = command.main(["run", "--recipe", "change", *map(str, words)])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else None, said.err


def objects(folder):
    return json.loads((folder / "objects.geojson").read_text())["features"]


def meadow(height=500, width=700):
    codes = np.full((height, width), GRASS)
    codes[400:440] = ASPHALT
    return codes


def maps(before, after, sureness=SURE):
    before, after = np.array(before, dtype=np.uint8), np.array(after, dtype=np.uint8)
    return Vintages(before, after, np.full(before.shape, sureness, dtype=np.uint8))


TABLE = transition_table({0: [((GRASS,), (ROOF,))], 1: [((ROOF,), (GRASS,))]})


def changes(before, after, sureness=SURE, edge_px=1):
    return find_changes(maps(before, after, sureness), TABLE, sure=0.6, edge_px=edge_px)


def test_a_new_thing_keeps_its_area():
    before = np.full((12, 12), GRASS)
    after = before.copy()
    after[3:8, 4:9] = ROOF
    found = changes(before, after)
    assert (found == 0).sum() == 25
    assert ((found == 0) == (after == ROOF)).all()


def test_what_is_gone_keeps_its_area():
    after = np.full((12, 12), GRASS)
    before = after.copy()
    before[3:8, 4:9] = ROOF
    found = changes(before, after)
    assert ((found == 1) == (before == ROOF)).all()


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (-1, 0), (1, 1), (-1, 1)])
def test_edges_that_moved_by_a_pixel_are_no_change(step):
    before = np.full((14, 14), GRASS)
    before[4:10, 4:10] = ROOF
    after = np.roll(before, step, axis=(0, 1))
    assert (changes(before, after) == NO_DATA).all()
    assert (changes(before, after, edge_px=0) != NO_DATA).any()


def test_both_maps_must_be_sure():
    before, after = np.full((5, 5), GRASS), np.full((5, 5), ROOF)
    assert (changes(before, after, 59) == NO_DATA).all()
    assert (changes(before, after, 60) == 0).all()
    assert (changes(before, after, NO_DATA) == NO_DATA).all()


def test_a_kind_of_change_is_said_once():
    with pytest.raises(ValueError, match="kind 1"):
        transition_table({0: [((1, 2), (3,))], 1: [((2,), (3, 4))]})
    with pytest.raises(ValueError, match="kind 0"):
        transition_table({0: [((1, 2), (2, 3))]})


def test_the_usual_class_is_the_most_frequent():
    codes = np.array([[1, 1, 2], [2, 2, NO_DATA]], dtype=np.uint8)
    assert usual_class(codes, np.ones(codes.shape, bool)) == 2
    assert usual_class(codes, codes == NO_DATA) == NO_DATA


def test_the_recipe_names_every_sensible_change_once():
    recipe = find_recipe("change")
    table = read_settings(recipe).table(recipe)
    codes = set(CODES.values())
    silent = {(a, b) for a in codes for b in codes if a != b and table[a, b] == NO_DATA}
    assert silent == set()
    assert set(np.unique(table)) - {NO_DATA} == {one.code for one in recipe.classes}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("edge_px = 1", "edge_px = 9"),
        ("sure = 0.6", "sure = 2"),
        ('kind = "sealed"', 'kind = "frozen"'),
        ("before = [0, 1], after = [2]", "before = [0, 1], after = [1]"),
        ('name = "transitions"', 'name = "other"'),
        ("edge_px = 1", "edge_px = 1\nextra = 1"),
    ],
)
def test_wrong_settings_are_refused(old, new):
    text = (FOLDER / "change.toml").read_text(encoding="utf-8")
    assert old in text
    recipe = read_recipe(text.replace(old, new, 1), "change")
    with pytest.raises(RecipeBroken):
        read_settings(recipe)


def test_a_new_building_is_found_where_it_stands(tmp_path, capsys, model):
    double = model(CellDouble())
    before = meadow()
    after = before.copy()
    after[120:200, 200:320] = ROOF
    after[300:308, 600:608] = ROOF  # 2.6 m2: too small
    image = save_tiff(tmp_path / "2026.tif", picture(after))
    older = save_tiff(tmp_path / "2023.tif", picture(before))
    code, summary, said = run(
        capsys, "--image", image, "--image-before", older, "--out", tmp_path / "out"
    )
    assert code == 0, said
    (one,) = objects(tmp_path / "out")
    assert one["properties"]["class"] == "building_new"
    assert one["properties"]["class_de"] == "Gebäude neu"
    assert one["properties"]["area_m2"] == pytest.approx(80 * 120 * 0.04, rel=0.06)
    assert one["properties"]["class_before"] == GRASS
    assert one["properties"]["class_after"] == ROOF
    assert 0.85 < one["properties"]["score"] < 0.93
    left, upper, right, lower = one["properties"]["bbox_px"]
    assert (left, upper, right, lower) == pytest.approx((200, 120, 320, 200), abs=3)
    assert summary["counts"]["building_new"] == 1
    assert summary["nodata_share"] == 0
    asked = len(double.asked)
    words = ("--image", image, "--image-before", older, "--seed", 1)
    run(capsys, *words, "--out", tmp_path / "again")
    assert len(double.asked) == asked, "known tiles are not sent again"
    first, again = (tmp_path / one / "objects.geojson" for one in ("out", "again"))
    assert first.read_bytes() == again.read_bytes()


def test_the_older_image_may_lie_elsewhere_and_be_coarser(tmp_path, capsys, model):
    """It begins 20 m further east and has 30 cm pixels; west of it nothing is known."""
    model(CellDouble())
    after = np.full((500, 700), GRASS)
    after[120:200, 200:320] = ROOF
    after[120:200, 20:80] = ROOF  # before the older image begins
    image = save_tiff(tmp_path / "2026.tif", picture(after))
    coarse = np.full((334, 400), GRASS)
    transform = from_origin(ORIGIN[0] + 20, ORIGIN[1], 0.3, 0.3)
    older = save_tiff(tmp_path / "2023.tif", picture(coarse), transform=transform)
    code, summary, said = run(
        capsys, "--image", image, "--image-before", older, "--out", tmp_path / "out"
    )
    assert code == 0, said
    (one,) = objects(tmp_path / "out")
    assert one["properties"]["bbox_px"] == pytest.approx([200, 120, 320, 200], abs=4)
    assert summary["nodata_share"] == pytest.approx(100 / 700, abs=0.01)
    assert "jahrgaenge_aufloesung" in {one["code"] for one in summary["warnings"]}


def test_plain_pictures_of_one_section_can_be_compared(tmp_path, capsys, model):
    from PIL import Image

    model(CellDouble())
    before = meadow(400, 400)
    after = before.copy()
    after[40:120, 40:120] = TREE
    Image.fromarray(picture(before)).save(tmp_path / "b.png")
    Image.fromarray(picture(after)).save(tmp_path / "a.png")
    words = ("--image", tmp_path / "a.png", "--image-before", tmp_path / "b.png", "--gsd", "0.2")
    code, _, said = run(capsys, *words, "--out", tmp_path / "out")
    assert code == 0, said
    (one,) = objects(tmp_path / "out")
    assert one["properties"]["class"] == "trees_new"


@pytest.mark.parametrize("both", [True, False])
def test_near_infrared_of_one_image_alone_is_left_out(tmp_path, capsys, model, both):
    double = model(CellDouble(near_infrared=True))
    codes = meadow(300, 300)
    nir = np.full(codes.shape, 90, dtype=np.uint8)
    image = save_tiff(tmp_path / "2026.tif", picture(codes), nir)
    older = save_tiff(tmp_path / "2023.tif", picture(codes), nir if both else None)
    code, _, said = run(
        capsys, "--image", image, "--image-before", older, "--out", tmp_path / "out"
    )
    assert code == 0, said
    assert {bands for *_, bands in double.asked} == {"rgbi" if both else "rgb"}


def test_a_failed_tile_of_the_older_image_is_listed(tmp_path, capsys, model):
    model(CellDouble())
    before = picture(meadow())
    before[450, 690] = MARK
    older = save_tiff(tmp_path / "2023.tif", before)
    image = save_tiff(tmp_path / "2026.tif", picture(meadow()))
    code, summary, _ = run(
        capsys, "--image", image, "--image-before", older, "--out", tmp_path / "out"
    )
    assert code == 4
    assert len(summary["failed_tiles"]) == 1
    assert summary["nodata_share"] > 0


@pytest.mark.parametrize("wrong", ["apart", "system", "order", "missing", "coarse"])
def test_images_that_cannot_be_compared_are_refused(tmp_path, capsys, model, wrong):
    model(CellDouble())
    image = save_tiff(tmp_path / "2026.tif", picture(meadow()))
    place = {
        "apart": from_origin(ORIGIN[0] + 5000, ORIGIN[1], 0.2, 0.2),
        "coarse": from_origin(*ORIGIN, 0.5, 0.5),
    }
    options = {"transform": place[wrong]} if wrong in place else {}
    if wrong == "system":
        options = {"crs": "EPSG:25833"}
    older = save_tiff(tmp_path / "2023.tif", picture(meadow()), **options)
    words = ["--image", image, "--image-before", older]
    if wrong == "order":
        words = ["--image", older, "--image-before", image]
    elif wrong == "missing":
        words = ["--image", image]
    code, content, said = run(capsys, *words, "--out", tmp_path / "out")
    assert code == 2
    assert content is None
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.server
@pytest.mark.timeout(300)
def test_the_real_model_finds_changes_where_the_town_is_another(
    tmp_path, capsys, running_model_server, monkeypatch
):
    """Below and right of (160, 160) stands another town; everywhere else nothing changed."""
    one, other = (
        render_scene(SceneSettings(seed=seed, split="test", gsd_m=0.2, size_px=320)).window
        for seed in (950_012, 950_017)
    )
    before, after = one.rgbi[..., :3], one.rgbi[..., :3].copy()
    after[160:, 160:] = other.rgbi[160:, 160:, :3]
    older = save_tiff(tmp_path / "2023.tif", np.ascontiguousarray(before))
    image = save_tiff(tmp_path / "2026.tif", after)
    words = ("--image", image, "--image-before")
    with ModelServerClient(running_model_server.settings) as client:
        monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: client)
        code, _, said = run(capsys, *words, older, "--out", tmp_path / "out")
        assert code == 0, said
        run(capsys, *words, image, "--out", tmp_path / "same")
    assert not objects(tmp_path / "same")
    boxes = [one["properties"]["bbox_px"] for one in objects(tmp_path / "out")]
    assert boxes
    # Beyond the border a model still sees the other town: some cells of 4 px.
    assert all(min(box[0], box[1]) >= 160 - 64 for box in boxes)
