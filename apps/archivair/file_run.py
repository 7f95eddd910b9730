"""The reading of one file as it grows page by page; what is read stays when the work breaks off."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field, replace
from datetime import datetime

from apps.archivair.batch import PageOutcome
from apps.archivair.outputs import PageIdentity, page_files
from apps.archivair.reading import PageReading
from apps.archivair.script import ScriptChoice
from apps.archivair.upright import upright_jpeg
from shared.contracts.provenance import ModelUse
from shared.errors import UrbanKiError

EARLIEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
READABLE_FILE = 0o644 << 16
UNIX = 3

RunKey = tuple[str, str, ScriptChoice]


@dataclass(frozen=True, slots=True)
class KeptPage:
    """What is kept of a page: the reading and a small picture, never the pixels of the scan.

    Args:
        identity: Which page.
        reading: The result, None when it failed.
        error: Why it failed, None when it did not.
        picture: JPEG for the screen, the right way up; empty when the page failed.
    """

    identity: PageIdentity
    reading: PageReading | None
    error: UrbanKiError | None
    picture: bytes = b""


def keep(outcome: PageOutcome) -> KeptPage:
    """Shrink an outcome to what is kept of it."""
    if outcome.reading is None or outcome.page is None:
        return KeptPage(outcome.identity, None, outcome.error or UrbanKiError())
    picture = upright_jpeg(outcome.page.preview, outcome.reading.rotation_deg)
    return KeptPage(outcome.identity, outcome.reading, None, picture)


@dataclass(frozen=True, slots=True)
class FileRun:
    """All pages of a file that were tried so far.

    Args:
        key: Hash, name and script that the run belongs to.
        file_name: Name of the file.
        total: Pages of the file.
        is_sample: True for the invented example.
        created_at: When it was started.
        seconds: Seconds spent reading; waiting for the model server does not count.
        pages: Pages tried, in the order of their numbers.
        stopped: True when a person stopped it.
    """

    key: RunKey
    file_name: str
    total: int
    is_sample: bool
    created_at: datetime
    seconds: float = 0.0
    pages: tuple[KeptPage, ...] = field(default=())
    stopped: bool = False

    @property
    def read(self) -> tuple[KeptPage, ...]:
        """Pages that were read."""
        return tuple(page for page in self.pages if page.reading is not None)

    @property
    def readings(self) -> tuple[PageReading, ...]:
        """Readings of these pages."""
        return tuple(page.reading for page in self.pages if page.reading is not None)

    @property
    def failed(self) -> tuple[KeptPage, ...]:
        """Pages that could not be read."""
        return tuple(page for page in self.pages if page.reading is None)

    @property
    def unread(self) -> tuple[int, ...]:
        """Numbers of the pages that were not tried yet."""
        tried = {page.identity.index for page in self.pages}
        return tuple(index for index in range(1, self.total + 1) if index not in tried)

    @property
    def models(self) -> tuple[ModelUse, ...]:
        """Every model that took part, once."""
        return tuple(dict.fromkeys(model for one in self.readings for model in one.models))

    @property
    def words(self) -> int:
        """Number of words read."""
        return sum(len(line.words) for one in self.readings for line in one.lines)

    @property
    def doubtful_words(self) -> int:
        """Number of words a person should look at."""
        return sum(line.doubtful_words for one in self.readings for line in one.lines)

    @property
    def mean_confidence(self) -> float | None:
        """Mean confidence over all pages, pages with more text counting more."""
        pairs = [(one.mean_confidence, one.characters) for one in self.readings]
        known = [(mean, weight) for mean, weight in pairs if mean is not None]
        total = sum(weight for _, weight in known)
        return sum(mean * weight for mean, weight in known) / total if total else None

    def with_page(self, page: KeptPage, seconds: float) -> FileRun:
        """Return the run with one more page.

        Args:
            page: The page.
            seconds: Seconds since the page before, or since the work went on.
        """
        pages = sorted((*self.pages, page), key=lambda one: one.identity.index)
        return replace(self, pages=tuple(pages), seconds=self.seconds + seconds)

    def without_failed(self) -> FileRun:
        """Return the run as if the failed pages had not been tried."""
        return replace(self, pages=self.read, stopped=False)


def pack(run: FileRun) -> bytes:
    """Return a ZIP with the files of every page that was read; the same bytes for the same run.

    Args:
        run: The reading of a file.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for page in run.pages:
            if page.reading is None:
                continue
            for ending, content in page_files(page.reading, page.identity).items():
                entry = zipfile.ZipInfo(page.identity.stem + ending, EARLIEST_ZIP_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = READABLE_FILE
                entry.create_system = UNIX
                archive.writestr(entry, content)
    return target.getvalue()
