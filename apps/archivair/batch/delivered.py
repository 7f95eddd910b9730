"""The delivered files of a run as one row of pages, numbered through from 1."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePath

from apps.archivair.batch.contents import BatchInput
from apps.archivair.errors import StemTaken
from apps.archivair.pages import Source, open_path, page_stem
from shared.errors import InputError, ItemError, NotFound
from shared.jobs.definition import JobContext

_COUNTS_HELD = 4096


def count_pages(context: JobContext, files: int | None = None) -> tuple[BatchInput, ...]:
    """Open each file and count its pages; a file that cannot be used has none.

    Args:
        context: Names the files.
        files: How many of the inputs are delivered files; None for all.

    Raises:
        InputError: No file can be used; it is the error of the first one.
        StemTaken: Two files would write results of the same name.
    """
    found: list[BatchInput] = []
    errors: list[ItemError] = []
    inputs = context.inputs[:files]
    for place, file in enumerate(inputs):
        try:
            pages = _count(context.input_path(place), file.name, file.sha256)
        except ItemError as error:
            errors.append(error)
            pages = 0
        found.append(BatchInput(PurePath(file.name).name, file.sha256, pages))
    if len(errors) == len(inputs):
        raise errors[0]
    _refuse_twins(found)
    return tuple(found)


def why_unusable(context: JobContext, place: int) -> InputError | None:
    """Return why a file cannot be used; None for one that can.

    Args:
        context: Names the files.
        place: Place of the file, from 0.
    """
    file = context.inputs[place]
    try:
        _count(context.input_path(place), file.name, file.sha256)
    except ItemError as error:
        return error
    return None


def open_at(context: JobContext, number: int, files: int | None = None) -> tuple[Source, int]:
    """Open the file of a page.

    Args:
        context: Names the files.
        number: Number of the page in the batch, from 1.
        files: How many of the inputs are delivered files; None for all.

    Returns:
        The open file, to be closed by the caller, and the number of the page in it.

    Raises:
        InputError: The file cannot be used.
        NotFound: There are fewer pages.
    """
    index = number
    for place, one in enumerate(count_pages(context, files)):
        if index <= one.pages:
            path = context.input_path(place)
            return open_path(path, name=one.file, sha256=one.sha256), index
        index -= one.pages
    raise NotFound()


@lru_cache(maxsize=_COUNTS_HELD)
def _count(path: Path, name: str, sha256: str) -> int:
    """Count the pages of a file; the hash stands for its content."""
    with open_path(path, name=name, sha256=sha256) as source:
        return source.count


def _refuse_twins(inputs: Sequence[BatchInput]) -> None:
    """Look at each name once: a name of one file can only be met by a page of another."""
    seen: set[str] = set()
    for one in inputs:
        stem = PurePath(one.file).stem
        for index in range(1, one.pages + 1):
            name = page_stem(stem, index, one.pages)
            if name in seen:
                raise StemTaken(stem=name)
            seen.add(name)
