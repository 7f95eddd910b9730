"""Places that look like examples: what is learnt, how cells are ranked, whole runs."""

import base64
import hashlib
import io
import json

import numpy as np
import pytest
import rasterio
from hypothesis import given, strategies as st
from PIL import Image

from apps.aviary.commands import program as command
from apps.aviary.inputs.examples import read_examples
from apps.aviary.kinds.ground import NO_VALUE
from apps.aviary.kinds.similar_method import read_settings
from apps.aviary.recipes import FOLDER, find_recipe, read_recipe
from apps.aviary.similar import SquareGrid, find_space, fit, rank_cells
from shared.clients.answers import EmbedResult
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.contracts.model_server import EmbedValue, ErrorText, ItemFailed, ModelIdentity
from shared.errors import ExamplesInvalid, PredictionFailed, RecipeBroken
from shared.geo.raster import RasterInfo
from shared.settings import get_settings
from tests.apps.aviary.cell_doubles import MARK
from tests.apps.aviary.test_class_maps import ORIGIN, save_tiff

BLUE, GREEN, GREY = (20, 40, 200), (60, 120, 50), (120, 120, 120)
SIDE = 80


class ColourVectors:
    """A client whose model makes a vector of the colours of a place."""

    def __init__(self) -> None:
        self.identity = ModelIdentity(
            name="tile_features", version="9.9.9", sha256="ab" * 32, runtime="double", device="cpu"
        )
        self.asked = 0

    def models(self) -> Catalog:
        entry = CatalogEntry(
            name=self.identity.name,
            version=self.identity.version,
            sha256=self.identity.sha256,
            available=True,
            state="available",
            outputs=["vector"],
        )
        return Catalog(models=[entry])

    def counted(self, count):
        return self

    def embed_images(self, images, *, model, version):
        assert (model, version) == ("tile_features", "9.9.9")
        return [self._answer(png, number) for number, png in enumerate(images)]

    def _answer(self, png, number):
        self.asked += 1
        digest = hashlib.sha256(png).hexdigest()
        pixels = np.asarray(Image.open(io.BytesIO(png))).astype(float)
        assert pixels.shape[2] == 3
        if (pixels == MARK).all(axis=2).any():
            error = PredictionFailed()
            text = ErrorText(code=error.code, message=str(error), what_to_do=error.remedy)
            return ItemFailed(index=number, error=text, input_sha256=digest)
        red, green, blue = pixels.reshape(-1, 3).T
        values = [(blue > red + 90).mean(), (green > blue + 40).mean(), pixels.std() / 255, 0.1]
        vector = np.array(values, dtype="<f4")
        vector /= np.linalg.norm(vector)
        value = EmbedValue(
            vector=base64.b64encode(vector.tobytes()).decode(), dim=4, normalised=True
        )
        return EmbedResult(number, value, self.identity, (), digest)


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def model(monkeypatch):
    double = ColourVectors()
    monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: double)
    return double


PLACES = [(300, 300), (900, 240), (620, 700), (1100, 900), (180, 860), (760, 440), (420, 960)]


