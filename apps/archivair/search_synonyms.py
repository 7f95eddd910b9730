"""Words that offices used for the same thing, and old spellings, from `synonyms.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from apps.archivair.search_folding import fold_text

_FILE = Path(__file__).with_name("synonyms.toml")


@lru_cache(maxsize=1)
def synonyms() -> Mapping[str, tuple[str, ...]]:
    """Return for each folded word the others of its groups, folded."""
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    found: dict[str, dict[str, None]] = {}
    for group in content["group"]:
        words = list(dict.fromkeys(fold_text(word) for word in group["words"]))
        for word in words:
            others = dict.fromkeys(other for other in words if other != word)
            found.setdefault(word, {}).update(others)
    return {word: tuple(others) for word, others in found.items()}


def shown_word(folded: str) -> str:
    """Return a word of the groups as the file writes it.

    Args:
        folded: The word folded.
    """
    return _written().get(folded, folded)


@lru_cache(maxsize=1)
def _written() -> Mapping[str, str]:
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {fold_text(word): word for group in content["group"] for word in group["words"]}
