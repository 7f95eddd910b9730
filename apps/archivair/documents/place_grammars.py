"""Grammars of places: street and number, town, Gemarkung, Flur, Flurstück."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from apps.archivair.documents.folding import fold_word
from apps.archivair.documents.values import FIGURES, Part, Surroundings, single, skip_lead

_NUMBER = r"(?:[0-9OoIl|]|(?<=\d)[SB](?=\d))"
_STREET_END = (
    r"(?:stra[ſs]{1,2}e|stra(?:ß|sz|B|tz|h)e|str\.|str\b|weg|platz|allee|gasse|ring|damm|ufer|markt|hof|"
    r"pfad|steig|chaussee|promenade|kamp|busch|berg|tal|thal|feld|wall|graben|park|winkel|stieg|"
    r"hain|aue|rain|heide|kamp|bach|stiege|gang|zeile|grund|wiese|wiesen|anger|garten|bruch|kuhle|hang|höhe|brücke|tor|thor|siedlung)"
)
_HOUSE = (
    r"(?:\s*,?\s*(?:Haus)?-?(?:Nr|No)\.?)?\s*"
    r"(?P<number>(?:\d|[lI|O](?=\d)|(?<=\d)[lI|O](?![a-z])){1,4}"
    r"(?:\s?[a-zA-Z](?![\w.]))?(?:\s?[-/]\s?\d{1,3}(?![\d.]))?)"
)
_MISREAD_FIGURE = re.compile(r"[lI|O](?=\d)|(?<=\d)[lI|O]")
_CAPITAL = r"[A-ZÄÖÜ][\wäöüßſ\-]*\.?"
_STREET = re.compile(
    rf"(?P<street>(?:{_CAPITAL}\s){{0,2}}?(?:{_CAPITAL}\s?)?[\wäöüßſ\-]*{_STREET_END}){_HOUSE}?(?!\w)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?P<street>(?:Am|An der|An den|Im|In der|In den|Auf dem|Auf der|Zum|Zur|Hinter der|"
    r"Unter den|Vor dem|Alter?|Alte|Neuer?|Neue|Oberer?|Untere?r?)"
    rf"\s{_CAPITAL}){_HOUSE}"
)
_PLAIN_STREET = re.compile(rf"(?P<street>{_CAPITAL}(?:\s{_CAPITAL}){{0,2}}){_HOUSE}(?!\w)")
_PLACE = re.compile(
    r"(?<!\d)(?P<plz>\d{4,5})\s+"
    r"(?P<ort>[A-ZÄÖÜ][a-zäöüßſ\-]+(?:\s(?:am|an der|a\.|i\.|bei|ob der)\s?[A-ZÄÖÜ]\w+)?)"
)
_PARCEL = re.compile(
    rf"(?P<first>{_NUMBER}{{1,5}})(?:\s?[/⁄]\s?(?P<second>{_NUMBER}{{1,4}}))?(?![\w]|[.,]\d|\s?m[²2])"
)
_WHOLE = re.compile(rf"(?P<value>{_NUMBER}{{1,3}})(?![\w/]|[.,]\d|\s?m[²2])")
_FARTHEST = 200
_NO_STREETS = frozenset(
    [
        "flur",
        "flurstueck",
        "parzelle",
        "gemarkung",
        "blatt",
        "band",
        "haus",
        "zimmer",
        "block",
        "kreis",
        "abteilung",
        "din",
        "nummer",
        "seite",
        "grundbuch",
        "paragraf",
        "absatz",
        "lageplan",
        "grundriss",
        "schnitt",
        "ansicht",
        "klasse",
    ]
)
_LIKE_GAZETTEER = 0.84


def address(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read street and house number, postcode and town behind a label that names a place.

    Args:
        text: Text of a row.
        start: Where the label ends.
        around: What helps to read values.
    """
    return address_anywhere(text, start, around) or _named_by_label(text, start, around)


