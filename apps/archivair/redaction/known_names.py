"""Search names that are known wherever they stand: with reading errors, inflected, broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from apps.archivair.redaction.hits import CaseFacts, PiiHit, Role, TextRow
from apps.archivair.redaction.lexicon import bare, load_lexicon
from apps.archivair.redaction.names import FoundName

LETTERS_PER_ERROR = 5
_LETTERS_PER_BAD_ERROR = 3
_SHORTEST_FAMILY = 3
_MOST_ERRORS = 2
_INFLECTIONS = ("", "s", "'s", "n", "ens", "sche", "schen", "scher", "sches")
_REASON = "Name der Akte"


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Names of a file.

    Args:
        given: Given names that stand with a family name of the file.
        families: Role by folded family name.
    """

    given: dict[str, frozenset[str]]
    families: dict[str, Role]

    @classmethod
    def of(cls, found: Sequence[FoundName], facts: CaseFacts) -> KnownNames:
        """Collect names; who acts privately anywhere in the file is no official.

        Args:
            found: Names by context.
            facts: What is known of the case.
        """
        named: list[tuple[tuple[str, ...], Role]] = [(one.parts, one.role) for one in found]
        told: tuple[tuple[tuple[str, ...], Role], ...] = (
            (facts.owners, "owner"), (facts.neighbours, "neighbour"),
            (facts.others, ""), (facts.officials, "official"),
        )  # fmt: skip
        for names, role in told:
            named += [(tuple(bare(part) for part in _in_order(name)), role) for name in names]
        particles = load_lexicon().particles
        given: dict[str, set[str]] = {}
        families: dict[str, Role] = {}
        for parts, role in named:
            if not parts or len(parts[-1]) < _SHORTEST_FAMILY:
                continue
            family = parts[-1]
            given.setdefault(family, set()).update(
                one for one in parts[:-1] if one not in particles
            )
            families[family] = _stronger(families.get(family), role)
        return cls({key: frozenset(names) for key, names in given.items()}, families)

    def hits_in(self, row: TextRow) -> Iterator[PiiHit]:
        """Yield known names in a line, a given name before the family name included.

        Args:
            row: The line.
        """
        for number, word in enumerate(row.words):
            family = self.family_of(word.text) or self._beside_given(row, number)
            if family is None:
                yield from self._in_pieces(row, number)
                continue
            if _is_street(row, number):
                continue
            first = number
            while first and self._belongs(row.words[first - 1].text, family):
                first -= 1
            last = number
            if row.words[number].text.endswith(",") and number + 1 < len(row.words):
                following = bare(row.words[number + 1].text)
                last += any(_alike(following, one) for one in self.given[family])
            yield row.hit("person_name", range(first, last + 1), _REASON, self.families[family])

    def _beside_given(self, row: TextRow, number: int) -> str | None:
        """Return the family name that a word behind a given name of it is, read badly."""
        if not number or not row.words[number].text[:1].isupper():
            return None
        word, before = bare(row.words[number].text), bare(row.words[number - 1].text)
        for family, given in self.given.items():
            if any(_alike(before, one) for one in given) and _is_badly_read(word, family):
                return family
        return None

    def _in_pieces(self, row: TextRow, number: int) -> Iterator[PiiHit]:
        """Yield a name that was read as two words, or as one with the given name before it."""
        text = row.words[number].text
        if not text[:1].isupper():
            return
        word = bare(text)
        following = row.words[number + 1].text if number + 1 < len(row.words) else ""
        for family, role in self.families.items():
            names = self.given[family]
            glued = word.endswith(family) and any(
                _alike(word.removesuffix(family), one) for one in names
            )
            parted = (
                len(family) >= LETTERS_PER_ERROR
                and following[:1].islower()
                and bare(text + following) == family
            )
            if glued or parted:
                words = range(number, number + 1 + parted)
                yield row.hit("person_name", words, _REASON, role)

    def broken_hits(self, row: TextRow, following: TextRow) -> Iterator[PiiHit]:
        """Yield the two pieces of a name that is broken at the end of a line.

        Args:
            row: Line whose last word ends with a hyphen.
            following: Next line.
        """
        if row.page != following.page or not row.words[-1].text.endswith(("-", "⸗", "¬", "=")):
            return
        family = self.family_of(row.words[-1].text[:-1] + following.words[0].text)
        if family is not None:
            last = len(row.words) - 1
            role = self.families[family]
            yield row.hit("person_name", range(last, last + 1), f"{_REASON}, getrennt", role)
            yield following.hit("person_name", range(0, 1), f"{_REASON}, getrennt", role)

    def parted_hits(self, row: TextRow, following: TextRow) -> Iterator[PiiHit]:
        """Yield a given name at the end of a line whose family name begins the next one.

        Args:
            row: Line.
            following: Next line.
        """
        family = self.family_of(following.words[0].text) if row.page == following.page else None
        last = len(row.words) - 1
        word = bare(row.words[last].text)
        if family is not None and any(_alike(word, one) for one in self.given[family]):
            role = self.families[family]
            yield row.hit("person_name", range(last, last + 1), f"{_REASON}, getrennt", role)

    def family_of(self, text: str) -> str | None:
        """Return the family name that a word is, with reading errors and inflection.

        Args:
            text: A word.
        """
        word = bare(text)
        if len(word) < _SHORTEST_FAMILY or not (
            text.lstrip("„‚\"'(")[:1].isupper() or text[:1].isdigit()
        ):
            return None
        for family in self.families:
            for ending in _INFLECTIONS:
                if word == family + ending:
                    return family
        # Inflection and errors together would match ordinary words of similar letters.
        for family in self.families:
            if _alike(word, family) or (word.endswith("s") and _alike(word[:-1], family)):
                return family
        return None

    def _belongs(self, text: str, family: str) -> bool:
        word = bare(text)
        lexicon = load_lexicon()
        return (
            word in lexicon.particles
            or bool(re.fullmatch(r"[A-ZÄÖÜ]\.", text))
            or any(_alike(word, one) for one in self.given[family])
        ) and not text.endswith((",", ";", ":"))


