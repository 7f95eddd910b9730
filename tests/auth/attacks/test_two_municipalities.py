"""One person, two municipalities, two pages: nothing of one gets into the other."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Engine

from shared.auth import sessions
from shared.auth.account_paths import SIGN_OUT
from shared.auth.upload_rules import SESSION_HEADER, is_own_upload
from tests.auth.guarded import Guarded
from tests.auth.people import HOME, NOW, add_account, add_tenant, signed_in

NEIGHBOUR = "nachbarstadt"


@pytest.fixture
def both(house: Engine) -> tuple[str, sessions.SessionView]:
    """Cookie and session of somebody who works for two."""
    add_tenant(house, NEIGHBOUR)
    roles = {"musterstadt": "sachbearbeitung", NEIGHBOUR: "sachbearbeitung"}
    return signed_in(house, add_account(house, "beide", roles), ip_prefix=HOME)  # type: ignore[arg-type]


def test_pages_of_the_other_municipality_end(
    house: Engine, guarded: Guarded, both: tuple[str, sessions.SessionView]
) -> None:
    """What an open page remembers - files, results - was made for the one that it showed."""
    cookie, before = both

    async def watched() -> None:
        page = guarded.open_socket(cookie=cookie)
        await page.until("websocket.accept")
        new, _ = sessions.switch_tenant(house, before.id, NEIGHBOUR, NOW)
        assert (await page.until("websocket.close"))["code"] == 4401
        await asyncio.wait_for(page.task, 5)
        again = guarded.open_socket(cookie=new)
        await again.until("websocket.accept")
        await again.close()

    guarded.run(watched())
    assert sessions.by_id(house, before.id, NOW) is None


def test_an_upload_does_not_arrive_in_another_municipality(
    house: Engine, both: tuple[str, sessions.SessionView], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, before = both
    opened_by = {SESSION_HEADER: before.id}
    monkeypatch.setattr(
        "shared.auth.upload_rules.header_at_connect", lambda _, name: opened_by.get(name)
    )
    path = "/_stcore/upload_file/page/file"
    assert is_own_upload(path, before)
    _, after = sessions.switch_tenant(house, before.id, NEIGHBOUR, NOW)
    assert not is_own_upload(path, after)


def test_everything_else_of_the_session_goes_on(
    house: Engine, both: tuple[str, sessions.SessionView]
) -> None:
    """Above all the form of an old page that signs out, and the moment at which it ends."""
    _, before = both
    cookie, after = sessions.switch_tenant(house, before.id, NEIGHBOUR, NOW)
    assert sessions.lookup(house, cookie, NOW) == after
    assert after.principal.active_tenant == NEIGHBOUR
    assert after.csrf_secret == before.csrf_secret, SIGN_OUT
    assert after.absolute_expires_at == before.absolute_expires_at
    assert after.idle_expires_at == before.idle_expires_at
