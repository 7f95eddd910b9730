"""Classes per pixel: contract of the weights, padding, gaps, batches; the rules without weights."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from model_server import evaluate
from model_server.batching import Good, run_batch
from model_server.card import CardDomain, CardInput
from model_server.catalog import BUILT_IN, DOMAIN_FILE, Catalog, ServableModel, check_model
from model_server.domain import Domain
from model_server.engine import Engine, open_model
from model_server.evaluate_landcover import ROOF_DATA, measure_roofs, paint_scene
from model_server.items import Item, Ticket
from model_server.tasks import landcover_rules
from model_server.tasks.classes import NO_DATA, ClassesModel, best_classes
from model_server.tasks.landcover_rules import (
    ASPHALT,
    BARE_SOIL,
    GRASS,
    ROOF_FLAT,
    ROOF_PITCHED,
    TREE,
    WATER,
    LandcoverRules,
)
from model_server.tasks.probabilities import as_probabilities
from shared.contracts.model_server import ClassesValue, ProbabilitiesValue, SegmentOptions
from shared.settings import get_settings
from tests.model_server.networks import CODES, classes_card, save_classes_network, servable
from tests.model_server.pictures import encode, noise

BUDGET = 256 * 2**20
RULES = next((BUILT_IN / "landcover_rules").iterdir())


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classes_network(tmp_path_factory.mktemp("network") / "model.onnx")


@pytest.fixture
def model(network: Path) -> ClassesModel:
    return ClassesModel.open(servable(classes_card(), network), 1)


def item(model: ClassesModel, data: bytes, **options: Any) -> Item:
    chosen = SegmentOptions.model_validate({"model": "solar", "gsd_m": 0.2, **options})
    source = ServableModel(model.card, BUILT_IN, {})
    return Item(Ticket("test", chosen, source, 0.0, 1), 0, data)


def run(model: ClassesModel, images: Sequence[bytes], **options: Any) -> list[Any]:
    """Return a value or an error code per image."""
    faults: list[BaseException] = []
    items = [item(model, data, **options) for data in images]
    results = run_batch(items, model, BUDGET, time.monotonic, lambda _, fault: faults.append(fault))
    return [
        result.value.value if isinstance(result, Good) else result.error.code for result in results
    ]


def picture(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def numbers(value: ProbabilitiesValue) -> np.ndarray:
    shape = (-1, -(-value.height // value.stride), -(-value.width // value.stride))
    return np.frombuffer(zlib.decompress(base64.b64decode(value.data)), np.uint8).reshape(shape)


def expected(model: ClassesModel, image: Image.Image) -> np.ndarray:
    """Return the probabilities of the network itself on the padded canvas."""
    pixels = np.asarray(image.convert("RGB"))
    rows, columns = (-side % 64 for side in pixels.shape[:2])
    padded = np.pad(pixels, ((0, rows), (0, columns), (0, 0)), mode="reflect")
    tensor = (padded.astype(np.float32) / 255).transpose(2, 0, 1)
    logits = model.runtime.predict([tensor])[0]["logits"].astype(np.float64)
    powers = np.exp(logits)
    return powers / powers.sum(axis=0)


@pytest.mark.parametrize(("width", "height"), [(100, 70), (64, 128), (33, 32), (65, 161)])
def test_probabilities_are_those_of_the_network_without_its_margin(
    model: ClassesModel, width: int, height: int
) -> None:
    image = noise(width, height)
    (value,) = run(model, [encode(image)], output="probabilities")
    assert isinstance(value, ProbabilitiesValue)
    assert (value.width, value.height, value.stride) == (width, height, 4)
    assert value.class_codes == list(CODES)
    whole = expected(model, image)[:, : -(-height // 4), : -(-width // 4)]
    assert np.abs(numbers(value) - whole * 255).max() <= 0.5 + 1e-3


def test_the_map_shows_the_best_class_of_every_pixel_as_its_code(model: ClassesModel) -> None:
    image = noise(100, 70)
    (value,) = run(model, [encode(image)])
    assert isinstance(value, ClassesValue)
    assert (value.width, value.height, value.stride) == (100, 70, 1)
    layers = [
        cv2.resize(layer, (128, 128), interpolation=cv2.INTER_LINEAR)[:70, :100]
        for layer in expected(model, image).astype(np.float32)
    ]
    codes, confidence = picture(value.classes_png), picture(value.confidence_png)
    assert (codes.dtype, codes.shape) == (np.uint8, (70, 100))
    assert np.array_equal(codes, np.array(CODES)[np.argmax(layers, axis=0)])
    assert np.abs(confidence - np.max(layers, axis=0) * 255).max() <= 0.5 + 1e-3
    counted = {str(code): int((codes == code).sum()) for code in CODES if (codes == code).any()}
    assert value.pixel_counts == counted
    assert len(counted) > 1


def test_enlarging_keeps_cells_where_they_are() -> None:
    probabilities = np.zeros((2, 4, 4), dtype=np.float32)
    probabilities[0] = 1
    probabilities[:, 1:3, 2] = [[0], [1]]
    places, best = best_classes(probabilities, 4)
    rows, columns = np.nonzero(places)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 11, 8, 11)
    assert places.shape == best.shape == (16, 16)


def test_of_equal_classes_the_first_of_the_card_wins() -> None:
    places, best = best_classes(np.full((3, 2, 2), 1 / 3, dtype=np.float32), 1)
    assert not places.any()
    assert best == pytest.approx(1 / 3)


def test_transparent_pixels_are_no_data_and_count_for_no_class(model: ClassesModel) -> None:
    image = noise(100, 70).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 41, 70))
    as_map, as_layers = (
        run(model, [encode(image)], output=output)[0] for output in ("classes", "probabilities")
    )
    codes = picture(as_map.classes_png)
    assert (codes[:, :41] == NO_DATA).all()
    assert not (codes[:, 41:] == NO_DATA).any()
    assert not picture(as_map.confidence_png)[:, :41].any()
    assert sum(as_map.pixel_counts.values()) == 59 * 70
    assert str(NO_DATA) not in as_map.pixel_counts
    layers = numbers(as_layers)
    # The cell of pixels 40 to 43 still shows something.
    assert not layers[:, :, :10].any()
    assert (np.abs(layers[:, :, 10:].astype(int).sum(axis=0) - 255) <= 2).all()


def test_a_picture_of_nothing_has_no_class_at_all(model: ClassesModel) -> None:
    (value,) = run(model, [encode(Image.new("RGBA", (64, 64), (9, 9, 9, 0)))])
    assert value.pixel_counts == {}
    assert (picture(value.classes_png) == NO_DATA).all()


images = st.lists(
    st.tuples(st.sampled_from([64, 90, 128]), st.integers(0, 1000)), min_size=1, max_size=5
)


@settings(max_examples=25, deadline=None)
@given(images)
def test_companions_change_no_probability_and_no_clear_class(
    network: Path, entries: list[tuple[int, int]]
) -> None:
    model = ClassesModel.open(servable(classes_card(), network), 1)
    seen = [model.inspect(item(model, encode(noise(side, 64, seed)))) for side, seed in entries]
    groups: dict[object, list[Any]] = {}
    for entry in seen:
        groups.setdefault(model.key(entry), []).append(model.load(entry))
    for key, loaded in groups.items():
        together = model.predict(key, loaded)
        for canvas, raw in zip(loaded, together, strict=True):
            (alone,) = model.predict(key, [canvas])
            pair = [as_probabilities(one["logits"], are_logits=True) for one in (raw, alone)]
            assert np.abs(pair[0] - pair[1]).max() <= 1e-5
            places = [best_classes(one, 4)[0] for one in pair]
            first, second = np.sort(pair[1], axis=0)[[-1, -2]]
            clear = cv2.resize(first - second, places[0].shape[::-1]) > 1e-3
            assert np.array_equal(places[0][clear], places[1][clear])


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(4)))
def test_the_order_of_a_batch_changes_no_result(network: Path, order: list[int]) -> None:
    model = ClassesModel.open(servable(classes_card(), network), 1)
    sent = [encode(noise(64 + 10 * place, 64, place)) for place in range(4)]
    straight, mixed = run(model, sent), run(model, [sent[place] for place in order])
    for place, value in zip(order, mixed, strict=True):
        before, after = picture(straight[place].classes_png), picture(value.classes_png)
        assert (before == after).mean() > 0.999
    assert run(model, sent) == straight


def test_only_equal_shapes_bands_and_outputs_run_together(model: ClassesModel) -> None:
    def key(width: int, height: int, **options: Any) -> object:
        return model.key(model.inspect(item(model, encode(noise(width, height)), **options)))

    assert key(100, 70) == key(128, 65) == key(100, 70, output="classes")
    assert key(100, 70) != key(129, 70)
    assert key(100, 70) != key(100, 70, output="probabilities")


def test_an_image_weighs_more_with_its_size_and_never_less_than_its_numbers(
    model: ClassesModel,
) -> None:
    small, large = (model.inspect(item(model, encode(noise(side, side)))) for side in (64, 640))
    assert model.weigh_bytes(large) == 100 * model.weigh_bytes(small)
    canvas = model.load(large)
    (raw,) = model.predict(model.key(large), [canvas])
    assert model.weigh_bytes(large) >= canvas.pixels.nbytes + raw["logits"].nbytes
    assert model.most(model.key(large)) == model.card.limits.max_batch


class Broken:
    """A runtime that spoils the answer for dark images."""

    name = "onnxruntime"
    device = "cpu"
    input_shape = (None, 3, None, None)

    def __init__(self, output: np.ndarray) -> None:
        self.metadata: dict[str, str] = {}
        self.output = output

    def predict(self, inputs: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        good = np.full((3, 16, 16), 1 / 3, dtype=np.float32)
        return [{"probabilities": self.output if x.mean() < 0.1 else good} for x in inputs]


@pytest.mark.parametrize(
    "output",
    [
        np.full((3, 16, 16), np.nan, dtype=np.float32),
        np.full((3, 16, 16), np.inf, dtype=np.float32),
        np.full((3, 16, 16), 0.5, dtype=np.float32),
        np.full((3, 16, 16), -1, dtype=np.float32),
        np.zeros((2, 16, 16), dtype=np.float32),
        np.zeros((3, 8, 8), dtype=np.float32),
    ],
)
def test_an_answer_that_makes_no_sense_fails_its_item_alone(output: np.ndarray) -> None:
    model = ClassesModel(ServableModel(classes_card(), BUILT_IN, {}), Broken(output))
    dark, light = encode(Image.new("RGB", (64, 64))), encode(noise(64, 64))
    found = run(model, [light, dark, light])
    assert found[1] == "vorhersage_gescheitert"
    assert isinstance(found[0], ClassesValue)
    assert isinstance(found[2], ClassesValue)


def test_probabilities_of_the_weights_pass_as_they_are(tmp_path: Path, network: Path) -> None:
    soft = save_classes_network(tmp_path / "model.onnx", output="probabilities")
    values = [
        run(ClassesModel.open(servable(classes_card(), file), 1), [encode(noise(64, 64))])[0]
        for file in (network, soft)
    ]
    assert np.array_equal(picture(values[0].classes_png), picture(values[1].classes_png))


def test_weights_of_one_size_take_images_up_to_it(tmp_path: Path) -> None:
    file = save_classes_network(tmp_path / "model.onnx", sides=(128, 128))
    model = ClassesModel.open(servable(classes_card(), file), 1)
    small, fits, large = run(model, [encode(noise(side, 40)) for side in (33, 128, 129)])
    assert (small.width, fits.width) == (33, 128)
    assert large == "bild_kantenlaenge"


@pytest.mark.parametrize(
    ("network_changes", "card_changes"),
    [
        ({"classes": 2}, {}),
        ({"stride": 8}, {}),
        ({"bands": 4}, {}),
        ({}, {"bands": ("rgb", "rgbi")}),
        ({"bands": 4}, {"bands": ("rgbi",)}),
    ],
)
def test_weights_that_do_not_fit_their_card_are_refused_when_loaded(
    tmp_path: Path, network_changes: dict[str, Any], card_changes: dict[str, Any]
) -> None:
    file = save_classes_network(tmp_path / "model.onnx", **network_changes)
    with pytest.raises(ValueError, match=r"shape|channels|mean and std"):
        ClassesModel.open(servable(classes_card(**card_changes), file), 1).warm_up()


def test_the_near_infrared_reaches_the_network(tmp_path: Path) -> None:
    file = save_classes_network(tmp_path / "model.onnx", bands=4)
    bands = CardInput(mean=(0, 0, 0, 0), std=(1, 1, 1, 1), output_stride=4)
    card = classes_card(bands=("rgbi",), input=bands)
    model = ClassesModel.open(servable(card, file), 1)
    colours = np.asarray(noise(64, 64))
    sent = []
    for infrared in (0, 200):
        band = np.full((64, 64, 1), infrared, dtype=np.uint8)
        sent.append(encode(Image.fromarray(np.concatenate([colours, band], axis=2))))
    without = encode(noise(64, 64))
    dark, light, refused = run(model, [*sent, without], bands="rgbi", output="probabilities")
    assert dark.data != light.data
    assert refused == "baender_fehlen"


def test_distance_and_warnings_come_with_the_map(tmp_path: Path, network: Path) -> None:
    statistics = tmp_path / "domain.json"
    Domain(np.full(8, -5.0), np.full(8, 1.0)).save(statistics)
    card = classes_card(domain=CardDomain(file="domain.json", distance_p99=2.0))
    model = ClassesModel.open(servable(card, network, **{DOMAIN_FILE: statistics}), 1)
    entry = item(model, encode(noise(64, 64)), gsd_m=0.3)
    (result,) = run_batch([entry], model, BUDGET, time.monotonic, lambda *_: None)
    assert isinstance(result, Good)
    assert result.value.value.domain_distance > 2
    codes = [warning.code for warning in result.value.warnings]
    assert codes == ["aufloesung_abweichend", "domain_shift"]


@pytest.mark.parametrize(
    ("gsd_m", "code"), [(None, "aufloesung_fehlt"), (0.05, "aufloesung_ungeeignet")]
)
def test_the_resolution_is_checked(model: ClassesModel, gsd_m: float | None, code: str) -> None:
    assert run(model, [encode(noise())], gsd_m=gsd_m) == [code]


def rules() -> ClassesModel:
    found = check_model(RULES)
    assert isinstance(found, ServableModel)
    opened = open_model(found, 1)
    assert isinstance(opened, ClassesModel)
    return opened


def test_the_card_of_the_rules_is_that_of_their_file() -> None:
    found = check_model(RULES)
    assert isinstance(found, ServableModel), "write the new sha256 of the rules into their card"
    source = Path(landcover_rules.__file__).read_bytes()
    assert found.card.sha256 == hashlib.sha256(source).hexdigest()
    assert [entry.code for entry in found.card.classes] == list(range(10))
    rules().warm_up()


FIELDS = {
    ROOF_PITCHED: (150, 95, 80, 130),
    ROOF_FLAT: (200, 200, 198, 160),
    ASPHALT: (110, 110, 112, 80),
    WATER: (60, 85, 110, 8),
    GRASS: (95, 125, 75, 170),
    BARE_SOIL: (150, 128, 98, 140),
}


@pytest.mark.parametrize("bands", ["rgb", "rgbi"])
def test_the_rules_name_plain_fields(bands: str) -> None:
    model = rules()
    for code, colours in FIELDS.items():
        sent = encode(
            Image.new("RGBA" if bands == "rgbi" else "RGB", (64, 64), colours[: len(bands)])
        )
        (value,) = run(model, [sent], bands=bands)
        assert value.pixel_counts == {str(code): 64 * 64}


@pytest.mark.parametrize("bands", ["rgb", "rgbi"])
def test_a_tree_is_darker_and_rougher_than_grass(bands: str) -> None:
    grain = np.random.default_rng(3).normal(0, 0.3, (64, 64, 1))
    crown = np.clip(np.array([60, 85, 45, 140]) * (1 + grain), 0, 255).astype(np.uint8)
    (value,) = run(rules(), [encode(Image.fromarray(crown[..., : len(bands)]))], bands=bands)
    assert value.pixel_counts[str(TREE)] > 0.8 * 64 * 64


def test_shade_is_no_water_and_makes_the_rules_unsure() -> None:
    lit = encode(Image.new("RGB", (64, 64), FIELDS[ASPHALT][:3]))
    shade = encode(Image.new("RGB", (64, 64), (24, 30, 40)))
    light, dark = run(rules(), [lit, shade])
    assert light.pixel_counts == dark.pixel_counts == {str(ASPHALT): 64 * 64}
    assert picture(dark.confidence_png).max() < 0.8 * picture(light.confidence_png).min()


@pytest.mark.parametrize("bands", [3, 4])
def test_the_rules_never_claim_what_they_cannot_tell(bands: int) -> None:
    image = np.random.default_rng(2).random((bands, 128, 128)).astype(np.float32)
    (raw,) = LandcoverRules(range(10), 2).predict([image])
    assert not raw["probabilities"][[2, 4, 5]].any()
    assert raw["probabilities"].sum(axis=0) == pytest.approx(1, abs=1e-5)


def test_tiles_of_one_image_fit_together() -> None:
    scene, _ = paint_scene(np.random.default_rng(4))
    whole = np.ascontiguousarray(scene.transpose(2, 0, 1).astype(np.float32) / 255)
    run_rules = LandcoverRules(range(10), 2)
    (large,) = run_rules.predict([whole])
    (part,) = run_rules.predict([np.ascontiguousarray(whole[:, 64:256, 32:224])])
    inner = part["probabilities"][:, 8:-8, 8:-8]
    assert np.abs(inner - large["probabilities"][:, 40:120, 24:104]).max() <= 1e-4


@pytest.mark.parametrize("bands", [3, 4])
def test_the_rules_look_as_far_as_their_card_says(bands: int) -> None:
    found = check_model(RULES)
    assert found.card is not None
    stride, reach = found.card.input.output_stride, found.card.input.reach_px
    assert reach is not None
    run_rules = LandcoverRules(range(10), stride)
    far = []
    for shore, edge in itertools.product((61, 62), range(66, 80)):
        # Without texture; half of the window around it is water, so every pixel counts.
        image = np.full((bands, 64, 128), 0.3, dtype=np.float32)
        image[0, :, shore:], image[2, :, shore:], image[3:, :, shore:] = 0.17, 0.43, 0.05
        changed = image.copy()
        changed[:, :, edge:] = np.random.default_rng(edge).random((bands, 64, 128 - edge))
        plain, other = (one["probabilities"] for one in run_rules.predict([image, changed]))
        columns = np.flatnonzero(np.abs(other - plain).max(axis=(0, 1)) > 1e-4)
        far.append(edge - ((columns.min() + 1) * stride - 1))
    assert max(far) == reach


def test_a_flat_image_gives_numbers() -> None:
    # So little noise that the mean of the squares rounds below the square of the mean.
    grain = np.random.default_rng(6).normal(0, 1e-5, (4, 64, 64))
    for level in (0.0, 0.3, 0.9, 1.0):
        image = np.clip(level + grain, 0, 1).astype(np.float32)
        (raw,) = LandcoverRules(range(10), 1).predict([image])
        assert np.isfinite(raw["probabilities"]).all()


def test_the_figures_on_the_card_are_the_measured_ones() -> None:
    measured = json.loads(evaluate.RESULT.read_text(encoding="utf-8"))["landcover_rules"]
    figures = [entry["share"] for entry in measured["roofs"].values() if isinstance(entry, dict)]
    figures += [
        value for key, value in measured["painted"].items() if key.endswith(("rgb", "rgbi"))
    ]
    found = check_model(RULES)
    assert found.card is not None
    assert sorted(metric.value for metric in found.card.metrics) == sorted(figures)


def write_statistics(folder: Path) -> None:
    classes = {1: "b", 2: "b", 3: "e", 5: "b", 7: "l"}
    rows = ["roof_id,canton,class_code", *(f"{roof},ZH,{kind}" for roof, kind in classes.items())]
    (folder / "roofs.csv").write_text("\n".join(rows), encoding="utf-8")
    grey, green = (110, 110, 112, 80), (95, 125, 75, 170)
    colours = {
        "whole_roof": {1: grey, 2: green, 5: green},
        "greenery_part": {3: green, 7: grey, 1: grey},
    }
    for name, roofs in colours.items():
        lines = ["roof_id,band,min,max,mean,std,median"]
        for roof, values in roofs.items():
            bands = zip(("red", "green", "blue", "nir"), values, strict=True)
            lines += [f"{roof},{band},0,0,{value},0,0" for band, value in bands]
        file = folder / f"band_statistics_{name}.csv"
        file.write_text("\n".join(lines), encoding="utf-8")


def test_shares_of_roofs_are_counted_over_odd_numbers_only(tmp_path: Path) -> None:
    write_statistics(tmp_path)
    figures = measure_roofs(tmp_path)
    assert figures["bare_roof_called_bare_rgbi"] == {"share": 0.5, "roofs": 2}
    assert figures["greenery_called_vegetation_rgb"] == {"share": 0.5, "roofs": 2}
    assert figures["shade_on_bare_roof_called_bare_rgbi"] == {"share": 1.0, "roofs": 1}


@pytest.mark.real_data
def test_the_figures_of_real_roofs_come_out_again() -> None:
    folder = get_settings().development_data_dir / ROOF_DATA
    if not folder.is_dir():
        pytest.skip("the development data folder is not there")
    stored = json.loads(evaluate.RESULT.read_text(encoding="utf-8"))
    assert measure_roofs(folder) == stored["landcover_rules"]["roofs"]


def test_painted_scenes_come_out_again_and_missing_data_keep_their_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = check_model(RULES)
    assert isinstance(found, ServableModel)
    engine = Engine(Catalog((found,)), [], time.monotonic)
    figures = evaluate.measure_landcover(engine, tmp_path, {"roofs": {"kept": 1}})
    stored = json.loads(evaluate.RESULT.read_text(encoding="utf-8"))["landcover_rules"]
    assert figures == {"painted": stored["painted"], "roofs": {"kept": 1}}
    assert "fehlt; die alten Werte bleiben." in capsys.readouterr().err


def test_a_bad_item_of_the_rules_harms_no_other() -> None:
    good = encode(noise(64, 64))
    first, bad, last = run(rules(), [good, b"", good])
    assert bad == "datei_leer"
    assert first == last
