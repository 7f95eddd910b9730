"""Profiles: what is removed and which pages are held back, for whom."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from apps.archivair.archive_files.page_content import ArchivePage
from apps.archivair.documents.folding import fold
from apps.archivair.redaction.errors import ProfileUnknown
from apps.archivair.redaction.hits import CaseFacts, PiiHit

PROFILES = ("eigentuemer", "nachbar", "forschung", "intern")
UNKNOWN_CLASS, NEIGHBOUR_CLASS = "unklar", "nachbar"
_FILE = Path(__file__).with_name("profiles.toml")
_HEAD_LINES = 8


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile.

    Args:
        name: One of `PROFILES`.
        title: Title for people, German.
        remove: Categories that are removed whoever they belong to.
        names: Roles whose names are removed.
        withheld: Classes of pages that are held back.
        watermark: Words across each page; empty for none.
        status: "ungeprueft" until the municipality checked the table in law.
        valid_from: Day from which the table holds.
    """

    name: str
    title: str
    remove: frozenset[str]
    names: frozenset[str]
    withheld: frozenset[str]
    watermark: str
    status: str
    valid_from: str


def load_profile(name: str) -> Profile:
    """Return a profile.

    Args:
        name: One of `PROFILES`.

    Raises:
        ProfileUnknown: There is no such profile.
    """
    if name not in PROFILES:
        raise ProfileUnknown(name=name[:40], known=", ".join(PROFILES))
    table = _table()
    raw = table[name]
    return Profile(
        name, raw["title"], frozenset(raw["remove"]), frozenset(raw["names"]),
        frozenset(raw["withheld"]), raw["watermark"], table["status"], table["valid_from"],
    )  # fmt: skip


def to_remove(profile: Profile, hits: Sequence[PiiHit]) -> list[PiiHit]:
    """Return the hits that a profile removes.

    Args:
        profile: The profile.
        hits: All hits.
    """
    return [
        hit
        for hit in hits
        if hit.category in profile.remove
        or (hit.category == "person_name" and hit.role in profile.names)
    ]


def page_class(number: int, page: ArchivePage, facts: CaseFacts) -> str:
    """Return the class of a page: what a person said, else what its head says, else "unklar".

    Args:
        number: Number of the page, from 1.
        page: The page.
        facts: What is known of the case.
    """
    told = dict(facts.page_classes).get(number)
    if told is not None:
        return told
    head = fold(" ".join(word.text for line in page.lines[:_HEAD_LINES] for word in line))
    for name, titles in _table()["titles"].items():
        if any(title in head for title in titles):
            return str(name)
    return UNKNOWN_CLASS


def with_roles(hits: Sequence[PiiHit], classes: dict[int, str]) -> list[PiiHit]:
    """Give names of unknown people on pages about neighbours the role of a neighbour.

    Args:
        hits: All hits.
        classes: Class by number of the page.
    """
    return [
        replace(hit, role="neighbour")
        if hit.category == "person_name"
        and hit.role == ""
        and classes.get(hit.page) == NEIGHBOUR_CLASS
        else hit
        for hit in hits
    ]


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
