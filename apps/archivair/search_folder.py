"""Read the result folder of `process` for a search; whatever else lies there is refused, not read.

The folder may come from anywhere: links are not followed, sizes are bounded, and what is not of
this program's form ends with one sentence.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Annotated, Final, Literal
from xml.etree import ElementTree

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from apps.archivair.alto import NAMESPACE
from apps.archivair.batch.batch_files import BATCH_NAME
from apps.archivair.batch.contents import Batch, BatchPage, decode_batch
from apps.archivair.batch.document_files import PAGES
from apps.archivair.errors import ReadingUnusable, ResultsUnusable
from apps.archivair.index import IndexedLine, IndexedWord

MOST_PAGES: Final = 20_000
MOST_FILE_BYTES: Final = 64 * 2**20
MOST_BYTES: Final = 2 * 2**30
_LONGEST_WORD = 10_000
_NO_RESULTS = "Darin fehlt batch.json. Bitte geben Sie den Ergebnisordner von process an."
_LINK = "Darin liegen Verweise statt Dateien."
_TOO_LARGE = "Die Dateien darin sind zu groß."
_FOREIGN = "Darin liegt etwas anderes, oder eine andere Fassung der Software hat es geschrieben."
_DOCTYPE = re.compile("<!(?:DOCTYPE|ENTITY)", re.I)


class _Word(BaseModel):
    text: Annotated[str, Field(max_length=_LONGEST_WORD)]
    bbox_px: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class _Line(BaseModel):
    words: tuple[_Word, ...]


class _Block(BaseModel):
    lines: tuple[_Line, ...]


class _Page(BaseModel):
    schema_name: Annotated[Literal["archivair-page/1"], Field(alias="schema")]
    blocks: tuple[_Block, ...]


@dataclass
class ResultFolder:
    """The results of `process`.

    Args:
        folder: The folder.
        batch: Its batch.json.
        missing: Numbers of the pages without text files, filled while pages are read.
    """

    folder: Path
    batch: Batch
    missing: list[int] = field(default_factory=list)
    _bytes_read: int = 0

    @classmethod
    def open(cls, folder: Path) -> ResultFolder:
        """Read what was found in the batch.

        Args:
            folder: The folder.

        Raises:
            ResultsUnusable: It is no such folder.
        """
        content = _read(folder, folder / BATCH_NAME)
        if content is None:
            raise _unusable(folder, _NO_RESULTS)
        try:
            batch = decode_batch(content)
        except ReadingUnusable as cause:
            raise _unusable(folder, _FOREIGN) from cause
        numbers = [page.page for page in batch.pages]
        if len(numbers) > MOST_PAGES:
            raise _unusable(folder, _TOO_LARGE)
        if not _is_whole(batch, numbers):
            raise _unusable(folder, _FOREIGN)
        return cls(folder, batch)

    def pages(self) -> Iterator[tuple[int, list[IndexedLine]]]:
        """Yield number and lines of each page that has text files.

        Raises:
            ResultsUnusable: A file is a link, too large or of another form.
        """
        if (self.folder / PAGES).is_symlink():
            raise _unusable(self.folder, _LINK)
        for page in self.batch.pages:
            lines = self._lines(page)
            if lines is None:
                self.missing.append(page.page)
            else:
                yield page.page, lines

    def _lines(self, page: BatchPage) -> list[IndexedLine] | None:
        for ending, parse in ((".json", _from_json), (".alto.xml", _from_alto)):
            content = _read(self.folder, self.folder / PAGES / f"{page.stem}{ending}")
            if content is None:
                continue
            self._bytes_read += len(content)
            if self._bytes_read > MOST_BYTES:
                raise _unusable(self.folder, _TOO_LARGE)
            try:
                return parse(content)
            except (ValueError, ElementTree.ParseError, RecursionError) as cause:
                raise _unusable(self.folder, _FOREIGN) from cause
        return None


def _is_whole(batch: Batch, numbers: list[int]) -> bool:
    """Say whether pages have their own numbers and names, and each is in one document."""
    covered = {number for one in batch.documents for number in _bounded(one.pages)}
    return (
        len(set(numbers)) == len(numbers)
        and all(_is_plain(page.stem) for page in batch.pages)
        and covered.issuperset(numbers)
        and all(0 < page.file <= len(batch.inputs) for page in batch.pages)
    )


def _bounded(pages: Sequence[int]) -> Sequence[int]:
    return pages[: MOST_PAGES + 1]


def _is_plain(stem: str) -> bool:
    """Say whether a name is one in the folder itself, never a way out of it."""
    return stem not in ("", ".", "..") and PurePath(stem).name == stem and "\0" not in stem


def _read(folder: Path, path: Path) -> bytes | None:
    """Return a file's content; None when there is none. Links, pipes and devices are refused."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as cause:
        raise _unusable(folder, _LINK) from cause
    with os.fdopen(number, "rb") as stream:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise _unusable(folder, _LINK)
        content = stream.read(MOST_FILE_BYTES + 1)
    if len(content) > MOST_FILE_BYTES:
        raise _unusable(folder, _TOO_LARGE)
    return content


def _from_json(content: bytes) -> list[IndexedLine]:
    try:
        page = _Page.model_validate_json(content)
    except ValidationError as cause:
        raise ValueError("no page") from cause
    return [
        tuple(IndexedWord(word.text, word.bbox_px) for word in line.words)
        for block in page.blocks
        for line in block.lines
    ]


def _from_alto(content: bytes) -> list[IndexedLine]:
    text = content.decode()
    if _DOCTYPE.search(text):
        raise ValueError("entities")
    root = ElementTree.fromstring(text)  # noqa: S314  # no entities, see above
    if root.tag != f"{{{NAMESPACE}}}alto":
        raise ValueError("no ALTO")
    return [
        tuple(_alto_word(word) for word in line.iter(f"{{{NAMESPACE}}}String"))
        for line in root.iter(f"{{{NAMESPACE}}}TextLine")
    ]


def _alto_word(word: ElementTree.Element) -> IndexedWord:
    left, top, width, height = (
        float(word.attrib.get(name, "nan")) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    )
    box = left, top, left + width, top + height
    if not all(abs(side) < 1e9 for side in box):
        raise ValueError("no place")
    return IndexedWord(word.attrib.get("CONTENT", "")[:_LONGEST_WORD], box)


def _unusable(folder: Path, reason: str) -> ResultsUnusable:
    return ResultsUnusable(folder=folder.name or str(folder), reason=reason)
