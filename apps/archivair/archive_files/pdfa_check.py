"""Check a PDF against the structural rules of PDF/A-3b (ISO 19005-3) that files of this app meet.

This is no full validator: it reads structure, not the inside of fonts and image streams. The page
therefore says "PDF/A-3b (strukturell geprüft)"; a full check needs veraPDF, see the documents.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import pikepdf

from apps.archivair.archive_files.pdfa_document import CheckedFile
from apps.archivair.archive_files.pdfa_rules import RULES


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that a file breaks.

    Args:
        rule: Name of the rule.
        message: What is wrong, a German sentence.
    """

    rule: str
    message: str


def rule_names() -> tuple[str, ...]:
    """Return the names of all rules."""
    return ("lesbar", *(rule.name for rule in RULES))


def check_pdfa(content: bytes) -> list[Fault]:
    """Return all broken rules, empty for a sound file.

    Args:
        content: The file.
    """
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            file = CheckedFile(content, pdf)
            return [Fault(rule.name, rule.message) for rule in RULES if not rule.holds(file)]
    except (pikepdf.PdfError, RuntimeError):
        return [Fault("lesbar", "Die Datei ist kein lesbares PDF.")]
