"""Pages that a command has read stay beside its results until it is done: a restart goes on there.

The folder `.archivair/gelesen_<order>` in the result folder holds one file per page. Its name tells
what was ordered, of which files, by which programs and models: what differs in any of it is read
anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from apps.archivair import kept_page
from apps.archivair.errors import ReadingUnusable
from apps.archivair.kept_page import decode_page
from apps.archivair.page_figures import figures_from
from shared.errors import StorageFull
from shared.jobs.definition import JobContext, JobDefinition, UnitResult
from shared.jobs.inline import InlineStep
from shared.settings import REPOSITORY

WORK_FOLDER = ".archivair"
_READ = "gelesen_"
_PROGRAM = ("apps/archivair", "shared")
_DATA = (".py", ".toml", ".npz")


@dataclass(frozen=True)
class KeptPages:
    """Pages of one order.

    Args:
        folder: Where they lie; made with the first page.
    """

    folder: Path

    @classmethod
    def of(cls, results: Path, told: Sequence[object]) -> KeptPages:
        """Return the pages of an order; those of all others in this result folder are removed.

        Args:
            results: Result folder.
            told: Everything that was ordered and what reads it, as plain values.
        """
        text = json.dumps([_program_state(), *told], sort_keys=True)
        name = _READ + hashlib.sha256(text.encode()).hexdigest()[:24]
        work = results / WORK_FOLDER
        if work.is_dir():
            for other in work.glob(f"{_READ}*"):
                if other.name != name:
                    shutil.rmtree(other, ignore_errors=True)
        return cls(work / name)

    def resumed(self, definition: JobDefinition) -> JobDefinition:
        """Return a job that reads only pages that are not here yet.

        Args:
            definition: The job that reads pages.
        """

        def process(key: str, context: JobContext) -> UnitResult:
            return self._find(key, context) or definition.process(key, context)

        return replace(definition, process=process)

    def keep(self, step: InlineStep) -> None:
        """Keep a page that is over; its own file comes last, so that it is whole when it is there.

        Args:
            step: The page.

        Raises:
            StorageFull: There is no space for it; the work is of no use without.
        """
        outcome = step.outcome
        if outcome.error_code == StorageFull.code:
            raise StorageFull(folder=str(self.folder.parent.parent))
        if outcome.file is None or (self.folder / f"{outcome.key}.page").exists():
            return
        row = json.dumps(dict(outcome.data or {})).encode()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, content in (
                (f"{outcome.key}.json", row),
                (f"{outcome.key}.page", step.read(outcome.file)),
            ):
                beside = self.folder / f"{name}.{os.getpid()}.part"
                try:
                    beside.write_bytes(content)
                    beside.replace(self.folder / name)
                finally:
                    beside.unlink(missing_ok=True)
        except OSError as cause:
            raise StorageFull(folder=str(self.folder.parent.parent)) from cause

    def __len__(self) -> int:
        """Return how many pages are here."""
        return sum(1 for _ in self.folder.glob("*.page")) if self.folder.is_dir() else 0

    def _find(self, key: str, context: JobContext) -> UnitResult | None:
        """Return a page; what cannot be understood any more is read anew."""
        try:
            row = json.loads((self.folder / f"{key}.json").read_bytes())
            content = (self.folder / f"{key}.page").read_bytes()
            page = decode_page(content)
            figures_from(row)
        except (OSError, ValueError, ReadingUnusable):
            (self.folder / f"{key}.page").unlink(missing_ok=True)
            return None
        file = context.write(f"{page.identity.stem}.zip", content, kept_page.MEDIA_TYPE)
        return UnitResult(row, file, page.reading.models)


@lru_cache(maxsize=1)
def _program_state() -> str:
    """Name the state of the program: another one may read otherwise."""
    digest = hashlib.sha256()
    for folder in _PROGRAM:
        for path in sorted((REPOSITORY / folder).rglob("*")):
            if path.suffix in _DATA:
                state = path.stat()
                digest.update(f"{path}:{state.st_size}:{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
