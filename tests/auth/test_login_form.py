"""Forms: where they come from, how large they are, and what ties them to a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import Request

from shared.auth.login_form import FORM_TYPE, MAX_BODY_BYTES, MAX_FIELDS, FormTokens, read_form
from shared.errors import FormForeign, FormRefused, FormTooLarge
from tests.auth.people import NOW, later

ORIGIN = "http://127.0.0.1:8501"
TOKENS = FormTokens(b"k" * 32)
BROWSER, OTHER = "A" * 43, "B" * 43
HEADERS = [("origin", ORIGIN), ("content-type", FORM_TYPE)]


class Sent:
    """Gives a body in parts and counts those that were asked for."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.parts = list(parts)
        self.asked = 0

    async def __call__(self) -> dict[str, Any]:
        self.asked += 1
        body = self.parts[self.asked - 1]
        return {
            "type": "http.request",
            "body": body,
            "more_body": self.asked < len(self.parts),
        }


def read(*parts: bytes, headers: Iterable[tuple[str, str]] = HEADERS) -> dict[str, str]:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    request = Request({"type": "http", "method": "POST", "headers": raw}, Sent(parts))
    return dict(asyncio.run(read_form(request, ORIGIN)))


def test_fields_are_read() -> None:
    found = read(b"benutzername=J%C3%BCrgen+M&passw", b"ort=%00%26%3D&leer=&ohne")
    assert found == {"benutzername": "Jürgen M", "passwort": "\0&=", "leer": "", "ohne": ""}
    assert read(b"") == {}


def test_the_type_may_name_its_characters() -> None:
    headers = [HEADERS[0], ("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")]
    assert read(b"a=1", headers=headers) == {"a": "1"}


@pytest.mark.parametrize(
    "origins",
    [
        (),
        ("",),
        ("null",),
        ("https://127.0.0.1:8501",),
        ("http://127.0.0.1",),
        ("http://127.0.0.1:8502",),
        ("http://localhost:8501",),
        ("http://127.0.0.1:8501.evil.example",),
        ("http://127.0.0.1:8501/",),
        ("http://evil.example",),
        (ORIGIN, ORIGIN),
        (ORIGIN, "http://evil.example"),
        (f"{ORIGIN} http://evil.example",),
    ],
)
def test_forms_of_other_places_are_refused(origins: tuple[str, ...]) -> None:
    headers = [HEADERS[1], *(("origin", origin) for origin in origins)]
    with pytest.raises(FormForeign):
        read(b"a=1", headers=headers)


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json", "multipart/form-data; boundary=x"]
)
def test_other_types_are_refused(kind: str) -> None:
    with pytest.raises(FormRefused):
        read(b"a=1", headers=[HEADERS[0], ("content-type", kind)])


@pytest.mark.parametrize(
    "body",
    [
        b"a=1&a=2",
        b"a=1&a=1",
        b"a=%ff",
        b"a=%ed%a0%80",  # half of a surrogate pair
        b"a=\xc3\xa4",
        b"&".join(b"f%d=1" % number for number in range(MAX_FIELDS + 1)),
    ],
)
def test_damaged_forms_are_refused(body: bytes) -> None:
    with pytest.raises(FormRefused):
        read(body)


def test_as_many_fields_as_allowed_are_read() -> None:
    assert len(read(b"&".join(b"f%d=1" % number for number in range(MAX_FIELDS)))) == MAX_FIELDS


def test_a_body_of_the_limit_is_read() -> None:
    whole = b"a=" + b"x" * (MAX_BODY_BYTES - 2)
    assert len(read(whole, headers=[*HEADERS, ("content-length", str(len(whole)))])["a"]) == 65_534
    with pytest.raises(FormTooLarge):
        read(whole + b"x")


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "9" * 5000])
def test_a_large_body_is_not_even_read(length: str) -> None:
    headers = [*HEADERS, ("content-length", length)]
    raw = [(name.encode(), value.encode()) for name, value in headers]
    sent = Sent([b"a=1"])
    request = Request({"type": "http", "method": "POST", "headers": raw}, sent)
    with pytest.raises(FormTooLarge):
        asyncio.run(read_form(request, ORIGIN))
    assert sent.asked == 0


def test_reading_stops_at_the_limit() -> None:
    raw = [(name.encode(), value.encode()) for name, value in HEADERS]
    sent = Sent([b"x" * 10_000] * 100)
    request = Request({"type": "http", "method": "POST", "headers": raw}, sent)
    with pytest.raises(FormTooLarge):
        asyncio.run(read_form(request, ORIGIN))
    assert sent.asked == 7


@pytest.mark.parametrize("length", ["-1", "1e3", "", "zwölf", "²"])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with pytest.raises(FormRefused):
        read(b"a=1", headers=[*HEADERS, ("content-length", length)])


def test_a_token_counts_for_its_browser_purpose_and_time() -> None:
    token = TOKENS.give("anmelden", BROWSER, NOW)
    assert TOKENS.holds(token, "anmelden", BROWSER, NOW)
    assert TOKENS.holds(token, "anmelden", BROWSER, later(hours=1))
    assert not TOKENS.holds(token, "anmelden", BROWSER, later(hours=1, seconds=1))
    assert TOKENS.holds(token, "anmelden", BROWSER, later(hours=2), lasts_s=7200)
    assert not TOKENS.holds(token, "anmelden", OTHER, NOW)
    assert not TOKENS.holds(token, "anmelden", "", NOW)
    assert not TOKENS.holds(token, "abmelden", BROWSER, NOW)
    assert not FormTokens(b"x" * 32).holds(token, "anmelden", BROWSER, NOW)


def test_a_token_of_a_clock_that_goes_a_little_fast_counts() -> None:
    token = TOKENS.give("anmelden", BROWSER, NOW)
    assert TOKENS.holds(token, "anmelden", BROWSER, NOW - timedelta(seconds=60))
    assert not TOKENS.holds(token, "anmelden", BROWSER, NOW - timedelta(seconds=61))


def test_nobody_without_a_browser_gets_a_token_that_counts() -> None:
    assert not TOKENS.holds(TOKENS.give("anmelden", "", NOW), "anmelden", "", NOW)


def test_damaged_tokens_count_for_nothing() -> None:
    token = TOKENS.give("anmelden", BROWSER, NOW)
    issued, _, mac = token.partition(".")
    for other in (
        *("", ".", issued, mac, f".{mac}", f"{issued}.", f"{token}x", f"x{token}", token.upper()),
        *(f"{int(issued) + 1}.{mac}", f"0{token}", f"-{token}", f"{issued}0.{mac}"),
        *(f"{issued}..{mac}", f"²{token}", f"{token}\ud800", "9" * 5000 + f".{mac}"),
        *(f"{issued}.{'0' * 64}", f"\0{token}", f"{token} "),
    ):
        assert not TOKENS.holds(other, "anmelden", BROWSER, NOW), other


def test_parts_of_a_token_cannot_be_shifted() -> None:
    assert not TOKENS.holds(TOKENS.give("a", "bc", NOW), "ab", "c", NOW)
