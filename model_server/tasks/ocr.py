"""Text of pages and line crops with PP-OCRv6 (weights of the rapidocr package)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from model_server.catalog import MAIN_FILE, ServableModel
from model_server.images import ImageHeader, decode_image, inspect_image
from model_server.items import Found, Item
from model_server.runtime import Runtime, load_runtime
from model_server.tasks.ocr_lines import (
    ReadLine,
    frame_warnings,
    line_value,
    score_characters,
)
from model_server.tasks.text_lines import (
    CROP_HEIGHT_PX,
    LineReader,
    LineText,
    bucket_width,
    prepare_crop,
)
from model_server.tasks.text_pages import (
    LineFinder,
    PageLine,
    cut_line,
    is_upside_down,
    order_lines,
    stands_on_side,
    turn_page,
    turn_points,
)
from shared.contracts.model_server import (
    OcrLine,
    OcrOptions,
    OcrPageValue,
)

DETECTOR_FILE = "detector"
MIN_PAGE_SIDE_PX = 32
MIN_CROP_SIDE_PX = 4
MAX_PAGE_SIDE_PX = 8000
FLOAT_BYTES_PER_PIXEL = 12
_LINES = "lines"


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page or crop whose header is in order."""

    item: Item
    header: ImageHeader
    options: OcrOptions


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as read, in pixels of the page as sent.

    Args:
        turns: Quarter turns clockwise that make it upright.
        lines: Lines in reading order.
        texts: Their texts; empty in mode `detect`.
    """

    turns: int
    lines: tuple[PageLine, ...]
    texts: tuple[LineText, ...]


class OcrModel:
    """Finds and reads lines.

    Args:
        model: Checked card and files.
        reader: Runs the recogniser.
        detector: Runs the detector.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        model: ServableModel,
        reader: Runtime,
        detector: Runtime,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.card = model.card
        self.runtime = reader
        self._reader = LineReader(reader)
        self._finder = LineFinder(detector)
        self._clock = clock

    @classmethod
    def open(cls, model: ServableModel, threads: int) -> OcrModel:
        """Load the weights."""
        reader = load_runtime(model.card, model.files[MAIN_FILE], threads)
        detector = load_runtime(model.card, model.files[DETECTOR_FILE], threads)
        return cls(model, reader, detector)

    def inspect(self, item: Item) -> SeenPage:
        """Check the header."""
        options = cast(OcrOptions, item.ticket.options)
        least = MIN_CROP_SIDE_PX if options.mode == _LINES else MIN_PAGE_SIDE_PX
        header = inspect_image(
            item.data, min_side_px=least, max_side_px=MAX_PAGE_SIDE_PX, apply_orientation=True
        )
        return SeenPage(item, header, options)

    def key(self, seen: SeenPage) -> Hashable:
        """Crops of one padded width run together; a page always runs alone."""
        if seen.options.mode == _LINES:
            return (_LINES, bucket_width(seen.header.height, seen.header.width))
        return (seen.options.mode,)

    def weigh_bytes(self, seen: SeenPage) -> int:
        """Return the bytes of the pixels and the float copy."""
        if seen.options.mode == _LINES:
            width = bucket_width(seen.header.height, seen.header.width)
            return CROP_HEIGHT_PX * width * FLOAT_BYTES_PER_PIXEL * 8
        return seen.header.width * seen.header.height * FLOAT_BYTES_PER_PIXEL

    def most(self, key: Hashable) -> int:
        """Return the card's limit for crops, 1 for pages."""
        return self.card.limits.max_batch if cast(tuple[str], key)[0] == _LINES else 1

    def load(self, seen: SeenPage) -> NDArray[np.uint8]:
        """Decode."""
        return decode_image(seen.item.data, seen.header, "rgb")

    def predict(
        self, key: Hashable, loaded: Sequence[NDArray[np.uint8]]
    ) -> Sequence[ReadPage | ReadLine]:
        """Read crops together or pages one by one."""
        mode = cast(tuple[str], key)[0]
        if mode != _LINES:
            return [self._read_page(page, with_text=mode == "page") for page in loaded]
        start = self._clock()
        texts = self._reader.read([prepare_crop(crop) for crop in loaded])
        share_ms = (self._clock() - start) * 1000 / len(loaded)
        return [ReadLine(text, share_ms) for text in texts]

    def finish(self, seen: SeenPage, loaded: NDArray[np.uint8], raw: ReadPage | ReadLine) -> Found:
        """Keep what is sure enough and put it into the contract's form."""
        del loaded
        value = line_value(raw) if isinstance(raw, ReadLine) else _page_value(seen, raw)
        return Found(value, frame_warnings(seen.header))

    def warm_up(self) -> None:
        """Look at one small white page and read one white crop."""
        self._read_page(np.full((736, 736, 3), 255, dtype=np.uint8), with_text=True)
        self._reader.read_each([np.full((48, 320, 3), 255, dtype=np.uint8)])

    def _read_page(self, page: NDArray[np.uint8], *, with_text: bool) -> ReadPage:
        lines = self._finder.find(page)
        turns = 0
        if stands_on_side(lines):
            turns = 1
            page = np.ascontiguousarray(np.rot90(page, -1))
            lines = self._finder.find(page)
        if with_text and lines and is_upside_down(page, lines, self._reader.read_each):
            turns += 2
            page, lines = turn_page(page, lines)
        ordered = order_lines(lines)
        texts = self._reader.read_each([cut_line(page, line) for line in ordered if with_text])
        height, width = page.shape[:2]
        as_sent = [
            PageLine(turn_points(line.polygon, 4 - turns, width, height), line.score)
            for line in ordered
        ]
        return ReadPage(turns, tuple(as_sent), tuple(texts))


def _page_value(seen: SeenPage, read: ReadPage) -> OcrPageValue:
    lines = []
    texts = read.texts or (None,) * len(read.lines)
    for line, text in zip(read.lines, texts, strict=True):
        score = min(1.0, line.score) if text is None else text.score
        if score < seen.options.min_score or (text is not None and not text.text.strip()):
            continue
        lines.append(
            OcrLine(
                text="" if text is None else text.text,
                score=score,
                polygon=[(float(x), float(y)) for x, y in line.polygon.round(1).tolist()],
                characters=[] if text is None else score_characters(text),
            )
        )
    return OcrPageValue(
        width=seen.header.width,
        height=seen.header.height,
        rotation_deg=cast(Literal[0, 90, 180, 270], 90 * read.turns),
        lines=lines,
    )
