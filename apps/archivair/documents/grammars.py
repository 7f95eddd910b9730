"""Grammars of values: what may stand after a label, and its normal form."""

from __future__ import annotations

import re
from collections.abc import Callable

from apps.archivair.documents import place_grammars
from apps.archivair.documents.code_grammar import code, joined_code
from apps.archivair.documents.dates import find_dates
from apps.archivair.documents.folding import fold
from apps.archivair.documents.values import Part, Surroundings, single, skip_lead

_SCALE = re.compile(r"1\s?[:;.]\s?(?P<value>\d{2,5}|\d{1,2}[ .]000)(?!\d|,)")
_PLAN = re.compile(r"(?P<value>[A-ZÄÖÜ]{0,4}[ .\-/]?\d[\w.\-/]{0,9})(?!\w)")
_CLASS = re.compile(r"(?P<value>[1-5])(?![\d.,])")
_UNIT = r"DM|RM|M\.|Mk\.?|Mark|Reichsmark|EUR|Euro|€"
_AMOUNT = re.compile(
    rf"(?:(?P<before>{_UNIT})\s*)?(?P<value>\d{{1,3}}(?:[. ]\d{{3}})+|\d{{1,7}})"
    r"(?:\s?[,.]\s?(?P<cents>\d{1,2}(?!\d)|[-–—=]{1,2}))?"
    rf"(?!\s?(?:m[²³23]|qm|cbm|kg|kN|cm|mm|m\b|%))(?:\s*(?P<after>{_UNIT})(?!\w))?(?:\s*(?P<pfennig>\d{{1,2}})\s*Pf)?"
)
_LETTER = r"(?:[a-zäöüßſ]|[01568](?=[a-zäöüßſ]))"
_FIGURE_IN_WORD = re.compile(r"(?<=\w)[01568](?=[a-zäöüßſ])")
_MISREAD_IN_NAMES = str.maketrans({"0": "o", "1": "l", "5": "s", "6": "b", "8": "b"})
_NAME_TOKEN = re.compile(
    rf"(?:[A-ZÄÖÜ]{_LETTER}+(?:-[A-ZÄÖÜ]{_LETTER}+)*|[A-ZÄÖÜ]\.|"
    r"[A-ZÄÖÜ]{2,}|Dr\.|Prof\.|Dipl\.-Ing\.|Ing\.|Fa\.)$"
)
_NAME_JOINT = frozenset({"von", "zu", "van", "der", "den", "vom", "u.", "und", "&", "+", "geb."})
# Misreadings are listed one by one: Hoff, Hott, Hett, Hert and Fran are surnames.
_SALUTATION = re.compile(
    r"^(?:(?:Herr|Hcrr|Horr|Hetr|Herf|Hefr)n?|Hertn|Frau|Frou|Frav|Frnu|Fraa|Ftau|"
    r"Fräulein|Frl\.?|Eheleute|Firma(?=\s(?:Herr|Frau)))\s+"
)
_TRADE = re.compile(
    r"(?:meister|arbeiter|kaufmann|landwirt|schlosser|angestellte[r]?|beamter|fahrer|wirt|bauer|fabrikant|händler|rentner|lehrer|witwe)$",
    re.IGNORECASE,
)
_NO_NAMES = frozenset(
    [
        "im",
        "in",
        "am",
        "an",
        "der",
        "die",
        "das",
        "dem",
        "den",
        "des",
        "und",
        "auftrag",
        "vertretung",
        "stadt",
        "gemeinde",
        "kreis",
        "amt",
        "herr",
        "herrn",
        "frau",
        "unterschrift",
        "datum",
        "ort",
        "seite",
        "blatt",
        "band",
        "flur",
        "flurstueck",
        "gemarkung",
        "nachbar",
        "bauherr",
        "anlage",
        "anlagen",
        "betreff",
        "vermerk",
        "rathaus",
        "zimmer",
        "tel",
        "telefon",
        "eheleute",
        "hochachtungsvoll",
        "ergebenst",
        "gehorsamst",
        "grundstueck",
        "strasse",
        "bauvorhaben",
        "neubau",
        "umbau",
        "anbau",
        "ausbau",
        "abbruch",
        "errichtung",
        "antrag",
    ]
)
_NO_NAME_ENDINGS = re.compile(
    r"(?:amt|amtes|behoerde|verwaltung|kataster|blatt|plan|strasse|nachweis|"
    r"berechnung|bescheid|schein|antrag|vorlagen|vorhaben|genehmigung|pruefung|rechnung|zeichnung|wohnung|teilung|planung|leitung|gruendung|"
    r"grundstueck|bau|geschoss|fenster|decken)$"
)
_AFTER_PROJECT = re.compile(
    r"\s(?:erteilt|ertheilt|genehmigt|gestattet|bewilligt|auszuführen|zu errichten|wird|werden|"
    r"wurde|nach|gemäß|unter|bestehen|ist|sind)(?:\s|$)"
)
_CURRENCY = {
    "dm": "DM",
    "rm": "RM",
    "reichsmark": "RM",
    "m": "Mk",
    "mk": "Mk",
    "mark": "Mk",
    "eur": "EUR",
    "euro": "EUR",
    "€": "EUR",
}
_SCALES = frozenset(
    {
        "1",
        "2",
        "5",
        "10",
        "20",
        "25",
        "50",
        "100",
        "200",
        "250",
        "500",
        "625",
        "750",
        "1000",
        "1250",
        "1500",
        "2000",
        "2500",
        "5000",
        "10000",
        "25000",
    }
)
FIRST_CLASS_YEAR = 2000
_MOST_NAME, _MOST_PROJECT = 5, 12


Grammar = Callable[[str, int, Surroundings], list[Part]]


