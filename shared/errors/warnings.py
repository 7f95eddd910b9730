"""Warnings about a result that nevertheless is one."""

from __future__ import annotations

from shared.errors.base import N_

WARNINGS = {
    "aufloesung_abweichend": N_(
        "Die Bodenauflösung {found} m weicht von {best} m ab, "
        "mit der das Modell am besten arbeitet."
    ),
    "mehrseitig": N_("Die Datei enthält {frames} Bilder. Ausgewertet wurde nur das erste."),
    "domain_shift": N_(
        "Das Bild weicht von den Trainingsdaten ab (Abstand {distance}, üblich bis {usual}). "
        "Das Ergebnis ist unsicherer als gemessen."
    ),
    "viele_objekte": N_("Es wurden mehr als {limit} Objekte gefunden. Die übrigen fehlen hier."),
}
"""German texts of warnings about a result by their stable code."""
