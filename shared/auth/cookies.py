"""The cookies of a login: their names, their flags, and reading exactly one of a name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
_HOST_PREFIX = "__Host-"
"""With it browsers accept only `Secure`, `Path=/` and no domain (RFC 6265bis, section 4.1.3.2)."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that holds 256 random bits until the browser is closed.

    Args:
        base_name: Its name on http.
        secure: Whether the pages are served over https.
    """

    base_name: str
    secure: bool

    @property
    def name(self) -> str:
        """Its name here."""
        return f"{_HOST_PREFIX}{self.base_name}" if self.secure else self.base_name

    def read(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the value that the browser sent; empty for none, several or another form.

        Of two with the same name one was planted for another path or domain, and nobody can tell
        which.

        Args:
            headers: Headers of the request, names in small letters.
        """
        sent = [value.decode("latin-1") for name, value in headers if name == b"cookie"]
        pairs = (part.strip().partition("=") for line in sent for part in line.split(";"))
        values = [value for name, _, value in pairs if name == self.name]
        return values[0] if len(values) == 1 and _VALUE.fullmatch(values[0]) else ""

    def given(self, value: str) -> str:
        """Return the `Set-Cookie` header that gives it to the browser.

        Args:
            value: From `randomness.new_token`.
        """
        return f"{self.name}={value}; Path=/; HttpOnly; SameSite=Lax{self._secure}"

    def removed(self) -> str:
        """Return the `Set-Cookie` header that takes it from the browser."""
        return f"{self.name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{self._secure}"

    @property
    def _secure(self) -> str:
        return "; Secure" if self.secure else ""


def session_cookie(*, secure: bool) -> Cookie:
    """Return the cookie of a session.

    Args:
        secure: Whether the pages are served over https.
    """
    return Cookie("ukg_session", secure)


def form_cookie(*, secure: bool) -> Cookie:
    """Return the cookie that ties the login form to the browser that asked for it.

    Args:
        secure: Whether the pages are served over https.
    """
    return Cookie("ukg_formular", secure)
