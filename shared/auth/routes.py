"""The account pages of mode `lokal`: signing in and out, changing the password, ping.

The guard stands before them: it has checked host, path and method, and adds the security headers.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from anyio import CapacityLimiter
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from shared.auth import local_accounts, pages, sessions
from shared.auth.account_names import account_name
from shared.auth.attempts import ip_prefix
from shared.auth.audit import AuditEvent, Event
from shared.auth.login_form import TOKEN_FIELD, FormTokens
from shared.auth.randomness import new_token
from shared.auth.services import AccountServices
from shared.auth.sessions import SessionView
from shared.auth.visits import Endpoint, Handler, Visit
from shared.errors import (
    FormExpired,
    NotFound,
    OldPasswordWrong,
    PasswordRepeatDiffers,
    RoleMissing,
    SignInRefused,
    UrbanKiError,
)

WATCH_SCRIPT = Path(__file__).resolve().parent / "assets" / "wache.js"
PASSWORD_CHANGED = "passwort"  # noqa: S105
SIGNED_IN_ANEW = "neue_anmeldung"
_PURPOSE_SIGN_IN, _PURPOSE_SIGN_OUT, _PURPOSE_PASSWORD = "anmelden", "abmelden", "passwort"
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
        pages.SIGN_IN: {"GET": _show_sign_in, "POST": _sign_in},
        pages.SIGN_OUT: {"POST": _sign_out},
        pages.PASSWORD: {"GET": _show_password, "POST": _change_password},
        "/konto/ping": {"GET": _ping},
        "/konto/wache.js": {"GET": _watch_script},
    }
    return [
        Route(path, Endpoint(services, by_method, limiter)) for path, by_method in handlers.items()
    ]


def may_use_pages(session: SessionView | None) -> bool:
    """Say whether a session opens the gallery: not before a printed password is changed."""
    return session is not None and not session.must_change


def sign_out_token(tokens: FormTokens, session: SessionView, now: datetime) -> str:
    """Return the token of a form that signs out.

    Args:
        tokens: What makes it.
        session: Whose.
        now: The moment, with zone.
    """
    return tokens.give(_PURPOSE_SIGN_OUT, session.csrf_secret, now)


def _show_sign_in(services: AccountServices, visit: Visit) -> Response:
    if visit.session is None:
        return _sign_in_form(services, visit)
    return _away(_after_sign_in(visit, visit.session))


def _sign_in(services: AccountServices, visit: Visit) -> Response:
    token = visit.sent(TOKEN_FIELD)
    if not services.tokens.holds(token, _PURPOSE_SIGN_IN, visit.binding, visit.now):
        return _sign_in_form(services, visit, FormExpired())
    try:
        cookie, session = _new_session(services, visit)
    except (RoleMissing, SignInRefused) as refusal:
        event = AuditEvent(Event.LOGIN, outcome="refused", reason_code=refusal.code, ip=visit.ip)
        services.write_audit(event, visit.now)
        return _sign_in_form(services, visit, refusal)
    if visit.session is not None:
        _end(services, visit, visit.session, SIGNED_IN_ANEW)
    services.write_audit(AuditEvent(Event.LOGIN, session.principal, ip=visit.ip), visit.now)
    response = _away(_after_sign_in(visit, session))
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
    cookie, session = sessions.create(
        services.engine,
        account.principal(),
        mode=sessions.LOCAL,
        limits=services.limits,
        now=visit.now,
        ip_prefix=network,
    )
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
        token=services.tokens.give(_PURPOSE_SIGN_IN, binding, visit.now),
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
        _check_session_form(services, visit, visit.session, _PURPOSE_SIGN_OUT)
        _end(services, visit, visit.session)
    response = _away(pages.address(pages.SIGN_IN, ende="1", sprache=visit.t.language))
    response.headers.append("set-cookie", services.session_cookie.removed())
    return response


def _show_password(services: AccountServices, visit: Visit) -> Response:
    if visit.session is None:
        return _away(pages.address(pages.SIGN_IN, sprache=visit.t.language))
    return _password_form(services, visit, _local(visit.session))


def _change_password(services: AccountServices, visit: Visit) -> Response:
    if visit.session is None:
        return _away(pages.address(pages.SIGN_IN, ende="1", sprache=visit.t.language))
    session = _local(visit.session)
    try:
        _check_session_form(services, visit, session, _PURPOSE_PASSWORD)
        _put_new_password(services, visit, session)
    except _FAULTS as fault:
        if isinstance(fault, OldPasswordWrong):
            _note_password(services, visit, session, fault)
        return _password_form(services, visit, session, fault)
    _note_password(services, visit, session)
    cookie = sessions.renew(services.engine, session.id, visit.now)
    response = _away(visit.next_path)
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
        token=tokens.give(_PURPOSE_PASSWORD, session.csrf_secret, visit.now),
        sign_out_token=sign_out_token(tokens, session, visit.now),
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


def _check_session_form(
    services: AccountServices, visit: Visit, session: SessionView, purpose: str
) -> None:
    """Refuse a form that does not come from a page of this session (`FormExpired`)."""
    token, lasts_s = visit.sent(TOKEN_FIELD), services.limits.absolute_s
    secret = session.csrf_secret
    if not services.tokens.holds(token, purpose, secret, visit.now, lasts_s=lasts_s):
        raise FormExpired()


def _local(session: SessionView) -> SessionView:
    if session.mode != sessions.LOCAL:
        raise NotFound()
    return session


def _end(
    services: AccountServices, visit: Visit, session: SessionView, reason_code: str = ""
) -> None:
    if sessions.end(services.engine, session.id):
        event = AuditEvent(Event.LOGOUT, session.principal, reason_code=reason_code, ip=visit.ip)
        services.write_audit(event, visit.now)


def _after_sign_in(visit: Visit, session: SessionView) -> str:
    if session.must_change:
        return pages.address(pages.PASSWORD, weiter=visit.next_path, sprache=visit.t.language)
    return visit.next_path


def _away(address: str) -> Response:
    # 303: the browser asks with GET, and does not send the form again.
    return RedirectResponse(address, 303)
