"""What the tasks of the model server are called."""

from __future__ import annotations

from shared.i18n import N_

TASK_NAMES = {
    "segment": N_("Flächen und Objekte finden"),
    "change": N_("Veränderungen finden"),
    "ocr": N_("Text lesen"),
    "layout": N_("Seiten gliedern"),
    "classify": N_("Einordnen"),
    "embed": N_("Ähnlichkeit vergleichen"),
}
