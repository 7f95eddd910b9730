"""Who runs the platform: an account apart from municipalities, which no administration can make."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from shared.auth import local_accounts
from shared.auth.tenants import insert_platform
from shared.contracts.identity.policy import TABLE, decide
from shared.contracts.identity.principal import HOME_TENANT, PLATFORM_TENANT, Role
from shared.errors import RoleUnknown, TenantUnknown
from shared.store.engine import session_scope
from tests.auth.people import NOW, add_account, signed_in


@pytest.fixture
def platform(house: Engine) -> Engine:
    with session_scope(house) as session:
        insert_platform(session)
        insert_platform(session)
    return house


def test_whoever_runs_the_platform_manages_municipalities_and_sees_nothing(
    platform: Engine,
) -> None:
    account = add_account(platform, "paula", {PLATFORM_TENANT: "plattform_admin"})
    acting = signed_in(platform, account)[1].principal
    allowed = {action for action in TABLE if decide(acting, action, app="aviary").allowed}
    assert allowed == {"tenant.manage", "settings.read"}


@pytest.mark.parametrize(
    ("tenant", "role"),
    [
        (HOME_TENANT, "plattform_admin"),
        *((PLATFORM_TENANT, role) for role in ("gast", "viewer", "sachbearbeitung", "admin")),
        (PLATFORM_TENANT, "service"),
    ],
)
def test_the_platform_and_municipalities_have_no_role_in_common(
    platform: Engine, tenant: str, role: Role
) -> None:
    with pytest.raises(RoleUnknown):
        add_account(platform, "paula", {tenant: role})
    anna = add_account(platform)
    with pytest.raises(RoleUnknown):
        local_accounts.set_role(platform, anna.username, tenant, role, NOW)


def test_without_the_platform_s_place_nobody_has_its_role(house: Engine) -> None:
    with pytest.raises(TenantUnknown):
        add_account(house, "paula", {PLATFORM_TENANT: "plattform_admin"})
