"""What text recognition makes of words: letters for digits, digits for letters, similar letters.

Nothing here corrects a text. It only lets a finder look a second time, so that a datum with a
letter read wrongly is removed as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

_TOKEN = re.compile(r"\S+")
_AS_DIGIT = str.maketrans("OoQIl|SsBZz", "00011155822")
_HOUSE_NUMBER = re.compile(r"(?=\D*\d)[\dOoIl|]{1,4}[a-h]?[.,;]?")
_AS_CAPITAL = str.maketrans("0568", "OSGB")
_STROKE = re.compile(r"(?<=[a-zäöüß])[I1|](?=[a-zäöüß.,;:]|$)")
_ROUND = re.compile(r"(?<=[a-zäöüß])[05](?=[a-zäöüß.,;:]|$)")
_FIRST = re.compile(r"^[0568](?=[a-zäöüß]{3})")
_AS_LETTER = str.maketrans("0158", "olsB")
_LOOKS_LIKE_DIGIT = frozenset("OoQIl|SsBZz")
_CODES = "BSZ"  # "B25" is a sort of concrete
_LEAST_DIGITS = 2
_LEAST_LETTERS = 2
_LETTERS_PER_ERROR = 6
_SIMILAR = (
    ("rn", "m"), ("m", "rn"), ("e", "c"), ("c", "e"), ("i", "l"), ("l", "i"), ("u", "n"),
    ("n", "u"), ("a", "o"), ("o", "a"), ("h", "b"), ("f", "t"), ("e", "o"),
)  # fmt: skip
"""What is written, and what it is read as."""


def mended(text: str) -> str:
    """Return a text of the same length with digits where numbers have letters, and the reverse.

    Args:
        text: Words with single blanks between them.
    """
    return _TOKEN.sub(lambda match: _mended_token(match[0]), text)


@lru_cache(maxsize=65_536)
def _mended_token(token: str) -> str:
    digits = sum(one.isdigit() for one in token)
    letters = [one for one in token if one.isalpha() or one == "|"]
    if not digits or not letters:
        return token
    is_number = all(one in _LOOKS_LIKE_DIGIT for one in letters) and token[0] not in _CODES
    if digits >= _LEAST_DIGITS and is_number:
        return token.translate(_AS_DIGIT)
    if digits == 1 and len(letters) >= _LEAST_LETTERS:
        return token.translate(_AS_LETTER)
    return token


@lru_cache(maxsize=65_536)
def as_house_number(text: str) -> str:
    """Return a house number with digits where letters stand that no house number has.

    Args:
        text: A word as it was read: "1l", "I7a,".
    """
    return text.translate(_AS_DIGIT) if _HOUSE_NUMBER.fullmatch(text) else text


@lru_cache(maxsize=65_536)
def as_word(text: str) -> str:
    """Return a word with letters where digits or strokes stand between small letters.

    Args:
        text: A word as it was read: "MüIler", "Mül1er", "8auer".
    """
    text = _STROKE.sub("l", text)
    text = _ROUND.sub(lambda match: match[0].translate(_AS_LETTER), text)
    return _FIRST.sub(lambda match: match[0].translate(_AS_CAPITAL), text)


@lru_cache(maxsize=65_536)
def is_nearly(word: str, known: str) -> bool:
    """Say whether a word is a known one with at most one error per six letters.

    Args:
        word: Folded word or words.
        known: The same kind.
    """
    allowed = len(known) // _LETTERS_PER_ERROR
    if word == known or not allowed:
        return word == known
    return Levenshtein.distance(word, known, score_cutoff=allowed) <= allowed


def starts_nearly(text: str, known: str) -> bool:
    """Say whether a text begins with known words, with at most one error per six letters.

    Args:
        text: Folded text.
        known: Folded words.
    """
    if text.startswith(known):
        return True
    allowed = len(known) // _LETTERS_PER_ERROR
    lengths = range(len(known) - allowed, len(known) + allowed + 1)
    return any(is_nearly(text[:length], known) for length in lengths)


@lru_cache(maxsize=8)
def with_misread(words: frozenset[str]) -> frozenset[str]:
    """Return short words together with those as which they are often read.

    Args:
        words: Folded words.
    """
    found = set(words)
    for word in words:
        if len(word) < _LETTERS_PER_ERROR - 2:
            continue  # of three letters anything is a misreading
        for written, read in _SIMILAR:
            place = word.find(written)
            while place >= 0:
                found.add(word[:place] + read + word[place + len(written) :])
                place = word.find(written, place + 1)
    return frozenset(found)


def nearest(word: str, known: Collection[str]) -> str | None:
    """Return the known word that a word is nearly; None for none.

    Args:
        word: Folded word.
        known: Folded words.
    """
    if word in known:
        return word
    return next((one for one in known if is_nearly(word, one)), None)