def scene(places=PLACES, width=1300, height=1100):
    """Paint blue roofs of 8 x 6 m on grey and green ground."""
    rng = np.random.default_rng(3)
    rgb = np.tile(np.array(GREY, dtype=np.uint8), (height, width, 1))
    rgb[:, width // 2 :] = GREEN
    rgb = np.clip(rgb + rng.integers(-6, 7, rgb.shape), 0, 255).astype(np.uint8)
    for x, y in places:
        rgb[y - 15 : y + 15, x - 20 : x + 20] = BLUE
    return rgb


def marks(path, wanted, unwanted=(), **members):
    features = [
        {
            "type": "Feature",
            "properties": {"counter": True} if counter else {},
            "geometry": {"type": "Point", "coordinates": list(place)},
        }
        for places, counter in ((wanted, False), (unwanted, True))
        for place in places
    ]
    content = {"type": "FeatureCollection", "coordinates": "pixel", "features": features} | members
    path.write_text(json.dumps(content))
    return path


def run(capsys, *words):
    code = command.main(["run", "--recipe", "similar", *map(str, words)])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else None, said.err


def objects(folder):
    return json.loads((folder / "objects.geojson").read_text())["features"]


def holds(box, place):
    return box[0] <= place[0] <= box[2] and box[1] <= place[1] <= box[3]


def test_the_marked_kind_of_place_comes_first(tmp_path, capsys, model):
    image = save_tiff(tmp_path / "a.tif", scene())
    examples = marks(tmp_path / "e.geojson", PLACES[:3])
    code, summary, said = run(
        capsys, "--image", image, "--examples", examples, "--out", tmp_path / "out"
    )
    assert code == 0, said
    found = objects(tmp_path / "out")
    scores = [one["properties"]["score"] for one in found]
    assert scores == sorted(scores, reverse=True)
    best = [one["properties"]["bbox_px"] for one in found[:6]]
    for place in PLACES[3:]:
        assert any(holds(box, place) for box in best), place
    for box in (one["properties"]["bbox_px"] for one in found):
        assert box[2] - box[0] == pytest.approx(160, abs=80)
    assert summary["counts"]["similar"] == len(found)
    assert summary["model"]["name"] == "tile_features"
    assert found[0]["properties"]["class_de"] == "Ähnliche Stelle"


def test_a_map_shows_how_similar_each_square_is(tmp_path, capsys, model):
    image = save_tiff(tmp_path / "a.tif", scene())
    examples = marks(tmp_path / "e.geojson", PLACES[:3])
    run(capsys, "--image", image, "--examples", examples, "--out", tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "values.tif") as source:
        values = source.read(1)
        assert (source.crs.to_epsg(), source.nodata) == (25832, NO_VALUE)
    assert values.shape == (1100, 1300)
    assert (values[:SIDE, :SIDE] == values[0, 0]).all()
    on_roofs = [values[y, x] for x, y in PLACES]
    assert min(on_roofs) > np.median(values)
    best = objects(tmp_path / "out")[0]["properties"]
    left, upper, right, lower = (int(edge) for edge in best["bbox_px"])
    assert values[upper:lower, left:right].max() == pytest.approx(best["score"], abs=1e-4)


def test_other_examples_send_only_themselves(tmp_path, capsys, model):
    image = save_tiff(tmp_path / "a.tif", scene())
    words = ("--image", image, "--examples")
    run(capsys, *words, marks(tmp_path / "e.geojson", PLACES[:3]), "--out", tmp_path / "1")
    asked = model.asked
    assert asked == 17 * 14 + 3, "each square once, and each example"
    run(capsys, *words, marks(tmp_path / "e.geojson", PLACES[:4]), "--out", tmp_path / "2")
    assert model.asked == asked + 1
    run(capsys, *words, marks(tmp_path / "e.geojson", PLACES[:3]), "--out", tmp_path / "3")
    first, third = (tmp_path / one / "objects.geojson" for one in ("1", "3"))
    assert first.read_bytes() == third.read_bytes()


def test_counter_examples_turn_the_order(tmp_path, capsys, model):
    """Blue things on green ground are the counter-examples."""
    image = save_tiff(tmp_path / "a.tif", scene())
    grey = [one for one in PLACES if one[0] < 650]
    green = [one for one in PLACES if one[0] > 650]
    examples = marks(tmp_path / "e.geojson", grey[:3], green[:2])
    code, _, said = run(capsys, "--image", image, "--examples", examples, "--out", tmp_path / "out")
    assert code == 0, said
    found = objects(tmp_path / "out")
    assert holds(found[0]["properties"]["bbox_px"], grey[3])
    worst = [
        one["properties"]["score"] for one in found if holds(one["properties"]["bbox_px"], green[2])
    ]
    assert max(worst) < found[0]["properties"]["score"] - 0.2


def test_a_plain_picture_and_an_area(tmp_path, capsys, model):
    Image.fromarray(scene()).save(tmp_path / "a.png")
    ring = [[700, 500], [1300, 500], [1300, 1100], [700, 1100], [700, 500]]
    area = tmp_path / "area.geojson"
    area.write_text(
        json.dumps({"type": "Polygon", "coordinates": [ring]} | {"coordinates_": "pixel"})
    )
    feature = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    area.write_text(
        json.dumps({"type": "FeatureCollection", "coordinates": "pixel", "features": [feature]})
    )
    examples = marks(tmp_path / "e.geojson", PLACES[:3])
    words = ("--image", tmp_path / "a.png", "--gsd", "0.2", "--examples", examples)
    code, _, said = run(capsys, *words, "--area", area, "--out", tmp_path / "out")
    assert code == 0, said
    boxes = [one["properties"]["bbox_px"] for one in objects(tmp_path / "out")]
    assert holds(boxes[0], (1100, 900))
    assert all((box[0] + box[2]) / 2 >= 700 and (box[1] + box[3]) / 2 >= 500 for box in boxes)


def test_a_failed_tile_is_listed_and_its_examples_are_missed(tmp_path, capsys, model):
    rgb = scene()
    rgb[1000, 1250] = MARK
    image = save_tiff(tmp_path / "a.tif", rgb)
    examples = marks(tmp_path / "e.geojson", [*PLACES[:3], (1250, 1000)])
    code, summary, _ = run(
        capsys, "--image", image, "--examples", examples, "--out", tmp_path / "out"
    )
    assert code == 4
    assert len(summary["failed_tiles"]) == 1
    assert objects(tmp_path / "out")


def test_a_picture_of_one_square_has_one_cell(tmp_path, capsys, model):
    rgb = scene()[200:250, 250:320]
    image = save_tiff(tmp_path / "a.tif", rgb)
    examples = marks(tmp_path / "e.geojson", [(1, 1), (2, 2), (3, 3)])
    code, _, said = run(capsys, "--image", image, "--examples", examples, "--out", tmp_path / "out")
    assert code == 0, said
    assert len(objects(tmp_path / "out")) <= 1


@pytest.mark.parametrize(
    "places", [PLACES[:2], PLACES * 3, [(1, 1), (2, 2), (5000, 3)]], ids=["few", "many", "outside"]
)
def test_examples_that_cannot_be_used_are_refused(tmp_path, capsys, model, places):
    image = save_tiff(tmp_path / "a.tif", scene())
    examples = marks(tmp_path / "e.geojson", places)
    code, content, said = run(
        capsys, "--image", image, "--examples", examples, "--out", tmp_path / "out"
    )
    assert (code, content) == (2, None)
    assert said.count("\n") == 1
    assert "Beispiel" in said
    assert model.asked == 0


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"features": [3]}', '{"features": [{"geometry": {"type": "Poin"}}]}']
)
def test_a_file_without_examples_is_refused(tmp_path, text):
    path = tmp_path / "e.geojson"
    path.write_text(text)
    info = RasterInfo("a.tif", "0" * 64, 100, 100, 3, "TIFF")
    with pytest.raises(ExamplesInvalid):
        read_examples(path, info)


