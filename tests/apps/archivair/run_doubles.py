"""Runs of ArchivAIr with known words on their pages, worked off by the real job."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from PIL import Image

from apps.archivair import jobs
from apps.archivair.ordering import make_order
from apps.archivair.reading import PageReading, TextLine, Word
from shared.contracts.provenance import ModelUse
from shared.store import artifacts, runs
from tests.jobs.in_process import work_off
from tests.shared.people_of_tests import CLERK

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
WIDTH_PX, HEIGHT_PX = 827, 1169
LINE_PX, FIRST_PX, CHAR_PX = 40, 100, 12
APPLICATION = (
    "Bauantrag",
    "Aktenzeichen: 63/117/57",
    "Bauherr: Karl Müller",
    "Baugrundstück: Lindenstraße 12",
    "Gemarkung: Musterstadt",
    "Flur: 7",
    "Flurstück: 104/3",
    "Antrag vom 3. Mai 1957",
)
PERMIT = (
    "Baugenehmigung",
    "Bauschein Nr. 63/117/57",
    "Bauherr: Karl Müller",
    "Die Genehmigung wird erteilt.",
    "Genehmigung vom 12.08.1957",
    "Gebäudeklasse: 3",
)


def pdf(count: int) -> bytes:
    """White pages of A4 at 100 dpi."""
    pages = [Image.new("L", (WIDTH_PX, HEIGHT_PX), 255) for _ in range(count)]
    target = io.BytesIO()
    pages[0].save(target, "PDF", save_all=True, append_images=pages[1:], resolution=100)
    return target.getvalue()


def reading_of(page, texts) -> PageReading:
    """Return a page on which these lines were read."""
    lines = tuple(_line(text, FIRST_PX + LINE_PX * place) for place, text in enumerate(texts))
    height, width = page.gray.shape
    return PageReading(
        blocks=tuple((line,) for line in lines), width=width, height=height, dpi=page.dpi,
        rotation_deg=0, tilt_deg=0.0, script="typewriter", findings=(), engines=("ppocr",),
        models=(ModelUse("ppocrv6_small", "1.0.0", "ab" * 32),),
    )  # fmt: skip


def _line(text: str, top: int) -> TextLine:
    words, left = [], 80
    for word in text.split():
        right = left + CHAR_PX * len(word)
        words.append(Word(word, (left, top, right, top + 24), 0.97))
        left = right + CHAR_PX
    corners = ((80.0, float(top)), (left, top), (left, top + 24.0), (80.0, top + 24.0))
    return TextLine(tuple(words), corners)


def finished_run(
    store, monkeypatch, *pages, acting=CLERK, is_example: bool = False, name: str = "akte.pdf"
) -> str:
    """Order the reading of pages, work it off, and return the id of the run.

    Args:
        store: Where it is kept.
        monkeypatch: Replaces the reading of a page.
        pages: Lines of each page.
        acting: Who orders.
        is_example: Whether it is example data.
        name: Name of the file.
    """
    monkeypatch.setattr(
        jobs, "read_page", lambda page, engines, *, script: reading_of(page, pages[page.index - 1])
    )
    file = artifacts.save(
        acting, store, pdf(len(pages)), name=name, media_type="application/pdf",
        kind="upload", is_example=is_example, now=NOW,
    )  # fmt: skip
    order = make_order((file,), {}, "ppocrv6_small 1.0.0", pages=len(pages), is_example=is_example)
    run = runs.submit(acting, store, order, now=NOW)
    work_off(store)
    return run.id
