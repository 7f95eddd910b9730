"""The one local principal: behind the guard, on this machine only."""

from typing import Any

import pytest
import streamlit as st
from streamlit import runtime

from shared.auth import guard, session
from shared.auth.principal import LOCAL_PRINCIPAL, Principal
from shared.errors import AddressNotLoopback, NotAllowed, NotFound
from shared.settings import Settings
from shared.themes import load_theme
from shared.ui.server_options import require_loopback, server_options

EVERYWHERE = "0.0.0.0"  # noqa: S104  # must be refused


def serve(monkeypatch: pytest.MonkeyPatch, *, active: bool, address: str | None) -> None:
    """Pretend that a real server runs."""
    served = object.__new__(runtime.Runtime)
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: served)
    monkeypatch.setattr(guard, "is_active", lambda: active)
    monkeypatch.setattr(st, "get_option", lambda name: address)


def test_without_a_server_there_is_the_local_person() -> None:
    assert session.principal() is LOCAL_PRINCIPAL


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1"])
def test_served_behind_the_guard_on_loopback(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    serve(monkeypatch, active=True, address=address)
    assert session.principal() is LOCAL_PRINCIPAL


@pytest.mark.parametrize(
    ("active", "address"),
    [(False, "127.0.0.1"), (True, EVERYWHERE), (True, None), (True, "192.168.0.7"), (True, "::")],
)
def test_anything_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, active: bool, address: str | None
) -> None:
    serve(monkeypatch, active=active, address=address)
    with pytest.raises(NotAllowed):
        session.principal()
    with pytest.raises(NotAllowed):
        session.require_page("aviary")


def test_pages_need_an_app_role_and_grant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert session.require_page("aviary").id == "aviary"
    with pytest.raises(NotFound):
        session.require_page("gibtesnicht")
    with pytest.raises(NotFound):
        session.require_page("../shared")
    stranger = Principal("s", "", {"default": "gast"}, "default", frozenset({"andere"}))
    monkeypatch.setattr(session, "LOCAL_PRINCIPAL", stranger)
    with pytest.raises(NotAllowed):
        session.require_page("aviary")


def test_roles_have_an_order() -> None:
    clerk = Principal("s", "", {"stadt": "sachbearbeitung"}, "stadt")
    assert clerk.may_open("x", "viewer")
    assert not clerk.may_open("x", "admin")
    elsewhere = Principal("s", "", {"stadt": "admin"}, "anderswo")
    assert elsewhere.role == "gast"


def test_roles_cannot_be_changed_from_outside() -> None:
    roles: dict[str, Any] = {"stadt": "gast"}
    person = Principal("s", "", roles, "stadt")
    roles["stadt"] = "admin"
    assert person.role == "gast"
    with pytest.raises(TypeError):
        person.roles_by_tenant["stadt"] = "admin"  # type: ignore[index]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.5", "::1", "localhost"])
def test_loopback_addresses_are_accepted(address: str) -> None:
    require_loopback(address)


@pytest.mark.parametrize("address", [None, "", EVERYWHERE, "::", "10.0.0.1", "stadt.example"])
def test_open_addresses_are_refused_in_german(address: str | None) -> None:
    with pytest.raises(AddressNotLoopback, match="von außen erreichbar"):
        require_loopback(address)


def test_streamlit_knows_every_option_and_the_private_ones_are_set() -> None:
    from streamlit import config

    options = server_options(Settings(_env_file=None, port=8555), load_theme("default"))
    known = config.get_config_options()
    assert [name for name in options if name not in known] == []
    assert options["server.address"] == "127.0.0.1"
    assert options["server.port"] == 8555
    assert options["browser.gatherUsageStats"] is False
    assert options["client.showErrorDetails"] == "none"
    assert options["client.toolbarMode"] == "minimal"
    assert options["server.enableStaticServing"] is False
    assert options["server.enableXsrfProtection"] is True
