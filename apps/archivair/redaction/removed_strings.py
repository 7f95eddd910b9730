"""Search removed strings in a text: whole words, at most one error from five characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from apps.archivair.redaction.hits import PiiHit
from apps.archivair.redaction.lexicon import bare, load_lexicon

FUZZY_FROM = 5
_SHORTEST_PART = 4
_SHORTEST_WHOLE = 3
_OWN_WORDS = ("person_name", "email", "phone", "bank", "id_document", "social_security", "tax_id")
_WORD = re.compile(r"[^\W_]+(?:[-'’.@][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class RemovedStrings:
    """Strings that must not occur any more.

    Args:
        single: Folded words.
        phrases: Folded words of strings of several words.
    """

    single: frozenset[str]
    phrases: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls, removed: Sequence[PiiHit], kept: Sequence[PiiHit], allowed: Sequence[str] = ()
    ) -> RemovedStrings:
        """Collect what must be gone.

        A word that the profile keeps for somebody else (two people of one family name) is only
        searched as part of its whole string; a whole string that stays elsewhere not at all: there
        the pixels and words of its boxes alone are the proof.

        Args:
            removed: Hits that were removed.
            kept: Hits that stay.
            allowed: Further texts that stay, for example the property's address.
        """
        particles = load_lexicon().particles | load_lexicon().academic
        whole = {tuple(_words(hit.text)) for hit in kept}
        stays = {one for words in whole for one in words}
        stays |= {one for text in allowed for one in _words(text)}
        single: set[str] = set()
        phrases: set[tuple[str, ...]] = set()
        for hit in removed:
            words = _words(hit.text)
            if len("".join(words)) < _SHORTEST_WHOLE:
                continue
            if len(words) > 1:
                phrases |= {tuple(words)} - whole
            elif not stays & set(words):
                single |= set(words)
            if hit.category in _OWN_WORDS:
                single |= {
                    one for one in words
                    if len(one) >= _SHORTEST_PART and one not in stays and one not in particles
                }  # fmt: skip
        return cls(frozenset(single), tuple(sorted(phrases)))

    def found_in(self, text: str) -> int:
        """Return how many places of a text hold a removed string.

        Args:
            text: Any text.
        """
        raw = _WORD.findall(text)
        words = [bare(one) for one in raw]
        places = sum(self._is_single(one, word) for one, word in zip(raw, words, strict=True))
        known = set(words)
        for phrase in self.phrases:
            if not any(_alike(phrase[0], one) for one in known):
                continue
            length = len(phrase)
            for start in range(len(words) - length + 1):
                places += all(
                    _alike(one, other)
                    for one, other in zip(phrase, words[start : start + length], strict=True)
                )
        return places

    def _is_single(self, raw: str, word: str) -> bool:
        if word in self.single:
            return True
        # An ordinary word in small letters may be one letter away from a name.
        if len(word) < FUZZY_FROM - 1 or not (raw[:1].isupper() or raw[:1].isdigit() or "@" in raw):
            return False
        return any(_alike(one, word) for one in self.single)


def _words(text: str) -> list[str]:
    return [word for one in _WORD.findall(text) if (word := bare(one))]


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    # A digit read wrongly makes another number: only words with letters are compared loosely.
    if len(one) < FUZZY_FROM or one.isdigit() or abs(len(one) - len(other)) > 1:
        return False
    return Levenshtein.distance(one, other, score_cutoff=1) <= 1
