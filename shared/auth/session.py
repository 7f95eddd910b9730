"""The Streamlit side of identity: who sits in front of this page.

Browsers name nobody: the guard adds the name of the session to the websocket, and everything else
is read from its row, again at each run of the page. Any doubt means that nobody is signed in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import streamlit as st

from shared.auth import guard_state, sessions
from shared.auth.audit import AuditEvent, Event
from shared.auth.principal import Principal
from shared.auth.services import AccountServices, process_services
from shared.auth.sessions import SessionView
from shared.contracts.identity.policy import APP_OPEN, may_open, refusal
from shared.errors import NotAllowed, NotFound, NotSignedIn, UrbanKiError
from shared.registry.discover import find_app
from shared.registry.manifest import AppManifest

SESSION_KEY, SUBJECT_KEY = "ukg_session", "ukg_subject"
"""Under these names `st.user` holds what the guard has added; see `shared.ui.server_options`."""
REMEMBERED = timedelta(seconds=2)
_MOST_REMEMBERED = 10_000
_OWNER = "gallery_session_owner"
_log = logging.getLogger(__name__)
_remembered: dict[str, tuple[datetime, SessionView | None]] = {}


def current_session(beside: str = "") -> SessionView:
    """Return the session of whoever sits in front of this page; what tests of pages replace.

    Args:
        beside: Name of the session that has opened the page, for what runs beside it, where
            Streamlit knows nobody: files that are made when somebody asks for them.

    Raises:
        NotSignedIn: There is none, it has ended, its password must be changed first, or something
            about it is doubtful.
        DatabaseUnreachable: Nobody can tell.
    """
    if not guard_state.is_active():
        raise NotSignedIn()
    services = process_services()
    found = services.present(_by_id(services, beside) if beside else _of_browser(services))
    if found is None or found.must_change or found.idle_expires_at <= services.clock():
        raise NotSignedIn()
    # What a page remembers belongs to one login, whatever Streamlit lets a browser resume.
    if not beside and st.session_state.setdefault(_OWNER, found.id) != found.id:
        raise NotSignedIn()
    return found


def principal(beside: str = "") -> Principal:
    """Return who acts, with the rights of this moment.

    Args:
        beside: See `current_session`.

    Raises:
        NotSignedIn: Nobody is signed in.
        DatabaseUnreachable: Nobody can tell.
    """
    return current_session(beside).principal


def require_page(slug: str) -> AppManifest:
    """Return an app's manifest if the principal may open it.

    Args:
        slug: App folder.

    Raises:
        NotFound: There is no such app, or it cannot be loaded.
        NotAllowed: The principal lacks the role or the grant.
        NotSignedIn: Nobody is signed in.
    """
    acting = principal()
    app = find_app(slug)
    if not isinstance(app, AppManifest):
        raise NotFound()
    if not may_open(acting, app.id, app.roles_min):
        raise refusal(APP_OPEN)
    return app


def note_denial(denied: NotAllowed, reference: str, app: str = "") -> None:
    """Write a refused action of a page into the audit.

    Args:
        denied: What was refused.
        reference: Number that the person reads.
        app: App whose page it was.
    """
    services = process_services()
    event = AuditEvent(
        Event.DENIED,
        principal(),
        app=app,
        # Dots would make it look like the name of a file, which no row may hold.
        object_id=str(denied.details["action"]).replace(".", "/"),
        outcome="refused",
        reason_code=denied.code,
        request_id=reference,
    )
    try:
        services.write_audit(event, services.clock())
    except UrbanKiError as error:
        _log.error("%s audit: %s", reference, error.code)


def _of_browser(services: AccountServices) -> SessionView | None:
    from_cookie = services.settings.identity_source == "cookie"
    return _of_cookie(services) if from_cookie else _of_headers(services)


def _by_id(services: AccountServices, session_id: str) -> SessionView | None:
    return _looked_up(
        session_id, lambda now: sessions.by_id(services.engine, session_id, now), services
    )


def _of_headers(services: AccountServices) -> SessionView | None:
    """Look up what the guard has said when the websocket was opened."""
    session_id, subject = st.user.get(SESSION_KEY), st.user.get(SUBJECT_KEY)
    if not isinstance(session_id, str) or not isinstance(subject, str):
        return None
    found = _by_id(services, session_id)
    return found if found is not None and found.principal.subject == subject else None


def _of_cookie(services: AccountServices) -> SessionView | None:
    """Look up the cookie with which the websocket was opened."""
    sent = [(b"cookie", line.encode("latin-1")) for line in st.context.headers.get_all("cookie")]
    cookie = services.session_cookie.read(sent)
    return _looked_up(cookie, lambda now: sessions.lookup(services.engine, cookie, now), services)


def _looked_up(
    key: str, look: Callable[[datetime], SessionView | None], services: AccountServices
) -> SessionView | None:
    """Return a session that was read at most 2 s ago."""
    now = services.clock()
    known = _remembered.get(key)
    if known is not None and timedelta() <= now - known[0] < REMEMBERED:
        return known[1]
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    found = services.present(look(now))
    _remembered[key] = (now, found)
    return found
