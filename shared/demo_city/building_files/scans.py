"""Render building files as streams of scanned pages with exact truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.building_files.documents import Document, plan_documents, set_page
from shared.demo_city.building_files.eras import PAGE_CLASSES, FileSplit
from shared.demo_city.building_files.facts import FileFacts, draw_facts
from shared.demo_city.building_files.rich import Mark
from shared.demo_city.building_files.sheet import Line, Sheet, Span
from shared.demo_city.building_files.truth import (
    Box,
    DocumentTruth,
    LineTruth,
    PageTruth,
    ScannedPage,
    SpanTruth,
    file_as_dict,
)
from shared.demo_city.building_files.wear import Quality, Turn, Wear, draw_wear, spoil
from shared.demo_city.randomness import draw_index, stream
from shared.demo_city.vectors.frames import dot

RESOLUTIONS: Final = ((300, 0.5), (200, 0.25), (240, 0.1), (150, 0.1), (100, 0.05))
"""Dots per inch and their shares of the files."""
DUPLICATE_SHARE: Final = 0.01
FILES_PER_SEED: Final = 1_000_000
"""Seeds of the second, third, ... file of a batch lie this far apart."""


@dataclass(frozen=True, slots=True)
class PageOrder:
    """What one page of a stream is.

    Args:
        facts: Its file.
        file: Number of the file, from 1.
        document: The document.
        document_number: Number of the document in the stream, from 1.
        page: Number of the page in the document, from 0.
        is_blank: Whether it is a blank back.
        starts: Whether it starts its document.
        duplicate_of: Page of the stream that it repeats; 0 for none.
    """

    facts: FileFacts
    file: int
    document: Document
    document_number: int
    page: int
    is_blank: bool
    starts: bool
    duplicate_of: int = 0


@dataclass(frozen=True, eq=False)
class FileScan:
    """A stream of scanned pages.

    Args:
        pages: Pages in their order.
        documents: Documents in their order.
        files: Facts of the files in their order.
        split: Which side it is on.
        seed: Seed of the stream.
    """

    pages: tuple[ScannedPage, ...]
    documents: tuple[DocumentTruth, ...]
    files: tuple[FileFacts, ...]
    split: FileSplit
    seed: int

    def truth(self) -> dict[str, Any]:
        """Return what is true of it as JSON has it."""
        return stream_truth(self.seed, self.files, [page.truth for page in self.pages])


def stream_truth(
    seed: int, files: Sequence[FileFacts], pages: Sequence[PageTruth]
) -> dict[str, Any]:
    """Return what is true of a stream as JSON has it.

    Args:
        seed: Seed of the stream.
        files: Its files.
        pages: Its pages.
    """
    numbers = [[one.page for one in pages if one.file == file] for file in range(1, len(files) + 1)]
    return {
        "schema": "building-file-truth/1",
        "is_example": True,
        "split": files[0].split,
        "seed": seed,
        "files": [
            file_as_dict(number, facts, found)
            for number, (facts, found) in enumerate(zip(files, numbers, strict=True), 1)
        ],
        "documents": [one.as_dict() for one in documents_of(pages)],
        "pages": [one.as_dict() for one in pages],
    }


def documents_of(pages: Sequence[PageTruth]) -> tuple[DocumentTruth, ...]:
    """Return the documents that pages belong to.

    Args:
        pages: Pages of a stream.
    """
    made = []
    for number in dict.fromkeys(page.document for page in pages):
        mine = [page for page in pages if page.document == number]
        first = mine[0]
        made.append(DocumentTruth(number, first.file, first.page_class, first.page, mine[-1].page))
    return tuple(made)


def plan_stream(files: Sequence[FileFacts], seed: int) -> list[PageOrder]:
    """Return what the pages of a stream are.

    Args:
        files: Files in their order.
        seed: Seed of the stream.
    """
    orders: list[PageOrder] = []
    number = 0
    for file, facts in enumerate(files, 1):
        # Over 20 seeds in a row each class is there at least once.
        wanted = PAGE_CLASSES[(seed + file - 1) % len(PAGE_CLASSES)]
        for document in plan_documents(facts, must_have=wanted):
            number += 1
            for page in range(document.pages):
                order = PageOrder(facts, file, document, number, page, False, page == 0)
                orders.append(order)
                draw = stream(facts.seed, "duplicate", document.number, page).random()
                if draw < DUPLICATE_SHARE:
                    orders.append(replace(order, starts=False, duplicate_of=len(orders)))
                if page in document.backs:
                    orders.append(replace(order, is_blank=True, starts=False))
    return orders


def batch_facts(seed: int, files: int) -> list[FileFacts]:
    """Return the facts of the files of a batch; each is of another property.

    Args:
        seed: Seed of the batch, from 0 to 99,999.
        files: Number of files, from 1.

    Raises:
        InputError: The seed belongs to no split.
    """
    first = draw_facts(seed)
    made = [first]
    for number in range(1, files):
        other = draw_facts(seed, FILES_PER_SEED * number)
        made.append(other)
    return made


def iter_pages(
    files: Sequence[FileFacts], seed: int, *, dpi: int | None = None, quality: Quality = "mixed"
) -> Iterator[ScannedPage]:
    """Render the pages of a stream one after the other.

    Args:
        files: Files in their order.
        seed: Seed of the stream.
        dpi: Dots per inch; None draws them for each file (clean: 300).
        quality: How strongly pages are spoilt.
    """
    for number, order in enumerate(plan_stream(files, seed), 1):
        chosen = dpi or _resolution(order.facts, quality)
        yield render_page(order, number, chosen, quality)


def iter_batch(
    seed: int, *, files: int = 3, dpi: int | None = None, quality: Quality = "mixed"
) -> Iterator[ScannedPage]:
    """Render the pages of a batch of several files one after the other; see `render_batch`."""
    yield from iter_pages(batch_facts(seed, files), seed, dpi=dpi, quality=quality)


def render_batch(
    seed: int, *, files: int = 3, dpi: int | None = None, quality: Quality = "mixed"
) -> FileScan:
    """Render a batch of several files.

    Args:
        seed: From 0 to 99,999; it says the split.
        files: Number of files, from 1.
        dpi: Dots per inch; None draws them for each file (clean: 300).
        quality: How strongly pages are spoilt.

    Raises:
        InputError: The seed belongs to no split.
    """
    facts = batch_facts(seed, files)
    pages = tuple(iter_pages(facts, seed, dpi=dpi, quality=quality))
    documents = documents_of([page.truth for page in pages])
    return FileScan(pages, documents, tuple(facts), facts[0].split, seed)


def render_seed_file(seed: int, *, dpi: int | None = None, quality: Quality = "mixed") -> FileScan:
    """Render one invented file; see `render_batch`."""
    return render_batch(seed, files=1, dpi=dpi, quality=quality)


def _resolution(facts: FileFacts, quality: Quality) -> int:
    if quality == "clean":
        return 300
    shares = tuple(share for _, share in RESOLUTIONS)
    dpi = RESOLUTIONS[draw_index(stream(facts.seed, "resolution"), shares)][0]
    return max(dpi, 200) if quality == "print" else dpi


def render_page(order: PageOrder, number: int, dpi: int, quality: Quality) -> ScannedPage:
    """Render one page of a stream.

    Args:
        order: What it is.
        number: Its number in the stream, from 1.
        dpi: Dots per inch.
        quality: How strongly it is spoilt.
    """
    facts, document = order.facts, order.document
    place = document.number, order.page, int(order.is_blank), int(order.duplicate_of > 0)
    rng = stream(facts.seed, "scan", *place)
    wear = draw_wear(quality, facts.era, rng, is_drawn=document.is_drawn)
    if order.is_blank:
        wear = replace(wear, stamped=False, turn_deg=0, faults=())
        size = (297.0, 210.0) if document.landscape else (210.0, 297.0)
        sheet = Sheet(*size, dpi, rng)
    else:
        sheet = set_page(facts, document, order.page, dpi, stamped=wear.stamped)
    image, turn = spoil(sheet, wear, rng)
    image, turn = _quarter_turns(image, turn, wear.turn_deg)
    truth = _page_truth(order, number, sheet, wear, turn, image.shape)
    return ScannedPage(np.ascontiguousarray(image), truth)


def _quarter_turns(
    image: NDArray[np.uint8], turn: Turn, upright_deg: int
) -> tuple[NDArray[np.uint8], Turn]:
    """Turn a page so that a clockwise turn by the angle puts it upright again."""
    quarters = upright_deg // 90
    for _ in range(quarters):
        width = image.shape[1]
        image = np.rot90(image)
        # A turn to the left: x becomes y from below, the right edge becomes the upper one.
        turn = np.array([turn[1], width * turn[2] - turn[0], turn[2]])
    return image, turn


def _page_truth(
    order: PageOrder, number: int, sheet: Sheet, wear: Wear, turn: Turn, shape: tuple[int, ...]
) -> PageTruth:
    lines = tuple(_line_truth(line, turn, shape) for line in sheet.lines)
    fields, personal = _spans(sheet.spans, turn, shape)
    scripts = [line.script for line in sheet.lines]
    script = max(dict.fromkeys(scripts), key=scripts.count) if scripts else "antiqua"
    faults = list(wear.faults)
    if order.is_blank:
        faults.append("leer")
    if sheet.dpi < 130:
        faults.append("zu_klein")
    if order.duplicate_of:
        faults.append("doppelt")
    return PageTruth(
        number, order.file, order.document_number, order.starts, order.document.page_class,
        "leer" if order.is_blank else "text", shape[1], shape[0], sheet.dpi,
        "A4", order.facts.era.name, order.facts.family.name, script, wear.turn_deg,
        round(wear.tilt_deg, 3), tuple(wear.names()), tuple(faults), order.duplicate_of,
        lines, fields, personal,
        tuple((area.kind, _moved(area.box, turn, shape)) for area in sheet.areas),
    )  # fmt: skip


def _line_truth(line: Line, turn: Turn, shape: tuple[int, ...]) -> LineTruth:
    boxes = np.array([box for _, box in line.words])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    whole = (low[0], low[1], high[0], high[1])
    quad = tuple((round(float(x), 2), round(float(y), 2)) for x, y in _corners(whole, turn))
    words = tuple((text, _moved(box, turn, shape)) for text, box in line.words)
    return LineTruth(line.text, _moved(whole, turn, shape), quad, line.script, line.block, words)


def _spans(
    spans: Sequence[Span], turn: Turn, shape: tuple[int, ...]
) -> tuple[tuple[SpanTruth, ...], tuple[SpanTruth, ...]]:
    fields, personal = [], []
    for span in spans:
        mark: Mark = span.mark
        box = _moved(span.box, turn, shape)
        if mark.name:
            fields.append(
                SpanTruth(mark.name, mark.value, span.text, "", box, span.line, span.part)
            )
        if mark.category:
            personal.append(
                SpanTruth(mark.category, "", span.text, mark.role, box, span.line, span.part)
            )
    return tuple(fields), tuple(personal)


def _corners(box: Box, turn: Turn) -> NDArray[np.float64]:
    x0, y0, x1, y1 = box
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    return np.column_stack([dot(corners, row[:2]) + row[2] for row in turn[:2]])


def _moved(box: Box, turn: Turn, shape: tuple[int, ...]) -> Box:
    """Return where a box of the sheet lies in the scan, cut at its edges."""
    moved = np.clip(_corners(box, turn), 0, (shape[1], shape[0]))
    low, high = moved.min(axis=0), moved.max(axis=0)
    x0, y0, x1, y1 = (round(float(edge), 2) for edge in (*low, *high))
    return x0, y0, x1, y1
