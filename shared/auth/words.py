"""Passwords of words that can be read aloud and typed: four nouns and three digits.

`data/words_de.txt` holds 1,024 plain German nouns of 4 to 9 letters, written for this project
without umlauts and ß. None is the beginning of another, and any two differ in more than one
letter, so that a misread one is no other. Four of them give 40 bits, three digits 9.97.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources

from shared.auth.randomness import below

WORDS_IN_PASSWORD = 4
DIGITS_IN_PASSWORD = 3


@cache
def word_list() -> tuple[str, ...]:
    """Return the words."""
    text = resources.files("shared.auth").joinpath("data/words_de.txt").read_text("ascii")
    return tuple(text.split())


def new_password(choose: Callable[[int], int] = below) -> str:
    """Return a fresh password, for example `Hafen-Biene-Wolke-Tulpe-407`.

    Args:
        choose: Gives a random number from 0 to below its argument.
    """
    words = word_list()
    parts = [words[choose(len(words))] for _ in range(WORDS_IN_PASSWORD)]
    return "-".join([*parts, f"{choose(10**DIGITS_IN_PASSWORD):0{DIGITS_IN_PASSWORD}d}"])