def test_examples_may_stand_in_map_coordinates(tmp_path):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}
    places = [(ORIGIN[0] + 10 * n, ORIGIN[1] - 5) for n in (1, 2, 3)]
    path = marks(tmp_path / "e.geojson", places, crs=crs)
    content = json.loads(path.read_text())
    del content["coordinates"]
    path.write_text(json.dumps(content))
    transform = (0.2, 0.0, ORIGIN[0], 0.0, -0.2, ORIGIN[1])
    info = RasterInfo(
        "a.tif", "0" * 64, 500, 500, 3, "TIFF", 0.2, 0.2, crs="EPSG:25832", transform=transform
    )
    assert np.allclose(read_examples(path, info).wanted, [(50, 25), (100, 25), (150, 25)])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cell_m = 32.0", "cell_m = 0.0"),
        ("cell_m = 32.0", "cell_m = 64.0"),
        ("most = 200", "most = 200\nother = 1"),
        ('name = "examples"', 'name = "other"'),
    ],
)
def test_wrong_settings_are_refused(old, new):
    text = (FOLDER / "similar.toml").read_text(encoding="utf-8")
    with pytest.raises(RecipeBroken):
        read_settings(read_recipe(text.replace(old, new, 1), "similar"))
    read_settings(find_recipe("similar"))


