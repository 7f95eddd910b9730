"""Names of files that people take along."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

MAX_NAME_CHARACTERS = 80
_ASCII = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}


def file_name(slug: str, subject: str, day: date, ending: str) -> str:
    """Return `<slug>_<subject>_<date>.<ending>` in ASCII, at most 80 characters.

    Args:
        slug: App id.
        subject: What the file is about; umlauts and spaces are replaced.
        day: Date of the result.
        ending: File ending without a dot.
    """
    spelled = "".join(_ASCII.get(character, character) for character in subject)
    ascii_only = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9-]+", "-", ascii_only).strip("-").lower()
    fixed = len(slug) + len(ending) + len(day.isoformat()) + 3
    return f"{slug}_{safe[: MAX_NAME_CHARACTERS - fixed] or 'ergebnis'}_{day.isoformat()}.{ending}"
