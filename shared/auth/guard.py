"""Pure ASGI guard around the one Streamlit process: nothing reaches it that did not pass here.

The order is that of `Guard.__call__`: what nobody may send, headers that only the guard may set,
where it comes from, what it leads to, whose cookie it brought, what becomes of it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial

from anyio import to_thread
from starlette.responses import Response

from shared.auth import guard_answers as answers, sessions
from shared.auth.access_rules import Answer, Place, answer_to, app_of, open_paths, place_of
from shared.auth.account_paths import ROOT
from shared.auth.asgi import AsgiApp, Headers, Message, Receive, Scope, Send
from shared.auth.audit import AuditEvent, Event
from shared.auth.guard_state import set_active
from shared.auth.live_sessions import LiveSessions, serve_until
from shared.auth.request_rules import (
    Network,
    client_address,
    has_own_origin,
    keep_socket_address,
    kept_headers,
    refused_status,
)
from shared.auth.security_headers import (
    FRAMES,
    security_headers,
    with_cookie,
    with_headers,
    with_secure_cookies,
)
from shared.auth.services import AccountServices
from shared.auth.sessions import SessionView
from shared.auth.slow_heads import limit_heads
from shared.auth.upload_rules import (
    FRAMING_BYTES,
    SESSION_HEADER,
    SUBJECT_HEADER,
    BodyTooLarge,
    BodyTooSlow,
    check_declared,
    is_own_media,
    is_own_upload,
    limited,
)
from shared.auth.watch_script import with_watch_script
from shared.contracts.identity import policy
from shared.contracts.identity.principal import Role
from shared.errors import NotAllowed, NotFound, UrbanKiError
from shared.themes import load_theme

FOREIGN_PAGE, FOREIGN_ORIGIN = "fremde_seite", "fremde_herkunft"
"""Reasons in the audit: an upload or file of somebody else's page, a page of another site."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GuardRules:
    """What differs between installations.

    Args:
        hosts: Host names besides the loopback names, in small letters, without port.
        proxies: Networks of proxies whose `X-Forwarded-For` counts.
        apps: Lowest role of each app, by its path without slash.
        max_upload_bytes: Of one file, the largest that any app takes.
        policy: Content security policy of the pages.
        frame_policy: The policy of component frames.
    """

    hosts: Set[str]
    proxies: tuple[Network, ...]
    apps: Callable[[], Mapping[str, Role]]
    max_upload_bytes: int
    policy: str
    frame_policy: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that has passed the first checks.

    Args:
        scope: Without headers that only the guard may set.
        place: What its path leads to.
        ip: Where it comes from.
        session: Whose cookie it brought.
        cookie: Of a guest's session that begins with it.
    """

    scope: Scope
    place: Place
    ip: str
    session: SessionView | None = None
    cookie: str = field(default="", repr=False)

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @property
    def method(self) -> str:
        """Empty for a websocket."""
        return str(self.scope.get("method", ""))

    @property
    def is_socket(self) -> bool:
        return bool(self.scope["type"] == "websocket")

    @property
    def is_navigation(self) -> bool:
        return self.place is Place.PAGE and self.method == "GET"

    @property
    def is_activity(self) -> bool:
        """Whether a person has done something; what a page does by itself keeps nobody in."""
        return self.is_navigation or (self.place is Place.UPLOAD and self.method == "PUT")


class Guard:
    """Stands before the application.

    Args:
        app: The application.
        services: Sessions, audit, clock.
        rules: What differs between installations.
    """

    def __init__(self, app: AsgiApp, services: AccountServices, rules: GuardRules) -> None:
        self._https = https = services.public_origin.startswith("https://")
        self._app = app
        self._services = services
        self._rules = rules
        self._live = LiveSessions(services)
        self._open = open_paths(services.mode, load_theme(services.settings.theme).logo_dark)
        self._page_headers = security_headers(rules.policy, https=https)
        self._frame_headers = security_headers(rules.frame_policy, https=https)
        keep_socket_address()
        limit_heads()
        set_active()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request; answer it or pass it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        in_frame = str(scope["path"]).startswith(FRAMES)
        added = self._frame_headers if in_frame else self._page_headers
        send = with_headers(send, added, in_frame=in_frame)
        if self._https:
            send = with_secure_cookies(send)
        status = refused_status(scope, self._rules.hosts)
        if status is not None:
            await _answer(answers.plain(status), scope, receive, send)
            return
        ip = client_address(scope, self._rules.proxies)
        scope = {**scope, "headers": kept_headers(scope["headers"]), "client": (ip, 0)}
        asked = _Asked(scope, place_of(str(scope["path"]), self._open), ip)
        try:
            asked = await self._known(asked)
            refusal = await self._refusal(asked)
            if refusal is None and asked.session is not None:
                asked = await self._named(asked, asked.session)
        except UrbanKiError as error:
            _log.error("%s: %s", asked.path, error.code)
            refusal = self._error(asked, error)
        if refusal is not None:
            await _answer(refusal, scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(asked, receive, send)
        elif asked.session is not None:
            with self._live.watch(asked.session.id) as ended:
                await serve_until(ended, self._app, asked.scope, receive, send)

    async def _known(self, asked: _Asked) -> _Asked:
        """Find out whose cookie it brought; a guest of the kiosk gets one."""
        if asked.place in {Place.OPEN, Place.CLOSED}:
            return asked
        services = self._services
        session = await self._live.view(services.session_cookie.read(asked.scope["headers"]))
        if session is None and services.guests is not None and asked.is_navigation:
            begun = await to_thread.run_sync(services.guests.begin, asked.ip, services.clock())
            cookie, session = begun or ("", None)
            return replace(asked, session=session, cookie=cookie)
        return replace(asked, session=session)

    async def _refusal(self, asked: _Asked) -> Response | None:
        """Return the answer to a request that may not pass."""
        if asked.is_socket and asked.place is not Place.STREAM:
            return answers.plain(404)
        answer = answer_to(asked.place, asked.path, asked.session, self._rules.apps)
        match answer:
            case Answer.MISSING:
                return self._error(asked, NotFound())
            case Answer.UNKNOWN:
                return answers.plain(401)
            case Answer.NEW_PASSWORD:
                return answers.to_new_password(asked.scope)
            case Answer.SIGN_IN if self._services.guests is None:
                return answers.to_sign_in(asked.scope)
            case Answer.SIGN_IN:
                settings = self._services.settings
                return answers.waiting(asked.scope, settings.language, self._services.gallery)
            case Answer.FORBIDDEN:
                return await self._denied(asked)
        return None if asked.session is None else await self._foreign(asked, asked.session)

    async def _foreign(self, asked: _Asked, session: SessionView) -> Response | None:
        """Refuse what comes from another site, or belongs to the page of another login."""
        headers, public_origin = asked.scope["headers"], self._services.public_origin
        if asked.is_socket and not has_own_origin(headers, public_origin):
            return await self._denied(asked, FOREIGN_ORIGIN)
        if asked.place is Place.UPLOAD and not is_own_upload(asked.path, session):
            return await self._denied(asked, FOREIGN_PAGE)
        if asked.place is Place.MEDIA and not is_own_media(asked.path, session):
            return await self._denied(asked, FOREIGN_PAGE)
        return await self._placeless(asked, session)

    async def _placeless(self, asked: _Asked, session: SessionView) -> Response | None:
        """Refuse the page of a guest for whom there is no place any more."""
        guests = self._services.guests
        if guests is None or not asked.is_socket:
            return None
        if await to_thread.run_sync(guests.enter, session.id, self._services.clock()):
            return None
        self._live.forget()
        return answers.plain(503)

    async def _denied(self, asked: _Asked, reason: str = NotAllowed.code) -> Response:
        """Write a refusal into the audit, and return the answer."""
        app = app_of(asked.path) if asked.place is Place.PAGE else ""
        event = AuditEvent(
            Event.DENIED,
            None if asked.session is None else asked.session.principal,
            app=app,
            object_id=asked.place.name.lower(),
            outcome="refused",
            reason_code=reason,
            ip=asked.ip,
        )
        try:
            await to_thread.run_sync(self._services.write_audit, event, self._services.clock())
        except UrbanKiError as error:
            _log.error("audit: %s", error.code)
        return self._error(asked, policy.refusal(policy.APP_OPEN))

    async def _named(self, asked: _Asked, session: SessionView) -> _Asked:
        """Say who it is, for the application, and note that the person has done something."""
        services = self._services
        if asked.is_activity:
            touch = partial(
                sessions.touch, services.engine, session.id, services.limits, services.clock()
            )
            await to_thread.run_sync(touch)
        own: Headers = [
            (SESSION_HEADER.encode(), session.id.encode()),
            (SUBJECT_HEADER.encode(), session.principal.subject.encode("ascii", "replace")),
        ]
        return replace(asked, scope={**asked.scope, "headers": [*asked.scope["headers"], *own]})

    def _error(self, asked: _Asked, error: UrbanKiError) -> Response:
        if asked.place is not Place.PAGE and not asked.path.startswith(ROOT):
            return answers.plain(error.http_status)
        services = self._services
        return answers.error(asked.scope, error, services.settings.language, services.gallery)

    async def _serve(self, asked: _Asked, receive: Receive, send: Send) -> None:
        most_bytes = math.inf
        if asked.place is Place.UPLOAD:
            most_bytes = self._rules.max_upload_bytes + FRAMING_BYTES
        answering = _Answering(self._dressed(asked, send))
        try:
            check_declared(asked.scope, most_bytes)
            await self._app(asked.scope, limited(receive, most_bytes), answering.send)
        except (BodyTooLarge, BodyTooSlow) as error:
            # An answer that has begun breaks off, and the server closes the connection.
            if not answering.has_begun:
                status = 413 if isinstance(error, BodyTooLarge) else 408
                await answers.plain(status)(asked.scope, receive, send)

    def _dressed(self, asked: _Asked, send: Send) -> Send:
        """Return a `send` that adds to the application's answer what the guard has to say."""
        if asked.place is Place.PAGE:
            send = with_watch_script(send, has_body=asked.method != "HEAD")
        if asked.cookie:
            given = self._services.session_cookie.given(asked.cookie)
            send = with_cookie(send, given)
        if asked.method == "POST" and asked.path.startswith(ROOT):
            send = self._forgetting(send)
        return send

    def _forgetting(self, send: Send) -> Send:
        """Forget who is signed in as soon as a form has been worked on, before anybody hears."""

        async def forgetting_send(message: Message) -> None:
            self._live.forget()
            await send(message)

        return forgetting_send


class _Answering:
    """Knows whether the application has begun to answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def send(self, message: Message) -> None:
        self.has_begun = True
        await self._send(message)


async def _answer(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in place of the application; a websocket is closed before it opens, which is a 403."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4403})
    else:
        await response(scope, receive, send)
