"""Many who sign in at once: each costs memory and time, and others want to get in and out."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from shared.auth import local_accounts
from tests.auth.attacks.stack import ATTACKER, Stack
from tests.auth.browsers import Browser
from tests.auth.people import PASSWORD

pytestmark = pytest.mark.usefixtures("anna")
MOST_OF_A_NETWORK = 32


def posting(
    browser: Browser, path: str, form: dict[str, str], **typed: str
) -> asyncio.Task[httpx.Response]:
    headers = {"origin": browser.gallery.origin}
    return asyncio.create_task(browser.client.post(path, data=form | typed, headers=headers))


def test_a_flood_of_sign_ins_keeps_nobody_in_or_out(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    attackers = [stack.browser(ATTACKER) for _ in range(MOST_OF_A_NETWORK + 8)]
    forms = [one.form() for one in attackers]
    inside, outside = stack.browser(), stack.browser()
    inside.sign_in()
    signs_out, signs_in = inside.password_forms()[1], outside.form()
    go_on, sign_in = threading.Event(), local_accounts.sign_in

    def slow(*positional: Any, **named: Any) -> Any:
        assert go_on.wait(30)
        return sign_in(*positional, **named)

    monkeypatch.setattr(local_accounts, "sign_in", slow)

    async def flood() -> tuple[list[httpx.Response], httpx.Response]:
        sent = [
            posting(one, "/konto/anmelden", form, benutzername=f"niemand{number}", passwort="x")
            for number, (one, form) in enumerate(zip(attackers, forms, strict=True))
        ]
        while sum(one.done() for one in sent) < 8:
            await asyncio.sleep(0.01)
        out = await asyncio.wait_for(posting(inside, "/konto/abmelden", signs_out), 20)
        assert out.status_code == 303
        typed = {"benutzername": "anna", "passwort": PASSWORD}
        honest = posting(outside, "/konto/anmelden", signs_in, **typed)
        await asyncio.sleep(0.2)
        refused = [one.result() for one in sent if one.done()]
        go_on.set()
        await asyncio.gather(*sent)
        return refused, await honest

    refused, honest = stack.runner.run(flood())
    assert [one.status_code for one in refused] == [401] * 8
    assert honest.status_code == 303


def test_nobody_works_for_browsers_that_are_gone(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = stack.browser(ATTACKER)
    form = browser.form() | {"benutzername": "anna", "passwort": "falsch"}
    worked_on: list[object] = []
    monkeypatch.setattr(local_accounts, "sign_in", lambda *_, **__: worked_on.append(1))
    coming = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": urlencode(form).encode(), "more_body": False},
    ]
    sent: list[object] = []

    async def receive() -> Any:
        return coming.pop() if len(coming) > 1 else coming[0]

    async def send(message: object) -> None:
        sent.append(message)

    binding = browser.cookie("ukg_formular")
    headers = {
        "host": "127.0.0.1:8501",
        "origin": stack.origin,
        "cookie": f"ukg_formular={binding}",
        "content-type": "application/x-www-form-urlencoded",
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/konto/anmelden",
        "query_string": b"",
        "client": (ATTACKER, 4711),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    stack.runner.run(stack.guard(scope, receive, send))
    assert (worked_on, sent) == ([], [])