def _alike(word: str, name: str) -> bool:
    """Say whether a word is a name with at most one error per five letters, two in all."""
    if word == name:
        return True
    allowed = min(_MOST_ERRORS, len(name) // LETTERS_PER_ERROR)
    return allowed > 0 and Levenshtein.distance(word, name, score_cutoff=allowed) <= allowed


def _is_badly_read(word: str, name: str) -> bool:
    """Say whether a word may be a name of which every third letter is wrong."""
    allowed = max(1, len(name) // _LETTERS_PER_BAD_ERROR)
    return (
        len(word) >= _SHORTEST_FAMILY
        and Levenshtein.distance(word, name, score_cutoff=allowed) <= allowed
    )


def _is_street(row: TextRow, number: int) -> bool:
    """Say whether a word is the street of "Musterweg 5"."""
    if number + 1 >= len(row.words):
        return False
    endings = load_lexicon().street_endings
    folded = bare(row.words[number].text)
    return row.words[number + 1].text[:1].isdigit() and any(folded.endswith(one) for one in endings)


def _in_order(name: str) -> list[str]:
    """Return the words of a name, given names first: "Müller, Hans" is turned around."""
    family, comma, given = name.partition(",")
    return (f"{given} {family}" if comma else name).split()


def _stronger(one: Role | None, other: Role) -> Role:
    """Prefer a private role to that of an official: what is removed too much can be put back."""
    if one is None or one in ("official", ""):
        return other if one is None or other not in ("official", "") else _plain(one, other)
    return one


def _plain(one: Role, other: Role) -> Role:
    return "official" if "official" in (one, other) else ""
