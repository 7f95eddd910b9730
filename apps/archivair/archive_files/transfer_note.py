"""The transfer note (Transfervermerk): who digitised what, when, how - as PDF/A-3b.

In the spirit of BSI TR-03138 (RESISCAN). It promises nothing about destroying paper.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.archivair.archive_files.drawn_text import draw_text_pages
from apps.archivair.archive_files.manifest import InputPage
from apps.archivair.archive_files.pdfa import FileFacts, write_pdfa
from shared import __version__

SAMPLE_SHARE = 0.05
_TITLE = "Transfervermerk"


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """What the note says.

    Args:
        batch: Name of the batch; no personal data.
        device: Scanner or "nicht angegeben".
        role: Role of the person who ran the work, never a name.
        written: Moment with its zone.
        manifest_sha256: Hash of the manifest that names every page and file.
        sample: Pages that a second person checks, the same that the review page names.
        remarks: Findings of the scan check, each a German sentence.
    """

    batch: str
    device: str
    role: str
    written: datetime
    manifest_sha256: str
    sample: tuple[int, ...]
    remarks: tuple[str, ...] = ()


def pages_to_check(count: int, seed: int) -> list[int]:
    """Draw the random sample for the check by a second person: 5 %, at least one page.

    Args:
        count: Number of pages of the batch.
        seed: Seed of the draw; the same seed draws the same pages.
    """
    size = min(count, max(1, math.ceil(count * SAMPLE_SHARE)))
    # A sample that can be drawn again, not a secret.
    return sorted(random.Random(seed).sample(range(1, count + 1), size))  # noqa: S311


def transfer_note(pages: Sequence[InputPage], facts: TransferFacts) -> bytes:
    """Return the note as PDF/A-3b.

    Args:
        pages: All input pages in order, at least one.
        facts: What the note says.
    """
    sample = ", ".join(map(str, facts.sample))
    files = sorted({(one.file_name, one.file_sha256) for one in pages})
    text = [
        f"Stapel: {facts.batch}",
        f"Seiten: {len(pages)}",
        f"Zeitpunkt: {facts.written:%d.%m.%Y, %H:%M:%S %z}",
        f"Gerät: {facts.device}",
        f"Ausgeführt von (Rolle): {facts.role}",
        f"Software: ArchivAIr {__version__}",
        f"Prüfsumme des Manifests (SHA-256): {facts.manifest_sha256}",
        "",
        f"Stichprobe für das Vier-Augen-Prinzip (5 %): Seite {sample}",
        "Ergebnis der Stichprobe: ______________________   Datum, Zeichen: ________________",
        "",
        "Eingelesene Dateien:",
        *[f"{name}: {sha256}" for name, sha256 in files],
        "",
        "Feststellungen der Scan-Prüfung:",
        *(facts.remarks or ("keine",)),
        "",
        "Dieser Vermerk beschreibt, wie das digitale Abbild entstanden ist. Ob das Papier"
        " aufzubewahren ist, entscheidet die Behörde.",
    ]
    return write_pdfa(draw_text_pages(_TITLE, text), FileFacts(_TITLE, facts.written))
