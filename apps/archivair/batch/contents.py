"""The batch as data: pages, documents, files and fields, and its form `archivair-batch/1`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field as Named, TypeAdapter, ValidationError

from apps.archivair.errors import ReadingUnusable

BoxPx = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class BatchInput:
    """One delivered file.

    Args:
        file: Its name.
        sha256: Hash of its bytes, hexadecimal.
        pages: Number of its pages.
    """

    file: str
    sha256: str
    pages: int


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One value that was found for a document, never without its place on a page.

    Args:
        name: Name of the field, such as "aktenzeichen".
        value: Normal form; dates as ISO, also shortened ("1957-05").
        raw: As it stands on the page.
        page: Number of the page in the batch, from 1.
        bbox_px: Left, top, right, bottom in pixels of the delivered page image.
        confidence: Estimated probability that the value is right, 0 to 1.
        rule: Rule that found it, or "person" when a person wrote it.
        normalised: Whether `value` differs from `raw` by more than blanks.
    """

    name: str
    value: str
    raw: str
    page: int
    bbox_px: BoxPx
    confidence: float
    rule: str
    normalised: bool


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One page of the batch.

    Args:
        page: Its number in the batch, from 1.
        file: Number of the delivered file it is from, from 1.
        stem: Name of the page's files without ending.
        page_class: One of the 20 classes, "leer" for a blank page or "unklar".
        class_probabilities: Probabilities by class; empty for a blank page.
        quality: Codes of the scan check.
        rotation_deg: Clockwise turn that makes the page upright: 0, 90, 180 or 270.
        script: Script of the page.
        starts_document: Whether a document begins here.
        boundary_probability: Probability that one begins here, 0 to 1.
        document: Number of its document, from 1.
    """

    page: int
    file: int
    stem: str
    page_class: Annotated[str, Named(alias="class")]
    class_probabilities: Mapping[str, float]
    quality: tuple[str, ...]
    rotation_deg: int
    script: str
    starts_document: bool
    boundary_probability: float
    document: int


@dataclass(frozen=True, slots=True)
class Document:
    """Pages that belong together.

    Args:
        document: Its number, from 1.
        first_page: Number of its first page in the batch.
        last_page: Number of its last page in the batch.
        document_class: One of the 20 classes or "unklar".
        confidence: Probability of that class, 0 to 1; 1 when a person chose it.
        fields: What was found on its pages, at most one value per field.
        order: Numbers of its pages as a person has put them; empty while they stand as they were
            scanned, from the first to the last.
    """

    document: int
    first_page: int
    last_page: int
    document_class: Annotated[str, Named(alias="class")]
    confidence: float
    fields: tuple[FieldValue, ...]
    order: Annotated[tuple[int, ...], Named(alias="pages")] = ()

    @property
    def pages(self) -> Sequence[int]:
        """Numbers of its pages in their order."""
        return self.order or range(self.first_page, self.last_page + 1)

    @property
    def name(self) -> str:
        """Name of its files without ending: `001_bauantrag`."""
        return f"{self.document:03d}_{self.document_class}"


@dataclass(frozen=True, slots=True)
class PropertyFile:
    """Documents about one property.

    Args:
        property: What names the property: `strasse`, `hausnummer`, `gemarkung`, `flur`,
            `flurstueck`, `aktenzeichen`, as far as found.
        documents: Numbers of its documents.
    """

    property: Mapping[str, str]
    documents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """What a person should look at.

    Args:
        kind: "class", "boundary", "field" or "page".
        page: Page to look at.
        document: Number of the document.
        name: Name of the field; empty for the other kinds.
        confidence: How sure the software is, 0 to 1.
    """

    kind: Literal["class", "boundary", "field", "page"]
    page: int
    document: int
    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, cut into documents.

    Args:
        inputs: The delivered files.
        pages: All pages in their order.
        documents: All documents in their order.
        files: The documents by property.
        needs_review: What a person should look at, least certain first.
        models: Name, version and sha256 of the models that took part.
        seconds: Time that the work took.
    """

    schema: Literal["archivair-batch/1"]
    inputs: Annotated[tuple[BatchInput, ...], Named(alias="input")]
    pages: tuple[BatchPage, ...]
    documents: tuple[Document, ...]
    files: tuple[PropertyFile, ...]
    needs_review: tuple[ReviewItem, ...]
    models: tuple[Mapping[str, str], ...]
    seconds: float


_BATCH = TypeAdapter(Batch)


def as_plain(batch: Batch) -> dict[str, Any]:
    """Return the batch as plain values, the delivered files always as a list.

    Only a document whose pages a person has put into another order lists them.

    Args:
        batch: The batch.
    """
    content = dict(_BATCH.dump_python(batch, mode="json", by_alias=True))
    for document in content["documents"]:
        if not document["pages"]:
            del document["pages"]
    return content


def encode_batch(batch: Batch) -> bytes:
    """Return the batch as JSON; a single delivered file stands alone under `input`.

    Args:
        batch: The batch.
    """
    content = as_plain(batch)
    if len(batch.inputs) == 1:
        content["input"] = content["input"][0]
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def decode_batch(content: bytes) -> Batch:
    """Return the batch of a file.

    Args:
        content: What `encode_batch` returned.

    Raises:
        ReadingUnusable: It is something else, or another version of this program wrote it.
    """
    try:
        raw = json.loads(content)
        if isinstance(raw, dict) and isinstance(raw.get("input"), dict):
            raw["input"] = [raw["input"]]
        return _BATCH.validate_python(raw)
    except (ValueError, ValidationError, RecursionError) as cause:
        raise ReadingUnusable() from cause


def document_of(documents: Sequence[Document], page: int) -> Document:
    """Return the document a page belongs to.

    Args:
        documents: Documents of a batch.
        page: Number of the page.

    Raises:
        KeyError: No document has this page.
    """
    for document in documents:
        if page in document.pages:
            return document
    raise KeyError(page)
