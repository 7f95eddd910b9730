"""Passwords and the words they are made of."""

from __future__ import annotations

import math
import re
from itertools import combinations

import pytest
from rapidfuzz.distance import Levenshtein

from shared.auth import passwords, words
from shared.errors import PasswordGuessable, PasswordLength


def test_there_are_1024_words_that_nobody_mistakes() -> None:
    found = words.word_list()
    assert len(found) == len(set(found)) == 1024
    assert all(re.fullmatch("[A-Z][a-z]{3,8}", word) for word in found)
    small = [word.lower() for word in found]
    for one, other in combinations(sorted(small), 2):
        assert not other.startswith(one), (one, other)
        assert Levenshtein.distance(one, other, score_cutoff=1) > 1, (one, other)


def test_a_made_password_has_at_least_49_bits() -> None:
    limits: list[int] = []

    def highest(limit: int) -> int:
        limits.append(limit)
        return limit - 1

    last = words.word_list()[-1]
    assert words.new_password(highest) == f"{last}-{last}-{last}-{last}-999"
    assert words.new_password(lambda _: 0).endswith("-000")
    assert sum(map(math.log2, limits)) >= 49


def test_made_passwords_differ_and_may_be_used() -> None:
    made = {words.new_password() for _ in range(500)}
    assert len(made) == 500
    for one in made:
        assert passwords.checked(one, ()) == one


def test_the_list_of_common_passwords_is_whole() -> None:
    common = passwords.common_passwords()
    assert len(common) == 10_000
    assert all(word == word.casefold() and word.isprintable() for word in common)
    assert {"123456", "password", "passwort", "qwertz"} <= common


@pytest.mark.parametrize(
    "guessable",
    [
        *("1q2w3e4r5t6y", "qwerty123456", "QWERTY123456", "password1234", "Password2026!"),
        *("passwort!!!!!!", "123456789987654321", "...password..."),
        *("ｐａｓｓｗｏｒｄ１２３４", "Anna Müller-Schmidt", "ANNA MÜLLER-SCHMIDT"),
    ],
)
def test_passwords_that_are_tried_first_are_refused(guessable: str) -> None:
    with pytest.raises(PasswordGuessable):
        passwords.checked(guessable, ("anna", "Anna Müller-Schmidt"))


@pytest.mark.parametrize(
    "wrong", ["", "x", "elf Zeichen", "y" * 129, "y" * 10_000, "ab\ud800" * 6, "ﷺ" * 10]
)
def test_the_length_is_that_of_the_letters(wrong: str) -> None:
    with pytest.raises(PasswordLength, match="12 bis 128"):
        passwords.checked(wrong, ())


@pytest.mark.parametrize("fine", ["zwölf Zeiche", "wü" * 64, "passwortlos ist besser", "😀" * 12])
def test_all_else_is_fine(fine: str) -> None:
    assert passwords.fits(passwords.hash_password(passwords.checked(fine, ())), fine)


def test_composed_letters_are_the_same_password() -> None:
    kept = passwords.hash_password(passwords.checked("Müllerstraße 12", ()))
    parts = passwords.normalised("Mu\u0308llerstraße 12")
    assert parts is not None
    assert passwords.fits(kept, parts)


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$", "$2b$12$abc"])
def test_a_damaged_hash_fits_nothing(stored: str) -> None:
    assert passwords.fits(stored, "irgendein Passwort") is False
