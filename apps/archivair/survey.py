"""Look into the files of a call before anything is read: which pages there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.archivair.errors import StemTaken
from apps.archivair.pages import Limits, PageIdentity, open_path
from shared.errors import InputError


@dataclass(frozen=True, slots=True)
class SurveyedFile:
    """A file of which pages can be read.

    Args:
        path: Where it lies.
        media_type: For example "application/pdf".
        pages: Its pages in order.
    """

    path: Path
    media_type: str
    pages: tuple[PageIdentity, ...]


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file of which no page can be opened."""

    file_name: str
    error: InputError


@dataclass(frozen=True, slots=True)
class Survey:
    """What a call would read.

    Args:
        files: Readable files in the order given.
        failures: Files that cannot be read at all.
    """

    files: tuple[SurveyedFile, ...]
    failures: tuple[FileFailure, ...]

    @property
    def pages(self) -> Iterator[PageIdentity]:
        """All pages of all readable files."""
        return (page for file in self.files for page in file.pages)


def survey(paths: Sequence[Path], limits: Limits) -> Survey:
    """Look into each file and count its pages.

    Args:
        paths: Files in order.
        limits: Largest input.

    Raises:
        StemTaken: Two files would write results of the same name.
    """
    _refuse_twins(path.stem for path in paths)
    files: list[SurveyedFile] = []
    failures: list[FileFailure] = []
    for path in paths:
        try:
            with open_path(path, limits) as source:
                pages = tuple(source.identity(index) for index in range(1, source.count + 1))
                files.append(SurveyedFile(path, source.media_type, pages))
        except InputError as error:
            failures.append(FileFailure(path.name, error))
    found = Survey(tuple(files), tuple(failures))
    _refuse_twins(page.stem for page in found.pages)
    return found


def _refuse_twins(stems: Iterable[str]) -> None:
    seen: set[str] = set()
    for stem in stems:
        if stem in seen:
            raise StemTaken(stem=stem)
        seen.add(stem)
