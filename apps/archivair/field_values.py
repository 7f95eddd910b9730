"""Values of fields as people write and read them: German words, checks, the stored form.

What a person types is held against the grammar of its field before it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from apps.archivair.batch.edits import LONGEST_FIELD_VALUE
from apps.archivair.documents.dates import FIRST_YEAR, LAST_YEAR, find_dates
from apps.archivair.documents.grammars import read_value
from apps.archivair.documents.values import Surroundings
from shared.i18n import N_, Translator, parse_number

FIELD_WORDS: Mapping[str, str] = {
    "aktenzeichen": N_("Aktenzeichen"),
    "datum_antrag": N_("Datum des Antrags"),
    "datum_genehmigung": N_("Datum der Genehmigung"),
    "datum_abnahme": N_("Datum der Abnahme"),
    "strasse": N_("Straße"),
    "hausnummer": N_("Hausnummer"),
    "plz": N_("Postleitzahl"),
    "ort": N_("Ort"),
    "gemarkung": N_("Gemarkung"),
    "flur": N_("Flur"),
    "flurstueck_zaehler": N_("Flurstück (Zähler)"),
    "flurstueck_nenner": N_("Flurstück (Nenner)"),
    "bauherr": N_("Bauherrschaft"),
    "entwurfsverfasser": N_("Entwurf"),
    "vorhaben": N_("Vorhaben"),
    "gebaeudeklasse": N_("Gebäudeklasse"),
    "massstab": N_("Maßstab"),
    "plan_nr": N_("Plan-Nr."),
    "gebuehr_betrag": N_("Gebühr"),
    "gebuehr_waehrung": N_("Währung der Gebühr"),
    "gutachter": N_("Prüfung oder Gutachten"),
}
PERSON_FIELDS = frozenset({"bauherr", "entwurfsverfasser", "gutachter"})
"""Fields that name people."""
_AMOUNT, _CURRENCY = "gebuehr_betrag", "gebuehr_waehrung"
_CURRENCIES = {
    "dm": "DM", "rm": "RM", "reichsmark": "RM", "m": "Mk", "mk": "Mk", "mark": "Mk",
    "eur": "EUR", "euro": "EUR", "€": "EUR",
}  # fmt: skip
_MOST_AMOUNT = 10_000_000
_MONTH = re.compile(r"(?P<month>0?[1-9]|1[0-2])[./](?P<year>\d{4})")
_ISO_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])")
_PATTERNS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "hausnummer": (
        re.compile(r"\d{1,4}(?: ?[a-z])?(?: ?1/2)?(?: ?[-–/+] ?\d{1,4}(?: ?[a-z])?)?", re.I),
        N_("Bitte eine Hausnummer eingeben, zum Beispiel 12 oder 12a."),
    ),
    "plz": (re.compile(r"\d{4,5}"), N_("Eine Postleitzahl hat vier oder fünf Ziffern.")),
    "flur": (re.compile(r"\d{1,3}"), N_("Die Flur ist eine Zahl mit höchstens drei Ziffern.")),
    "flurstueck_zaehler": (
        re.compile(r"\d{1,5}"),
        N_("Der Zähler des Flurstücks ist eine Zahl mit höchstens fünf Ziffern."),
    ),
    "flurstueck_nenner": (
        re.compile(r"\d{1,4}"),
        N_("Der Nenner des Flurstücks ist eine Zahl mit höchstens vier Ziffern."),
    ),
    "gebaeudeklasse": (re.compile(r"[1-5]"), N_("Die Gebäudeklasse ist eine Zahl von 1 bis 5.")),
}
_WITHOUT_ZEROS = frozenset({"flur", "flurstueck_zaehler", "flurstueck_nenner"})


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed, understood or not.

    Args:
        value: The stored form; empty when it was not understood.
        problem: German sentence, a key of the catalogue; empty when it was understood.
    """

    value: str
    problem: str = ""


def read_typed(name: str, text: str, year_hint: int | None = None) -> Typed:
    """Check what a person typed for a field and bring it into its stored form.

    Args:
        name: Name of the field.
        text: What was typed.
        year_hint: About when the document was written; decides the century of two-digit years.
    """
    plain = " ".join(text.split())
    if not plain:
        return Typed("", N_("Bitte einen Wert eingeben oder „Unleserlich“ wählen."))
    if len(plain) > LONGEST_FIELD_VALUE or not plain.isprintable():
        return Typed("", N_("Der Wert ist zu lang oder enthält unzulässige Zeichen."))
    if name in _PATTERNS:
        return _by_pattern(name, plain)
    if name.startswith("datum_"):
        return _date(plain, year_hint)
    read = _READERS.get(name)
    return read(plain) if read else _words(plain)


