"""Put the readings of several engines together, character by character.

Scores of different engines are not comparable, so each is first turned into log-odds of being
right with coefficients learned on rendered development pages (`weights.toml`). The candidate that
is closest to all others is the pivot; the others are aligned to it; in each column the character
with the largest sum of log-odds wins. A character that an engine cannot write at all makes it
abstain there. In words with close decisions the letters of German have a say (`language.py`).
"""

from __future__ import annotations

import math
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from apps.archivair.language import Slot, settle_words, word_log_probability
from apps.archivair.recognise import Candidate
from apps.archivair.script import Script

MAX_DISTANCE_SHARE = 0.45
MIN_SCORE, MAX_SCORE = 0.02, 0.9995
SCARCE_WEIGHT = 0.05
WEIGHTS_FILE = Path(__file__).with_name("weights.toml")
FRAKTUR_WEIGHTS_FILE = Path(__file__).with_name("fraktur_weights.toml")
OLD_UMLAUTS: Mapping[str, str] = {
    letter + "\u0364": chr(0xE000 + ord(letter)) for letter in "aouAOU"
}
"""Letter with a small e above it, and the sign that stands for both during a vote."""
_NEW_UMLAUTS_ONLY = frozenset(OLD_UMLAUTS.values())
_TODAY = str.maketrans(
    {"ſ": "s"}
    | {
        sign: unicodedata.normalize("NFC", f"{letters[0]}\u0308")
        for letters, sign in OLD_UMLAUTS.items()
    }
)
CANNOT_WRITE: Mapping[str, frozenset[str]] = {
    "ppocr": frozenset("„‚ẞ") | _NEW_UMLAUTS_ONLY,
    "ppocr_filtered": frozenset("„‚ẞ"),
    "tesseract": frozenset("²³½¼¾ſ"),
    "tesseract_frk": frozenset("§") | _NEW_UMLAUTS_ONLY,
    "tesseract_fraktur": _NEW_UMLAUTS_ONLY,
}
OPENING_QUOTES = frozenset("„‚")
Column = dict[str, list[tuple[str, float]]]
_QUOTE_LOOKALIKES = frozenset({"", ",", ",,", '"', "'", "“", "”", "‘", "’", ".", ";"})


@dataclass(frozen=True, slots=True)
class EngineWeight:
    """Log-odds of a character being right: `base + slope * logit(score)`.

    Args:
        base: Constant part.
        slope: Factor of the score's log-odds.
        gap: Factor for what the engine left out.
        blank: Further factor where what it left out is a blank between words.
    """

    base: float
    slope: float
    gap: float
    blank: float

    def log_odds(self, score: float) -> float:
        """Return the weight of a character with this score; never below a small positive value."""
        bounded = min(max(score, MIN_SCORE), MAX_SCORE)
        return max(SCARCE_WEIGHT, self.base + self.slope * math.log(bounded / (1 - bounded)))


@dataclass(frozen=True, slots=True)
class VotedLine:
    """The result of a vote.

    Args:
        text: Chosen characters.
        margins: Log-odds by which each character won, one per character.
        agreement: Share of characters on which all engines agreed, 0 to 1.
        engines: Engines that took part.
    """

    text: str
    margins: tuple[float, ...]
    agreement: float
    engines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VoteWeights:
    """All that a vote needs.

    Args:
        engines: Weight by engine.
        language: Weight of a word's log-probability beside log-odds; 0 leaves words out.
        folds_long_s: Whether the letters of words are compared with round s for long s.
    """

    engines: Mapping[str, EngineWeight]
    language: float
    folds_long_s: bool = False


def weights_file(script: Script) -> Path:
    """Return the file of weights of a script; print and typewriter share one."""
    return FRAKTUR_WEIGHTS_FILE if script == "fraktur" else WEIGHTS_FILE


@lru_cache(maxsize=3)
def load_weights(script: Script = "antiqua") -> VoteWeights:
    """Return the learned weights of a script."""
    content = tomllib.loads(weights_file(script).read_text(encoding="utf-8"))
    engines = {name: EngineWeight(**values) for name, values in content["engines"].items()}
    language = content["language"]
    return VoteWeights(engines, language["weight"], language.get("folds_long_s", False))


def vote(candidates: Sequence[Candidate], weights: VoteWeights | None = None) -> VotedLine:
    """Choose the most likely text of one line.

    Args:
        candidates: One reading per engine; empty ones do not vote.
        weights: The learned ones by default.
    """
    weights = weights or load_weights()
    voters = _plausible([one for one in candidates if one.text], weights.engines)
    if not voters:
        return VotedLine("", (), 0.0, ())
    slots = _slots(voters, weights.engines)
    occupied = [slot for slot in slots if slot.text or len(slot.rivals) > 1]
    agreed = sum(len(slot.rivals) == 1 for slot in occupied)
    share = agreed / len(occupied) if occupied and len(voters) > 1 else 0.0
    if weights.language > 0:
        score = _folded_log_probability if weights.folds_long_s else word_log_probability
        slots = settle_words(slots, weights.language, score)
    text = "".join(slot.text for slot in slots)
    margins = tuple(slot.margin for slot in slots for _ in slot.text)
    return VotedLine(text, margins, share, tuple(one.engine for one in voters))


