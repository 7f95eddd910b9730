"""What about a page makes its reading uncertain, in words a clerk can act on."""

from __future__ import annotations

import cv2
import numpy as np

from apps.archivair.clean import CleanPage
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
TURNED = "gedreht_erkannt"
NEGATIVE = Finding(
    "ok", "negativ", N_("Die Seite hat helle Schrift auf dunklem Grund und wurde umgekehrt.")
)
NO_TESSERACT = Finding(
    "hint",
    "tesseract_fehlt",
    N_("Die zweite Texterkennung (Tesseract) fehlt; gelesen wurde mit einer allein."),
    N_("Installieren Sie das Debian-Paket tesseract-ocr-deu."),
)
LOW_CONFIDENCE = Finding(
    "hint",
    "unsicher",
    N_("Viele Wörter dieser Seite sind unsicher."),
    N_("Bitte vergleichen Sie den Text mit dem Scan."),
)


def is_blank(clean: CleanPage) -> bool:
    """Say whether there is practically no ink away from the edges.

    Args:
        clean: The page after background division.
    """
    height, width = clean.image.shape
    edge_x, edge_y = round(width * EDGE_SHARE), round(height * EDGE_SHARE)
    inner = clean.image[edge_y : height - edge_y or None, edge_x : width - edge_x or None]
    smooth = cv2.GaussianBlur(inner, (0, 0), 1.0)
    ink = (smooth < min(clean.ink_threshold, 170)).astype(np.uint8)
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
        findings.append(
            Finding(
                "ok",
                TURNED,
                N_("Die Seite lag um {degrees} Grad gedreht und wurde richtig herum gelesen."),
                details={"degrees": rotation_deg},
            )
        )
    if boxes and x_height_px(boxes) < MIN_X_HEIGHT_PX:
        findings.append(
            Finding(
                "hint",
                "schrift_klein",
                N_("Die Schrift ist im Scan sehr klein ({pixels} Bildpunkte)."),
                N_("Bitte scannen Sie mit mindestens 200 dpi."),
                {"pixels": round(x_height_px(boxes))},
            )
        )
    if abs(clean.angle_deg) > MAX_STEADY_TILT_DEG:
        findings.append(
            Finding(
                "hint",
                "stark_schief",
                N_("Die Seite liegt sehr schief ({degrees} Grad)."),
                N_("Bitte legen Sie sie gerade und scannen Sie neu."),
                {"degrees": round(abs(clean.angle_deg))},
            )
        )
    return findings


def needs_review(reading: PageReading) -> bool:
    """Say whether a person should compare this page with its scan.

    True when the mean confidence is below 0.9, more than 15 % of the words are doubtful, or a
    finding says that something may be missing.

    Args:
        reading: The page as read.
    """
    if any(
        finding.level != "ok" and finding.code != NO_TESSERACT.code for finding in reading.findings
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
