"""Values that stand without a label: address fields of letters, postcodes, numbers on covers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from apps.archivair.documents.candidates import OPEN, Candidate, least_confidence
from apps.archivair.documents.cells import Cell, CellPlace
from apps.archivair.documents.content import PageContent, PlacedWord, union
from apps.archivair.documents.folding import fold
from apps.archivair.documents.grammars import read_value
from apps.archivair.documents.page_class import ClassifiedPage
from apps.archivair.documents.values import FIGURES, Part, Surroundings

POSTCODE_RULE, ADDRESSEE_RULE, COVER_RULE = "postleitzahl", "anschriftenfeld", "aktendeckel"
SIGNED_RULE = "unterschrift"
ADDRESSED_CLASSES = (
    "genehmigung", "gebuehr", "abnahme", "schriftverkehr", "baulast_befreiung", "bauantrag",
)  # fmt: skip
SIGNERS = {
    "bauherr": ("bauantrag",),
    "entwurfsverfasser": (
        "baubeschreibung", "flaechen", "nachweis", "entwaesserung", "stellplatz",
    ),
    "gutachter": ("statik",),
}  # fmt: skip
"""Who signs: field by classes of pages."""
_CLOSING = re.compile(
    r"^(?:mit )?(?:freundliche[nm]? grue?(?:ss|b)|hochachtungsvoll|(?:mit )?vorzueglicher|"
    r"ergebenst|gehorsamst)|unterschrift d"
)
_LINES_TO_NAME = 3
_JOINTS = ("-", "–", "/")
_TOWN = (
    r"[A-ZÄÖÜ][a-zäöüßſ]+(?:-[A-ZÄÖÜ][a-zäöüßſ]+)*"
    r"(?:\s(?:am|an der|a\.|i\.|bei|ob der|in)\s?[A-ZÄÖÜ][\wäöüß]+\.?)?"
)
_POSTCODE = re.compile(
    rf"(?:^|[,;]\s?|\bin\s)(?:D\s?[-–]\s?|W-|O-)?(?P<plz>[0-9OolI]{{4,5}})\s+(?P<ort>{_TOWN})(?!\w)"
)
_TOWN_LINE = re.compile(rf"(?:in\s)?(?P<ort>{_TOWN})[.,]?(?:\s\d{{1,2}})?$")
_TOWN_BEHIND = re.compile(rf"\s\d{{1,3}}\s?[a-z]?,\s(?P<ort>{_TOWN})[.,]?$")
_NO_TOWN = re.compile(r"(?:ansicht|seite|blick|geschoss|geschoß|haus|bau|wohnung|garage)$")
_STREET_LINE = re.compile(r"[A-ZÄÖÜ][\wäöüßſ.\- ]{2,40}?\s[\dlI|O]{1,3}\s?[a-z]?[.,]?$")
_UNITS = frozenset({"mark", "meter", "stueck", "stück", "euro", "liter", "ziegel", "quadratmeter"})
_LEAST_FIGURES = 3
_ADDRESS_LINES = 3
_TOP_SHARE = 0.6


def open_candidates(
    page: PageContent,
    cells: Sequence[CellPlace],
    classified: ClassifiedPage,
    around: Surroundings,
) -> Iterator[Candidate]:
    """Yield what needs no label to be recognised.

    Args:
        page: The page.
        cells: Its cells.
        classified: Its class.
        around: What helps to read values.
    """
    by_class = classified.by_class()
    beside = {place.right for place in cells}
    addressed = sum(by_class[name] for name in ADDRESSED_CLASSES)
    for place in cells:
        yield from _towns(page, place.cell)
    yield from _address_fields(page, cells, beside, addressed, around)
    alone = [place for number, place in enumerate(cells) if number not in beside]
    yield from _cover_number(page, alone, by_class["deckblatt"], around)
    yield from _signed(page, cells, by_class, around)


def _towns(page: PageContent, cell: Cell) -> Iterator[Candidate]:
    """Yield postcode and town, or a town behind a house number."""
    match = _POSTCODE.search(cell.text)
    if match and _is_postcode(match):
        for name in ("plz", "ort"):
            value = match[name].translate(FIGURES) if name == "plz" else match[name]
            yield _open(page, cell, match.span(name), name, value, POSTCODE_RULE, 1.0, 1.0)
    behind = None if match else _TOWN_BEHIND.search(cell.text)
    if behind and not _NO_TOWN.search(behind["ort"]):
        span = behind.span("ort")
        yield _open(page, cell, span, "ort", behind["ort"], POSTCODE_RULE, 0.6, 1.0)


def _address_fields(
    page: PageContent,
    cells: Sequence[CellPlace],
    beside: Collection[int],
    addressed: float,
    around: Surroundings,
) -> Iterator[Candidate]:
    """Yield the name over a street over a town in the upper part of a page."""
    above = _above(cells)
    for number, place in enumerate(cells):
        cell = place.cell
        if cell.box[1] >= _TOP_SHARE * page.height:
            continue
        match = _POSTCODE.search(cell.text)
        starts = match is not None and match.start() == 0
        town = None if match or number in beside else _TOWN_LINE.match(cell.text)
        found = _addressee(cells, above, number, around) if starts or town else None
        if found is None:
            continue
        where, part = found
        sure, span = 1.0 if starts else 0.7, (part.start, part.end)
        yield _open(page, where, span, "bauherr", part.value, ADDRESSEE_RULE, sure, addressed)
        if town:
            span = town.span("ort")
            yield _open(page, cell, span, "ort", town["ort"], POSTCODE_RULE, 0.7, addressed)


def _is_postcode(match: re.Match[str]) -> bool:
    figures = sum(char.isdigit() for char in match["plz"])
    return figures >= _LEAST_FIGURES and match["ort"].casefold() not in _UNITS


def _above(cells: Sequence[CellPlace]) -> dict[int, int]:
    """Return the nearest cell above each cell."""
    found: dict[int, int] = {}
    for number, place in enumerate(cells):
        for below in place.below[:1]:
            aligned = abs(cells[below].cell.box[0] - place.cell.box[0]) < 2 * place.cell.height
            if aligned:
                found.setdefault(below, number)
    return found


def _addressee(
    cells: Sequence[CellPlace], above: dict[int, int], number: int, around: Surroundings
) -> tuple[Cell, Part] | None:
    """Return the name over a street over a town, with its cell."""
    street = above.get(number, -1)
    if street < 0 or not _STREET_LINE.match(cells[street].cell.text):
        return None
    place = street
    for _ in range(_ADDRESS_LINES):
        place = above.get(place, -1)
        if place < 0:
            return None
        cell = cells[place].cell
        part = _whole_name(cell, around)
        if part is not None and part.strictness >= 0.5:
            return cell, part
    return None


def _signed(
    page: PageContent,
    cells: Sequence[CellPlace],
    by_class: Mapping[str, float],
    around: Surroundings,
) -> Iterator[Candidate]:
    """Yield the name under the closing formula."""
    closings = [at for at, place in enumerate(cells) if _CLOSING.search(fold(place.cell.text))]
    for at in closings[-1:]:
        for place in cells[at + 1 : at + 1 + _LINES_TO_NAME]:
            part = _whole_name(place.cell, around)
            if part is None or part.strictness < 0.8:
                continue
            for field, classes in SIGNERS.items():
                chance = sum(by_class[name] for name in classes)
                span = part.start, part.end
                if chance >= 0.5:
                    yield _open(page, place.cell, span, field, part.value, SIGNED_RULE, 1.0, chance)
            return


def _whole_name(cell: Cell, around: Surroundings) -> Part | None:
    """Return the name that a cell holds and nothing else."""
    parts = read_value("name", cell.text, 0, around)
    whole = parts and parts[0].end >= len(cell.text.rstrip(" .,"))
    return parts[0] if whole else None


def _cover_number(
    page: PageContent, cells: Sequence[CellPlace], chance: float, around: Surroundings
) -> Iterator[Candidate]:
    """Yield a case number that stands alone on a cover."""
    if chance < 0.5:
        return
    for before, place in zip([None, *cells], cells, strict=False):
        text = place.cell.text
        if before is not None and before.cell.text.rstrip()[-1:] in _JOINTS:
            continue
        parts = read_value("code", text, 0, around)
        alone = parts and parts[0].start == 0 and parts[0].end >= len(text.rstrip(" .,"))
        if alone and re.search(r"[/\-.]", parts[0].value):
            span = parts[0].start, parts[0].end
            value = parts[0].value
            yield _open(page, place.cell, span, "aktenzeichen", value, COVER_RULE, 0.8, chance)
            return


def _open(
    page: PageContent,
    cell: Cell,
    span: tuple[int, int],
    name: str,
    value: str,
    rule: str,
    strictness: float,
    at_home: float,
) -> Candidate:
    words: Sequence[PlacedWord] = cell.words_between(*span)
    return Candidate(
        name=name,
        value=value.replace("ſ", "s"),
        raw=cell.text[span[0] : span[1]],
        page=page.number,
        box=union([word.source_box for word in words]),
        rule=rule,
        place=OPEN,
        likeness=1.0,
        label_length=0,
        has_colon=False,
        starts_cell=span[0] == 0,
        strictness=strictness,
        least_confidence=least_confidence(words),
        at_home=at_home,
        searched=False,
        is_shared=True,
    )
