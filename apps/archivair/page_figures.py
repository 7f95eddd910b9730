"""The figures of pages and of a whole file; small enough to be held for thousands of pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter, ValidationError

from apps.archivair.errors import ReadingUnusable
from apps.archivair.pages import PageIdentity
from apps.archivair.quality import needs_review
from apps.archivair.reading import PageReading
from apps.archivair.script import Script
from shared.contracts.jobs import JsonObject

CONFIDENCE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class PageFigures:
    """What is known of a page that was read without opening its file.

    Args:
        page: Number in the batch, from 1; pages of several files are numbered through.
        stem: Name of its files without ending.
        lines: Lines read.
        words: Words read.
        doubtful_words: Words a person should look at.
        characters: Characters read without line breaks.
        confidence: Mean confidence over all words; None without one.
        needs_review: True when a person should compare the page with its scan.
        script: Print or typewriter.
        engines: Engines that took part.
        rotation_deg: Clockwise turn that makes the page upright.
        findings: Codes of what a reader should know.
        seconds: Time the page took.
    """

    page: int
    stem: str
    lines: int
    words: int
    doubtful_words: int
    characters: int
    confidence: float | None
    needs_review: bool
    script: Script
    engines: tuple[str, ...]
    rotation_deg: int
    findings: tuple[str, ...]
    seconds: float

    def as_row(self) -> JsonObject:
        """Return the figures as plain values."""
        return asdict(self)

    def as_entry(self) -> dict[str, object]:
        """Return the page's entry in the summary of a command."""
        return {
            "stem": self.stem,
            "script": self.script,
            "lines": self.lines,
            "chars": self.characters,
            "mean_confidence": None if self.confidence is None else round(self.confidence, 3),
            "needs_review": self.needs_review,
            "engines": list(self.engines),
        }


_ROW = TypeAdapter(PageFigures)


def figures_of(
    reading: PageReading, identity: PageIdentity, seconds: float, *, page: int | None = None
) -> PageFigures:
    """Return the figures of a page.

    Args:
        reading: The page as read.
        identity: Which page it is.
        seconds: Time it took.
        page: Its number in the batch; None takes that in its file.
    """
    mean = reading.mean_confidence
    return PageFigures(
        page=identity.index if page is None else page,
        stem=identity.stem,
        lines=len(reading.lines),
        words=sum(len(line.words) for line in reading.lines),
        doubtful_words=sum(line.doubtful_words for line in reading.lines),
        characters=reading.characters,
        confidence=None if mean is None else round(mean, CONFIDENCE_DIGITS),
        needs_review=needs_review(reading),
        script=reading.script,
        engines=reading.engines,
        rotation_deg=reading.rotation_deg,
        findings=tuple(finding.code for finding in reading.findings),
        seconds=round(seconds, 3),
    )


def figures_from(row: JsonObject | None) -> PageFigures:
    """Return the figures of a stored row.

    Args:
        row: What `PageFigures.as_row` returned.

    Raises:
        ReadingUnusable: It is something else, or another version of this program wrote it.
    """
    try:
        return _ROW.validate_python(row)
    except ValidationError as cause:
        raise ReadingUnusable() from cause


@dataclass(frozen=True, slots=True)
class FileFigures:
    """Sums over all pages of a file that were read.

    Args:
        pages: Pages.
        lines: Lines.
        words: Words.
        doubtful_words: Words a person should look at.
        characters: Characters without line breaks.
        confidence: Mean confidence, pages with more text counting more; None without a word.
        pages_to_review: Pages a person should compare with their scans.
        seconds: Time spent reading, all pages together.
    """

    pages: int
    lines: int
    words: int
    doubtful_words: int
    characters: int
    confidence: float | None
    pages_to_review: int
    seconds: float

    def as_row(self) -> JsonObject:
        """Return the figures as plain values."""
        return asdict(self)


def add_up(pages: Iterable[PageFigures]) -> FileFigures:
    """Add the figures of pages.

    Args:
        pages: Read one by one.
    """
    count = lines = words = doubtful = characters = reviews = weight = 0
    weighted = seconds = 0.0
    for page in pages:
        count += 1
        lines += page.lines
        words += page.words
        doubtful += page.doubtful_words
        characters += page.characters
        reviews += page.needs_review
        seconds += page.seconds
        if page.confidence is not None:
            weighted += page.confidence * page.characters
            weight += page.characters
    mean = round(weighted / weight, CONFIDENCE_DIGITS) if weight else None
    return FileFigures(count, lines, words, doubtful, characters, mean, reviews, round(seconds, 3))
