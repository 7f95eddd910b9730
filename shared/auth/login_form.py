"""Forms of the account pages: where they come from, how large they are, what ties them to whom."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request

from shared.errors import FormForeign, FormRefused, FormTooLarge

MAX_BODY_BYTES = 64 * 1024
"""Room for a password of 10,000 letters, which then is refused like any other wrong one."""
MAX_FIELDS = 20
FORM_TYPE = "application/x-www-form-urlencoded"
TOKEN_FIELD = "formular"  # noqa: S105
LOGIN_FORM_S = 3600
_CLOCKS_DIFFER_S = 60
"""Several processes on several machines may have given and may check a token."""


class FormTokens:
    """Makes and checks the tokens that only this installation's own forms hold.

    Args:
        key: 32 bytes of the installation's secret, for this purpose alone.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def give(self, purpose: str, binding: str, now: datetime) -> str:
        """Return the token of a form.

        Args:
            purpose: What the form does.
            binding: Secret of the browser that gets it: its form cookie, or that of its session.
            now: The moment, with zone.
        """
        issued = str(int(now.timestamp()))
        return f"{issued}.{self._mac(purpose, binding, issued)}"

    def holds(
        self, token: str, purpose: str, binding: str, now: datetime, *, lasts_s: int = LOGIN_FORM_S
    ) -> bool:
        """Say whether a form came from the page that this browser got, not too long ago.

        Args:
            token: As the browser sent it.
            purpose: As for `give`.
            binding: As for `give`; empty for a browser that has none.
            now: The moment, with zone.
            lasts_s: Seconds for which it counts.
        """
        issued, _, mac = token.partition(".")
        if not binding or not token.isascii() or not issued.isdigit() or len(issued) > 12:
            return False
        is_ours = hmac.compare_digest(mac, self._mac(purpose, binding, issued))
        return is_ours and -_CLOCKS_DIFFER_S <= now.timestamp() - int(issued) <= lasts_s

    def _mac(self, purpose: str, binding: str, issued: str) -> str:
        text = "\x1f".join((purpose, binding, issued)).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


async def read_form(request: Request, origin: str) -> Mapping[str, str]:
    """Return the fields of a form that a page of this gallery has sent.

    Args:
        request: The request, its body not yet read.
        origin: Scheme, host and port of the gallery as the browser sees them.

    Raises:
        FormForeign: It comes from a page of another place, or does not say from where.
        FormRefused: Its type, its characters or its fields are not those of a form.
        FormTooLarge: It has more than 64 KiB.
    """
    if request.headers.getlist("origin") != [origin]:
        raise FormForeign()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise FormRefused()
    return _fields(await _body(request))


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()):
        raise FormRefused()
    if int(declared[:12]) > MAX_BODY_BYTES:
        raise FormTooLarge()
    body = bytearray()
    async for part in request.stream():
        body.extend(part)
        if len(body) > MAX_BODY_BYTES:
            raise FormTooLarge()
    return bytes(body)


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as cause:  # also what is not UTF-8
        raise FormRefused() from cause
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormRefused()
    return fields
