"""Find apps by a few words: umlauts, spelling and one typo do not matter. No Streamlit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from shared.registry.manifest import AppManifest

TYPO_FROM_CHARACTERS = 5
PREFIX_FROM_CHARACTERS = 2
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_WORD = re.compile(r"[a-z0-9]+")
# What people type for the words that stand in the manifests.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "pv": ("photovoltaik", "solar"),
    "fotovoltaik": ("photovoltaik",),
    "akte": ("archiv",),
    "akten": ("archiv",),
    "scan": ("archiv", "texterkennung"),
    "ocr": ("texterkennung",),
    "orthofoto": ("luftbild",),
    "chatbot": ("chat",),
}
_FIELD_WEIGHTS = (("title", 4), ("keywords", 3), ("tagline", 2), ("municipality", 1))


@dataclass(frozen=True, slots=True)
class Hit:
    """An app that fits the query.

    Args:
        manifest: The app.
        score: Larger is better; comparable within one query only.
    """

    manifest: AppManifest
    score: int


def fold(text: str) -> str:
    """Return a text in a spelling that ignores case, accents and umlauts."""
    lowered = unicodedata.normalize("NFC", text).casefold().translate(_GERMAN)
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def rank_apps(query: str, apps: Sequence[AppManifest]) -> list[Hit]:
    """Return the apps in which every word of the query is found, the best first.

    Args:
        query: What a person typed; at most 200 characters are read. Empty returns every app.
        apps: Apps in the order of the gallery, which decides between equal scores.
    """
    wanted = _WORD.findall(fold(query[:200]))
    hits = []
    for app in apps:
        words = _words(app)
        scores = [_word_score(word, words) for word in wanted]
        if all(scores):
            hits.append(Hit(app, sum(scores)))
    return sorted(hits, key=lambda hit: -hit.score)


def is_within_one_typo(typed: str, word: str) -> bool:
    """Say whether one insertion, deletion, replacement or swap of neighbours joins two words."""
    if typed == word:
        return True
    if abs(len(typed) - len(word)) > 1:
        return False
    start = 0
    while start < min(len(typed), len(word)) and typed[start] == word[start]:
        start += 1
    rest_a, rest_b = typed[start:], word[start:]
    if rest_a[1:] == rest_b[1:] or rest_a[1:] == rest_b or rest_a == rest_b[1:]:
        return True
    return len(rest_a) > 1 and rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:]


def _words(app: AppManifest) -> list[tuple[str, int]]:
    words: list[tuple[str, int]] = []
    for field, weight in _FIELD_WEIGHTS:
        for name in (field, f"{field}_en"):
            value = getattr(app, name, "")
            text = " ".join(value) if isinstance(value, tuple) else str(value)
            words += [(word, weight) for word in _WORD.findall(fold(text))]
    return words


def _word_score(wanted: str, words: Sequence[tuple[str, int]]) -> int:
    """Return 0 if the word is not found, more for better fields and closer spelling."""
    spellings = (wanted, *SYNONYMS.get(wanted, ()))
    return max(
        (_closeness(s, word) * weight for s in spellings for word, weight in words), default=0
    )


def _closeness(wanted: str, word: str) -> int:
    if wanted == word:
        return 4
    if len(wanted) >= PREFIX_FROM_CHARACTERS and word.startswith(wanted):
        return 3
    if len(wanted) >= TYPO_FROM_CHARACTERS - 1 and wanted in word:
        return 2
    if len(word) < TYPO_FROM_CHARACTERS:
        return 0
    prefixes = {word, word[: len(wanted)], word[: len(wanted) + 1]}
    near = len(wanted) >= TYPO_FROM_CHARACTERS - 1 and any(
        is_within_one_typo(wanted, prefix) for prefix in prefixes if len(prefix) >= 5
    )
    return 1 if near else 0
