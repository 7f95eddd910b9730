"""ALTO of a page that is built from its remaining words alone: nothing of the reading is copied."""

from __future__ import annotations

from apps.archivair.alto import to_alto
from apps.archivair.archive_files.page_content import ArchivePage
from apps.archivair.reading import PageReading, TextLine, Word

_REST = "auszug.pdf"
_NO_HASH = "0" * 64


def words_alto(page: ArchivePage, number: int) -> bytes:
    """Return the ALTO of a redacted page; candidates, confidences and source are left out.

    Args:
        page: The page with its remaining words.
        number: Its number, from 1.
    """
    height, width = page.image.shape[:2]
    lines = []
    for line in page.lines:
        words = tuple(Word(word.text, word.box, 1.0) for word in line)
        left, top, right, bottom = TextLine(words, ()).box
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        lines.append(TextLine(words, corners))
    reading = PageReading(
        (tuple(lines),) if lines else (), width, height, page.dpi, 0, 0.0, "antiqua", (), (), ()
    )
    return to_alto(reading, _REST, _NO_HASH, number).encode()