def _folded_log_probability(word: str) -> float:
    return word_log_probability(word.translate(_TODAY))


def _slots(voters: Sequence[Candidate], weights: Mapping[str, EngineWeight]) -> list[Slot]:
    """Decide every place of the pivot and between its characters by votes alone."""
    pivot = _pivot(voters, weights)
    columns: list[Column] = [{} for _ in range(2 * len(pivot.text) + 1)]
    for voter in voters:
        _cast(voter, pivot, weights[voter.engine], columns)
    slots: list[Slot] = []
    before: list[str] = []
    for number, column in enumerate(columns):
        place = number // 2
        following = pivot.text[place : place + 1] if number % 2 == 0 else ""
        slot = _decide(column, before, following, weights)
        slots.append(slot)
        before += slot.text
    return slots


def distance_share(one: str, other: str) -> float:
    """Return the edit distance as a share of the longer text, 0 to 1."""
    return Levenshtein.distance(one, other) / max(len(one), len(other), 1)


def _plausible(voters: list[Candidate], weights: Mapping[str, EngineWeight]) -> list[Candidate]:
    """Drop a reading that has little to do with the most trusted one (a lost line)."""
    if len(voters) < 2:
        return voters
    best = max(voters, key=lambda one: _trust(one, weights))
    return [one for one in voters if distance_share(one.text, best.text) <= MAX_DISTANCE_SHARE]


def _trust(one: Candidate, weights: Mapping[str, EngineWeight]) -> float:
    """Return the mean log-odds of a reading, short ones trusted less."""
    odds = [weights[one.engine].log_odds(score) for score in one.scores]
    return sum(odds) / (len(odds) + 2)


def _pivot(voters: Sequence[Candidate], weights: Mapping[str, EngineWeight]) -> Candidate:
    def summed(one: Candidate) -> tuple[int, float]:
        distance = sum(Levenshtein.distance(one.text, other.text) for other in voters)
        return distance, -_trust(one, weights)

    return min(voters, key=summed)


def _cast(
    voter: Candidate,
    pivot: Candidate,
    weight: EngineWeight,
    columns: list[Column],
) -> None:
    """Write one reading's votes into the columns: odd ones are characters, even ones gaps."""
    spoken: set[int] = set()
    reached = [0] * (len(pivot.text) + 1)

    def say(column: int, text: str, odds: float) -> None:
        columns[column].setdefault(text, []).append((voter.engine, odds))
        spoken.add(column)

    for code in Levenshtein.opcodes(pivot.text, voter.text):
        start, end = code.dest_start, code.dest_end
        for place in range(code.src_start, code.src_end + 1):
            reached[place] = min(start + place - code.src_start, end)
        if code.tag == "insert":
            odds = min(weight.log_odds(score) for score in voter.scores[start:end])
            say(2 * code.src_start, voter.text[start:end], odds)
        elif code.tag == "delete":
            for place in range(code.src_start, code.src_end):
                say(2 * place + 1, "", _gap_odds(voter, start, weight))
        else:
            for offset in range(end - start):
                odds = weight.log_odds(voter.scores[start + offset])
                say(2 * (code.src_start + offset) + 1, voter.text[start + offset], odds)
    for place, position in enumerate(reached):
        if 2 * place not in spoken:
            say(2 * place, "", _gap_odds(voter, position, weight))


def _gap_odds(voter: Candidate, position: int, weight: EngineWeight) -> float:
    """Return the weight of "nothing stands here": as sure as the less sure neighbour."""
    neighbours = voter.scores[max(0, position - 1) : position + 1] or (MIN_SCORE,)
    return weight.gap * min(weight.log_odds(score) for score in neighbours)


def _decide(
    column: Column,
    before: Sequence[str],
    following: str,
    weights: Mapping[str, EngineWeight],
) -> Slot:
    """Choose the text of a column by the sum of log-odds."""
    about_blank = any(text.isspace() for text in column)
    totals = {}
    for text, votes in column.items():
        totals[text] = 0.0
        for engine, odds in votes:
            if _abstains(engine, text, column, before, following):
                continue
            weight = weights[engine]
            totals[text] += odds * (weight.blank if about_blank and not text else 1.0)
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    second = max(ranked[1][1], 0.0) if len(ranked) > 1 else 0.0
    return Slot(ranked[0][0], ranked[0][1] - second, tuple(ranked))


def _abstains(
    engine: str,
    text: str,
    column: Column,
    before: Sequence[str],
    following: str,
) -> bool:
    """Say whether an engine has no voice here because another one names what it cannot write."""
    foreign = {
        char
        for other in column
        if other != text and len(other) == 1
        for char in other
        if char in CANNOT_WRITE.get(engine, frozenset())
    }
    if not foreign:
        return False
    if foreign & OPENING_QUOTES:
        at_word_start = not before or before[-1].isspace() or before[-1] in "(["
        return (
            at_word_start
            and text in _QUOTE_LOOKALIKES
            and (not following or not following.isspace())
        )
    return True
