"""The account addresses of mode `keycloak`: to the provider and back, signing out, its notices.

They stand in place of those of `shared.auth.routes`, except for what both modes share. The guard
stands before them: it has checked host, path and method, and adds the security headers.
"""

from __future__ import annotations

import logging
from functools import partial
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from shared.auth import provider_pages, sessions
from shared.auth.account_paths import (
    BACK_CHANNEL,
    PASSWORD,
    RETURN,
    SIGN_IN,
    SIGN_OUT,
    address,
)
from shared.auth.attempts import ip_prefix
from shared.auth.audit import AuditEvent, Event
from shared.auth.backchannel import MAX_BODY_BYTES, read_logout
from shared.auth.next_path import START_PAGE
from shared.auth.oidc_flow import SignedIn, begin_login, finish_login, sign_out
from shared.auth.one_use import StoredIds, StoredLogins
from shared.auth.provider import SignInProvider
from shared.auth.provider_pages import BEGIN_FIELD
from shared.auth.provider_session import ProviderTokens
from shared.auth.request_rules import METHODS
from shared.auth.routes import (
    SIGNED_IN_ANEW,
    account_routes,
    away,
    check_session_form,
    end_session,
)
from shared.auth.services import AccountServices
from shared.auth.session_tokens import StoredTokens, ask_for_others_again
from shared.auth.visits import Endpoint, Handler, Visit
from shared.contracts.identity.principal import Principal
from shared.contracts.identity.provider_tokens import LogoutNotice
from shared.contracts.identity.signed import TokenRefused
from shared.errors import RoleMissing, SignInFailed, SignInServiceDown, UrbanKiError

_AT_ONCE = 4
"""Threads that wait for the provider must not be all that the process has."""
_STATE = "state"
_HERE = "hier"
"""Begin at once, also where a proxy hides the host that the browser asked for."""
_log = logging.getLogger(__name__)


def provider_routes(services: AccountServices, provider: SignInProvider) -> list[Route]:
    """Return the routes; each answers every method, with 405 where it is not its own.

    Args:
        services: What they work with.
        provider: Where people sign in.
    """
    limiter = CapacityLimiter(_AT_ONCE)
    handlers: dict[str, dict[str, Handler]] = {
        SIGN_IN: {"GET": partial(_show_sign_in, provider)},
        RETURN: {"GET": partial(_come_back, provider)},
        SIGN_OUT: {"POST": partial(_sign_out, provider)},
    }
    own = [
        Route(path, Endpoint(services, by_method, limiter, limits_all=True))
        for path, by_method in handlers.items()
    ]
    hear = partial(_hear, provider, services, CapacityLimiter(_AT_ONCE))
    # All methods: what no route takes, Streamlit answers with its page.
    back_channel = Route(BACK_CHANNEL, hear, methods=[*METHODS])
    instead = {*handlers, PASSWORD}
    shared = [route for route in account_routes(services) if route.path not in instead]
    return [*own, back_channel, *shared]


def _show_sign_in(provider: SignInProvider, services: AccountServices, visit: Visit) -> Response:
    """Go to the provider at once, unless there is something to read first."""
    if visit.session is not None:
        return away(visit.next_path)
    has_ended = visit.has_cookie or "ende" in visit.query
    if BEGIN_FIELD in visit.query or ("weiter" in visit.query and not has_ended):
        return _begin(provider, services, visit)
    ended = visit.t("Sie wurden abgemeldet. Gespeicherte Arbeit bleibt erhalten.")
    return _sign_in_page(services, visit, notice=ended if has_ended else "")


def _begin(provider: SignInProvider, services: AccountServices, visit: Visit) -> Response:
    own = urlsplit(provider.settings.redirect_uri)
    if visit.host != own.netloc and visit.query.get(BEGIN_FIELD) != _HERE:
        # The provider sends people back to this host alone, and cookies of another stay there.
        again = {BEGIN_FIELD: _HERE, "weiter": visit.next_path, "sprache": visit.t.language}
        return away(f"{own.scheme}://{own.netloc}{address(SIGN_IN, **again)}")
    try:
        start = begin_login(
            provider.settings,
            provider.addresses(),
            StoredLogins(services.engine, provider.box),
            next_path=visit.next_path,
            browser_binding=visit.binding,
            now=visit.now.timestamp(),
        )
    except SignInServiceDown as error:
        return _sign_in_page(services, visit, error)
    response = away(start.url)
    if start.browser_binding != visit.binding:
        response.headers.append("set-cookie", services.form_cookie.given(start.browser_binding))
    return _without_old_cookie(services, visit, response)


def _come_back(provider: SignInProvider, services: AccountServices, visit: Visit) -> Response:
    """Begin a session for whom the provider sends back; the form cookie stays for other tabs."""
    try:
        signed_in = finish_login(
            provider.settings,
            provider.addresses(),
            StoredLogins(services.engine, provider.box),
            provider.key_for,
            answer=visit.query.multi_items(),
            browser_binding=visit.binding,
            now=visit.now.timestamp(),
        )
    except (RoleMissing, SignInFailed, SignInServiceDown) as refusal:
        reason = str(refusal.details.get("reason", ""))
        if visit.session is not None and reason == _STATE:
            # The back button after signing in asks a second time.
            return away(START_PAGE)
        _note_refusal(services, visit, refusal, reason)
        return _sign_in_page(services, visit, refusal)
    cookie = _new_session(provider, services, visit, signed_in)
    response = away(signed_in.next_path)
    response.headers.append("set-cookie", services.session_cookie.given(cookie))
    return response


