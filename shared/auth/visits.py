"""From a request to a handler of the account pages, and from its answer back to the browser.

Handlers wait for the database and for Argon2, so they run in threads.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from shared.auth import sessions
from shared.auth.asgi import Receive, Scope, Send
from shared.auth.attempts import ip_prefix
from shared.auth.login_form import read_form
from shared.auth.next_path import safe_next
from shared.auth.services import AccountServices
from shared.auth.sessions import SessionView
from shared.errors import MethodNotAllowed, SignInRefused, UrbanKiError
from shared.i18n import Translator, get_translator
from shared.ui.html_patch import error_page, request_language

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request as the handlers see it.

    Args:
        t: Translator of its language.
        now: Its moment.
        ip: Where it comes from.
        host: Name and port that the browser asked for.
        session: Of its cookie.
        has_cookie: Whether it brought one that may be of a session.
        binding: Its form cookie; empty for none.
        form: Fields of a form; empty for a GET.
        query: Of the address.
    """

    t: Translator
    now: datetime
    ip: str
    host: str
    session: SessionView | None
    has_cookie: bool
    binding: str = field(repr=False)
    form: Mapping[str, str] = field(repr=False)
    query: QueryParams

    @property
    def next_path(self) -> str:
        """Page to show afterwards."""
        return safe_next((self.form or self.query).get("weiter", ""))

    def sent(self, name: str) -> str:
        """Return a field of the form; empty where it is missing."""
        return self.form.get(name, "")


Handler = Callable[[AccountServices, Visit], Response]


class Crowd:
    """Forms that wait for their turn: a network that sends many keeps nobody else waiting long.

    Args:
        most: Forms of one network that wait at once, 2 s of work on two cores.
    """

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def joined(self, ip: str) -> Iterator[None]:
        """Wait among the others.

        Args:
            ip: Where the form comes from.

        Raises:
            SignInRefused: Too many of that network wait already.
        """
        network = ip_prefix(ip)
        if self._waiting[network] >= self._most:
            raise SignInRefused()
        self._waiting[network] += 1
        try:
            yield
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network]


class Endpoint:
    """An address of the account pages; it answers every method, with 405 where it has no handler.

    Args:
        services: What the handlers work with.
        handlers: By method; that of GET answers HEAD too.
        limiter: How many forms are worked on at once, over all addresses.
        limits_all: Whether that also holds for what is no form.
        crowd: Who waits for it; None where only people who are signed in have forms.
    """

    def __init__(
        self,
        services: AccountServices,
        handlers: Mapping[str, Handler],
        limiter: CapacityLimiter,
        *,
        limits_all: bool = False,
        crowd: Crowd | None = None,
    ) -> None:
        self._services = services
        self._handlers = handlers
        self._limiter = limiter
        self._limits_all = limits_all
        self._crowd = crowd

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answered(request)
        except ClientDisconnect:
            return
        response.headers.setdefault("cache-control", "no-store")
        if request.method == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _answered(self, request: Request) -> Response:
        services = self._services
        t = get_translator(request_language(request.scope, services.settings.language))
        method = "GET" if request.method == "HEAD" else request.method
        try:
            if method not in self._handlers:
                raise MethodNotAllowed()
            is_form = method == "POST"
            origin = services.public_origin or f"http://{request.headers.get('host', '')}"
            form = await read_form(request, origin) if is_form else {}
            work = partial(self._handled, self._handlers[method], request, t, form)
            if is_form or self._limits_all:
                return await self._in_turn(request, work)
            return await to_thread.run_sync(work)
        except UrbanKiError as error:
            if error.http_status >= 500:
                # Without the cause's text: a statement's values hold what ties forms to sessions.
                cause = type(error.__cause__).__name__
                _log.error("%s %s: %s, %s", request.method, request.url.path, error.code, cause)
            return self._refusal(t, error)

    async def _in_turn(self, request: Request, work: Callable[[], Response]) -> Response:
        """Work on a form when its turn comes, unless nobody waits for the answer any more."""
        ip = request.client.host if request.client else ""
        with self._crowd.joined(ip) if self._crowd else nullcontext():
            async with self._limiter:
                if await request.is_disconnected():
                    raise ClientDisconnect
                return await to_thread.run_sync(work)

    def _handled(
        self, handler: Handler, request: Request, t: Translator, form: Mapping[str, str]
    ) -> Response:
        services, headers, now = self._services, request.headers.raw, self._services.clock()
        cookie = services.session_cookie.read(headers)
        found = sessions.lookup(services.engine, cookie, now) if cookie else None
        visit = Visit(
            t=t,
            now=now,
            ip=request.client.host if request.client else "",
            host=request.headers.get("host", ""),
            session=services.present(found),
            has_cookie=bool(cookie),
            binding=services.form_cookie.read(headers),
            form=form,
            query=request.query_params,
        )
        return handler(services, visit)

    def _refusal(self, t: Translator, error: UrbanKiError) -> Response:
        title, advice = t.error(error)
        page = error_page(t, title, advice, self._services.gallery)
        response = HTMLResponse(page, error.http_status)
        if isinstance(error, MethodNotAllowed):
            also = {"HEAD"} if "GET" in self._handlers else set()
            response.headers["allow"] = ", ".join(sorted({*self._handlers, *also}))
        return response
