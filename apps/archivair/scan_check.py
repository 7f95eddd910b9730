"""Check a scan before anything is read: whether a person should scan the page again.

    check = check_scan(page)

No model and no reading: a page takes well under a second of one processor core.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from apps.archivair.clean import (
    WHITE,
    CleanPage,
    Gray,
    find_tilt,
    flatten_background,
    ink_threshold,
    is_negative,
    rotate,
)
from apps.archivair.duplicates import picture_fingerprint
from apps.archivair.letters import (
    FEW_LETTERS,
    Letters,
    Mask,
    edge_width,
    find_letters,
    has_faint_print,
    letters_in_lines,
    runs_down,
    stands_on_head,
)
from apps.archivair.pages import PageImage
from apps.archivair.quality import (
    BLANK,
    MIN_X_HEIGHT_PX,
    NEGATIVE,
    is_blank,
    small_print,
    steep_tilt,
)
from shared.contracts.finding import Finding
from shared.errors import N_

SIDE_PX = 1800
DARK_PAPER = 105
FAINT_INK = 0.22
BLURRED_MM, BLURRED_PX = 0.6, 4.0
A4_MM, INCH_MM = 297.0, 25.4
EDGE_PX = 2
CUT_LETTERS = 4

CUT = Finding(
    "hint",
    "abgeschnitten",
    N_("Am Rand der Seite ist Schrift abgeschnitten."),
    N_("Bitte scannen Sie das ganze Blatt."),
)
BLURRED = Finding(
    "hint",
    "unscharf",
    N_("Die Seite ist unscharf."),
    N_("Bitte legen Sie das Blatt flach auf und scannen Sie neu."),
)
DARK = Finding(
    "hint",
    "zu_dunkel",
    N_("Die Seite ist sehr dunkel."),
    N_("Bitte scannen Sie heller."),
)
FAINT = Finding(
    "hint",
    "zu_hell",
    N_("Die Schrift ist sehr blass."),
    N_("Bitte scannen Sie dunkler."),
)
UPSIDE_DOWN = Finding(
    "ok",
    "kopfstehend",
    N_("Die Seite liegt vermutlich auf dem Kopf."),
    N_("Beim Lesen wird sie gedreht."),
)
LYING = Finding(
    "ok",
    "quer",
    N_("Die Zeilen laufen von oben nach unten."),
    N_("Beim Lesen wird die Seite gedreht."),
)
RESCAN_CODES = frozenset({CUT.code, BLURRED.code, DARK.code, FAINT.code, "zu_klein", "schief"})
"""Codes of pages that a person should scan again."""
PICTURE_CODES = frozenset({CUT.code, BLURRED.code, DARK.code, FAINT.code})
"""Codes that only the picture tells; reading the page tells the others better."""


@dataclass(frozen=True, slots=True)
class ScanCheck:
    """What the check of a page found.

    Args:
        findings: Faults of the scan; empty for a good page.
        fingerprint: 64 bits of the picture as 16 hexadecimal digits, to find pages scanned twice;
            empty for a blank page.
    """

    findings: tuple[Finding, ...]
    fingerprint: str

    @property
    def must_be_scanned_again(self) -> bool:
        """Whether a person should scan the page again."""
        return any(finding.code in RESCAN_CODES for finding in self.findings)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page in the size in which it is looked at."""

    gray: Gray
    flat: Gray
    threshold: int
    scale: float
    negative: bool


def check_scan(page: PageImage) -> ScanCheck:
    """Look for faults of a scan.

    Which way up the page lies is a guess from the shapes of its letters; a page of capitals,
    figures or drawings gives none. Reading the page decides it.

    Args:
        page: The page.
    """
    seen = _look_at(page.gray)
    clean = CleanPage(seen.flat, 0.0, np.eye(2, 3), seen.threshold, seen.negative)
    if is_blank(clean):
        if has_faint_print(seen.flat):
            return ScanCheck((FAINT,), picture_fingerprint(seen.flat))
        return ScanCheck((BLANK,), "")
    tilt = find_tilt(seen.flat, seen.threshold)
    straight, _ = rotate(seen.flat, -tilt)
    ink = _ink(straight, seen.threshold)
    letters = find_letters(ink)
    findings = (*_faults(page, seen), *_size_and_place(letters, seen, tilt))
    return ScanCheck(findings, picture_fingerprint(_content(ink, letters)))


