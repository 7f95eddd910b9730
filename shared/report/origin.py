"""The origin of a result in words: the same lines in PDF, spreadsheet and on the page."""

from __future__ import annotations

import json
from datetime import date

from shared.contracts.provenance import SHORT_HASH_CHARACTERS, ModelUse, Provenance, RuleFile
from shared.errors import N_
from shared.i18n import Translator

MOST_NAMED_INPUTS = 20
DECISION = N_("Die Entscheidung trifft ein Mensch.")
EXAMPLE = N_("Beispieldaten, künstlich erzeugt.")


def origin_rows(origin: Provenance, t: Translator) -> list[tuple[str, str]]:
    """Return name and content of each line about an origin; nothing unknown is listed.

    Args:
        origin: Where a result comes from.
        t: Translator.
    """
    rows = [(t("Eingabe"), origin.source)]
    if origin.sample_data:
        rows.append((t("Daten"), t(EXAMPLE)))
    rows += _input_rows(origin, t)
    # One model may have run on several devices; these words do not tell that apart.
    rows += [(t("Modell"), one) for one in dict.fromkeys(map(model_words, origin.models))]
    day = origin.created_at.date()
    rows += [(t("Rechtsstand"), rule_words(rule, t, day)) for rule in origin.rules]
    rows += [
        (t("Einstellung „{name}“", name=name), _shown(value, t))
        for name, value in sorted(origin.parameters.items())
    ]
    rows += [
        (t("Startwert des Zufalls „{name}“", name=name), str(seed))
        for name, seed in sorted(origin.seeds.items())
    ]
    moment = f"{t.date(origin.created_at)}, {t.time(origin.created_at)}"
    rows.append((t("Ausgewertet"), moment))
    rows.append((t("Dauer"), t.duration(origin.duration_s)))
    rows.append((t("Programmversion"), origin.software_version))
    if origin.tenant:
        rows.append((t("Kommune"), origin.tenant))
    if origin.run_id:
        rows.append((t("Kennung des Laufs"), origin.run_id))
    rows += _failure_rows(origin, t)
    rows += [(t("Hinweis"), t(note)) for note in origin.notes]
    rows.append((t("Entscheidung"), t(DECISION)))
    return rows


def model_words(model: ModelUse) -> str:
    """Return name, version and the start of the hash of a model."""
    return f"{model.name} {model.version} ({model.sha256[:SHORT_HASH_CHARACTERS]})"


def rule_words(rule: RuleFile, t: Translator, day: date) -> str:
    """Return a rule with its version and the day of its last check.

    Args:
        rule: The rule.
        t: Translator.
        day: Day of the evaluation; a rule that no longer held on it says so.
    """
    words = t(
        "{name}, Fassung {version}, Stand {date}",
        name=rule.name,
        version=rule.version,
        date=t.date(rule.checked_on),
    )
    if rule.source:
        words += f" ({rule.source})"
    if rule.valid_to is not None and rule.valid_to < day:
        words += " – " + t("gilt nur bis {date}", date=t.date(rule.valid_to))
    return words


def failure_words(origin: Provenance, t: Translator) -> str:
    """Return how many parts have no result, and how many of them a stop has left."""
    missing = origin.units_failed + origin.units_left
    if not missing:
        return ""
    words = t(
        "{failed} von {total} Teilen ohne Ergebnis",
        failed=t.number(missing),
        total=t.number(origin.units_total or missing),
    )
    if not origin.units_left:
        return words
    left = t.number(origin.units_left)
    return words + t(", davon {left} nach Abbruch nicht bearbeitet", left=left)


def _input_rows(origin: Provenance, t: Translator) -> list[tuple[str, str]]:
    if len(origin.inputs) < 2:
        hashed = (t("Prüfsumme der Eingabe (SHA-256)"), origin.input_sha256)
        other = [file.name for file in origin.inputs if file.name != origin.source]
        return [*((t("Eingabedatei"), name) for name in other), hashed]
    rows = [
        (t("Eingabedatei {number}", number=number), f"{file.name} ({file.sha256})")
        for number, file in enumerate(origin.inputs[:MOST_NAMED_INPUTS], start=1)
    ]
    more = len(origin.inputs) - MOST_NAMED_INPUTS
    if more > 0:
        rows.append((t("Weitere Eingabedateien"), t.number(more)))
    rows.append((t("Prüfsumme aller Eingaben (SHA-256)"), origin.input_sha256))
    return rows


def _failure_rows(origin: Provenance, t: Translator) -> list[tuple[str, str]]:
    words = failure_words(origin, t)
    if not words:
        return []
    rows = [(t("Vollständigkeit"), words)]
    rows += [
        (t("Ohne Ergebnis"), f"{unit.key}: {unit.message or unit.code}")
        for unit in origin.failed_units
    ]
    return rows


def _shown(value: object, t: Translator) -> str:
    if isinstance(value, bool):
        return t("ja") if value else t("nein")
    if isinstance(value, str):
        return value
    if value is None:
        return "–"
    if isinstance(value, float):
        digits = next((n for n in range(6) if abs(round(value, n) - value) < 5e-7), 6)
        return t.number(value, digits)
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)
