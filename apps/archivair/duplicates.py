"""Which pages of a batch were scanned twice: the same picture and the same text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from apps.archivair.metrics import LENIENT, normalize
from shared.contracts.finding import Finding
from shared.errors import N_

DUPLICATE = "doppelt"
MOST_BITS = 4
MOST_BITS_UNREAD = 2
LEAST_SIMILARITY = 0.95
LEAST_CHARACTERS = 20
_SIDE_PX, _KEPT = 64, 8


@dataclass(frozen=True, slots=True)
class SeenPage:
    """What is compared of a page.

    Args:
        number: Its number in the batch, from 1.
        fingerprint: See `picture_fingerprint`; empty for blank pages, which are no duplicates.
        text: What was read; None while it is not read.
    """

    number: int
    fingerprint: str
    text: str | None = None


def picture_fingerprint(flat: NDArray[np.uint8]) -> str:
    """Return 64 bits that near-identical pictures share, as 16 hexadecimal digits.

    The signs of the lowest frequencies of a small copy (perceptual hash).

    Args:
        flat: Page with white paper, shape (height, width).
    """
    small = cv2.resize(flat, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.0)
    waves = cv2.dct(small.astype(np.float32))[1 : _KEPT + 1, 1 : _KEPT + 1]
    bits = np.packbits((waves > np.median(waves)).ravel())
    return bytes(bits.tolist()).hex()


def find_duplicates(pages: Sequence[SeenPage]) -> dict[int, int]:
    """Return which pages repeat an earlier one.

    Two pages are the same when at most 4 of 64 bits of their pictures differ and their texts are
    similar by more than 0.95. Pages with hardly any text, and those not read yet, count by their
    pictures alone, which then have to agree in all but 2 bits.

    Args:
        pages: Pages in any order.

    Returns:
        Number of the repeated page by the number of the page that repeats it.
    """
    ordered = sorted((page for page in pages if page.fingerprint), key=lambda one: one.number)
    prints = np.array([int(page.fingerprint, 16) for page in ordered], dtype=np.uint64)
    found: dict[int, int] = {}
    for place, page in enumerate(ordered):
        if not place:
            continue
        away = np.bitwise_count(prints[:place] ^ prints[place])
        for before in np.flatnonzero(away <= MOST_BITS):
            earlier = ordered[int(before)]
            if _is_same(page, earlier, int(away[before])):
                found[page.number] = found.get(earlier.number, earlier.number)
                break
    return found


def duplicate_finding(earlier: int) -> Finding:
    """Say that a page repeats another one.

    Args:
        earlier: Number of the page it repeats.
    """
    return Finding(
        "hint",
        DUPLICATE,
        N_("Die Seite ist dieselbe wie Seite {page}."),
        N_("Bitte prüfen Sie, ob sie doppelt gescannt wurde."),
        {"page": earlier},
    )


def _is_same(page: SeenPage, earlier: SeenPage, bits: int) -> bool:
    if page.text is None or earlier.text is None:
        return bits <= MOST_BITS_UNREAD
    one, other = normalize(page.text, LENIENT), normalize(earlier.text, LENIENT)
    if max(len(one), len(other)) < LEAST_CHARACTERS:
        return bits <= MOST_BITS_UNREAD
    return Levenshtein.normalized_similarity(one, other) > LEAST_SIMILARITY
