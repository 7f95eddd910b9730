"""The Streamlit side of identity: who sits in front of this page."""

from __future__ import annotations

import ipaddress

import streamlit as st
from streamlit import runtime

from shared.auth import guard
from shared.auth.principal import LOCAL_PRINCIPAL, Principal
from shared.errors import NotAllowed, NotFound
from shared.registry.discover import find_app
from shared.registry.manifest import AppManifest


def principal() -> Principal:
    """Return who acts.

    Until accounts exist this is the one local person. That is only safe while nobody else can
    reach the process, so a served page demands the guard and a loopback address.

    Raises:
        NotAllowed: The page is served without the guard or on an address others can reach.
    """
    # A page under test runs in a stand-in of the runtime, which no browser can reach.
    served = runtime.exists() and type(runtime.get_instance()) is runtime.Runtime
    if served and not (guard.is_active() and _is_loopback(st.get_option("server.address"))):
        raise NotAllowed()
    return LOCAL_PRINCIPAL


def require_page(slug: str) -> AppManifest:
    """Return an app's manifest if the principal may open it.

    Args:
        slug: App folder.

    Raises:
        NotFound: There is no such app, or it cannot be loaded.
        NotAllowed: The principal lacks the role or the grant.
    """
    acting = principal()
    app = find_app(slug)
    if not isinstance(app, AppManifest):
        raise NotFound()
    if not acting.may_open(app.id, app.roles_min):
        raise NotAllowed()
    return app


def _is_loopback(address: object) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(str(address)).is_loopback
    except ValueError:
        return False