def read_value(grammar: str, text: str, start: int, around: Surroundings) -> list[Part]:
    """Return the parts of the value that stands at a place; empty when none does.

    Args:
        grammar: Name of a grammar.
        text: Text of a row.
        start: Where the label ends.
        around: What helps to read values.
    """
    return GRAMMARS[grammar](text, start, around)


def _date(text: str, start: int, around: Surroundings) -> list[Part]:
    for hit in find_dates(text[start:], around.year_hint):
        between = text[start : start + hit.start]
        if len(between.split()) <= 2 and not re.search(r"\d{2}", between):
            return [Part("value", start + hit.start, start + hit.end, hit.value, hit.strictness)]
        break
    return []


def _name(text: str, start: int, around: Surroundings) -> list[Part]:
    place = skip_lead(text, start)
    salutation = _SALUTATION.match(text[place:])
    first = place + (salutation.end() if salutation else 0)
    end, capitals = first, 0
    names: list[str] = []
    for match in re.compile(r"(\S+)(\s*)").finditer(text, first):
        word = match[1].rstrip(",;:")
        joint = word in _NAME_JOINT and bool(names)
        if not joint and (not _NAME_TOKEN.match(word) or _is_no_name(word)):
            break
        if not names and _TRADE.search(word) and not match[1].endswith(","):
            first = match.end()
            continue
        names.append(word)
        capitals += not joint
        if not joint:
            end = match.start() + len(word)
        if match[1] != word or capitals >= _MOST_NAME:
            break
    raw = text[first:end].rstrip(" .,")
    if not capitals or len(raw) < 4:
        return []
    strictness = {1: 0.3, 2: 1.0, 3: 0.8}.get(capitals, 0.5)
    value = _FIGURE_IN_WORD.sub(
        lambda match: match[0].translate(_MISREAD_IN_NAMES), " ".join(raw.split())
    )
    return [Part("value", first, first + len(raw), value.replace("ſ", "s"), strictness)]


def _is_no_name(word: str) -> bool:
    folded = fold(word).strip(".-")
    return folded in _NO_NAMES or bool(_NO_NAME_ENDINGS.search(folded))


def _full_name(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read a name of two words at least; a surname alone is often of somebody else."""
    return [part for part in _name(text, start, around) if " " in part.value]


def _project(text: str, start: int, around: Surroundings) -> list[Part]:
    place = skip_lead(text, start)
    match = re.compile(r"[^;:|]{6,90}").match(text, place)
    if not match:
        return []
    raw = re.split(r"(?<=[a-zäöüß]{3})[.,](?:\s|$)|\s(?:auf dem|in der Gem|hier)", match[0])[0]
    raw = _AFTER_PROJECT.split(" ".join(raw.split()[:_MOST_PROJECT]))[0].rstrip(" .,-")
    if len(raw) < 6 or not raw[0].isupper():
        return []
    end = place + len(match[0]) if len(raw) > len(match[0]) else place + len(raw)
    likely = re.search(
        r"bau|errichtung|umbau|ausbau|nutzung|anbau|abbruch|erweiterung|garage|wohn", fold(raw)
    )
    return [Part("value", place, end, raw.replace("ſ", "s"), 1.0 if likely else 0.4)]


def _scale(text: str, start: int, around: Surroundings) -> list[Part]:
    match = _SCALE.search(text, start)
    if not match or match.start() - start > 12:
        return []
    value = match["value"].replace(" ", "").replace(".", "")
    if value not in _SCALES:
        return []
    return [Part("value", match.start(), match.end(), f"1:{value}", 1.0)]


def _plan(text: str, start: int, around: Surroundings) -> list[Part]:
    match = _PLAN.match(text, skip_lead(text, start))
    if not match or ":" in text[match.end() : match.end() + 1]:
        return []
    return single(
        match,
        "".join(match["value"].split()).rstrip(".-/"),
        0.8 if len(match["value"]) > 2 else 0.5,
    )


def _class(text: str, start: int, around: Surroundings) -> list[Part]:
    match = _CLASS.match(text, skip_lead(text, start))
    if not match or (around.year_hint is not None and around.year_hint < FIRST_CLASS_YEAR):
        return []
    return single(match, match["value"], 1.0)


def _amount(text: str, start: int, around: Surroundings) -> list[Part]:
    for match in _AMOUNT.finditer(text, start):
        unit = match["after"] or match["before"]
        if not unit and not match["cents"]:
            continue
        if len(text[start : match.start()].split()) > 8:
            return []
        cents = (match["pfennig"] or "").zfill(2) if match["pfennig"] else match["cents"] or ""
        whole = re.sub(r"[. ]", "", match["value"])
        value = f"{int(whole)}.{cents.ljust(2, '0') if cents.isdigit() else '00'}"
        end = match.end("cents") if match["cents"] else match.end("value")
        parts = [Part("gebuehr_betrag", match.start("value"), end, value, 1.0 if unit else 0.6)]
        if unit:
            group = "after" if match["after"] else "before"
            currency = _CURRENCY[unit.casefold().rstrip(".")]
            parts.append(
                Part("gebuehr_waehrung", match.start(group), match.end(group), currency, 1.0)
            )
        return parts
    return []


GRAMMARS: dict[str, Grammar] = {
    "date": _date,
    "code": code,
    "joined_code": joined_code,
    "address": place_grammars.address,
    "address_anywhere": place_grammars.address_anywhere,
    "town": place_grammars.town,
    "parcel": place_grammars.parcel,
    "whole": place_grammars.whole,
    "district": place_grammars.district,
    "name": _name,
    "full_name": _full_name,
    "project": _project,
    "scale": _scale,
    "plan": _plan,
    "class": _class,
    "amount": _amount,
}
