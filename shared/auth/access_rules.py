"""Who may ask for which path: the table of the guard, without a request and without a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto

from shared.auth.account_paths import (
    BACK_CHANNEL,
    PASSWORD,
    RETURN,
    ROOT,
    SIGN_IN,
    SIGN_OUT,
    TENANT,
)
from shared.auth.sessions import Mode, SessionView
from shared.contracts.identity import policy
from shared.contracts.identity.principal import Role
from shared.ui.html_patch import ASSETS_URL

UPLOADS = "/_stcore/upload_file/"
STREAM = "/_stcore/stream"
MEDIA = "/media/"
_METRICS = "/_stcore/metrics"
_HEALTH = frozenset({"/healthz", "/_stcore/health"})
_WATCH = ("/konto/ping", "/konto/wache.js")
_ACCOUNT: Mapping[Mode, frozenset[str]] = {
    "lokal": frozenset({SIGN_IN, SIGN_OUT, PASSWORD, TENANT, *_WATCH}),
    "keycloak": frozenset({SIGN_IN, SIGN_OUT, RETURN, BACK_CHANNEL, TENANT, *_WATCH}),
    "kiosk": frozenset({"/konto/weiter", "/konto/neustart", *_WATCH}),
}
"""Account pages that ask by themselves who is there."""
ADMINISTRATION = f"{ROOT}verwaltung"
"""Leads to the page of the gallery that manages accounts."""
_ASSETS = frozenset({"page.js", "gallery.css", "favicon.svg"})
_FONTS = f"/{ASSETS_URL}/schriften/"
_CLOSED = ("/_stcore/agent", "/auth/", "/oauth2callback")
"""Streamlit's agents, and its own sign-in, whose cookie survives a logout."""
_PARTS = ("/_stcore/", "/component/", "/static/", f"/{ASSETS_URL}/", "/app/")


class Place(Enum):
    """What a path leads to."""

    OPEN = auto()
    CLOSED = auto()
    STREAM = auto()
    UPLOAD = auto()
    MEDIA = auto()
    """A file that was made for a page: an image, a download."""
    METRICS = auto()
    PART = auto()
    """Something that a page is made of and that is the same for all: scripts, components."""
    PAGE = auto()


class Answer(Enum):
    """What becomes of a request."""

    PASS = auto()
    MISSING = auto()
    SIGN_IN = auto()
    NEW_PASSWORD = auto()
    UNKNOWN = auto()
    FORBIDDEN = auto()


def open_paths(mode: Mode, logo: str) -> frozenset[str]:
    """Return every path that answers people who are not signed in, fonts apart.

    Exact paths: whatever nobody answers, Streamlit answers with its page.

    Args:
        mode: How sessions begin.
        logo: File name of the logo that the style sheet names.
    """
    return _HEALTH | _ACCOUNT[mode] | {f"/{ASSETS_URL}/{name}" for name in (*_ASSETS, logo)}


def place_of(path: str, opened: frozenset[str]) -> Place:
    """Return what a path leads to.

    Args:
        path: As the application reads it, without tricks.
        opened: From `open_paths`.
    """
    if path in opened or path.startswith(_FONTS):
        return Place.OPEN
    if path.startswith(_CLOSED) or (path.startswith(ROOT) and path != ADMINISTRATION):
        return Place.CLOSED
    if path.startswith(UPLOADS):
        return Place.UPLOAD
    if path.startswith(MEDIA):
        return Place.MEDIA
    if path == STREAM:
        return Place.STREAM
    if path.startswith(_METRICS):
        return Place.METRICS
    return Place.PART if path.startswith(_PARTS) else Place.PAGE


def app_of(path: str) -> str:
    """Return the app whose page a path shows; a path without app leads to none that is known.

    Args:
        path: As the application reads it.
    """
    return path.strip("/").partition("/")[0].casefold()


def answer_to(
    place: Place,
    path: str,
    session: SessionView | None,
    apps: Callable[[], Mapping[str, Role]],
) -> Answer:
    """Return what becomes of a request; its origin, and whose file it is, are other questions.

    Args:
        place: From `place_of`.
        path: Of the request.
        session: Whose cookie it brought.
        apps: Lowest role of each app, by its path without slash; asked for pages only.
    """
    if place is Place.OPEN:
        return Answer.PASS
    if place is Place.CLOSED:
        return Answer.MISSING
    if session is None:
        return Answer.SIGN_IN if place is Place.PAGE else Answer.UNKNOWN
    if session.must_change:
        return Answer.NEW_PASSWORD if place is Place.PAGE else Answer.UNKNOWN
    is_allowed = True
    if place is Place.METRICS:
        # Like the audit: for the administration of a municipality alone.
        is_allowed = policy.decide(session.principal, policy.AUDIT_READ).allowed
    elif place is Place.UPLOAD:
        is_allowed = policy.decide(session.principal, policy.UPLOAD).allowed
    elif place is Place.PAGE:
        lowest = apps().get(app_of(path))
        is_allowed = lowest is None or policy.may_open(session.principal, app_of(path), lowest)
    return Answer.PASS if is_allowed else Answer.FORBIDDEN
