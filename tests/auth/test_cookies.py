"""Cookies of a login: names and flags, and exactly one of a name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.auth.cookies import Cookie, form_cookie, session_cookie
from shared.auth.randomness import new_token
from shared.settings import REPOSITORY

VALUE = "A" * 43
OTHER = "B" * 43
COOKIE = session_cookie(secure=False)


def read(*lines: str, cookie: Cookie = COOKIE) -> str:
    return cookie.read([(b"host", b"localhost"), *((b"cookie", line.encode()) for line in lines)])


def test_names_and_flags_on_this_machine() -> None:
    given = f"ukg_session={VALUE}; Path=/; HttpOnly; SameSite=Lax"
    assert COOKIE.given(VALUE) == given
    assert COOKIE.removed() == "ukg_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    assert form_cookie(secure=False).name == "ukg_formular"


@pytest.mark.parametrize("cookie", [session_cookie(secure=True), form_cookie(secure=True)])
def test_names_and_flags_on_https(cookie: Cookie) -> None:
    for line in (cookie.given(VALUE), cookie.removed()):
        assert line.startswith("__Host-ukg_")
        assert line.endswith("; HttpOnly; SameSite=Lax; Secure")
        assert "; Path=/;" in line
        assert "domain" not in line.lower()


def test_a_random_value_comes_back() -> None:
    value = new_token()
    assert read(f"a=1; ukg_session={value}; b=2") == value


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("",),
        ("ukg_session",),
        ("ukg_session=",),
        (f"ukg_session={VALUE}; ukg_session={OTHER}",),
        (f"ukg_session={VALUE}; ukg_session={VALUE}",),
        (f"ukg_session={VALUE}", f"ukg_session={OTHER}"),
        (f"ukg_session={VALUE}; ukg_session=",),
        (f"ukg_session={VALUE}; ukg_session",),
        (f'ukg_session="{VALUE}"',),
        (f"ukg_session={VALUE}x",),
        (f"ukg_session={VALUE[:-1]}",),
        (f"ukg_session={VALUE[:-1]}ä",),
        (f"ukg_session={VALUE[:-1]}=",),
        (f"UKG_SESSION={VALUE}",),
        (f"__Host-ukg_session={VALUE}",),
        (f"xukg_session={VALUE}",),
        (f"ukg_session ={VALUE}",),
        (f"a=1,ukg_session={VALUE}",),
        ("ukg_session=" + "A" * 100_000,),
    ],
)
def test_none_several_and_damaged_ones_count_as_none(lines: tuple[str, ...]) -> None:
    assert read(*lines) == ""


def test_the_plain_name_is_nothing_on_https() -> None:
    secure = session_cookie(secure=True)
    assert read(f"ukg_session={VALUE}", cookie=secure) == ""
    assert read(f"ukg_session={OTHER}; __Host-ukg_session={VALUE}", cookie=secure) == VALUE


def test_one_among_two_hundred_is_found() -> None:
    others = [f"c{number}={number}" for number in range(200)]
    assert read("; ".join([*others[:100], f"ukg_session={VALUE}", *others[100:]])) == VALUE
    assert read(*others, f"ukg_session={VALUE}") == VALUE


SET_BY_SCRIPT = re.compile(r"document\.cookie = `(.+)`")
SECURE = 'const secure = location.protocol === "https:" ? "; Secure" : "";'


def test_scripts_set_no_cookie_that_goes_over_http() -> None:
    scripts = [
        path.read_text(encoding="utf-8")
        for folder in ("shared/ui/assets", "shared/auth/assets")
        for path in Path(REPOSITORY, folder).rglob("*.js")
    ]
    assert sum(script.count("document.cookie") for script in scripts) == 1
    [(script, value)] = [(one, found) for one in scripts for found in SET_BY_SCRIPT.findall(one)]
    assert value.startswith("urbanki_sprache=")
    assert value.endswith("; SameSite=Strict${secure}")
    assert SECURE in script
