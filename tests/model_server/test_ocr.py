"""Text of pages: orientation, coordinates, reading order; with the real weights."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from model_server.batching import Good
from model_server.catalog import BUILT_IN, load_catalog
from model_server.engine import Engine
from model_server.evaluate import degrade, render_page
from model_server.items import Item, Ticket
from model_server.tasks import ocr
from model_server.tasks.reading_order import LineBox, in_reading_order
from model_server.tasks.text_lines import LineReader, bucket_width, prepare_crop
from model_server.tasks.text_pages import (
    PageLine,
    cut_line,
    stands_on_side,
    turn_page,
    turn_points,
)
from shared.contracts.model_server import OcrLineValue, OcrOptions, OcrPageValue
from shared.settings import REPOSITORY
from tests.model_server.pictures import encode, page

LINES = (
    "Stadt Musterstadt Bauaufsicht",
    "Der Antrag vom 12. Mai 1963",
    "wird hiermit genehmigt.",
    "Auflagen sind einzuhalten.",
    "Die Kosten betragen 86,40 DM.",
)

OFFICE_TEXT = (
    "Der Magistrat der Stadt Musterstadt erteilt hiermit die Genehmigung,",
    "auf dem Grundstück Lindenstraße 14 eine Doppelgarage zu errichten.",
    "Die Außenwände sind aus Kalksandstein in einer Stärke von 24 cm zu",
    "mauern und beiderseits zu verputzen. Das Dach ist nach § 31 Abs. 2",
    "mit harter Bedachung zu versehen. Der Abstand zur Nachbargrenze muß",
    "mindestens 3,00 m betragen. Abweichungen bedürfen der Zustimmung.",
    "Zu Ihrem Schreiben vom 7. Oktober 1958 teilen wir Ihnen mit, daß die",
    "eingereichten Pläne geprüft wurden. Gegen die Ausführung bestehen in",
    "statischer Hinsicht keine Bedenken, wenn die folgenden Auflagen",
    "beachtet werden: Die Fundamente sind frostfrei in einer Tiefe von",
    "0,80 m zu gründen. Für die Decken über dem Kellergeschoß sind",
    "Stahlbetonplatten der Güte B 225 zu verwenden. Schornsteine sind",
    "von dem zuständigen Bezirksschornsteinfegermeister abzunehmen.",
    "Die Gebühr für diesen Bescheid wird auf 128,75 DM festgesetzt und ist",
    "innerhalb von 14 Tagen an die Stadtkasse, Konto 40 217, zu zahlen.",
    "Übersteigt die Bausumme den Betrag von 35.000 DM, so bleibt eine",
    "Nachberechnung vorbehalten. Öffentliche Flächen dürfen während der",
    "Bauzeit nur mit Erlaubnis des Ordnungsamtes benutzt werden.",
    "Ärzte, Apotheker und Rechtsanwälte haben ihre Schilder so anzubringen,",
    "daß der Gehweg in seiner ganzen Breite frei bleibt. Werbeanlagen an",
    "Straßenecken sind unzulässig. Jede Änderung der Nutzung, namentlich",
    "der Einbau von Wohnräumen im Dachgeschoß, ist vorher anzuzeigen.",
    "Rechtsmittel: Gegen diesen Bescheid kann binnen eines Monats nach",
    "Zustellung schriftlich Widerspruch bei der Behörde erhoben werden.",
)
"""Four pages of six lines in the German of offices, spelt as before 1996."""
FONTS = REPOSITORY / "apps" / "archivair" / "fonts"
PRINT_FONTS = ("arimo.woff", "tinos.woff")
TYPEWRITER_FONT = "courier_prime.woff"
SHEET_PX = (2480, 800)
MARGIN_PX, ROW_PX, TEXT_PX = (240, 60), 120, 48
SHEETS = 4
LIMITS = {"print": 0.003, "courier": 0.005, "noisy typewriter": 0.010}
"""Highest character error rate of each kind."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_catalog([BUILT_IN]), [], time.monotonic)


