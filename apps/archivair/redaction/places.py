"""Find addresses and tell the property's from those where people live."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from apps.archivair.documents.folding import fold
from apps.archivair.redaction.hits import CaseFacts, PiiHit, TextRow
from apps.archivair.redaction.lexicon import bare, load_lexicon
from apps.archivair.redaction.misread import as_house_number, is_nearly

_NUMBER = re.compile(r"\d{1,3}(?: ?[a-h])?(?:[-/]\d{1,3})?[.,;]?")
_MONTH = re.compile(
    r"jan\w*|feb\w*|maerz|april|mai|jun[iy]|jul[iy]|aug\w*|sept\w*|o[kc]t\w*|nov\w*|de[zc]\w*"
)
_LETTERS_PER_ERROR = 6
_PAGES_OF_A_PROPERTY = 3


@dataclass(frozen=True, slots=True)
class FoundAddress:
    """A street with a number.

    Args:
        row: Line where it stands.
        words: Its words.
        key: Folded street and number.
        labelled: "property", "residence" or "" by the words before it.
    """

    row: TextRow
    words: range
    key: str
    labelled: str


def find_addresses(
    rows: Sequence[TextRow], pairs: Sequence[TextRow], facts: CaseFacts
) -> tuple[list[PiiHit], list[FoundAddress]]:
    """Return addresses that are not the property's, and all addresses.

    Args:
        rows: Lines of all pages of a file.
        pairs: Each line together with the next one.
        facts: What is known of the case.
    """
    broken = [one for pair in pairs for one in addresses_of(pair) if _is_broken(one)]
    found = [one for row in rows for one in addresses_of(row)]
    known = _property_keys(found, facts)
    private = [
        one.row.hit("address_private", one.words, "Anschrift, nicht die des Grundstücks")
        for one in (*found, *broken)
        if not any(_alike(one.key, key) for key in known)
    ]
    return private, found


def _is_broken(address: FoundAddress) -> bool:
    row = address.row
    return row.is_broken(row.hit("address_private", address.words, ""))


def addresses_of(row: TextRow) -> Iterator[FoundAddress]:
    """Yield streets with a number in a line.

    Args:
        row: The line.
    """
    lexicon = load_lexicon()
    for number, word in enumerate(row.words[:-1]):
        folded = bare(word.text)
        ends = folded if folded.endswith("str") else folded.rstrip(".")
        follows = as_house_number(row.words[number + 1].text)
        if not (
            _NUMBER.fullmatch(follows)
            and word.text[:1].isupper()
            and not word.text.endswith((",", ":"))
        ):
            continue
        if not _ends_like_street(ends, lexicon.street_endings) or len(ends) < 4:
            continue
        lone = ends in lexicon.not_streets
        labelled = bool(number) and row.words[number - 1].text.endswith(":")
        if (
            lone
            and not (
                (labelled and _label(row, number))  # "Bauort: Spielplatz 27"
                or (
                    ends in lexicon.street_endings
                    and number
                    and row.words[number - 1].text[:1].isupper()
                )
            )
        ):
            continue
        first = number
        if ends in lexicon.street_endings and number and row.words[number - 1].text[:1].isupper():
            first -= 1  # "Alte Gasse 5"
        last = number + 1
        if last + 1 < len(row.words) and re.fullmatch(r"[a-h][,.]?", row.words[last + 1].text):
            last += 1
        if last + 1 < len(row.words) and _MONTH.fullmatch(bare(row.words[last + 1].text)):
            continue  # "Eingang 15. Juni"
        words = range(first, last + 1)
        key = " ".join(bare(as_house_number(row.words[one].text)) for one in words)
        yield FoundAddress(row, words, _short(key), _label(row, first))


def _ends_like_street(word: str, endings: Sequence[str]) -> bool:
    """Say whether a word ends like a street; a long ending may have one letter read wrongly."""
    return any(
        word.endswith(one) or (len(word) > len(one) and is_nearly(word[-len(one) :], one))
        for one in endings
    )


def _label(row: TextRow, first: int) -> str:
    lexicon = load_lexicon()
    before = fold(" ".join(word.text for word in row.words[:first]))
    if any(re.search(rf"\b{re.escape(one)}", before) for one in lexicon.residence):
        return "residence"
    if any(re.search(rf"\b{re.escape(one)}", before) for one in lexicon.property):
        return "property"
    return ""


def _property_keys(found: Sequence[FoundAddress], facts: CaseFacts) -> set[str]:
    given = {
        _short(" ".join(bare(one) for one in text.split())) for text in facts.property_addresses
    }
    if given:
        return given
    labelled = {one.key for one in found if one.labelled == "property"}
    homes = {one.key for one in found if one.labelled == "residence"}
    pages = Counter(
        key for key, _ in {(one.key, one.row.page) for one in found} if key not in homes
    )
    if not labelled and pages and pages.most_common(1)[0][1] >= _PAGES_OF_A_PROPERTY:
        return {pages.most_common(1)[0][0]}
    return labelled


def _short(key: str) -> str:
    return re.sub(r"strasse|str\.?(?= )", "str", key)


def _alike(one: str, other: str) -> bool:
    """Say whether two addresses are the same but for reading errors; numbers must agree."""
    if re.sub(r"\D", "", one) != re.sub(r"\D", "", other):
        return False
    return Levenshtein.distance(one, other) <= len(one) // _LETTERS_PER_ERROR