def vectors(seed, count, centre, spread=0.1):
    rng = np.random.default_rng(seed)
    return (np.array(centre) + rng.normal(0, spread, (count, len(centre)))).astype(np.float32)


def test_the_order_of_chunks_does_not_matter():
    places = vectors(1, 60, [1, 2, 3, 4])
    whole, halves = find_space([places]), find_space([places[30:], places[:30]])
    assert np.allclose(whole.directions(places), halves.directions(places))


def test_few_counter_examples_turn_the_direction_only_a_little():
    everything = vectors(1, 200, [0, 0, 0, 0], 1.0)
    space = find_space([everything])
    near = vectors(2, 5, [3, 0, 0, 0])
    alone, judged = fit(near, everything[:1], space), fit(near, everything[:2], space)
    assert alone.offset is None
    assert judged.offset is not None
    common, turned = (one.weights / np.linalg.norm(one.weights) for one in (alone, judged))
    assert 0.8 < common @ turned < 1


def test_counter_examples_score_below_examples():
    space = find_space([vectors(1, 200, [0, 0, 0, 0], 1.0)])
    near, far = vectors(2, 5, [2, 2, 0, 0]), vectors(3, 4, [2, -2, 0, 0])
    ranking = fit(near, far, space)
    assert ranking.scores(near).min() > 0.7
    assert ranking.scores(far).max() < 0.3


def test_equal_examples_and_counter_examples_break_nothing():
    space = find_space([vectors(1, 50, [0, 0, 0, 0], 1.0)])
    same = np.ones((3, 4), dtype=np.float32)
    assert np.allclose(fit(same, same, space).scores(same), 0.5, atol=0.1)


@given(st.integers(1, 700), st.integers(1, 700))
def test_squares_cover_the_image(width, height):
    grid = SquareGrid.over(width, height, SIDE)
    seen = np.zeros((height, width), dtype=bool)
    rows, columns = grid.shape
    for row in range(rows):
        for column in range(columns):
            x0, y0, x1, y1 = grid.box(row, column)
            assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
            seen[y0:y1, x0:x1] = True
    assert seen.all()


def test_each_place_is_shown_once():
    grid = SquareGrid.over(5 * SIDE, 4 * SIDE, SIDE)
    scores = np.zeros(grid.shape, dtype=np.float32)
    scores[1, 2], scores[3, 4], scores[0, 0] = 0.9, 0.8, np.nan
    first, second, *_ = rank_cells(grid, scores, [], 10)
    assert first.score == pytest.approx(0.9)
    assert holds(first.box, (2.5 * SIDE, 1.5 * SIDE))
    assert second.box == (3 * SIDE, 2 * SIDE, 5 * SIDE, 4 * SIDE)
    assert len(list(rank_cells(grid, scores, [], 2))) == 2


def test_known_places_are_not_shown_again():
    grid = SquareGrid.over(6 * SIDE, 6 * SIDE, SIDE)
    scores = np.zeros(grid.shape, dtype=np.float32)
    scores[2, 2] = 0.9
    (best,) = rank_cells(grid, scores, [(2.4 * SIDE, 2.6 * SIDE)], 1)
    assert best.score == 0
    (unknown,) = rank_cells(grid, scores, [(5.5 * SIDE, 5.5 * SIDE)], 1)
    assert unknown.score == pytest.approx(0.9)


def test_without_anything_known_nothing_is_listed():
    grid = SquareGrid.over(3 * SIDE, 3 * SIDE, SIDE)
    assert not list(rank_cells(grid, np.full(grid.shape, np.nan, dtype=np.float32), [], 10))