def _look_at(gray: Gray) -> _Seen:
    scale = min(1.0, SIDE_PX / max(gray.shape))
    small = gray
    if scale < 1:
        size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
        small = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    negative = is_negative(small)
    if negative:
        small = WHITE - small
    flat = flatten_background(small)
    return _Seen(small, flat, ink_threshold(flat), scale, negative)


def _faults(page: PageImage, seen: _Seen) -> Iterator[Finding]:
    if seen.negative:
        yield NEGATIVE
    ink = _ink(seen.flat, seen.threshold)
    if float(np.percentile(seen.gray, 80)) < DARK_PAPER:
        yield DARK
    letters = find_letters(ink)
    if _contrast(seen, letters) < FAINT_INK:
        yield FAINT
    if _reaches_the_edge(letters, (ink.shape[0], ink.shape[1])):
        yield CUT
    if _is_blurred(page, _enlarged(letters, 1 / seen.scale)):
        yield BLURRED


def _size_and_place(letters: Letters, seen: _Seen, tilt_deg: float) -> Iterator[Finding]:
    """Judge the letters of a page whose tilt was taken out."""
    if runs_down(letters):
        yield LYING
        return
    in_lines = letters_in_lines(letters)
    if in_lines.are_enough and in_lines.x_height / seen.scale < MIN_X_HEIGHT_PX:
        yield small_print(in_lines.x_height / seen.scale)
    if (finding := steep_tilt(tilt_deg)) is not None:
        yield finding
    if stands_on_head(letters):
        yield UPSIDE_DOWN


def _content(ink: Mask, letters: Letters) -> Gray:
    """Return the part of a page that holds its letters: margins differ from scan to scan."""
    picture = np.where(ink, 0, WHITE).astype(np.uint8)
    if not letters.are_enough:
        return picture
    left, top = np.percentile(letters.boxes[:, :2], 1, axis=0).astype(int)
    right, bottom = np.percentile(letters.boxes[:, 2:], 99, axis=0).astype(int) + 1
    return picture[top:bottom, left:right]


def _ink(flat: Gray, threshold: int) -> Mask:
    return np.asarray(cv2.GaussianBlur(flat, (0, 0), 0.7) < threshold, dtype=np.bool_)


def _contrast(seen: _Seen, letters: Letters) -> float:
    """Return how much darker letters are than the paper around them, as a share of the paper."""
    boxes = letters.boxes[:: max(1, len(letters.boxes) // 200)].astype(int)
    if len(boxes) < FEW_LETTERS:
        return 1.0
    found = []
    for left, top, right, bottom in boxes:
        patch = seen.gray[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
        low, high = np.percentile(patch, (8, 92))
        found.append(float(high - low) / max(float(high), 1.0))
    return float(np.median(found))


def _is_blurred(page: PageImage, letters: Letters) -> bool:
    """Say whether edges are wide on the paper; a page of unknown size counts as A4."""
    width = edge_width(page.gray, letters)
    per_mm = page.dpi / INCH_MM if page.dpi else max(page.gray.shape) / A4_MM
    return width is not None and width > max(BLURRED_PX, BLURRED_MM * per_mm)


def _reaches_the_edge(letters: Letters, shape: tuple[int, int]) -> bool:
    """Say whether several letters touch one edge of the scan."""
    if not letters.are_enough:
        return False
    height, width = shape
    boxes = letters.boxes
    touching = (
        boxes[:, 0] <= EDGE_PX, boxes[:, 1] <= EDGE_PX,
        boxes[:, 2] >= width - EDGE_PX, boxes[:, 3] >= height - EDGE_PX,
    )  # fmt: skip
    return max(int(side.sum()) for side in touching) >= CUT_LETTERS


def _enlarged(letters: Letters, factor: float) -> Letters:
    return Letters(letters.boxes * factor, letters.height * factor)
