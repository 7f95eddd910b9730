"""Read German dates of all eras, whole or in part, with reading errors in figures and months."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from apps.archivair.documents.folding import fold

MONTHS = (
    ("januar", "jaenner", "jan", "januarii"),
    ("februar", "feber", "hornung", "feb", "febr"),
    ("maerz", "mrz", "marz"),
    ("april", "apr", "aprill"),
    ("mai", "may", "maien"),
    ("juni", "juny", "junius", "jun", "brachmonat"),
    ("juli", "july", "julius", "jul", "heumonat"),
    ("august", "aug"),
    ("september", "sept", "sep", "septbr"),
    ("oktober", "october", "okt", "oct", "octbr", "oktbr"),
    ("november", "nov", "novbr"),
    ("dezember", "december", "dez", "dec", "decbr", "dezbr"),
)
_BY_NAME = {name: number for number, names in enumerate(MONTHS, 1) for name in names}
FIRST_YEAR, LAST_YEAR = 1850, 2040
_LIKE_MONTH = 0.74
_TWO_DIGITS_TURN = 30
_NEAR_PAGES, _LOOSE_WEIGHT = 8, 0.3
_ERAS = (
    (re.compile(r"\beur\b|€|\beuro\b|e-mail|bauo nrw|\benev\b|\bgeg\b|utm32"), 1999, 2040, 2012),
    (re.compile(r"\bdm\b|deutsche mark"), 1948, 2003, 1966),
    (re.compile(r"\brm\b|reichsmark"), 1920, 1949, 1934),
    (re.compile(r"\bmk\b|\bpf\b"), 1870, 1925, 1905),
)
"""Signs of an era, its first, last and middle year."""
_FIGURE = r"[0-9OoIlSB|]"
_NUMERIC = re.compile(
    rf"(?<![\w.,])({_FIGURE}{{1,2}})\s?[.,/]\s?({_FIGURE}{{1,2}})\s?[.,/]\s?"
    rf"({_FIGURE}{{4}}|{_FIGURE}{{2}})(?!\w)"
)
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_WORDED = re.compile(
    rf"(?<!\w)({_FIGURE}{{1,2}})\s?[.,:]?\s?(?:ten\s)?([^\W\d_]{{3,10}})\.?\s?[.,]?\s?"
    rf"(?:des Jahres\s)?({_FIGURE}{{4}}|{_FIGURE}{{2}})?(?!\w)"
)
_MONTH_YEAR = re.compile(rf"(?<!\w)([^\W\d_]{{3,10}})\.?\s({_FIGURE}{{4}})(?!\w)")
_YEAR = re.compile(r"(?<![\d.,/])(1[89]\d\d|20[0-3]\d)(?![\d/]|,\d)")
_FIGURES = str.maketrans({"O": "0", "o": "0", "I": "1", "l": "1", "|": "1", "S": "5", "B": "8"})


@dataclass(frozen=True, slots=True)
class DateHit:
    """A date in a text.

    Args:
        start: First character.
        end: Behind the last character.
        value: "1957-05-03", or "1957-05" when no day is named.
        strictness: 0 to 1; less when figures were repaired or the century was guessed.
    """

    start: int
    end: int
    value: str
    strictness: float


def find_dates(text: str, year_hint: int | None = None) -> list[DateHit]:
    """Return the dates of a text from left to right, none overlapping another.

    Args:
        text: One line or several.
        year_hint: About when the page was written; it decides the century of two-digit years.
    """
    hits: list[DateHit] = []
    for pattern, read in (
        (_ISO, _read_iso),
        (_NUMERIC, _read_numeric),
        (_WORDED, _read_worded),
        (_MONTH_YEAR, _read_month),
    ):
        for match in pattern.finditer(text):
            hit = read(match, year_hint)
            if hit and all(hit.end <= one.start or one.end <= hit.start for one in hits):
                hits.append(hit)
    return sorted(hits, key=lambda hit: hit.start)


def guess_years(texts: Sequence[str]) -> list[int | None]:
    """Return about when each page was written, by its own dates and those of pages around it.

    A stream may hold files of several eras, so pages far away do not count. Where only years stand
    loose or no year at all, currencies and letters of an era decide.

    Args:
        texts: Texts of pages in their order.
    """
    stated = [_stated_years(text) for text in texts]
    eras = [_era(text) for text in texts]
    found: list[int | None] = []
    for place in range(len(texts)):
        near = sorted(
            range(max(0, place - _NEAR_PAGES), min(len(texts), place + _NEAR_PAGES + 1)),
            key=lambda other: (abs(other - place), other),
        )
        era = next((eras[other] for other in near if eras[other] is not None), None)
        weighed = [
            (year, weight / (1 + abs(other - place)))
            for other in near
            for year, weight in stated[other]
            # A number that looks like a year of quite another era is none.
            if era is None or era[0] <= year <= era[1]
        ]
        year = _weighted_median(weighed)
        found.append(era[2] if year is None and era is not None else year)
    return found


def guess_year(texts: Sequence[str]) -> int | None:
    """Return about when the pages of one file were written.

    Args:
        texts: Texts of pages of one file.
    """
    return guess_years(["\n".join(texts)])[0]


def _stated_years(text: str) -> list[tuple[int, float]]:
    """Return the years of dates, and those that stand loose with little weight."""
    found = [(int(match[1]), _LOOSE_WEIGHT) for match in _YEAR.finditer(text)]
    for match in _NUMERIC.finditer(text):
        if len(match[3]) == 4:
            found.append((_figures(match[3]), 1.0))
    for match in _WORDED.finditer(text):
        if match[3] and len(match[3]) == 4 and month_number(match[2]):
            found.append((_figures(match[3]), 1.0))
    return [one for one in found if FIRST_YEAR <= one[0] <= LAST_YEAR]


def _era(text: str) -> tuple[int, int, int] | None:
    folded = fold(text)
    for pattern, first, last, middle in _ERAS:
        if pattern.search(folded):
            return first, last, middle
    return None


def _weighted_median(weighed: Sequence[tuple[int, float]]) -> int | None:
    half, passed = sum(weight for _, weight in weighed) / 2, 0.0
    for year, weight in sorted(weighed):
        passed += weight
        if passed >= half:
            return year
    return None


@lru_cache(maxsize=8192)
def month_number(word: str) -> int:
    """Return 1 to 12 for the name of a month, also misread or abbreviated; 0 for other words.

    Args:
        word: A word, Fraktur letters included.
    """
    folded = fold(word).strip(".")
    if folded in _BY_NAME:
        return _BY_NAME[folded]
    if len(folded) < 4:
        return _BY_NAME.get(folded.replace("l", "i").replace("j", "i"), 0)
    best = process.extractOne(
        folded,
        [name for name in _BY_NAME if len(name) >= 4],
        scorer=Levenshtein.normalized_similarity,
        score_cutoff=_LIKE_MONTH,
    )
    return _BY_NAME[best[0]] if best else 0


def full_year(figures: str, year_hint: int | None) -> int:
    """Return a year with its century.

    Args:
        figures: Two or four figures.
        year_hint: About when the page was written; without it 31 to 99 are of the 20th century.
    """
    year = _figures(figures)
    if len(figures) == 4:
        return year
    if year_hint is None:
        return year + (1900 if year > _TWO_DIGITS_TURN else 2000)
    return min((year + century for century in (1800, 1900, 2000)), key=lambda y: abs(y - year_hint))


def _figures(text: str) -> int:
    return int(text.translate(_FIGURES))


def _strictness(match: re.Match[str], groups: Sequence[int], *, known_century: bool) -> float:
    repaired = any(not match[group].isdigit() for group in groups if match[group])
    return (0.7 if repaired else 1.0) * (1.0 if known_century else 0.85)


def _hit(
    match: re.Match[str], year: int, month: int, day: int, strictness: float
) -> DateHit | None:
    try:
        value = date(year, month, day).isoformat()
    except ValueError:
        return None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    return DateHit(match.start(), match.end(), value, strictness)


def _read_iso(match: re.Match[str], year_hint: int | None) -> DateHit | None:
    return _hit(match, int(match[1]), int(match[2]), int(match[3]), 1.0)


def _read_numeric(match: re.Match[str], year_hint: int | None) -> DateHit | None:
    if sum(char.isdigit() for char in match.group()) < 3:
        return None
    known = len(match[3]) == 4 or year_hint is not None
    strictness = _strictness(match, (1, 2, 3), known_century=known)
    year = full_year(match[3], year_hint)
    return _hit(match, year, _figures(match[2]), _figures(match[1]), strictness)


def _read_worded(match: re.Match[str], year_hint: int | None) -> DateHit | None:
    month = month_number(match[2])
    if not month or not match[3] or not any(char.isdigit() for char in match[3]):
        return None
    known = len(match[3]) == 4 or year_hint is not None
    strictness = _strictness(match, (1, 3), known_century=known)
    return _hit(match, full_year(match[3], year_hint), month, _figures(match[1]), strictness)


def _read_month(match: re.Match[str], year_hint: int | None) -> DateHit | None:
    month = month_number(match[1])
    if not month or not any(char.isdigit() for char in match[2]):
        return None
    year = _figures(match[2])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    strictness = 0.8 * _strictness(match, (2,), known_century=True)
    return DateHit(match.start(), match.end(), f"{year:04d}-{month:02d}", strictness)
