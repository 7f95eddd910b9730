"""In what order the tests run, and which of them in one process after each other."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

FOLDER = Path(__file__).parent
GALLERY = "tests/e2e"
"""Name of the files whose tests share one running gallery."""
SLOW = ("jobs", "e2e")


@cache
def shares_the_gallery(file: Path) -> bool:
    """Say whether tests of a file use the one gallery of all browser tests."""
    if file.parent != FOLDER / "e2e":
        return False
    text = file.read_text(encoding="utf-8")
    return "gallery: RunningGallery" in text and "def gallery(" not in text


def rank(file: Path) -> int:
    """Return the place of a file: the slow ones come first, so that all processes end together.

    Browsers keep the processors busy while the tests of the jobs mostly wait; they run side by
    side.
    """
    if shares_the_gallery(file):
        return 0
    folder = file.relative_to(FOLDER).parts[0]
    return 1 + (SLOW.index(folder) if folder in SLOW else len(SLOW))


class OneGallery(LoadFileScheduling):
    """A file stays in one process; so do all files that share the gallery, which starts once."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return GALLERY if shares_the_gallery(FOLDER.parent / scope) else scope
