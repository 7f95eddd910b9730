"""What was measured about classes and fields, in a sentence beside the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from shared.i18n import Translator

FILE = Path(__file__).parents[1] / "evaluation_documents.json"
_CLASSES, _CLEAR, _POOR = (
    "class_accuracy",
    "field:aktenzeichen:print",
    "field:aktenzeichen:degraded",
)


def measured_words(t: Translator) -> str:
    """Say how often classes and case numbers were right where the truth is known.

    Args:
        t: Translator of the app.

    Raises:
        KeyError: The stored figures lack one of these.
    """
    known = _figures()
    return t(
        "Gemessen an {streams} erfundenen Stapeln mit nachgeahmten Lesefehlern: Die Art "
        "stimmte bei {classes} der Seiten, das Aktenzeichen in {clear} der Fälle, auf schlechten "
        "Scans in {poor}. Auf echten Akten kann es schlechter sein.",
        streams=t.number(known[_CLASSES]["streams"]),
        classes=t.percent(known[_CLASSES]["value"], 0),
        clear=t.percent(known[_CLEAR]["value"], 0),
        poor=t.percent(known[_POOR]["value"], 0),
    )


@lru_cache(maxsize=1)
def _figures() -> Mapping[str, Mapping[str, Any]]:
    stored = json.loads(FILE.read_text(encoding="utf-8"))["figures"]
    return {one["name"]: one for one in stored if one["source"] == "noise"}
