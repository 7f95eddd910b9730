"""All measured figures of the app in one form: those of `evaluate` and of its sister commands.

The sisters write files of their own, `evaluation_documents.json` and so on. `python -m
apps.archivair.evaluate --join` carries their figures over into `evaluation.json`, which cards and
Steckbrief show, and into the table of the README.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.archivair.field_values import FIELD_WORDS
from apps.archivair.redaction.words import CATEGORY_WORDS
from shared.i18n import get_translator
from shared.registry.evaluation import MeasuredFigure

OWN_FILE = "evaluation.json"
JOINED_FROM = "joined_from"
Json = dict[str, Any]

STREAM_NAMES = {
    "boundary_f1": ("Schnitte (F1)", "Cuts (F1)"),
    "exact_document_f1": ("Dokumente genau getroffen (F1)", "Documents exactly right (F1)"),
    "panoptic_quality": ("Güte der Dokumente (PQ)", "Quality of documents (PQ)"),
    "perfect_streams": ("Stapel ohne einen Fehler", "Batches without an error"),
    "exact_file_f1": ("Akten genau getroffen (F1)", "Files exactly right (F1)"),
    "source_boxes_with_raw_text": (
        "Felder, deren Stelle auf dem Scan den Text enthält",
        "Fields whose place on the scan holds the text",
    ),
    "class_accuracy": ("Art der Seite richtig", "Class of the page right"),
    "class_macro_f1": ("Art der Seite (F1 im Mittel)", "Class of the page (mean F1)"),
    "field_precision": ("Gefüllte Felder genau richtig", "Filled fields exactly right"),
    "field_ece": (
        "Kalibrierungsfehler der Feldsicherheit (ECE)",
        "Calibration error of field confidence (ECE)",
    ),
    "errors_caught_at_10_percent_review": (
        "Fehler, die beim Prüfen der unsichersten 10 % der Felder auffallen",
        "Errors found by reviewing the least certain 10 % of the fields",
    ),
}
SHOWN_FIELDS = (
    "aktenzeichen", "strasse_hausnummer", "flur", "flurstueck", "bauherr", "datum_genehmigung",
    "datum_abnahme",
)  # fmt: skip
"""Fields that name the property and the permit, and the one that is found worst."""
_PAIRS = {
    "strasse_hausnummer": ("Straße mit Hausnummer", "Street with house number"),
    "flurstueck": ("Flurstück", "Plot"),
}
_QUALITIES = {
    "print": ("gute Scans", "good scans"),
    "degraded": ("schlechte Scans", "poor scans"),
    "clean": ("saubere Seiten", "clean pages"),
}
_SOURCES = {
    "truth": ("wahrer Text", "true text"),
    "noise": ("nachgeahmte Lesefehler", "simulated reading errors"),
    "ocr": ("gelesener Text", "recognised text"),
}


def joined_figures(folder: Path) -> list[Json]:
    """Return the figures of all other files of the folder, each in the form of `evaluation.json`.

    Args:
        folder: The app.

    Raises:
        ValueError: A file does not fit (pydantic's error is a ValueError).
        OSError: A file cannot be read.
    """
    joined: list[Json] = []
    for path in sorted(folder.glob("evaluation_*.json")):
        stored = json.loads(path.read_text(encoding="utf-8"))["figures"]
        for figure in stored:
            told = _told(figure)
            if told is not None:
                MeasuredFigure.model_validate(told)
                joined.append(told | {JOINED_FROM: path.name})
    return joined


def own_figures(figures: Sequence[Json]) -> list[Json]:
    """Return the figures that `evaluate` itself has measured.

    Args:
        figures: Of `evaluation.json`.
    """
    return [one for one in figures if JOINED_FROM not in one]


def join(folder: Path) -> Json:
    """Return the content of `evaluation.json` with the figures of all other files as they are now.

    Args:
        folder: The app.

    Raises:
        ValueError: A file does not fit.
        OSError: A file cannot be read.
    """
    content: Json = json.loads((folder / OWN_FILE).read_text(encoding="utf-8"))
    return content | {"figures": own_figures(content["figures"]) + joined_figures(folder)}


def _told(figure: Json) -> Json | None:
    """Return a figure in words; None where it is too fine for a profile, or nothing was counted."""
    if figure.get("value") is None or not figure.get("items") or figure.get("is_detail"):
        return None
    if "name_en" in figure:
        return figure | _category_in_words(figure)
    names = _names(figure["name"])
    if names is None:
        return None
    source, source_en = _SOURCES[figure["source"]]
    t, t_en = get_translator("de", "archivair"), get_translator("en", "archivair")
    streams, pages = figure["streams"], figure["pages"]
    kept = ("value", "interval_95", "items", "command", "measured_on", "source", "first_seed")
    return {
        "name": names[0],
        "name_en": names[1],
        "data": f"{streams} erfundene Stapel, {t.number(pages)} Seiten, {source}",
        "data_en": f"{streams} invented batches, {t_en.number(pages)} pages, {source_en}",
        "unit": "percent",
        "digits": 1,
        **{key: figure[key] for key in kept},
    }


def _names(name: str) -> tuple[str, str] | None:
    if not name.startswith("field:"):
        return STREAM_NAMES.get(name)
    _, field, quality = name.split(":")
    if field not in SHOWN_FIELDS:
        return None
    word, word_en = _PAIRS.get(field) or _both(FIELD_WORDS[field])
    of, of_en = _QUALITIES[quality]
    return f"{word} genau richtig, {of}", f"{word_en} exactly right, {of_en}"


def _category_in_words(figure: Json) -> Json:
    """Write the category of personal data, which its file names by its id, as the page does."""
    told = {}
    for language, key in enumerate(("name", "name_en")):
        parts = figure[key].split(", ")
        words = [_both(CATEGORY_WORDS[one])[language] if one in CATEGORY_WORDS else one
                 for one in parts]  # fmt: skip
        told[key] = ", ".join(words)
    return told


def _both(word: str) -> tuple[str, str]:
    return word, get_translator("en", "archivair")(word)
