"""The installation's public keys: a file that anybody may read, checked before it is trusted.

The file is a JSON Web Key Set (RFC 7517) with one more member, `issuer`, the name of the
installation in its tokens. A key that was replaced has one more too, `exp`, after which it ends.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from shared.contracts.identity.tokens import TokenRefused, TrustedKey
from shared.errors import (
    KeySetMissing,
    KeySetPlaceholder,
    KeySetUnusable,
    ModelServerNotReady,
    OperationError,
)

CURVE = "Ed25519"
KEY_TYPE = "OKP"
ISSUER = re.compile(r"urn:urbanki:[A-Za-z0-9_-]{8,64}")
PLACEHOLDER = "BITTE-ERSETZEN"
"""Stands in templates where an operator must put in the real key set."""
PUBLISHED_PRIVATE = frozenset({"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"})
"""Thumbprints of keys whose private half stands in a standard (RFC 8037, appendix A.1)."""
MAX_FILE_BYTES = 64 * 1024
MAX_KEYS = 16
LEAST_DIFFERENT_BYTES = 8
"""A random key of 32 bytes has about 30 different ones, a filler such as "AAAA" has one or two."""
ABSENT_WAIT_S = 2.0
UNKNOWN_WAIT_S = 10.0
REFRESH_S = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeySet:
    """Trusted public keys.

    Args:
        issuer: Name of the installation.
        keys: Ed25519 keys by their thumbprint (RFC 7638).
        ends: Unix time in seconds after which a key counts no more, for those that were replaced.
    """

    issuer: str
    keys: Mapping[str, OKPKey]
    ends: Mapping[str, float]


def read_key_set(file: Path, now: float | None = None) -> KeySet:
    """Read and check a file of public keys; keys that have ended are left out.

    Args:
        file: The key set.
        now: Unix time in seconds; None takes the clock.

    Raises:
        KeySetMissing: There is no such file.
        KeySetPlaceholder: Nobody has put a real key into the template yet.
        KeySetUnusable: It is no key set, holds a private key, or anybody may change it.
    """
    content = _read(file)
    if PLACEHOLDER.encode() in content:
        raise KeySetPlaceholder(file=file.name)
    try:
        document = json.loads(content)
        issuer, entries = str(document["issuer"]), document["keys"]
        found = [(_key(entry), _end(entry)) for entry in entries if entry.get("crv") == CURVE]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, JoseError) as cause:
        raise KeySetUnusable(file=file.name) from cause
    if not found or len(entries) > MAX_KEYS or not ISSUER.fullmatch(issuer):
        raise KeySetUnusable(file=file.name)
    by_name = {key.thumbprint(): key for key, _ in found}
    if any(_is_filler(key) for key, _ in found) or PUBLISHED_PRIVATE & by_name.keys():
        raise KeySetPlaceholder(file=file.name)
    moment = time.time() if now is None else now
    ends = {key.thumbprint(): end for key, end in found if end is not None}
    living = {name: key for name, key in by_name.items() if ends.get(name, math.inf) > moment}
    return KeySet(issuer, MappingProxyType(living), MappingProxyType(ends))


class KeyCache:
    """The trusted keys of a running server; reads the file seldom and on demand.

    Args:
        file: The key set; it may appear later.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: KeySet | None = None
        self._read_at = self._asked_at = float("-inf")
        self.reads = 0

    def key_for(self, kid: str, now: float) -> TrustedKey:
        """Return the key of a token.

        A key that is not known makes the file be read again, at most once in 10 s, however many
        invented names arrive. Known keys are read again every 10 s, so that a withdrawn one ends.

        Args:
            kid: Name of the key in the token.
            now: Seconds of a clock that never goes back.

        Raises:
            ModelServerNotReady: There is no usable key set yet.
            TokenRefused: No key has this name.
        """
        if self._is_due(kid, now):
            self._read(now)
        if self._known is None:
            raise ModelServerNotReady()
        key = self._known.keys.get(kid)
        if key is None:
            raise TokenRefused("kid")
        return TrustedKey(key, self._known.issuer)

    def _is_due(self, kid: str, now: float) -> bool:
        if self._known is None:
            return now - self._read_at >= ABSENT_WAIT_S
        if kid in self._known.keys:
            return now - self._read_at >= REFRESH_S
        if now - self._asked_at < UNKNOWN_WAIT_S:
            return False
        self._asked_at = now
        return True

    def _read(self, now: float) -> None:
        self._read_at = now
        self.reads += 1
        try:
            self._known = read_key_set(self._file)
        except OperationError as error:
            self._known = None
            _log.warning("no public keys, nobody can sign in: %s", error)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            content = opened.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as cause:
        raise KeySetMissing(file=file.name) from cause
    except OSError as cause:
        raise KeySetUnusable(file=file.name) from cause
    if mode & stat.S_IWOTH or len(content) > MAX_FILE_BYTES:
        raise KeySetUnusable(file=file.name)
    return content


def _key(entry: dict[str, Any]) -> OKPKey:
    key = OKPKey.import_key({name: entry[name] for name in ("kty", "crv", "x")})
    if "d" in entry or entry["kty"] != KEY_TYPE:
        raise ValueError("a private key or another kind")
    return key


def _end(entry: dict[str, Any]) -> float | None:
    end = entry.get("exp")
    if end is None:
        return None
    if isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end):
        raise ValueError("no moment")
    return end


def _is_filler(key: OKPKey) -> bool:
    return len(set(key.public_key.public_bytes_raw())) < LEAST_DIFFERENT_BYTES