def _new_session(
    provider: SignInProvider, services: AccountServices, visit: Visit, signed_in: SignedIn
) -> str:
    cookie, session = sessions.create(
        services.engine,
        signed_in.principal,
        mode=sessions.KEYCLOAK,
        limits=services.limits,
        now=visit.now,
        ip_prefix=ip_prefix(visit.ip),
        provider=(signed_in.tokens, provider.box),
    )
    ask_for_others_again(services.engine, session.id)
    if visit.session is not None:
        end_session(services, visit, visit.session, SIGNED_IN_ANEW)
    services.write_audit(AuditEvent(Event.LOGIN, session.principal, ip=visit.ip), visit.now)
    return cookie


def _note_refusal(
    services: AccountServices, visit: Visit, refusal: UrbanKiError, reason: str
) -> None:
    event = AuditEvent(
        Event.LOGIN,
        outcome="refused",
        reason_code=f"{refusal.code}:{reason}" if reason else refusal.code,
        ip=visit.ip,
    )
    services.write_audit(event, visit.now)


def _sign_in_page(
    services: AccountServices, visit: Visit, error: UrbanKiError | None = None, notice: str = ""
) -> Response:
    page = provider_pages.sign_in_page(
        visit.t, services.gallery, next_path=visit.next_path, error=error, notice=notice
    )
    response = HTMLResponse(page, 200 if error is None else error.http_status)
    return _without_old_cookie(services, visit, response)


def _without_old_cookie(services: AccountServices, visit: Visit, response: Response) -> Response:
    if visit.has_cookie and visit.session is None:
        response.headers.append("set-cookie", services.session_cookie.removed())
    return response


def _sign_out(provider: SignInProvider, services: AccountServices, visit: Visit) -> Response:
    """End the session here, then at the provider, which else would sign in again silently."""
    answer = away(address(SIGN_IN, ende="1", sprache=visit.t.language))
    if visit.session is not None:
        check_session_form(services, visit, visit.session, SIGN_OUT)
        tokens = StoredTokens(services.engine, provider.box, visit.session.id).read()
        end_session(services, visit, visit.session)
        if tokens is not None:
            answer = _end_at_provider(provider, services, visit, tokens) or answer
    answer.headers.append("set-cookie", services.session_cookie.removed())
    return answer


def _end_at_provider(
    provider: SignInProvider, services: AccountServices, visit: Visit, tokens: ProviderTokens
) -> Response | None:
    """Return the page that says what is left to do; None when nothing is."""
    try:
        target = sign_out(provider.settings, provider.addresses(), tokens)
    except SignInServiceDown:
        notice = visit.t(
            "Hier sind Sie abgemeldet. Der Anmeldedienst war nicht erreichbar: Bitte schließen "
            "Sie den Browser, damit sich niemand ohne Passwort wieder anmeldet."
        )
        page = provider_pages.sign_in_page(
            visit.t, services.gallery, next_path=START_PAGE, notice=notice
        )
        return HTMLResponse(page)
    if target is None:
        return None
    return HTMLResponse(provider_pages.sign_out_page(visit.t, services.gallery, target))


async def _hear(
    provider: SignInProvider, services: AccountServices, limiter: CapacityLimiter, request: Request
) -> Response:
    """End the sessions that the provider says it has ended; whatever else comes changes nothing."""
    if request.method != "POST":
        return Response(status_code=405, headers={"allow": "POST"})
    try:
        body = await _body(request)
        work = partial(_heard, provider, services, request, body)
        response = await to_thread.run_sync(work, limiter=limiter)
    except ClientDisconnect:
        response = Response(status_code=400)
    response.headers["cache-control"] = "no-store"
    return response


async def _body(request: Request) -> bytes:
    """Read until it is certain that it is too long."""
    body = bytearray()
    async for part in request.stream():
        body.extend(part)
        if len(body) > MAX_BODY_BYTES:
            break
    return bytes(body[: MAX_BODY_BYTES + 1])


def _heard(
    provider: SignInProvider, services: AccountServices, request: Request, body: bytes
) -> Response:
    now, ip = services.clock(), request.client.host if request.client else ""
    try:
        notice = read_logout(
            request.method,
            request.headers.get("content-type", ""),
            body,
            rules=provider.settings.rules,
            key_for=provider.key_for,
            used=StoredIds(services.engine),
            now=now.timestamp(),
        )
        ended = sessions.end_by_provider_session(
            services.engine, notice.provider_sid, notice.subject
        )
    except TokenRefused as reason:
        event = AuditEvent(
            Event.BACKCHANNEL_LOGOUT, outcome="refused", reason_code=str(reason), ip=ip
        )
        services.write_audit(event, now)
        return JSONResponse({"error": "invalid_request"}, 400)
    except UrbanKiError as error:
        _log.error("a notice of the provider was lost: %s", error.code)
        return JSONResponse({"error": "server_error"}, error.http_status)
    event = AuditEvent(
        Event.BACKCHANNEL_LOGOUT, _person(notice), reason_code=f"sitzungen:{ended}", ip=ip
    )
    services.write_audit(event, now)
    return Response()


def _person(notice: LogoutNotice) -> Principal | None:
    return Principal(notice.subject, "", {}, "") if notice.subject else None
