"""Opens signed tokens strictly: form, header, key and signature, then texts, times and names.

JSON Web Signatures (RFC 7515) in compact form with the advice of RFC 8725. The library checks the
signature; everything that it leaves open is checked here, for every kind of token in one way.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

INSTALLATION_ALGORITHM = "Ed25519"
LONGEST_S = 24 * 3600
LEEWAY_S = 10
MAX_TOKEN_CHARACTERS = 16 * 1024
MAX_SUBJECT_CHARACTERS = 200
KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
TENANT = re.compile(r"[a-z0-9_-]{1,64}")
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_MEMBERS = frozenset({"alg", "typ", "kid"})

Key = OKPKey | RSAKey | ECKey


class TokenRefused(Exception):
    """Ends the check of a token; carries the name of what was wrong, never its value."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key, whose it is and what for.

    Args:
        key: Ed25519, RSA or elliptic-curve key.
        issuer: The only issuer that may sign with it.
        algorithms: Algorithms that the key may be used with.
    """

    key: Key
    issuer: str
    algorithms: tuple[str, ...] = (INSTALLATION_ALGORITHM,)


KeyFor = Callable[[str], TrustedKey]
"""Gives the trusted key of a name, or raises `TokenRefused`."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a header may say.

    Args:
        algorithms: Accepted values of `alg`.
        types: Accepted values of `typ`; None among them lets it be absent.
    """

    algorithms: tuple[str, ...]
    types: tuple[str | None, ...]


def open_signed(token: str, form: Form, key_for: KeyFor) -> dict[str, Any]:
    """Return the claims of a token after form, header, signature and issuer have been checked.

    Args:
        token: Compact form, three parts.
        form: What its header may say.
        key_for: Gives the trusted key of a name.

    Raises:
        TokenRefused: Anything about it is not as it must be.
    """
    algorithm, kid = _read_header(token, form)
    trusted = key_for(kid)
    if algorithm not in trusted.algorithms:
        raise TokenRefused("alg")
    try:
        signed = jws.deserialize_compact(token, trusted.key, algorithms=[algorithm])
    except (JoseError, ValueError) as cause:
        raise TokenRefused("signature") from cause
    claims = _read_object(signed.payload or b"", "claims")
    if claims.get("iss") != trusted.issuer:
        raise TokenRefused("iss")
    return claims


def key_name(token: str, form: Form) -> str:
    """Return which key a token claims to be signed with; nothing else about it has been checked.

    Args:
        token: Compact form, three parts.
        form: What its header may say.

    Raises:
        TokenRefused: It is no such token.
    """
    return _read_header(token, form)[1]


def _read_header(token: str, form: Form) -> tuple[str, str]:
    """Check form and header before any key is touched; other members could name their own key."""
    if len(token) > MAX_TOKEN_CHARACTERS or not _FORM.fullmatch(token):
        raise TokenRefused("form")
    head = token.partition(".")[0]
    try:
        header = _read_object(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)), "header")
    except ValueError as cause:
        raise TokenRefused("header") from cause
    needed = _MEMBERS - {"typ"} if None in form.types else _MEMBERS
    if not needed <= header.keys() <= _MEMBERS or header["alg"] not in form.algorithms:
        raise TokenRefused("header")
    if header.get("typ") not in form.types:
        raise TokenRefused("typ")
    kid = header["kid"]
    if not isinstance(kid, str) or not KEY_NAME.fullmatch(kid):
        raise TokenRefused("kid")
    return header["alg"], kid


def check_times(claims: Mapping[str, Any], now: float, longest_s: float = LONGEST_S) -> None:
    """Check when a token was made and ends.

    Args:
        claims: What `open_signed` has returned.
        now: Unix time in seconds.
        longest_s: Seconds from now that it may still be good for.

    Raises:
        TokenRefused: "exp", "iat" or "nbf".
    """
    issued, expires = seconds(claims, "iat"), seconds(claims, "exp")
    if not now - LEEWAY_S < expires <= now + longest_s:
        raise TokenRefused("exp")
    if not issued <= now + LEEWAY_S or issued >= expires:
        raise TokenRefused("iat")
    if "nbf" in claims and seconds(claims, "nbf") > now + LEEWAY_S:
        raise TokenRefused("nbf")


def subject(claims: Mapping[str, Any]) -> str:
    """Return the stable id of who a token speaks for.

    Raises:
        TokenRefused: "sub": there is none, or it is no text of at most 200 characters.
    """
    value = claims.get("sub")
    if not isinstance(value, str) or not 0 < len(value) <= MAX_SUBJECT_CHARACTERS:
        raise TokenRefused("sub")
    return value


def strings(value: object, name: str) -> list[str]:
    """Return a text or a list of texts as a list.

    Raises:
        TokenRefused: The given name: it is something else.
    """
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(entry, str) for entry in values):
        raise TokenRefused(name)
    return values


def seconds(claims: Mapping[str, Any], name: str) -> float:
    """Return a time of the claims in seconds of Unix time.

    Raises:
        TokenRefused: The given name: it is absent or no finite number.
    """
    value = claims.get(name)
    # A truth value counts as a number in Python.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(name)
    if isinstance(value, float) and not math.isfinite(value):
        raise TokenRefused(name)
    return value


def _read_object(content: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as cause:
        raise TokenRefused(name) from cause
    if not isinstance(value, dict):
        raise TokenRefused(name)
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers could take different ones of two equal names."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