def _named_by_label(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read words with a number right behind the label: streets need no usual ending there."""
    match = _PLAIN_STREET.match(text, skip_lead(text, start))
    if not match or fold_word(match["street"]) in _NO_STREETS:
        return []
    return _parts(match, match["street"], 0.5, around)


def address_anywhere(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read street and house number anywhere in a text, postcode and town behind them.

    Args:
        text: Text of a row.
        start: Where the label ends.
        around: What helps to read values.
    """
    for pattern, strictness in ((_STREET, 1.0), (_NAMED, 0.8), (_PLAIN_STREET, 0.5)):
        first = skip_lead(text, start)
        for match in pattern.finditer(text, first, first + _FARTHEST):
            street = " ".join(match["street"].split())
            if not street[:1].isalpha() or len(street) < 4 or street[:1].islower():
                continue
            known = nearest(street, around.streets)
            if pattern is _PLAIN_STREET and not known:
                continue
            if not known and pattern is _STREET and match["number"] is None:
                continue
            return _parts(match, known or street, 1.0 if known else 0.8 * strictness, around)
    return []


def _parts(
    match: re.Match[str], street: str, strictness: float, around: Surroundings
) -> list[Part]:
    text, name = match.string, modern_street(" ".join(street.split()))
    parts = [Part("strasse", match.start("street"), match.end("street"), name, strictness)]
    if match["number"]:
        number = "".join(match["number"].split())
        value = _MISREAD_FIGURE.sub(lambda one: one[0].translate(FIGURES), number).lower()
        span = match.start("number"), match.end("number")
        parts.append(Part("hausnummer", *span, value, min(1.0, strictness / 0.8)))
    return [*parts, *_place(text, match.end(), around)]


def modern_street(street: str) -> str:
    """Return a street with round s, its ending written out.

    Args:
        street: As read.
    """
    plain = street.replace("ſ", "s")
    plain = re.sub(r"(?<=[sS]tra)(?:B|sz|tz|h)(?=e)", "ß", plain)
    plain = re.sub(r"(?<=[a-zäöüß])str\.?$", "straße", plain)
    return re.sub(r"(?<=[\s\-])Str\.?$", "Straße", plain)


def _place(text: str, start: int, around: Surroundings) -> list[Part]:
    match = _PLACE.search(text, start)
    if not match or match.start() - start > 40:
        return []
    return [
        Part(name, match.start(name), match.end(name), match[name], 0.9) for name in ("plz", "ort")
    ]


def town(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read postcode and town.

    Args:
        text: Text of a row.
        start: Where the label ends.
        around: What helps to read values.
    """
    match = _PLACE.search(text, start)
    if match:
        return _place(text, start, around)
    word = re.compile(r"[A-ZÄÖÜ][a-zäöüßſ\-]{2,}").match(text, skip_lead(text, start))
    return [Part("ort", word.start(), word.end(), word[0].replace("ſ", "s"), 0.5)] if word else []


def parcel(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read numerator and denominator of a Flurstück.

    Args:
        text: Text of a row.
        start: Where the label ends.
        around: What helps to read values.
    """
    match = _PARCEL.match(text, skip_lead(text, start))
    if not match or not any(char.isdigit() for char in match[0]):
        return []
    strictness = 1.0 if match["second"] else 0.7
    parts = []
    for group, name in (("first", "flurstueck_zaehler"), ("second", "flurstueck_nenner")):
        if match[group]:
            value = match[group].translate(FIGURES).lstrip("0") or "0"
            parts.append(Part(name, match.start(group), match.end(group), value, strictness))
    return parts


def whole(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read a small whole number such as a Flur.

    Args:
        text: Text of a row.
        start: Where the label ends.
        around: What helps to read values.
    """
    match = _WHOLE.match(text, skip_lead(text, start))
    if not match or not any(char.isdigit() for char in match[0]):
        return []
    value = match["value"].translate(FIGURES).lstrip("0") or "0"
    return single(match, value, 0.8 if match["value"].isdigit() else 0.5)


def district(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read the name of a Gemarkung.

    Args:
        text: Text of a row.
        start: Where the label ends.
        around: What helps to read values.
    """
    pattern = re.compile(r"[A-ZÄÖÜ][\wäöüßſ\-]+\.?(?:\s[A-ZÄÖÜ][\wäöüßſ\-]+)?")
    match = pattern.match(text, skip_lead(text, start))
    if not match:
        return []
    raw = match[0].rstrip(".")
    known = nearest(raw, around.districts) or nearest(raw.split()[0], around.districts)
    value = known or raw.replace("ſ", "s")
    end = match.start() + len(raw)
    return [Part("value", match.start(), end, value, 1.0 if known else 0.6)]


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the known name that a read one means, or "".

    Args:
        name: As read.
        known: Names of the municipality.
    """
    folded = _plain(name)
    if not known or len(folded) < 3:
        return ""
    best = process.extractOne(
        folded,
        {one: _plain(one) for one in known},
        scorer=Levenshtein.normalized_similarity,
        score_cutoff=_LIKE_GAZETTEER,
    )
    return str(best[2]) if best else ""


def _plain(name: str) -> str:
    return re.sub(r"str$", "strasse", fold_word(name).replace(" ", ""))
