"""The sentence beside results names the figures that were measured, not others."""

from __future__ import annotations

import json

from apps.archivair.views.measured import FILE, measured_words
from shared.i18n import get_translator


def test_the_sentence_names_the_stored_figures():
    stored = json.loads(FILE.read_text(encoding="utf-8"))["figures"]
    noise = {one["name"]: one["value"] for one in stored if one["source"] == "noise"}
    names = ("class_accuracy", "field:aktenzeichen:print", "field:aktenzeichen:degraded")
    words = measured_words(get_translator("de", "archivair"))
    for name in names:
        assert f"{round(100 * noise[name])} %" in words.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "Auf echten Akten kann es schlechter sein" in words
