"""Read many pages: two at a time, in order, a failed page never stops the others."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from apps.archivair.errors import StemTaken
from apps.archivair.outputs import PageIdentity
from apps.archivair.pages import Limits, PageImage, Source, open_path
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import read_page
from apps.archivair.reading import PageReading
from apps.archivair.script import ScriptChoice
from shared.errors import (
    InputError,
    ModelServerFault,
    ModelServerTimeout,
    UrbanKiError,
)

PAGES_AT_ONCE = 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What became of one page.

    Args:
        identity: Which page.
        reading: The result, None when it failed.
        error: Why it failed, None when it did not.
        page: The page as opened, None when it could not be opened.
    """

    identity: PageIdentity
    reading: PageReading | None
    error: UrbanKiError | None
    page: PageImage | None = None


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file of which no page can be opened."""

    file_name: str
    error: InputError


@dataclass(frozen=True, slots=True)
class Survey:
    """Which pages there are, before anything is read.

    Args:
        paths: Readable files in the order given.
        pages: Pages per readable file.
        failures: Files that cannot be read at all.
    """

    paths: tuple[Path, ...]
    pages: tuple[int, ...]
    failures: tuple[FileFailure, ...]

    @property
    def total(self) -> int:
        """Number of pages of all readable files."""
        return sum(self.pages)


def survey(paths: Sequence[Path], limits: Limits) -> Survey:
    """Look into each file and count its pages.

    Args:
        paths: Files in order.
        limits: Largest input.

    Raises:
        StemTaken: Two files would write results of the same name.
    """
    _refuse_twins([path.stem for path in paths])
    readable: list[Path] = []
    counts: list[int] = []
    failures: list[FileFailure] = []
    stems: list[str] = []
    for path in paths:
        try:
            source = open_path(path, limits)
        except InputError as error:
            failures.append(FileFailure(path.name, error))
            continue
        readable.append(path)
        counts.append(source.count)
        stems += [source.page_stem(index) for index in range(1, source.count + 1)]
        source.close()
    _refuse_twins(stems)
    return Survey(tuple(readable), tuple(counts), tuple(failures))


def read_files(
    paths: Sequence[Path], engines: Engines, *, script: ScriptChoice, limits: Limits
) -> Iterator[PageOutcome]:
    """Read all pages of files that `survey` found readable.

    Args:
        paths: Files in order.
        engines: What reads.
        script: "auto" or what a person knows.
        limits: Largest input.

    Raises:
        ModelServerError: The model server went away.
        Cancelled: A person stopped the work.
    """
    for path in paths:
        source = open_path(path, limits)
        try:
            yield from read_source(source, engines, script=script)
        finally:
            source.close()


def read_source(
    source: Source,
    engines: Engines,
    *,
    script: ScriptChoice,
    pages: Sequence[int] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[PageOutcome, None, None]:
    """Read the pages of one file, two at a time; outcomes come in page order.

    Args:
        source: The file.
        engines: What reads.
        script: "auto" or what a person knows.
        pages: Numbers of the pages to read, from 1; None reads all.
        clock: Monotonic seconds.

    Raises:
        ModelServerError: The model server went away.
        Cancelled: A person stopped the work.
    """
    with ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
        waiting: deque[Future[PageOutcome]] = deque()
        try:
            for index in range(1, source.count + 1) if pages is None else pages:
                waiting.append(pool.submit(_read_one, source, index, engines, script, clock))
                if len(waiting) > PAGES_AT_ONCE:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _read_one(
    source: Source, index: int, engines: Engines, script: ScriptChoice, clock: Callable[[], float]
) -> PageOutcome:
    """Read one page; only what concerns all pages is raised."""
    identity = PageIdentity(
        source.page_stem(index), source.name, source.sha256, index, source.count
    )
    page = None
    try:
        page = source.load(index)
        reading = read_page(page, engines, script=script, clock=clock)
    except (InputError, ModelServerTimeout, ModelServerFault) as error:
        return PageOutcome(identity, None, error, page)
    except UrbanKiError:
        raise
    except Exception:
        # A bug or a library's own error on one strange page must not lose the others; it is
        # listed as failed and its traceback stands in the log.
        _log.exception("page %d could not be read", index)
        return PageOutcome(identity, None, UrbanKiError(), page)
    return PageOutcome(identity, reading, None, page)


def _refuse_twins(stems: Sequence[str]) -> None:
    seen: set[str] = set()
    for stem in stems:
        if stem in seen:
            raise StemTaken(stem=stem)
        seen.add(stem)
