"""Labels of images, with small networks that the tests build themselves."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from model_server.batching import Bad, Good
from model_server.catalog import load_catalog
from model_server.engine import Engine
from model_server.items import Found, Item, Ticket
from model_server.tasks.classify import ClassifyModel
from shared.contracts.model_server import ClassifyOptions, ClassifyValue
from shared.errors import ModelMissing
from tests.model_server.colour_models import DOMAIN, colour_network, write_model
from tests.model_server.pictures import encode


def make_engine(
    folder: Path, network: onnx.ModelProto, card_input: str = "size_px = 8", domain: str = ""
) -> Engine:
    write_model(folder, network, card_input, domain)
    return Engine(load_catalog([folder]), [], time.monotonic)


def classify(engine: Engine, *images: bytes, **options: object) -> list:
    chosen = ClassifyOptions.model_validate({"model": "colours", **options})
    model = engine.catalog.resolve("classify", "colours", None)
    ticket = Ticket("test", chosen, model, time.monotonic(), len(images))
    return engine.run(
        "classify", [Item(ticket, place, image) for place, image in enumerate(images)]
    )


def found(engine: Engine, image: bytes, **options: object) -> Found:
    (outcome,) = classify(engine, image, **options)
    assert isinstance(outcome.result, Good)
    assert isinstance(outcome.result.value.value, ClassifyValue)
    return outcome.result.value


def flat(red: int, green: int, blue: int, size: tuple[int, int] = (20, 30)) -> bytes:
    return encode(Image.new("RGB", size, (red, green, blue)))


@pytest.mark.parametrize("side", [8, None])
def test_labels_come_with_their_probabilities(tmp_path: Path, side: int | None) -> None:
    engine = make_engine(tmp_path, colour_network("logits", side=side))
    value = found(engine, flat(0, 255, 51)).value
    assert [entry.label for entry in value.labels] == ["green", "blue", "red"]
    # Logits 0, 4 and 0.8.
    weights = np.exp([4, 0.8, 0])
    wanted = (weights / weights.sum()).tolist()
    assert [entry.score for entry in value.labels] == pytest.approx(wanted, abs=1e-6)
    assert value.domain_distance is None


def test_only_the_top_labels_are_given(tmp_path: Path) -> None:
    engine = make_engine(tmp_path, colour_network("logits", side=8))
    assert len(found(engine, flat(255, 0, 0), top=1).value.labels) == 1
    assert len(found(engine, flat(255, 0, 0), top=20).value.labels) == 3


def test_probabilities_are_taken_as_they_are(tmp_path: Path) -> None:
    engine = make_engine(tmp_path, colour_network("probabilities", side=8))
    value = found(engine, flat(153, 0, 102)).value
    assert [(entry.label, round(entry.score, 5)) for entry in value.labels] == [
        ("red", 0.6),
        ("blue", 0.4),
        ("green", 0),
    ]


def test_probabilities_that_do_not_add_up_are_an_error(tmp_path: Path) -> None:
    engine = make_engine(tmp_path, colour_network("probabilities", side=8))
    good, bad = classify(engine, flat(255, 0, 0), flat(255, 255, 0))
    assert isinstance(good.result, Good)
    assert isinstance(bad.result, Bad)


def test_images_of_any_size_share_a_batch_and_keep_their_order(tmp_path: Path) -> None:
    engine = make_engine(tmp_path, colour_network("logits", side=8))
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 0)]
    sizes = [(8, 8), (1280, 20), (31, 64), (300, 300)]
    images = [flat(*colour, size) for colour, size in zip(colours, sizes, strict=True)]
    outcomes = classify(engine, *images, b"broken", flat(0, 0, 255, (7, 20)))
    labels = [outcome.result.value.value.labels[0].label for outcome in outcomes[:4]]
    assert labels == ["red", "green", "blue", "green"]
    assert {outcome.result.batch_size for outcome in outcomes[:4]} == {4}
    assert outcomes[4].result.error.code == "bild_format"
    assert outcomes[5].result.error.code == "bild_kantenlaenge"


@pytest.mark.parametrize(
    ("resolution", "label"),
    [("", "blue"), ("gsd_min_m = 0.1\ngsd_best_m = 0.2\ngsd_max_m = 0.3", "red")],
)
def test_only_aerial_images_keep_their_grid(tmp_path: Path, resolution: str, label: str) -> None:
    """The upper half is red as stored and blue as the EXIF orientation wants it."""
    network = colour_network("logits", side=8, top_half=True)
    engine = make_engine(tmp_path, network, f"size_px = 8\n{resolution}")
    image = Image.new("RGB", (16, 16), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 3
    assert found(engine, encode(image, exif=exif)).value.labels[0].label == label


def test_unusual_images_are_warned_about(tmp_path: Path) -> None:
    engine = make_engine(tmp_path, colour_network("logits", side=8), domain=DOMAIN)
    usual, unusual = found(engine, flat(127, 128, 140)), found(engine, flat(255, 255, 255))
    assert usual.warnings == ()
    assert usual.value.domain_distance < 1
    # Each feature lies five deviations off.
    assert unusual.value.domain_distance == pytest.approx(5, abs=1e-3)
    assert [warning.code for warning in unusual.warnings] == ["domain_shift"]


def test_a_network_for_other_classes_gives_errors(tmp_path: Path) -> None:
    network = colour_network("logits", side=8)
    engine = make_engine(tmp_path, network)
    model = engine.catalog.resolve("classify", "colours", None)
    fewer = model.card.model_copy(update={"classes": model.card.classes[:2]})
    opened = ClassifyModel.open(model, 1)
    opened.card = fewer
    with pytest.raises(ValueError, match="shape"):
        opened._probabilities({"logits": np.zeros(3, dtype=np.float32)})
    with pytest.raises(ValueError, match="no number"):
        opened._probabilities({"logits": np.array([0, np.nan], dtype=np.float32)})


def test_a_model_without_any_size_cannot_be_loaded(tmp_path: Path) -> None:
    engine = make_engine(tmp_path, colour_network("logits", side=None), card_input="")
    (outcome,) = classify(engine, flat(1, 2, 3))
    assert isinstance(outcome.result, Bad)
    with pytest.raises(ModelMissing):
        engine.resolve("classify", "colours", None)