def read(engine: Engine, *images: Image.Image, **options: object) -> list:
    chosen = OcrOptions.model_validate(options)
    model = engine.catalog.resolve("ocr", chosen.model, None)
    ticket = Ticket("test", chosen, model, time.monotonic(), len(images))
    items = [Item(ticket, place, encode(image)) for place, image in enumerate(images)]
    outcomes = engine.run("ocr", items)
    assert all(isinstance(outcome.result, Good) for outcome in outcomes)
    return [outcome.result.value.value for outcome in outcomes]


def errors(read_lines: Sequence[str], written: Sequence[str]) -> float:
    from rapidfuzz.distance import Levenshtein

    truth = "\n".join(written)
    return Levenshtein.distance("\n".join(read_lines), truth) / len(truth)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_pages_are_read_and_lines_lie_where_they_are(engine: Engine, turn: int) -> None:
    upright = page(LINES)
    sent = upright.rotate(-turn, expand=True)
    (value,) = read(engine, sent)
    assert isinstance(value, OcrPageValue)
    assert (value.width, value.height) == sent.size
    assert value.rotation_deg == (360 - turn) % 360
    assert errors([line.text for line in value.lines], LINES) <= 0.02
    (straight,) = read(engine, upright)
    for line, reference in zip(value.lines, straight.lines, strict=True):
        width, height = upright.size
        wanted = turn_points(np.array(reference.polygon), turn // 90, width, height)
        assert np.abs(np.array(line.polygon) - wanted).max() <= 6
        assert len(line.characters) == len(line.text)
        assert all(0 <= entry.score <= 1 for entry in line.characters)


def test_german_text_is_read(engine: Engine) -> None:
    fonts = sorted(Path("apps/archivair/fonts").glob("*.woff"))
    if not fonts:
        pytest.skip("the fonts of ArchivAIr are not here")
    written = [
        "Baugenehmigung für die Errichtung eines Gebäudes gemäß § 75",
        "Äußere Wände und Öffnungen: Größe 148,50 Quadratmeter",
        "Übergänge zur Nachbarbebauung müssen brandsicher sein.",
    ]
    for font in fonts:
        image = degrade(render_page(written, ImageFont.truetype(str(font), 48)), seed=3)
        (value,) = read(engine, image)
        assert errors([line.text for line in value.lines], written) <= 0.015, font.name


def font_of(name: str) -> ImageFont.FreeTypeFont:
    if not (FONTS / name).is_file():
        pytest.skip("the fonts of ArchivAIr are not here")
    return ImageFont.truetype(str(FONTS / name), TEXT_PX)


def printed(lines: Sequence[str], font: ImageFont.FreeTypeFont) -> Image.Image:
    """Return the upper part of an A4 page at 300 dpi."""
    sheet = Image.new("L", SHEET_PX, 255)
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        pen.text((MARGIN_PX[0], MARGIN_PX[1] + row * ROW_PX), line, font=font, fill=0)
    return sheet


def typed(lines: Sequence[str], font: ImageFont.FreeTypeFont, seed: int) -> Image.Image:
    """Return a typed sheet: uneven strokes and ink, blurred, tilted, shaded, noisy.

    Every other one has 200 dpi.
    """
    random = np.random.default_rng(seed)
    sheet = Image.new("L", SHEET_PX, 255)
    pen = ImageDraw.Draw(sheet)
    step = font.getlength("x")
    for row, line in enumerate(lines):
        for column, char in enumerate(line):
            left = MARGIN_PX[0] + column * step + random.normal(0, 1.2)
            top = MARGIN_PX[1] + row * ROW_PX + random.normal(0, 1.8)
            pen.text((left, top), char, font=font, fill=int(random.integers(0, 140)))
    sheet = sheet.filter(ImageFilter.GaussianBlur(1.2))
    sheet = sheet.rotate(0.6, Image.Resampling.BICUBIC, fillcolor=255)
    if seed % 2:
        sheet = sheet.resize((SHEET_PX[0] * 2 // 3, SHEET_PX[1] * 2 // 3))
    shaded = np.asarray(sheet, float) * np.linspace(0.7, 1, sheet.width)
    noisy = shaded + random.normal(0, 22, shaded.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def lines_of(sheet: int) -> Sequence[str]:
    count = len(OFFICE_TEXT) // SHEETS
    return OFFICE_TEXT[sheet * count : (sheet + 1) * count]


def sheet_of(kind: str, number: int) -> Image.Image:
    lines = lines_of(number)
    if kind == "print":
        return printed(lines, font_of(PRINT_FONTS[number % len(PRINT_FONTS)]))
    typewriter = font_of(TYPEWRITER_FONT)
    return printed(lines, typewriter) if kind == "courier" else typed(lines, typewriter, number)


def error_rate(engine: Engine, kind: str, sheets: Sequence[int]) -> float:
    """Return the pooled character error rate."""
    wrong = total = 0.0
    for number in sheets:
        (value,) = read(engine, sheet_of(kind, number))
        length = len("\n".join(lines_of(number)))
        wrong += length * errors([line.text for line in value.lines], lines_of(number))
        total += length
    return wrong / total


@pytest.mark.parametrize("kind", LIMITS)
def test_rendered_pages_are_read_as_well_as_agreed(engine: Engine, kind: str) -> None:
    assert error_rate(engine, kind, range(SHEETS)) <= LIMITS[kind]


def test_the_line_classifier_of_the_package_would_break_the_agreement(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's `use_cls` turns lines that stand upright; so it is not used."""
    from rapidocr import RapidOCR

    settings = {"Global.log_level": "critical", "EngineConfig.onnxruntime.intra_op_num_threads": 1}
    classify = RapidOCR(params=settings)._load_cls_model()

    def cut_and_classify(page: np.ndarray, line: PageLine) -> np.ndarray:
        return np.ascontiguousarray(classify([cut_line(page, line)]).img_list[0])

    monkeypatch.setattr(ocr, "cut_line", cut_and_classify)
    assert error_rate(engine, "courier", [1, 2]) > 10 * LIMITS["courier"]


def test_single_lines_on_an_almost_empty_page_are_found(engine: Engine) -> None:
    image = page(["Anlage 3"], width=2480, height=3508)
    font = ImageFont.load_default(34)
    ImageDraw.Draw(image).text((1200, 3350), "Seite 7", font=font, fill="black")
    (value,) = read(engine, image)
    assert [line.text for line in value.lines] == ["Anlage 3", "Seite 7"]
    assert value.lines[1].polygon[0] == pytest.approx((1200, 3355), abs=15)


def test_columns_are_read_one_after_the_other(engine: Engine) -> None:
    left = [f"Links Zeile {number}" for number in "ABCDEF"]
    right = [f"Rechts Zeile {number}" for number in "ABCDEF"]
    image = page(["Bekanntmachung der Stadt Musterstadt vom Mai", "", *left], height=800)
    pen = ImageDraw.Draw(image)
    for row, line in enumerate(right):
        pen.text((700, 60 + 64 * (row + 2)), line, font=ImageFont.load_default(34), fill="black")
    (value,) = read(engine, image)
    texts = [line.text for line in value.lines]
    assert [text.split()[0] for text in texts[1:]] == ["Links"] * 6 + ["Rechts"] * 6


def test_detect_gives_polygons_without_text(engine: Engine) -> None:
    (value,) = read(engine, page(LINES), mode="detect")
    assert len(value.lines) == len(LINES)
    assert {line.text for line in value.lines} == {""}
    assert all(line.score > 0.3 for line in value.lines)


def test_lines_are_read_alike_alone_and_together(engine: Engine) -> None:
    crops = [page([line]).crop((70, 52, 720, 112)) for line in LINES]
    together = read(engine, *crops, mode="lines")
    alone = [read(engine, crop, mode="lines")[0] for crop in crops]
    assert all(isinstance(value, OcrLineValue) for value in together)
    assert [value.text for value in together] == [value.text for value in alone]
    assert errors([value.text for value in together], LINES) <= 0.03
    for one, other in zip(together, alone, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)


def test_white_pages_and_crops_are_empty(engine: Engine) -> None:
    white = Image.new("RGB", (400, 300), "white")
    (value,) = read(engine, white)
    assert value.lines == []
    assert value.rotation_deg == 0
    (line,) = read(engine, white.crop((0, 0, 300, 40)), mode="lines")
    assert line.text == ""
    assert line.score == 0


def test_sure_lines_only(engine: Engine) -> None:
    (value,) = read(engine, page(LINES), min_score=1.0)
    assert len(value.lines) < len(LINES)


def test_columns_of_scores_become_text() -> None:
    class Letters:
        metadata = {"character": "a\nb"}  # noqa: RUF012

        def predict(self, inputs: list) -> list:
            # blank, a, a, blank, a, b, space -> "aab "
            best = [0, 1, 1, 0, 1, 2, 3]
            scores = np.full((len(best), 4), 0.1, dtype=np.float32)
            scores[np.arange(len(best)), best] = 0.8
            return [{"x": scores} for _ in inputs]

    (text,) = LineReader(Letters()).read([np.zeros((3, 48, 320), np.float32)])
    assert text.text == "aab "
    assert text.scores == (0.8, 0.8, 0.8, 0.8)
    assert text.score == pytest.approx(0.8)


@given(st.integers(4, 400), st.integers(4, 8000))
def test_crops_fit_their_bucket(height: int, width: int) -> None:
    bucket = bucket_width(height, width)
    assert bucket % 64 == 0
    assert 320 <= bucket <= 4096
    crop = np.zeros((height, width, 3), dtype=np.uint8)
    assert prepare_crop(crop).shape == (3, 48, bucket)


@given(st.integers(0, 3), st.floats(0, 40), st.floats(0, 30))
def test_four_turns_lead_back(turns: int, x: float, y: float) -> None:
    point = np.array([[x, y]])
    once = turn_points(point, turns, 40, 30)
    width, height = (40, 30) if turns % 2 == 0 else (30, 40)
    assert np.allclose(turn_points(once, 4 - turns, width, height), point)
    assert 0 <= once[0, 0] <= width
    assert 0 <= once[0, 1] <= height


def box(left: float, top: float, right: float, bottom: float) -> PageLine:
    return PageLine(
        np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float), 0.9
    )


def test_standing_lines_are_noticed() -> None:
    assert stands_on_side([box(0, 0, 20, 200), box(30, 0, 50, 200), box(60, 0, 90, 20)])
    assert not stands_on_side([box(0, 0, 200, 20), box(0, 30, 20, 60)])
    assert not stands_on_side([])


def test_a_turned_page_keeps_lines_on_their_ink() -> None:
    pixels = np.zeros((30, 40, 3), dtype=np.uint8)
    pixels[2:6, 3:20] = 255
    turned, (line,) = turn_page(pixels, [box(3, 2, 20, 6)])
    left, top = line.polygon[0]
    right, bottom = line.polygon[2]
    assert (left, top, right, bottom) == (20, 24, 37, 28)
    assert turned[24:28, 20:37].min() == 255


def boxes_of(*rows: tuple[float, float, float, float]) -> list[LineBox]:
    return [LineBox(place, *row) for place, row in enumerate(rows)]


def test_rows_of_a_form_stay_rows() -> None:
    labels = [(0, 30 * row, 100, 30 * row + 20) for row in range(3)]
    values = [(200, 30 * row, 400, 30 * row + 20) for row in range(3)]
    order = in_reading_order(boxes_of(*labels, *values))
    assert order == [0, 3, 1, 4, 2, 5]


def test_a_heading_comes_first_and_a_footer_last() -> None:
    heading, footer = (0, 0, 500, 20), (0, 300, 500, 320)
    left = [(0, 40 + 30 * row, 220, 60 + 30 * row) for row in range(6)]
    right = [(280, 47 + 30 * row, 500, 67 + 30 * row) for row in range(6)]
    order = in_reading_order(boxes_of(*right, footer, *left, heading))
    assert order == [13, *range(7, 13), *range(6), 6]


def test_slanted_lines_keep_their_order() -> None:
    order = in_reading_order(boxes_of(*[(0, 10 * row, 500, 10 * row + 40) for row in range(8)]))
    assert order == list(range(8))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(1, 300), st.floats(1, 60)),
        max_size=40,
    )
)
def test_the_order_names_each_line_once(rows: list) -> None:
    order = in_reading_order(boxes_of(*[(x, y, x + w, y + h) for x, y, w, h in rows]))
    assert sorted(order) == list(range(len(rows)))


def test_nothing_has_no_order() -> None:
    assert in_reading_order([]) == []
