"""The words of `lexicon.toml`, folded for comparison."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from apps.archivair.documents.folding import fold
from apps.archivair.redaction.hits import Role

_FILE = Path(__file__).with_name("lexicon.toml")
_LABEL_ROLES: tuple[Role, ...] = ("owner", "planner", "expert", "neighbour", "official")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Folded words by what they say about their neighbours.

    Args:
        first_names: Given names.
        titles: Words before a name.
        academic: Degrees before a name.
        particles: Small words inside a name.
        labels: Role by label of a form.
        private_closings: Formulae before a signature.
        official_closings: Formulae before an official's signature.
        offices: Beginnings of a line that names an office as the signer.
        heads: Who heads an office.
        authorities: Words that name an office as the one that signs.
        office: Words of which no name consists.
        not_names: Capitalised words that are no names.
        health: Pattern of folded words about health.
        family: Words about the family.
        income: Words about income.
        property: Labels of the property's address.
        residence: Labels of a home address.
        street_endings: Endings of street names, longest first.
        not_streets: Words that end like streets.
    """

    first_names: frozenset[str]
    titles: frozenset[str]
    academic: frozenset[str]
    particles: frozenset[str]
    labels: dict[str, Role]
    private_closings: tuple[str, ...]
    official_closings: tuple[str, ...]
    offices: tuple[str, ...]
    heads: frozenset[str]
    authorities: frozenset[str]
    office: frozenset[str]
    not_names: frozenset[str]
    health: re.Pattern[str]
    family: frozenset[str]
    income: frozenset[str]
    property: tuple[str, ...]
    residence: tuple[str, ...]
    street_endings: tuple[str, ...]
    not_streets: frozenset[str]


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """Read the lexicon."""
    raw = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    words, keywords = raw["words"], raw["keywords"]
    labels = {fold(label): role for role in _LABEL_ROLES for label in raw["labels"][role]}
    return Lexicon(
        first_names=_set(raw["first_names"]),
        titles=_set(raw["titles"]),
        academic=_set(raw["academic"]),
        particles=_set(raw["particles"]),
        labels=labels,
        private_closings=tuple(fold(one) for one in raw["closings"]["private"]),
        official_closings=tuple(fold(one) for one in raw["closings"]["official"]),
        offices=tuple(fold(one) for one in raw["closings"]["offices"]),
        heads=_set(words["heads"]),
        authorities=_set(words["authorities"]),
        office=_set(words["office"]),
        not_names=_set(words["not_names"]),
        health=re.compile("|".join(keywords["health"])),
        family=frozenset(fold(one) for one in keywords["family"]),
        income=frozenset(fold(one) for one in keywords["income"]),
        property=tuple(fold(one) for one in keywords["property"]),
        residence=tuple(fold(one) for one in keywords["residence"]),
        street_endings=tuple(
            sorted({fold(one) for one in raw["streets"]["endings"].split()}, key=len, reverse=True)
        ),
        not_streets=_set(raw["streets"]["not"]),
    )


@lru_cache(maxsize=65_536)
def bare(text: str) -> str:
    """Return a word folded and without punctuation around it.

    Args:
        text: A word.
    """
    return re.sub(r"^[^a-z0-9]+|[^a-z0-9]+$", "", fold(text))


def _set(text: str) -> frozenset[str]:
    return frozenset(fold(one) for one in text.split())
