"""The files of one document: PDF/A-3b with text and attachments, JSON, and those of its pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from apps.archivair.archive_files.drawn_text import draw_text_pages
from apps.archivair.archive_files.manifest import InputPage, hash_of_pixels
from apps.archivair.archive_files.page_content import DEFAULT_DPI, ArchivePage, upright_page
from apps.archivair.archive_files.pdfa import Attachment, FileFacts, write_pdfa
from apps.archivair.batch.contents import Batch, BatchPage, Document, as_plain
from apps.archivair.documents.page_classes import page_classes
from apps.archivair.duplicates import DUPLICATE
from apps.archivair.kept_page import KeptPage
from apps.archivair.outputs import page_files
from shared import __version__
from shared.errors import ItemError

DOCUMENTS, PAGES = "documents", "pages"
SCHEMA = "archivair-document/1"
GENERATED_BY = "ArchivAIr (maschinell gelesen und geordnet; Entscheidung trifft ein Mensch)"
_UNCLEAR_TITLE = "Nicht zugeordnete Seiten"
_REPEATED = "Die Seite kommt im Stapel noch einmal vor."
_NOT_OPENED = "Diese Seite konnte nicht geöffnet werden und fehlt in diesem Dokument."


class PageSource(Protocol):
    """Where readings and images of pages come from."""

    def reading(self, number: int) -> KeptPage | None:
        """Return what was read on a page; None when it could not be read."""

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """Open the image of a page as it was delivered; raises `ItemError` when that fails."""


@dataclass
class WrittenDocument:
    """The files of a document and what the manifest says about its pages.

    Args:
        files: Content by place under the result folder.
        pages: Its input pages in order.
        remarks: Findings of the scan check, each a German sentence.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    pages: list[InputPage] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def write_document(
    batch: Batch, document: Document, source: PageSource, moment: datetime
) -> WrittenDocument:
    """Make the files of a document.

    Args:
        batch: The batch.
        document: One of its documents.
        source: Readings and images of the pages.
        moment: Moment of writing with its zone.
    """
    own = [page for page in batch.pages if page.document == document.document]
    written = WrittenDocument()
    content = document_json(batch, document)
    attachments = [
        Attachment(
            f"{document.document:03d}.json",
            content,
            "application/json",
            "Felder, Seiten und Herkunft des Dokuments",
        )
    ]
    places = {page.page: place for place, page in enumerate(batch.pages, 1)}
    for page in own:
        kept = source.reading(page.page)
        if kept is None:
            continue
        files = page_files(kept.reading, kept.identity)
        written.files |= {f"{PAGES}/{page.stem}{end}": data for end, data in files.items()}
        written.remarks += [
            f"Seite {page.page}: {finding.german}"
            for finding in kept.reading.findings
            if finding.level != "ok"
        ]
        if DUPLICATE in page.quality:
            written.remarks.append(f"Seite {page.page}: {_REPEATED}")
        name = _alto_name(document, places[page.page])
        about = f"Text der Seite {page.page} mit Ort jedes Wortes"
        attachments.append(Attachment(name, files[".alto.xml"], "application/xml", about))
    facts = FileFacts(title_of(document), moment)
    pdf = write_pdfa(_archive_pages(batch, own, source, written), facts, attachments)
    written.files[f"{DOCUMENTS}/{document.name}.pdf"] = pdf
    written.files[f"{DOCUMENTS}/{document.name}.json"] = content
    return written


def document_json(batch: Batch, document: Document) -> bytes:
    """Return the JSON of a document; places are pixels of the delivered page images.

    Args:
        batch: The batch.
        document: One of its documents.
    """
    plain = as_plain(batch)
    number = document.document
    own = next(one for one in plain["documents"] if one["document"] == number)
    file = next((one for one in plain["files"] if number in one["documents"]), None)
    pages = [one for one in plain["pages"] if one["document"] == number]
    content = {
        "schema": SCHEMA,
        **own,
        "title": title_of(document),
        "property": file["property"] if file else {},
        "pages": pages,
        "input": [plain["input"][place - 1] for place in sorted({one["file"] for one in pages})],
        "models": plain["models"],
        "software_version": __version__,
        "generated_by": GENERATED_BY,
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def title_of(document: Document) -> str:
    """Return the German title of a document: that of its class, never a name.

    Args:
        document: The document.
    """
    titles = {one.id: one.title for one in page_classes()}
    return titles.get(document.document_class, _UNCLEAR_TITLE)


def _alto_name(document: Document, place: int) -> str:
    """Name a page by its place in the batch, so that the names sort as the pages lie."""
    number = f"{document.document:03d}"
    if document.first_page == document.last_page:
        return f"{number}.alto.xml"
    return f"{number}_p{place:04d}.alto.xml"


def _archive_pages(
    batch: Batch, pages: Sequence[BatchPage], source: PageSource, written: WrittenDocument
) -> Iterator[ArchivePage]:
    """Open the pages one after the other, and note what the manifest says about them."""
    for page in pages:
        delivered = batch.inputs[page.file - 1]
        before = sum(one.pages for one in batch.inputs[: page.file - 1])
        sheet = InputPage(delivered.file, delivered.sha256, page.page - before, "")
        kept = source.reading(page.page)
        try:
            pixels = source.pixels(page.page)
        except ItemError as error:
            written.pages.append(sheet)
            written.remarks.append(f"Seite {page.page}: {error}")
            yield draw_text_pages(f"Seite {page.page}", [_NOT_OPENED])[0]
            continue
        written.pages.append(replace(sheet, page_sha256=hash_of_pixels(pixels)))
        if kept is None:
            yield ArchivePage(pixels, DEFAULT_DPI)
        else:
            turned = replace(kept.reading, rotation_deg=page.rotation_deg)
            yield upright_page(pixels, turned)
