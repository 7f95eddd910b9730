"""Small archive files that the tests look at."""

import datetime as dt

import numpy as np

from apps.archivair.archive_files.page_content import ArchivePage, PageWord
from apps.archivair.archive_files.pdfa import Attachment, FileFacts, write_pdfa

MOMENT = dt.datetime(2026, 11, 28, 10, 15, tzinfo=dt.UTC)
FACTS = FileFacts("Bauakte Mühlenſtraße <7> & mehr", MOMENT)
ATTACHED = Attachment("seite.json", b'{"seite": 1}', "application/json", "Text der Seite")


def page(lines=(("Der", "Bauherr"),), *, dpi=100.0, shape=(300, 400), seed=0):
    """Return a grey page with noise and words in rows of 20 pixels."""
    image = np.random.default_rng(seed).integers(60, 250, shape).astype(np.uint8)
    placed = []
    for number, words in enumerate(lines):
        left, row = 20, []
        for word in words:
            right = left + 8 * len(word)
            row.append(PageWord(word, (left, 20 + 30 * number, right, 40 + 30 * number)))
            left = right + 10
        placed.append(tuple(row))
    return ArchivePage(image, dpi, tuple(placed))


def sound_file():
    """Return a file without fault, with text, two pages and an attachment."""
    return write_pdfa([page(), page((("Seite", "zwei"),))], FACTS, [ATTACHED])
