"""Texts of people as every database can keep them."""

from __future__ import annotations

import re

from shared.errors import TextInvalid, TextTooLong

_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[1-9¹²³]) *(\.|$)", re.IGNORECASE)
"""Names that Windows reads as devices, whatever their ending."""


def no_device(name: str) -> str:
    """Return a file name that Windows takes for a file, not for a device.

    Args:
        name: Without folders and without characters that nobody sees.
    """
    return f"_{name}" if _DEVICE.match(name) else name


def checked_text(text: str, limit: int, *, empty: bool = False) -> str:
    """Return a text without spaces at its ends.

    Args:
        text: What somebody typed, or a name from a file.
        limit: Most characters.
        empty: Whether nothing is fine too.

    Raises:
        TextInvalid: It holds the character NUL or half of a surrogate pair.
        TextTooLong: It is too long, or empty where it must not be.
    """
    kept = text.strip()
    if "\0" in kept or any("\ud800" <= character <= "\udfff" for character in kept):
        raise TextInvalid()
    if len(kept) > limit or not (kept or empty):
        raise TextTooLong(limit=limit)
    return kept
