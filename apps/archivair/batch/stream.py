"""What the software found on the pages of a batch, independent of what people decide about it.

    stream = make_stream({1: first, 2: second}, inputs)

A run keeps it as `stream.json`; `making.py` makes documents of it, cheap enough for each view.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from apps.archivair.batch.contents import BatchInput
from apps.archivair.documents.candidates import Candidate
from apps.archivair.documents.content import PageContent, page_content
from apps.archivair.documents.fields import find_candidates
from apps.archivair.documents.page_class import load_page_classifier
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.pairs import pair_chances
from apps.archivair.duplicates import DUPLICATE, SeenPage, find_duplicates
from apps.archivair.errors import ReadingUnusable
from apps.archivair.kept_page import KeptPage
from apps.archivair.outputs import models_json
from apps.archivair.pages import PageIdentity, page_stem
from apps.archivair.quality import BLANK
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import ModelUse

STREAM_NAME = "stream.json"
MEDIA_TYPE = "application/json"
CHANCE_DIGITS = 6
SECONDS_DIGITS = 2


@dataclass(frozen=True, slots=True)
class StreamPage:
    """One page as it was found.

    Args:
        page: Its number in the batch, from 1.
        file: Number of its file, from 1.
        stem: Name of its files without ending.
        width: Width of the delivered page image in pixels; 0 when it could not be opened.
        height: Height in pixels.
        script: Script of the page.
        rotation_deg: Clockwise turn that makes it upright: 0, 90, 180 or 270.
        quality: Codes of the scan check.
        is_blank: Whether it holds no ink.
        confidence: Mean confidence of its words, 0 to 1; None without a word.
        class_chances: Probability of each class in the order of `class_ids`; all 0 for a blank
            page and for one that could not be read.
        boundary_chance: Chance that a document begins here, seen from this page and the one
            before alone, 0 to 1; 1 for the first.
        error: Code of why it could not be read; empty when it was.
        duplicate_of: Number of the earlier page that it repeats; 0 for none.
    """

    page: int
    file: int
    stem: str
    width: int
    height: int
    script: str
    rotation_deg: int
    quality: tuple[str, ...]
    is_blank: bool
    confidence: float | None
    class_chances: tuple[float, ...] = ()
    boundary_chance: float = 1.0
    error: str = ""
    duplicate_of: int = 0

    @property
    def is_silent(self) -> bool:
        """Whether nothing on it tells where documents begin: blank or not read."""
        return self.is_blank or bool(self.error)


@dataclass(frozen=True, slots=True)
class Stream:
    """The pages of a batch with all that was found on them.

    Args:
        inputs: The delivered files.
        pages: Pages in their order; while a run goes on, numbers may be missing.
        candidates: Values behind labels, several for the same field included.
        models: Name, version and sha256 of the models that took part.
        seconds: Time that the pages took together.
    """

    schema: Literal["archivair-stream/1"]
    inputs: tuple[BatchInput, ...]
    pages: tuple[StreamPage, ...]
    candidates: tuple[Candidate, ...]
    models: tuple[Mapping[str, str], ...]
    seconds: float


_STREAM = TypeAdapter(Stream)


class StreamMaker:
    """Takes pages in one by one and keeps of each only what is compared."""

    def __init__(self) -> None:
        self._contents: dict[int, PageContent] = {}
        self._facts: dict[int, tuple[PageIdentity, StreamPage]] = {}
        self._failed: dict[int, str] = {}
        self._fingerprints: dict[int, str] = {}
        self._models: dict[ModelUse, None] = {}

    def add(self, number: int, page: KeptPage) -> None:
        """Take in a page that was read.

        Args:
            number: Its number in the batch, from 1.
            page: What was read.
        """
        reading, is_blank = page.reading, _is_blank(page)
        self._contents[number] = page_content(reading, number, is_blank=is_blank, look=page.look)
        self._facts[number] = page.identity, _read_page(number, page, is_blank)
        self._models |= dict.fromkeys(reading.models)
        self._fingerprints[number] = reading.fingerprint

    def add_failed(self, number: int, code: str) -> None:
        """Take in a page that could not be read: it tells as little as a blank one.

        Args:
            number: Its number in the batch, from 1.
            code: Why.
        """
        self._contents[number] = PageContent(number, 1.0, 1.0, is_blank=True)
        self._failed[number] = code

    def finish(self, inputs: Sequence[BatchInput], seconds: float = 0.0) -> Stream:
        """Classify the pages, compare neighbours and search for fields.

        Args:
            inputs: The delivered files; of those with failed pages the number of pages counts.
            seconds: Time that the pages took together.
        """
        contents = [self._contents[number] for number in sorted(self._contents)]
        classifier = load_page_classifier()
        found = classifier.classify(contents)
        pairs = pair_chances(contents, found, classifier)
        chances = {pair.page: pair.probability for pair in pairs}
        repeated = find_duplicates(
            [
                SeenPage(number, fingerprint, self._contents[number].text)
                for number, fingerprint in self._fingerprints.items()
            ]
        )
        pages = [
            replace(
                self._page(content.number, inputs, repeated.get(content.number, 0)),
                class_chances=_rounded(classified.probabilities),
                boundary_chance=round(chances.get(content.number, 1.0), CHANCE_DIGITS),
            )
            for content, classified in zip(contents, found, strict=True)
        ]
        return Stream(
            schema="archivair-stream/1",
            inputs=tuple(inputs),
            pages=tuple(pages),
            candidates=tuple(find_candidates(contents, found)),
            models=tuple(models_json(list(self._models))),
            seconds=round(seconds, SECONDS_DIGITS),
        )

    def _page(self, number: int, inputs: Sequence[BatchInput], duplicate_of: int) -> StreamPage:
        if number in self._failed:
            return _failed_page(number, self._failed[number], inputs)
        identity, page = self._facts[number]
        files = [(one.file, one.sha256) for one in inputs]
        quality = (*page.quality, DUPLICATE) if duplicate_of else page.quality
        file = files.index((identity.file_name, identity.sha256)) + 1
        return replace(page, file=file, quality=quality, duplicate_of=duplicate_of)


def make_stream(
    pages: Mapping[int, KeptPage],
    inputs: Sequence[BatchInput],
    *,
    failed: Mapping[int, str] | None = None,
    seconds: float = 0.0,
) -> Stream:
    """Return what is found on pages that were read.

    Args:
        pages: The pages by their number in the batch.
        inputs: The delivered files; of those with failed pages the number of pages counts.
        failed: Codes of why other pages could not be read, by their number.
        seconds: Time that the pages took together.
    """
    maker = StreamMaker()
    for number, page in pages.items():
        maker.add(number, page)
    for number, code in (failed or {}).items():
        maker.add_failed(number, code)
    return maker.finish(inputs, seconds)


def inputs_of(files: Sequence[StoredFile], pages: Iterable[KeptPage]) -> tuple[BatchInput, ...]:
    """Return the delivered files of a run with the page counts that read pages tell.

    Args:
        files: Inputs of the run in their order.
        pages: Pages that were read.
    """
    counts = {page.identity.sha256: page.identity.pages for page in pages}
    return tuple(
        BatchInput(PurePath(file.name).name, file.sha256, counts.get(file.sha256, 0))
        for file in files
    )


def encode_stream(stream: Stream) -> bytes:
    """Return the stored form; the same bytes for the same stream.

    Args:
        stream: What was found.
    """
    return _STREAM.dump_json(stream)


def decode_stream(content: bytes) -> Stream:
    """Return the stream of a stored file.

    Args:
        content: What `encode_stream` returned.

    Raises:
        ReadingUnusable: It is something else, or another version of this program wrote it.
    """
    try:
        stream = _STREAM.validate_json(content)
    except ValidationError as cause:
        raise ReadingUnusable() from cause
    if any(len(page.class_chances) != len(class_ids()) for page in stream.pages):
        raise ReadingUnusable()
    return stream


def _is_blank(page: KeptPage) -> bool:
    return any(finding.code == BLANK.code for finding in page.reading.findings)


def _read_page(number: int, page: KeptPage, is_blank: bool) -> StreamPage:
    """Return the facts of a page; file, class and chance are added when all pages are there."""
    reading = page.reading
    confidence = reading.mean_confidence
    return StreamPage(
        page=number,
        file=0,
        stem=page.identity.stem,
        width=reading.width,
        height=reading.height,
        script=reading.script,
        rotation_deg=reading.rotation_deg,
        quality=tuple(finding.code for finding in reading.findings),
        is_blank=is_blank,
        confidence=None if confidence is None else round(confidence, CHANCE_DIGITS),
    )


def _failed_page(number: int, error: str, inputs: Sequence[BatchInput]) -> StreamPage:
    file, index = place_of(number, inputs)
    return StreamPage(
        page=number,
        file=file,
        stem=page_stem(PurePath(inputs[file - 1].file).stem, index, inputs[file - 1].pages),
        width=0,
        height=0,
        script="",
        rotation_deg=0,
        quality=(),
        is_blank=False,
        confidence=None,
        error=error,
    )


def _rounded(chances: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(chance, CHANCE_DIGITS) for chance in chances)


def place_of(number: int, inputs: Sequence[BatchInput]) -> tuple[int, int]:
    """Return number of the file and number of the page in it, both from 1.

    Args:
        number: Number of the page in the batch, from 1.
        inputs: The delivered files; beyond their known pages everything is of the last one.
    """
    index = number
    for place, one in enumerate(inputs, 1):
        if index <= one.pages:
            return place, index
        index -= one.pages
    return len(inputs), index + inputs[-1].pages
