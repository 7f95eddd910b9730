"""Values of the answers: rasters and vectors are unpacked, lies and bombs are thrown away."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from shared.clients.answers import (
    ChangeResult,
    ClassesResult,
    ClassifyResult,
    EmbedResult,
    LayoutResult,
    ProbabilitiesResult,
    SegmentResult,
)
from shared.clients.model_server import ModelServerClient
from shared.clients.rasters import decode_grey, decode_probabilities, decode_vector
from shared.contracts.model_server import ItemFailed, ProbabilitiesValue
from shared.errors import AnswerMismatch
from tests.shared.doubles import StandIn

Json = dict[str, Any]


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def png(pixels: np.ndarray, mode: str = "L") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def forged_png(width: int, height: int, pixels: bytes, depth: int = 8, interlace: int = 0) -> bytes:
    """Return a PNG whose header may say something else than its pixels."""
    header = struct.pack(">2I5B", width, height, depth, 0, 0, 0, interlace)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


MAP = np.arange(12, dtype=np.uint8).reshape(3, 4)
CLASSES: Json = {
    "width": 4,
    "height": 3,
    "stride": 1,
    "classes_png": text(png(MAP)),
    "confidence_png": text(png(255 - MAP)),
    "pixel_counts": {"0": 1},
    "domain_distance": 0.5,
}
LEVELS = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)
PROBABILITIES: Json = {
    "width": 9,
    "height": 5,
    "stride": 4,
    "class_codes": [3, 7],
    "data": text(zlib.compress(LEVELS.tobytes(), 1)),
}
OBJECTS: Json = {
    "width": 4,
    "height": 3,
    "instances": [
        {"class": "pv", "score": 0.9, "box": [0, 0, 1, 1], "polygon": [[0, 0]], "area_px": 1}
    ],
}


def segment(stand_in: StandIn, value: Json, output: Any = None) -> Any:
    stand_in.value = lambda data, options: value
    with ModelServerClient(stand_in.settings) as client:
        (result,) = client.segment([b"a"], model="landcover", gsd_m=0.1, output=output)
    return result


def test_classes_become_a_map(model_server_stand_in: StandIn) -> None:
    result = segment(model_server_stand_in, CLASSES, "classes")
    assert isinstance(result, ClassesResult)
    assert result.class_map.dtype == np.uint8
    assert np.array_equal(result.class_map, MAP)
    assert np.array_equal(result.confidence, 255 - MAP)
    assert not result.class_map.flags.writeable
    assert model_server_stand_in.requests[0]["output"] == "classes"


def test_probabilities_become_an_array(model_server_stand_in: StandIn) -> None:
    result = segment(model_server_stand_in, PROBABILITIES, "probabilities")
    assert isinstance(result, ProbabilitiesResult)
    assert np.array_equal(result.probabilities, LEVELS)
    assert result.value.class_codes == [3, 7]


@pytest.mark.parametrize(
    ("value", "kind"),
    [(CLASSES, ClassesResult), (PROBABILITIES, ProbabilitiesResult), (OBJECTS, SegmentResult)],
)
def test_without_a_wish_the_card_decides(
    model_server_stand_in: StandIn, value: Json, kind: type
) -> None:
    assert type(segment(model_server_stand_in, value)) is kind
    assert "output" not in model_server_stand_in.requests[0]


def test_another_output_than_the_one_asked_for_is_thrown_away(
    model_server_stand_in: StandIn,
) -> None:
    with pytest.raises(AnswerMismatch):
        segment(model_server_stand_in, CLASSES, "instances")


RAW = zlib.compress(b"".join(b"\0" + row.tobytes() for row in MAP))


@pytest.mark.parametrize(
    "changed",
    [
        {"width": 5},
        {"height": 2},
        {"width": 0},
        {"width": 1281},
        {"stride": 0},
        {"classes_png": "no base64!"},
        {"classes_png": "ä"},
        {"classes_png": ""},
        {"classes_png": text(b"GIF89a")},
        {"classes_png": text(png(MAP, "RGB"))},
        {"classes_png": text(png(MAP, "1"))},
        {"classes_png": text(png(MAP, "P"))},
        {"classes_png": text(png(MAP.T.copy()))},
        {"classes_png": text(png(MAP)[:-30])},
        {"classes_png": text(png(MAP)[:40])},
        {"classes_png": text(forged_png(4, 3, RAW[:-8]))},
        {"classes_png": text(forged_png(4, 3, b"no zlib"))},
        {"classes_png": text(forged_png(4, 3, RAW, depth=16))},
        {"classes_png": text(forged_png(4, 3, RAW, interlace=1))},
        {"confidence_png": text(png(MAP.T.copy()))},
    ],
)
def test_a_class_map_that_lies_is_thrown_away(
    model_server_stand_in: StandIn, changed: Json
) -> None:
    with pytest.raises(AnswerMismatch):
        segment(model_server_stand_in, {**CLASSES, **changed}, "classes")


def test_a_forged_map_that_does_not_lie_is_read() -> None:
    # Shows that the forger above makes good files where it is told to.
    assert np.array_equal(decode_grey(text(forged_png(4, 3, RAW)), (3, 4)), MAP)


@pytest.mark.parametrize(
    "changed",
    [
        {"width": 13},
        {"height": 9},
        {"stride": 2},
        {"width": 2000},
        {"class_codes": []},
        {"class_codes": [3, 3]},
        {"class_codes": [3, 255]},
        {"class_codes": [-1, 3]},
        {"class_codes": [3, 7, 8]},
        {"data": ""},
        {"data": "no base64!"},
        {"data": text(LEVELS.tobytes())},
        {"data": text(zlib.compress(LEVELS.tobytes())[:-3])},
        {"data": text(zlib.compress(LEVELS.tobytes()) + b"x")},
        {"data": text(zlib.compress(LEVELS.tobytes() + b"x"))},
    ],
)
def test_probabilities_that_lie_are_thrown_away(
    model_server_stand_in: StandIn, changed: Json
) -> None:
    with pytest.raises(AnswerMismatch):
        segment(model_server_stand_in, {**PROBABILITIES, **changed}, "probabilities")


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = []

    class Watched:
        def __init__(self) -> None:
            self.real = real()

        def decompress(self, data: bytes, most: int) -> bytes:
            pixels = self.real.decompress(data, most)
            unpacked.append(len(pixels))
            return pixels

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

    real = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", Watched)
    bomb = zlib.compress(bytes(64 * 2**20))
    with pytest.raises(AnswerMismatch):
        decode_probabilities(ProbabilitiesValue(**{**PROBABILITIES, "data": text(bomb)}))
    assert unpacked == [LEVELS.size + 1]


@settings(max_examples=100, deadline=None)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    stride=st.integers(1, 8),
    classes=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_whatever_is_packed_comes_out_again(
    width: int, height: int, stride: int, classes: int, seed: int
) -> None:
    shape = (classes, len(range(0, height, stride)), len(range(0, width, stride)))
    levels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    value = ProbabilitiesValue(
        width=width,
        height=height,
        stride=stride,
        class_codes=list(range(classes)),
        data=text(zlib.compress(levels.tobytes(), 1)),
    )
    assert np.array_equal(decode_probabilities(value), levels)
    assert np.array_equal(decode_grey(text(png(levels[0])), shape[1:]), levels[0])


def test_a_change_carries_label_and_attributes(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.value = lambda data, options: {
        "label": "renewed",
        "probabilities": {"unchanged": 0.1, "renewed": 0.9},
        "attributes": {"pv_after": 0.8},
    }
    with ModelServerClient(model_server_stand_in.settings) as client:
        (result,) = client.change([(b"before", b"after")], gsd_m=0.1)
        assert isinstance(result, ChangeResult)
        assert result.value.attributes == {"pv_after": 0.8}
        model_server_stand_in.value = lambda data, options: {
            "label": "new",
            "probabilities": {"unchanged": 1.0},
        }
        with pytest.raises(AnswerMismatch):
            client.change([(b"before", b"after")], gsd_m=0.1)
    sent = model_server_stand_in.requests[0]
    assert (sent["path"], sent["model"], sent["bands"]) == ("/change", "roof_change", "rgb")


def test_swapped_images_of_a_pair_are_noticed(model_server_lies: StandIn) -> None:
    with ModelServerClient(model_server_lies.settings) as client, pytest.raises(AnswerMismatch):
        client.change([(b"a", b"b"), (b"b", b"a")], gsd_m=0.1)


def test_layout_and_labels_are_typed(model_server_stand_in: StandIn) -> None:
    region = {"class": "table", "score": 0.7, "box": [0, 0, 5, 5]}
    model_server_stand_in.value = lambda data, options: (
        {"labels": [{"label": "plan", "score": 0.6}]}
        if "top" in options
        else {"width": 10, "height": 10, "regions": [region]}
    )
    with ModelServerClient(model_server_stand_in.settings) as client:
        (page,) = client.layout([b"page"])
        (named,) = client.classify([b"page"], model="page_class", top=3)
    assert isinstance(page, LayoutResult)
    assert page.value.regions[0].class_key == "table"
    assert isinstance(named, ClassifyResult)
    assert named.value.labels[0].label == "plan"
    layout, classify = model_server_stand_in.requests
    assert (layout["path"], layout["model"], layout["min_score"]) == ("/layout", "layout_cdla", 0.3)
    assert (classify["path"], classify["model"], classify["top"]) == ("/classify", "page_class", 3)


def test_images_become_vectors_too(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.value = lambda data, options: {"vector": "AACAPwAAAAA=", "dim": 2}
    with ModelServerClient(model_server_stand_in.settings) as client:
        results = client.embed_images([bytes([place]) for place in range(17)])
    assert all(isinstance(result, EmbedResult) for result in results)
    assert results[16].vector.tolist() == [1.0, 0.0]
    assert [one["items"] for one in model_server_stand_in.requests] == [16, 1]
    assert model_server_stand_in.requests[0]["model"] == "tile_features"
    assert "kind" not in model_server_stand_in.requests[0]


@pytest.mark.parametrize(
    "vector", [b"", struct.pack("<f", 1), struct.pack("<2f", 1, float("nan")), bytes(9)]
)
def test_a_vector_that_lies_is_thrown_away(vector: bytes) -> None:
    with pytest.raises(AnswerMismatch):
        decode_vector(text(vector), 2)


def test_a_failed_item_stays_beside_the_good_ones(model_server_stand_in: StandIn) -> None:
    def fail_second(answer: Json) -> Json:
        good, bad = answer["results"]
        failed = {
            "index": 1,
            "status": "error",
            "error": {"code": "bild_beschaedigt", "message": "x"},
            "input_sha256": bad["input_sha256"],
        }
        return {**answer, "results": [good, failed]}

    model_server_stand_in.change = fail_second
    model_server_stand_in.value = lambda data, options: CLASSES
    with ModelServerClient(model_server_stand_in.settings) as client:
        good, bad = client.segment([b"a", b"b"], model="landcover", gsd_m=0.1, output="classes")
    assert isinstance(good, ClassesResult)
    assert isinstance(bad, ItemFailed)