def shown_value(name: str, value: str, t: Translator) -> str:
    """Write a stored value for people: dates in figures, amounts in their language.

    Args:
        name: Name of the field.
        value: Stored form.
        t: Translator.
    """
    if name.startswith("datum_"):
        return _shown_date(value)
    if name == _AMOUNT:
        try:
            return t.number(float(value), 2)
        except ValueError:
            return value
    return value


def field_word(name: str, t: Translator) -> str:
    """Return the translated name of a field.

    Args:
        name: Name of the field.
        t: Translator.
    """
    return t(FIELD_WORDS[name]) if name in FIELD_WORDS else name


def year_of(value: str) -> int | None:
    """Return the year of a stored date; None for other texts.

    Args:
        value: "1957-05-03" or "1957-05".
    """
    found = re.fullmatch(r"(\d{4})-\d{2}(-\d{2})?", value)
    return int(found[1]) if found else None


def _by_pattern(name: str, text: str) -> Typed:
    pattern, problem = _PATTERNS[name]
    if not pattern.fullmatch(text) or not text.isascii():
        return Typed("", problem)
    if name in _WITHOUT_ZEROS:
        return Typed(text.lstrip("0") or "0")
    return Typed("".join(text.split()).lower() if name == "hausnummer" else text)


def _date(text: str, year_hint: int | None) -> Typed:
    month = _MONTH.fullmatch(text) or _ISO_MONTH.fullmatch(text)
    if month and FIRST_YEAR <= int(month["year"]) <= LAST_YEAR:
        return Typed(f"{month['year']}-{int(month['month']):02d}")
    whole = [hit for hit in find_dates(text, year_hint) if text[: hit.start] in ("", "im ", "am ")]
    if len(whole) == 1 and whole[0].end == len(text):
        return Typed(whole[0].value)
    return Typed("", N_("Bitte ein Datum eingeben, zum Beispiel 03.05.1957 oder Mai 1957."))


def _shown_date(value: str) -> str:
    """Write a date in figures in every language: they can be typed again as they stand."""
    try:
        return date.fromisoformat(value).strftime("%d.%m.%Y")
    except ValueError:
        pass  # no whole date: a month, or something of an earlier version
    month = _ISO_MONTH.fullmatch(value)
    return f"{month['month']}.{month['year']}" if month else value


def _amount(text: str) -> Typed:
    problem = N_("Bitte einen Betrag eingeben, zum Beispiel 184,50.")
    try:
        amount = parse_number(text).value
    except ValueError:
        return Typed("", problem)
    return Typed(f"{amount:.2f}") if 0 <= amount < _MOST_AMOUNT else Typed("", problem)


def _currency(text: str) -> Typed:
    known = _CURRENCIES.get(text.casefold().rstrip("."))
    return Typed(known) if known else Typed("", N_("Möglich sind Mk, RM, DM und EUR."))


def _scale(text: str) -> Typed:
    spaced = text if ":" in text else f"1:{text}"
    parts = read_value("scale", spaced, 0, Surroundings())
    if len(parts) == 1 and parts[0].start == 0 and parts[0].end == len(spaced):
        return Typed(parts[0].value)
    return Typed("", N_("Bitte einen üblichen Maßstab eingeben, zum Beispiel 1:100."))


def _words(text: str) -> Typed:
    if not any(char.isalnum() for char in text):
        return Typed("", N_("Bitte einen Wert mit Buchstaben oder Ziffern eingeben."))
    return Typed(text)


def _name(text: str) -> Typed:
    if not any(char.isalpha() for char in text):
        return Typed("", N_("Bitte einen Namen mit Buchstaben eingeben."))
    return Typed(text)


_READERS: Mapping[str, Callable[[str], Typed]] = {
    _AMOUNT: _amount,
    _CURRENCY: _currency,
    "massstab": _scale,
    **dict.fromkeys(sorted(PERSON_FIELDS | {"strasse", "ort", "gemarkung"}), _name),
}
