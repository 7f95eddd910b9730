"""Passwords: what a new one must be, and how it is kept (Argon2id, RFC 9106).

`data/common_passwords.txt` comes from the list of passwords by frequency in the Python package
zxcvbn 4.5.0 (MIT, see THIRD_PARTY.md), in small letters: all 229 of at least 12 characters and
the most frequent of the others, 10,000 together, sorted. The shorter ones count too, because
people lengthen them by digits and signs at the ends.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from functools import cache
from importlib import resources
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import PasswordGuessable, PasswordLength

LEAST_CHARACTERS, MOST_CHARACTERS = 12, 128
_AT_ONCE = 2
"""Each takes 64 MiB while it runs."""
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=1$yY38yQR6LfOvRDe3r+bfuA$"
    "NUWy4/bPq9WpziNiOTBvPoQoSeojqvqGsZ2C0ELVZwg"
)
"""Verified where there is no account, so that this takes as long; of a random text that is lost."""
_slots = BoundedSemaphore(_AT_ONCE)


def normalised(password: str) -> str | None:
    """Return a password as it is hashed (NFKC), None for one that nobody can have.

    The same letters come composed or in parts, depending on the keyboard (NIST SP 800-63B,
    section 5.1.1.2).
    """
    if not 0 < len(password) <= MOST_CHARACTERS:
        return None
    plain = unicodedata.normalize("NFKC", password)
    is_text = not any(unicodedata.category(character) == "Cs" for character in plain)
    return plain if is_text and len(plain) <= MOST_CHARACTERS else None


def checked(password: str, names: Collection[str]) -> str:
    """Return a new password as it is hashed.

    Args:
        password: What the person has chosen.
        names: What it must not be: names of the person.

    Raises:
        PasswordGuessable: Common, or one of the names.
        PasswordLength: Shorter than 12 or longer than 128 characters.
    """
    plain = normalised(password)
    if plain is None or len(plain) < LEAST_CHARACTERS:
        raise PasswordLength(least=LEAST_CHARACTERS, most=MOST_CHARACTERS)
    if _is_common(plain) or plain.casefold() in {name.casefold() for name in names}:
        raise PasswordGuessable()
    return plain


def hash_password(plain: str) -> str:
    """Return what is kept of a password; about 140 ms, so never in an event loop.

    Args:
        plain: From `checked` or `normalised`.
    """
    with _slots:
        return _HASHER.hash(plain)


def fits(stored: str, plain: str) -> bool:
    """Say whether a password is the one of a hash; about 140 ms, so never in an event loop.

    Args:
        stored: From `hash_password`.
        plain: From `normalised`.
    """
    try:
        with _slots:
            return _HASHER.verify(stored, plain)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Say whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


@cache
def common_passwords() -> frozenset[str]:
    """Return the common passwords, in small letters."""
    file = resources.files("shared.auth").joinpath("data/common_passwords.txt")
    return frozenset(file.read_text("ascii").split())


def _is_common(plain: str) -> bool:
    folded = plain.casefold()
    letters = [number for number, character in enumerate(folded) if character.isalpha()]
    core = folded[letters[0] : letters[-1] + 1] if letters else ""
    return not common_passwords().isdisjoint({folded, core})
