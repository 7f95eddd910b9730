"""Find names of real places in texts, however they are spelled."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("deny_list.toml")
_FOLDED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_STREET = r"(?:str(?:asse|\.)?|weg|platz|allee|ring|gasse|damm|markt|tor|hof|kamp|ufer)"


def denied_names() -> tuple[str, ...]:
    """Return the names of real places."""
    lists = tomllib.loads(_FILE.read_text(encoding="utf-8")).values()
    return tuple(name for one in lists for name in one["names"])


def real_names(texts: Iterable[str]) -> set[str]:
    """Return the places of the deny list that texts name: alone, in a street, as "-er Straße".

    Whole words count; case, ä or ae, ß or ss, hyphens and blanks do not.
    """
    found: set[str] = set()
    for text in texts:
        found.update(match[0] for match in _pattern().finditer(_fold(text)))
    return found


def _fold(text: str) -> str:
    return re.sub(r"[\s_/-]+", " ", text.casefold().translate(_FOLDED))


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted({_fold(name) for name in denied_names()})
    alone = "|".join(names)
    people = "|".join(sorted({form for name in names for form in _inhabitants(name)}))
    return re.compile(rf"\b(?:(?:{alone})(?: ?{_STREET})?|(?:{people}) ?{_STREET})(?!\w)")


def _inhabitants(name: str) -> set[str]:
    """Return the words that a street to a place begins with."""
    forms = {f"{name}er"}
    if name.endswith("e"):
        forms.add(f"{name}r")
    if name.endswith("en"):
        forms.add(f"{name[:-2]}er")
    if name.endswith("hausen"):
        forms.add(f"{name[:-6]}haeuser")
    return forms
