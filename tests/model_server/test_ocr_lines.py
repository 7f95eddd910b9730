"""Line crops read with an own recogniser, with a small network that the tests build themselves."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from hypothesis import given, strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from model_server.batching import Bad, Good
from model_server.card import load_card
from model_server.catalog import BUILT_IN, load_catalog
from model_server.engine import Engine
from model_server.items import Found, Item, Ticket
from model_server.tasks.grey_lines import (
    HEIGHT_PX,
    MAX_WIDTH_PX,
    WIDTH_BUCKET_PX,
    bucket_width,
    decode,
    measure_ink,
    prepare_grey_crop,
    scaled_width,
)
from model_server.tasks.options import check_options
from shared.contracts.model_server import OcrLineValue, OcrOptions
from shared.errors import BadRequest
from tests.model_server.pictures import encode
from tests.model_server.tiny_models import CARD

ALPHABET = ["", "a", "ſ", " ", "\N{REPLACEMENT CHARACTER}"]
BLANK_LINE, A_LINE, SPACE, LONG_S = 0.0, 0.5, 0.3, 1.0
STRIPE_PX = 16


def stripe_network() -> bytes:
    """Return an ONNX file that reads stripes: their share of ink in four columns is the letter."""
    nodes = [
        helper.make_node(
            "AveragePool", ["pictures"], ["pooled"], kernel_shape=[40, 4], strides=[40, 4]
        ),
        helper.make_node("Reshape", ["pooled", "columns"], ["shares"]),
        helper.make_node("Sub", ["shares", "letters"], ["away"]),
        helper.make_node("Abs", ["away"], ["distance"]),
        helper.make_node("Mul", ["distance", "steep"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["logs"], axis=2),
    ]
    constants = {
        "columns": np.array([0, -1, 1], dtype=np.int64),
        # The unknown symbol is nearer to full ink than the letter for it.
        "letters": np.array([BLANK_LINE, A_LINE, LONG_S, SPACE, 1.0], dtype=np.float32),
        "steep": np.array([-60, -60, -60, -60, -50], dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "stripes",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 1, 40, "w"])],
        [helper.make_tensor_value_info("logs", TensorProto.FLOAT, ["n", "c", 5])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    entry = made.metadata_props.add()
    entry.key, entry.value = "alphabet", json.dumps(ALPHABET)
    onnx.checker.check_model(made)
    return made.SerializeToString()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    root = tmp_path_factory.mktemp("models")
    folder = root / "stripes" / "1.0.0"
    folder.mkdir(parents=True)
    weights = stripe_network()
    (folder / "model.onnx").write_bytes(weights)
    card = CARD.format(name="stripes", version="1.0.0", sha256=hashlib.sha256(weights).hexdigest())
    card = card.replace('"segment"', '"ocr"').replace('"yolo_detect"', '"ctc_lines"')
    card = card.replace('["instances"]', '["lines"]')
    (folder / "card.toml").write_text(card, encoding="utf-8")
    return Engine(load_catalog([root]), [], time.monotonic)


def line(shares: Sequence[float], width: int = 640, height: int = HEIGHT_PX) -> Image.Image:
    """Return a white crop with a black stripe per letter, as high as its share of the crop."""
    pixels = np.full((height, width), 255, dtype=np.uint8)
    for place, share in enumerate(shares):
        left = 32 + 2 * STRIPE_PX * place
        pixels[: round(share * height), left : left + STRIPE_PX] = 0
    return Image.fromarray(pixels)


def read(engine: Engine, *files: bytes) -> list:
    options = OcrOptions(model="stripes", mode="lines")
    model = engine.catalog.resolve("ocr", "stripes", None)
    ticket = Ticket("test", options, model, time.monotonic(), len(files))
    return engine.run("ocr", [Item(ticket, place, file) for place, file in enumerate(files)])


def value_of(outcome: object) -> OcrLineValue:
    result = outcome.result  # type: ignore[attr-defined]
    assert isinstance(result, Good)
    assert isinstance(result.value, Found)
    assert isinstance(result.value.value, OcrLineValue)
    return result.value.value


def test_letters_come_in_order_with_a_score_each(engine: Engine) -> None:
    shares = [A_LINE, LONG_S, SPACE, A_LINE, A_LINE]
    (outcome,) = read(engine, encode(line(shares)))
    value = value_of(outcome)
    assert value.text == "aſ aa"
    assert [entry.char for entry in value.characters] == list("aſ aa")
    assert value.score == pytest.approx(
        sum(entry.score for entry in value.characters) / 5, abs=1e-9
    )
    assert value.ms >= 0


def test_the_unknown_symbol_is_never_written(engine: Engine) -> None:
    (outcome,) = read(engine, encode(line([LONG_S, LONG_S])))
    assert value_of(outcome).text == "ſſ"
    # Both symbols lie next to the full stripe; the letter gets what is left.
    assert value_of(outcome).score <= 0.51


def test_spaces_at_the_ends_go_with_their_scores(engine: Engine) -> None:
    (outcome,) = read(engine, encode(line([SPACE, A_LINE, SPACE])))
    value = value_of(outcome)
    assert value.text == "a"
    assert len(value.characters) == 1


def test_crops_of_any_size_keep_their_order_beside_a_broken_one(engine: Engine) -> None:
    files = [
        encode(line([A_LINE])),
        b"no image",
        encode(line([A_LINE, LONG_S], width=960)),
        encode(line([LONG_S] * 3).resize((1280, 80), Image.Resampling.NEAREST)),
        encode(Image.new("RGB", (200, 30), "white")),
        encode(line([A_LINE, A_LINE]).convert("CMYK"), "TIFF"),
    ]
    outcomes = read(engine, *files)
    assert isinstance(outcomes[1].result, Bad)
    texts = [value_of(outcome).text for place, outcome in enumerate(outcomes) if place != 1]
    assert texts == ["a", "aſ", "ſſſ", "", "aa"]
    assert value_of(outcomes[4]).score == 0


@pytest.mark.parametrize("size", [(900, 4), (4, 900), (8000, 48)])
def test_odd_crops_are_read_or_empty_but_never_an_error(
    engine: Engine, size: tuple[int, int]
) -> None:
    (outcome,) = read(engine, encode(Image.new("L", size, 200)))
    assert value_of(outcome).text == ""


def test_such_a_model_reads_no_pages(engine: Engine) -> None:
    card = engine.catalog.resolve("ocr", "stripes", None).card
    check_options(OcrOptions(model="stripes", mode="lines"), card)
    for mode in ("page", "detect"):
        with pytest.raises(BadRequest):
            check_options(OcrOptions.model_validate({"model": "stripes", "mode": mode}), card)


def test_a_joint_score_is_the_best_of_the_run_of_columns() -> None:
    columns = np.log(
        np.array(
            [
                [0.7, 0.1, 0.1, 0.05, 0.05],
                [0.3, 0.6, 0.05, 0.03, 0.02],
                [0.1, 0.8, 0.05, 0.03, 0.02],
                [0.9, 0.05, 0.02, 0.02, 0.01],
                [0.2, 0.7, 0.05, 0.03, 0.02],
            ]
        )
    )
    found = decode(columns.astype(np.float32), ALPHABET)
    assert found.text == "aa"
    assert found.scores == (pytest.approx(0.8, abs=1e-4), pytest.approx(0.7, abs=1e-4))
    assert decode(np.zeros((0, 5), dtype=np.float32), ALPHABET).text == ""


@given(st.integers(1, 8000), st.integers(1, 8000))
def test_buckets_hold_the_scaled_crop(height: int, width: int) -> None:
    bucket = bucket_width(height, width)
    assert bucket % WIDTH_BUCKET_PX == 0
    assert scaled_width(height, width) <= bucket <= MAX_WIDTH_PX
    assert scaled_width(height, width) == min(
        MAX_WIDTH_PX, max(1, round(width * HEIGHT_PX / height))
    )


def test_ink_does_not_depend_on_paper_and_exposure() -> None:
    grey = np.asarray(line([A_LINE, LONG_S]))
    faint = (grey.astype(float) * 0.5 + 90).astype(np.uint8)
    assert np.allclose(measure_ink(grey), measure_ink(faint), atol=0.02)
    assert measure_ink(np.full((40, 90), 77, dtype=np.uint8)).max() == 0
    prepared = prepare_grey_crop(grey[:, :100])
    assert prepared.shape == (1, HEIGHT_PX, 128)
    assert (prepared[0, :, 100:] == 0).all()
    assert math.isclose(prepared.max(), 1.0, abs_tol=0.01)


def test_the_shipped_recogniser_says_what_it_writes() -> None:
    folders = sorted((BUILT_IN / "fraktur_line").glob("*/card.toml"))
    assert folders
    for file in folders:
        card = load_card(file)
        assert card.outputs == ("lines",)
        weights = onnx.load(str(file.with_name("model.onnx")))
        (alphabet,) = (json.loads(one.value) for one in weights.metadata_props)
        assert len(alphabet) == len(card.classes)
        size = sum(one.stat().st_size for one in file.parent.iterdir())
        assert size <= 8_000_000
