"""Read `classes.toml`: the 20 classes of pages with German names and usual words by era."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from apps.archivair.documents.folding import fold, fold_word

CLASSES_FILE = Path(__file__).with_name("classes.toml")
UNCLEAR = "unklar"
UNCLEAR_BELOW = 0.5


@dataclass(frozen=True, slots=True)
class PageClass:
    """One class of pages.

    Args:
        id: Stable name.
        title: German name.
        titles: Folded headings of such pages.
        words: Folded words and phrases of such pages.
    """

    id: str
    title: str
    titles: tuple[str, ...]
    words: tuple[str, ...]


@lru_cache(maxsize=1)
def page_classes() -> tuple[PageClass, ...]:
    """Return the classes in their fixed order."""
    return tuple(
        PageClass(
            entry["id"],
            entry["title"],
            _phrases(entry["titles"], fold_word),
            _phrases(entry["words"], fold),
        )
        for entry in _entries()
    )


def written_titles(page_class: str) -> tuple[str, ...]:
    """Return the headings of a class as they are written.

    Args:
        page_class: Id of the class.

    Raises:
        KeyError: There is no such class.
    """
    return _written(page_class, "titles")


def written_words(page_class: str) -> tuple[str, ...]:
    """Return the words of a class as they are written.

    Args:
        page_class: Id of the class.

    Raises:
        KeyError: There is no such class.
    """
    return _written(page_class, "words")


@lru_cache(maxsize=64)
def _written(page_class: str, kind: str) -> tuple[str, ...]:
    for entry in _entries():
        if entry["id"] == page_class:
            return tuple(dict.fromkeys(text for texts in entry[kind].values() for text in texts))
    raise KeyError(page_class)


@lru_cache(maxsize=1)
def _entries() -> list[dict[str, Any]]:
    return list(tomllib.loads(CLASSES_FILE.read_text(encoding="utf-8"))["class"])


def class_ids() -> tuple[str, ...]:
    """Return the names of the classes in their fixed order."""
    return tuple(one.id for one in page_classes())


def _phrases(by_era: Mapping[str, Sequence[str]], folding: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(sorted({folding(text) for texts in by_era.values() for text in texts}))
