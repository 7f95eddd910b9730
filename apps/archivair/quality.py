"""What about a page makes its reading uncertain, in words a clerk can act on."""

from __future__ import annotations

import cv2
import numpy as np

from apps.archivair.clean import CleanPage
from apps.archivair.holes import hole_mask
from apps.archivair.lines import TextBox, x_height_px
from apps.archivair.reading import PageReading
from shared.contracts.finding import Finding
from shared.errors import N_

BLANK_INK_SHARE = 0.0005
EDGE_SHARE = 0.02
MIN_X_HEIGHT_PX = 9.0
MAX_STEADY_TILT_DEG = 10.0
REVIEW_CONFIDENCE = 0.9
REVIEW_DOUBTFUL_SHARE = 0.15
MIN_MARK_PX = 3

BLANK = Finding("ok", "leer", N_("Die Seite ist leer."))
NO_TEXT = Finding(
    "hint",
    "kein_text",
    N_("Auf der Seite wurde keine lesbare Schrift gefunden."),
    N_("Handschrift und Zeichnungen werden nicht gelesen."),
)
TURNED, LYING, SMALL, TILTED = "kopfstehend", "quer", "zu_klein", "schief"
NEGATIVE = Finding(
    "ok", "negativ", N_("Die Seite hat helle Schrift auf dunklem Grund und wurde umgekehrt.")
)
NO_TESSERACT = Finding(
    "hint",
    "tesseract_fehlt",
    N_("Die zweite Texterkennung (Tesseract) fehlt; gelesen wurde mit einer allein."),
    N_("Installieren Sie das Debian-Paket tesseract-ocr-deu."),
)
MUCH_HANDWRITING = 4
"""Number of pieces from which on a person has to look; below, it is a signature."""
HANDWRITING = Finding("ok", "handschrift", N_("Handschrift wurde erkannt und nicht gelesen."))
HANDWRITTEN = Finding(
    "hint",
    "handschrift",
    N_("Ein Teil der Seite ist Handschrift und wurde nicht gelesen."),
    N_("Bitte lesen Sie diese Stellen selbst."),
)
NO_FRAKTUR_DATA = Finding(
    "hint",
    "frakturdaten_fehlen",
    N_("Für Fraktur fehlen Sprachdaten von Tesseract; gelesen wurde ohne sie."),
    N_("Installieren Sie die Debian-Pakete tesseract-ocr-frk und tesseract-ocr-script-frak."),
)
LOW_CONFIDENCE = Finding(
    "hint",
    "unsicher",
    N_("Viele Wörter dieser Seite sind unsicher."),
    N_("Bitte vergleichen Sie den Text mit dem Scan."),
)


MISSING_ENGINES = frozenset({NO_TESSERACT.code, NO_FRAKTUR_DATA.code})


def is_blank(clean: CleanPage) -> bool:
    """Say whether there is practically no ink away from the edges.

    Args:
        clean: The page after background division.
    """
    height, width = clean.image.shape
    edge_x, edge_y = round(width * EDGE_SHARE), round(height * EDGE_SHARE)
    inner = clean.image[edge_y : height - edge_y or None, edge_x : width - edge_x or None]
    smooth = cv2.GaussianBlur(inner, (0, 0), 1.0)
    dark = smooth < min(clean.ink_threshold, 170)
    if (holes := hole_mask(dark)) is not None:
        dark &= ~holes
    ink = dark.astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink)
    if count < 2:
        return True
    marks = stats[:, cv2.CC_STAT_AREA] >= MIN_MARK_PX**2
    marks[0] = False
    return float(marks[labels].mean()) < BLANK_INK_SHARE


def check_page(clean: CleanPage, boxes: list[TextBox], rotation_deg: int) -> list[Finding]:
    """Judge what the scan itself does to the reading.

    Args:
        clean: The cleaned page.
        boxes: Pieces of text on it.
        rotation_deg: Turn that was needed to make it upright.
    """
    findings = []
    if clean.negative:
        findings.append(NEGATIVE)
    if rotation_deg:
        findings.append(turned_page(rotation_deg))
    x_height = x_height_px(boxes) / clean.enlarged if boxes else MIN_X_HEIGHT_PX
    if x_height < MIN_X_HEIGHT_PX:
        findings.append(small_print(x_height))
    if (tilted := steep_tilt(clean.angle_deg)) is not None:
        findings.append(tilted)
    return findings


def turned_page(rotation_deg: int) -> Finding:
    """Say that a page lies turned.

    Args:
        rotation_deg: Clockwise turn that makes it upright: 90, 180 or 270.
    """
    return Finding(
        "ok",
        TURNED if rotation_deg == 180 else LYING,
        N_("Die Seite lag um {degrees} Grad gedreht und wurde richtig herum gelesen."),
        details={"degrees": rotation_deg},
    )


def small_print(x_height: float) -> Finding:
    """Say that the print is too small in the scan.

    Args:
        x_height: Height of small letters in pixels.
    """
    return Finding(
        "hint",
        SMALL,
        N_("Die Schrift ist im Scan sehr klein ({pixels} Bildpunkte)."),
        N_("Bitte scannen Sie mit mindestens 200 dpi."),
        {"pixels": round(x_height)},
    )


def steep_tilt(angle_deg: float) -> Finding | None:
    """Say that a page lies very askew; None when it does not.

    Args:
        angle_deg: Tilt of its lines.
    """
    if abs(angle_deg) <= MAX_STEADY_TILT_DEG:
        return None
    return Finding(
        "hint",
        TILTED,
        N_("Die Seite liegt sehr schief ({degrees} Grad)."),
        N_("Bitte legen Sie sie gerade und scannen Sie neu."),
        {"degrees": round(abs(angle_deg))},
    )


def needs_review(reading: PageReading) -> bool:
    """Say whether a person should compare this page with its scan.

    True when the mean confidence is below 0.9, more than 15 % of the words are doubtful, or a
    finding says that something may be missing.

    Args:
        reading: The page as read.
    """
    if any(
        finding.level != "ok" and finding.code not in MISSING_ENGINES
        for finding in reading.findings
    ):
        return True
    return is_unsure(reading)


def is_unsure(reading: PageReading) -> bool:
    """Say whether the words of a page are unsure on the whole.

    Args:
        reading: The page as read.
    """
    words = [word for line in reading.lines for word in line.words]
    if not words:
        return False
    confidence = reading.mean_confidence or 0.0
    doubtful = sum(word.is_doubtful for word in words) / len(words)
    return confidence < REVIEW_CONFIDENCE or doubtful > REVIEW_DOUBTFUL_SHARE
