"""Addresses of the account pages."""

from __future__ import annotations

from urllib.parse import urlencode

ROOT = "/konto/"
SIGN_IN, SIGN_OUT = "/konto/anmelden", "/konto/abmelden"
PASSWORD, TENANT = "/konto/passwort", "/konto/kommune"
RETURN, BACK_CHANNEL = "/konto/rueckruf", "/konto/rueckkanal"
TENANT_FIELD, NEXT_FIELD = "kommune", "weiter"


def address(path: str, **parameters: str) -> str:
    """Return the address of an account page.

    Args:
        path: One of this module's.
        **parameters: Its query; empty ones are left out.
    """
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{query}" if query else path
