"""A municipality never loses its last administration, whoever changes what at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.auth import local_accounts
from shared.auth.local_accounts import get_account
from shared.contracts.identity.principal import HOME_TENANT
from shared.errors import LastAdmin
from shared.settings import Settings
from tests.auth.people import NOW, add_account, add_tenant, at_once


def disable(engine: Engine, name: str) -> None:
    local_accounts.disable(engine, name, NOW)


def demote(engine: Engine, name: str) -> None:
    local_accounts.set_role(engine, name, HOME_TENANT, "viewer", NOW)


def remove(engine: Engine, name: str) -> None:
    local_accounts.set_role(engine, name, HOME_TENANT, None, NOW)


every_way = pytest.mark.parametrize("act", [disable, demote, remove])


@every_way
def test_the_last_one_stays(house: Engine, act: Callable[[Engine, str], None]) -> None:
    before = get_account(house, "admin")
    with pytest.raises(LastAdmin, match=f"letzte Administration der Kommune „{HOME_TENANT}“"):
        act(house, "admin")
    assert get_account(house, "admin") == before


@every_way
def test_of_two_one_may_go(house: Engine, act: Callable[[Engine, str], None]) -> None:
    add_account(house, "bea", {HOME_TENANT: "admin"})
    act(house, "admin")
    with pytest.raises(LastAdmin):
        act(house, "bea")


@every_way
def test_who_is_disabled_or_no_admin_here_does_not_count(
    house: Engine, act: Callable[[Engine, str], None]
) -> None:
    add_tenant(house, "herten")
    add_account(house, "clerk", {HOME_TENANT: "sachbearbeitung", "herten": "admin"})
    add_account(house, "bea", {HOME_TENANT: "admin"})
    disable(house, "bea")
    with pytest.raises(LastAdmin):
        act(house, "admin")
    act(house, "bea")
    assert get_account(house, "bea").disabled is True


def test_each_municipality_is_asked(house: Engine) -> None:
    add_tenant(house, "herten")
    add_tenant(house, "alt", active=False)
    add_account(house, "bea", {HOME_TENANT: "admin", "herten": "admin", "alt": "admin"})
    demote(house, "bea")
    with pytest.raises(LastAdmin, match="herten"):
        disable(house, "bea")
    add_account(house, "bo", {"herten": "admin"})
    disable(house, "bea")


def test_an_admin_may_get_the_same_role_again(house: Engine) -> None:
    local_accounts.set_role(house, "admin", HOME_TENANT, "admin", NOW)
    assert get_account(house, "admin").rights.roles[HOME_TENANT] == "admin"


def test_two_who_go_at_once_leave_one(house: Engine, settings: Settings) -> None:
    add_account(house, "bea", {HOME_TENANT: "admin"})
    house.dispose()

    def go(engine: Engine, number: int) -> Any:
        try:
            (disable if number else demote)(engine, ("admin", "bea")[number])
        except LastAdmin:
            return "refused"
        return "gone"

    assert sorted(at_once(settings, 2, go)) == ["gone", "refused"]
