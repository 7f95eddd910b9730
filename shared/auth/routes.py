"""The account pages of mode `lokal`: signing in and out, changing the password, ping.

The guard stands before them: it has checked host, path and method, and adds the security headers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeGuard

from anyio import CapacityLimiter
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from shared.auth import local_accounts, pages, sessions
from shared.auth.account_names import account_name
from shared.auth.account_paths import PASSWORD, SIGN_IN, SIGN_OUT, TENANT, TENANT_FIELD, address
from shared.auth.attempts import ip_prefix
from shared.auth.audit import AuditEvent, Event
from shared.auth.login_form import TOKEN_FIELD
from shared.auth.randomness import new_token
from shared.auth.services import AccountServices
from shared.auth.sessions import SessionView
from shared.auth.visits import Crowd, Endpoint, Handler, Visit
from shared.errors import (
    FormExpired,
    NotAllowed,
    OldPasswordWrong,
    PasswordRepeatDiffers,
    RoleMissing,
    SignInRefused,
    UrbanKiError,
)

WATCH_SCRIPT = Path(__file__).resolve().parent / "assets" / "wache.js"
PASSWORD_CHANGED = "passwort"  # noqa: S105
SIGNED_IN_ANEW = "neue_anmeldung"
_FORMS_AT_ONCE = 4
"""Threads that wait for Argon2 must not be all that the process has."""
_FAULTS: tuple[type[UrbanKiError], ...] = (FormExpired, *pages.WRONG_FIELDS)


def account_routes(services: AccountServices) -> list[Route]:
    """Return the routes; each answers every method, with 405 where it is not its own.

    Args:
        services: What they work with.
    """
    limiter = CapacityLimiter(_FORMS_AT_ONCE)
    handlers: dict[str, dict[str, Handler]] = {
        SIGN_IN: {"GET": _show_sign_in, "POST": _sign_in},
        SIGN_OUT: {"POST": _sign_out},
        PASSWORD: {"GET": _show_password, "POST": _change_password},
        TENANT: {"POST": _switch_tenant},
        "/konto/ping": {"GET": _ping},
        "/konto/wache.js": {"GET": _watch_script},
    }
    sign_in = handlers.pop(SIGN_IN)
    # Strangers at the door keep nobody from signing out.
    door = Endpoint(services, sign_in, CapacityLimiter(_FORMS_AT_ONCE), crowd=Crowd())
    within = (
        Route(path, Endpoint(services, by_method, limiter)) for path, by_method in handlers.items()
    )
    return [Route(SIGN_IN, door), *within]


def may_use_pages(session: SessionView | None) -> TypeGuard[SessionView]:
    """Say whether a session opens the gallery: not before a printed password is changed."""
    return session is not None and not session.must_change


def _show_sign_in(services: AccountServices, visit: Visit) -> Response:
    if visit.session is None:
        return _sign_in_form(services, visit)
    return away(_after_sign_in(visit, visit.session))


def _sign_in(services: AccountServices, visit: Visit) -> Response:
    token = visit.sent(TOKEN_FIELD)
    if not services.tokens.holds(token, SIGN_IN, visit.binding, visit.now):
        return _sign_in_form(services, visit, FormExpired())
    try:
        cookie, session = _new_session(services, visit)
    except (RoleMissing, SignInRefused) as refusal:
        event = AuditEvent(Event.LOGIN, outcome="refused", reason_code=refusal.code, ip=visit.ip)
        services.write_audit(event, visit.now)
        return _sign_in_form(services, visit, refusal)
    if visit.session is not None:
        end_session(services, visit, visit.session, SIGNED_IN_ANEW)
    services.write_audit(AuditEvent(Event.LOGIN, session.principal, ip=visit.ip), visit.now)
    response = away(_after_sign_in(visit, session))
    response.headers.append("set-cookie", services.session_cookie.given(cookie))
    response.headers.append("set-cookie", services.form_cookie.removed())
    return response


def _new_session(services: AccountServices, visit: Visit) -> tuple[str, SessionView]:
    """Begin a session for the name and the password of the form.

    Raises:
        RoleMissing: The person has no role in any municipality.
        SignInRefused: Wrong, blocked, or disabled.
    """
    network = ip_prefix(visit.ip)
    name, password = visit.sent(pages.NAME_FIELD), visit.sent(pages.PASSWORD_FIELD)
    account = local_accounts.sign_in(
        services.engine, name, password, ip_prefix=network, now=visit.now
    )
    since = account.changed_at
    cookie, session = sessions.create(
        services.engine,
        account.principal(),
        mode=sessions.LOCAL,
        limits=services.limits,
        now=visit.now,
        ip_prefix=network,
    )
    if local_accounts.get_account(services.engine, account.username).changed_at != since:
        # Whoever has changed the password in between could not end this session yet.
        sessions.end(services.engine, session.id)
        raise SignInRefused()
    if not session.principal.roles_by_tenant:
        sessions.end(services.engine, session.id)
        raise RoleMissing()
    return cookie, session


def _sign_in_form(
    services: AccountServices, visit: Visit, error: UrbanKiError | None = None
) -> Response:
    binding = visit.binding or new_token()
    page = pages.sign_in_page(
        visit.t,
        services.gallery,
        token=services.tokens.give(SIGN_IN, binding, visit.now),
        next_path=visit.next_path,
        username=account_name(visit.sent(pages.NAME_FIELD)) or "",
        error=error,
        has_ended=error is None and (visit.has_cookie or "ende" in visit.query),
    )
    response = HTMLResponse(page, 200 if error is None else error.http_status)
    if binding != visit.binding:
        response.headers.append("set-cookie", services.form_cookie.given(binding))
    if visit.has_cookie and visit.session is None:
        response.headers.append("set-cookie", services.session_cookie.removed())
    return response


def _sign_out(services: AccountServices, visit: Visit) -> Response:
    if visit.session is not None:
        check_session_form(services, visit, visit.session, SIGN_OUT)
        end_session(services, visit, visit.session)
    response = away(address(SIGN_IN, ende="1", sprache=visit.t.language))
    response.headers.append("set-cookie", services.session_cookie.removed())
    return response


def _switch_tenant(services: AccountServices, visit: Visit) -> Response:
    session = visit.session
    if not may_use_pages(session):
        return away(address(SIGN_IN, ende="1", sprache=visit.t.language))
    check_session_form(services, visit, session, TENANT)
    tenant = visit.sent(TENANT_FIELD)
    try:
        cookie, changed = sessions.switch_tenant(services.engine, session.id, tenant, visit.now)
    except NotAllowed as refusal:
        _note_switch(services, visit, session, refusal.code)
        raise
    _note_switch(services, visit, changed)
    response = away(visit.next_path)
    response.headers.append("set-cookie", services.session_cookie.given(cookie))
    return response


def _note_switch(
    services: AccountServices, visit: Visit, session: SessionView, refusal: str = ""
) -> None:
    event = AuditEvent(
        Event.TENANT_SWITCH,
        session.principal,
        outcome="refused" if refusal else "ok",
        reason_code=refusal,
        ip=visit.ip,
    )
    services.write_audit(event, visit.now)


def _show_password(services: AccountServices, visit: Visit) -> Response:
    if visit.session is None:
        return away(address(SIGN_IN, sprache=visit.t.language))
    return _password_form(services, visit, visit.session)


def _change_password(services: AccountServices, visit: Visit) -> Response:
    if visit.session is None:
        return away(address(SIGN_IN, ende="1", sprache=visit.t.language))
    session = visit.session
    try:
        check_session_form(services, visit, session, PASSWORD)
        _put_new_password(services, visit, session)
    except _FAULTS as fault:
        if isinstance(fault, OldPasswordWrong):
            _note_password(services, visit, session, fault)
        return _password_form(services, visit, session, fault)
    _note_password(services, visit, session)
    cookie = sessions.renew(services.engine, session.id, visit.now)
    response = away(visit.next_path)
    response.headers.append("set-cookie", services.session_cookie.given(cookie))
    return response


def _put_new_password(services: AccountServices, visit: Visit, session: SessionView) -> None:
    new = visit.sent(pages.NEW_FIELD)
    if new != visit.sent(pages.REPEAT_FIELD):
        raise PasswordRepeatDiffers()
    local_accounts.set_password(
        services.engine,
        session.principal.subject,
        visit.sent(pages.OLD_FIELD),
        new,
        visit.now,
        keep=session.id,
    )


def _note_password(
    services: AccountServices,
    visit: Visit,
    session: SessionView,
    fault: OldPasswordWrong | None = None,
) -> None:
    event = AuditEvent(
        Event.ACCOUNT_CHANGE,
        session.principal,
        outcome="refused" if fault else "ok",
        reason_code=fault.code if fault else PASSWORD_CHANGED,
        ip=visit.ip,
    )
    services.write_audit(event, visit.now)


def _password_form(
    services: AccountServices,
    visit: Visit,
    session: SessionView,
    error: UrbanKiError | None = None,
) -> Response:
    tokens = services.tokens
    page = pages.password_page(
        visit.t,
        services.gallery,
        token=tokens.give(PASSWORD, session.csrf_secret, visit.now),
        sign_out_token=tokens.give(SIGN_OUT, session.csrf_secret, visit.now),
        next_path=visit.next_path,
        is_forced=session.must_change,
        error=error,
    )
    return HTMLResponse(page, 200 if error is None else error.http_status)


def _ping(_services: AccountServices, visit: Visit) -> Response:
    return Response(status_code=204 if may_use_pages(visit.session) else 401)


def _watch_script(_services: AccountServices, _visit: Visit) -> Response:
    return Response(
        WATCH_SCRIPT.read_bytes(),
        media_type="text/javascript",
        headers={"cache-control": "no-cache"},
    )


def check_session_form(
    services: AccountServices, visit: Visit, session: SessionView, purpose: str
) -> None:
    """Refuse a form that does not come from a page of this session.

    Args:
        services: What checks its token.
        visit: Brings the form.
        session: Of the browser.
        purpose: What the form does: its address.

    Raises:
        FormExpired: It comes from elsewhere, or from a session that has ended.
    """
    token, lasts_s = visit.sent(TOKEN_FIELD), services.limits.absolute_s
    secret = session.csrf_secret
    if not services.tokens.holds(token, purpose, secret, visit.now, lasts_s=lasts_s):
        raise FormExpired()


def end_session(
    services: AccountServices, visit: Visit, session: SessionView, reason_code: str = ""
) -> None:
    """End a session that the person herself ends, and note it.

    Args:
        services: Database and audit.
        visit: Where from.
        session: Which.
        reason_code: How, if not by signing out.
    """
    if sessions.end(services.engine, session.id):
        event = AuditEvent(Event.LOGOUT, session.principal, reason_code=reason_code, ip=visit.ip)
        services.write_audit(event, visit.now)


def _after_sign_in(visit: Visit, session: SessionView) -> str:
    if session.must_change:
        return address(PASSWORD, weiter=visit.next_path, sprache=visit.t.language)
    return visit.next_path


def away(address: str) -> Response:
    """Send the browser to another address."""
    # 303: the browser asks with GET, and does not send the form again.
    return RedirectResponse(address, 303)
