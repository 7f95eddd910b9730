"""Find personal data that has a form: numbers, dates, addresses of mail, plates, facts of life."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stdnum import iban
from stdnum.de import idnr, stnr

from apps.archivair.redaction.hits import PiiHit, TextRow
from apps.archivair.redaction.lexicon import bare, load_lexicon
from apps.archivair.redaction.misread import mended

_FILE = Path(__file__).with_name("forms.toml")
_PART = re.compile(r"<([A-Z]+)>")
_WITH_REASON = frozenset(
    [
        "wegen",
        "infolge",
        "aufgrund",
        "durch",
        "an",
        "unter",
        "einer",
        "eines",
        "meiner",
        "meines",
        "seiner",
        "seines",
        "ihrer",
        "ihres",
        "der",
        "des",
        "schweren",
        "schwerer",
        "chronischen",
    ]
)


def _is_iban(value: str) -> bool:
    return bool(iban.is_valid(value, check_country=False))


def _has_digit(value: str) -> bool:
    return any(one.isdigit() for one in value)


def _is_mail(value: str) -> bool:
    """Say whether a word behind "E-Mail:" is an address, though its sign may be misread."""
    return bool(re.search(r"[@©®]|\w[.,]\w{2,}", value))


def _is_tax_id(value: str) -> bool:
    return bool(idnr.is_valid(value))


def _is_tax_number(value: str) -> bool:
    return bool(stnr.is_valid(value))


_CHECKS: dict[str, Callable[[str], bool]] = {
    "iban": _is_iban,
    "digit": _has_digit,
    "mail": _is_mail,
    "idnr": _is_tax_id,
    "stnr": _is_tax_number,
}


@dataclass(frozen=True, slots=True)
class Form:
    """A form whose group "value" is the datum.

    Args:
        category: Category of the datum.
        expression: Compiled pattern.
        reason: Why, a German phrase.
        check: Name of the test that the value must pass; empty takes all.
    """

    category: str
    expression: re.Pattern[str]
    reason: str
    check: str


@dataclass(frozen=True, slots=True)
class Forms:
    """All forms and the patterns that facts of life are made of."""

    forms: tuple[Form, ...]
    amount: re.Pattern[str]
    children_after: re.Pattern[str]
    grade: re.Pattern[str]


@lru_cache(maxsize=1)
def load_forms() -> Forms:
    """Read the forms."""
    raw = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    parts: dict[str, str] = {}
    for name, pattern in raw["parts"].items():
        parts[name] = _filled(pattern, parts)
    forms = tuple(
        Form(
            one["category"],
            re.compile(
                _filled(one["pattern"], parts),
                re.NOFLAG if one.get("exact", False) else re.IGNORECASE,
            ),
            one["reason"],
            one.get("check", ""),
        )
        for one in raw["form"]
    )
    amount, children, grade = (
        re.compile(_filled(pattern, parts), re.IGNORECASE)
        for pattern in ("<AMOUNT>", r"(?: und)?(?: (?:mit|hat|habe|und))? <CHILDREN>\b", "<GRADE>")
    )
    return Forms(forms, amount, children, grade)


def _filled(pattern: str, parts: dict[str, str]) -> str:
    return _PART.sub(lambda match: parts[match[1]], pattern)


def find_forms(row: TextRow) -> Iterator[PiiHit]:
    """Yield data of a line that are known by their form.

    Args:
        row: The line.
    """
    for text in dict.fromkeys((row.text, mended(row.text))):
        for form in load_forms().forms:
            for match in form.expression.finditer(text):
                value = match["value"]
                if not form.check or _CHECKS[form.check](value):
                    words = row.covered(*match.span("value"))
                    yield row.hit(form.category, words, form.reason)
    yield from _facts_of_life(row)


def _facts_of_life(row: TextRow) -> Iterator[PiiHit]:
    lexicon = load_lexicon()
    words = [bare(word.text) for word in row.words]
    for number, word in enumerate(words):
        if word in lexicon.family:
            yield row.hit("family", _with_children(row, number), "Angabe zur Familie")
        elif lexicon.health.fullmatch(word):
            yield row.hit("health", _health_phrase(row, words, number), "Angabe zur Gesundheit")
    if any(word in lexicon.income for word in words):
        for match in load_forms().amount.finditer(row.text):
            yield row.hit("income", row.covered(*match.span()), "Angabe zum Einkommen")


def _with_children(row: TextRow, number: int) -> range:
    behind = " " + " ".join(word.text for word in row.words[number + 1 :])
    match = load_forms().children_after.match(behind)
    return range(number, number + 1 + (len(match[0].split()) if match else 0))


def _health_phrase(row: TextRow, words: list[str], number: int) -> range:
    first = number
    while first and words[first - 1] in _WITH_REASON:
        first -= 1
    behind = " ".join(word.text for word in row.words[number + 1 :])
    match = load_forms().grade.match(behind)
    return range(first, number + 1 + (len(match[0].split()) if match else 0))
