"""What the account pages work with: database, settings, clock, audit - one value, no globals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine

from shared.auth import audit
from shared.auth.audit import AuditEvent
from shared.auth.cookies import Cookie, form_cookie, session_cookie
from shared.auth.login_form import FormTokens
from shared.auth.secret_box import load_secret_box
from shared.auth.sessions import Limits
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class AccountServices:
    """What the routes work with.

    Args:
        engine: The database.
        settings: Language of the pages.
        limits: When sessions end.
        gallery: Its name on the pages.
        tokens: Ties forms to browsers.
        write_audit: Notes an event of a moment.
        clock: Says the moment, with zone.
        public_origin: Address of the gallery, such as "https://ki.example.de"; empty where it is
            reached on this machine alone, over http.
    """

    engine: Engine
    settings: Settings
    limits: Limits
    gallery: str
    tokens: FormTokens = field(repr=False)
    write_audit: Callable[[AuditEvent, datetime], None]
    clock: Callable[[], datetime]
    public_origin: str = ""

    @property
    def session_cookie(self) -> Cookie:
        """The cookie of a session."""
        return session_cookie(secure=self._is_secure)

    @property
    def form_cookie(self) -> Cookie:
        """The cookie of the login form."""
        return form_cookie(secure=self._is_secure)

    @property
    def _is_secure(self) -> bool:
        return self.public_origin.startswith("https://")


def account_services(
    engine: Engine, settings: Settings, limits: Limits, gallery: str, *, public_origin: str = ""
) -> AccountServices:
    """Return the services of a running gallery; see `AccountServices`.

    Raises:
        SecretUnusable: The installation's secret cannot be read.
        SecretWeak: It protects nothing.
    """

    def write_audit(event: AuditEvent, now: datetime) -> None:
        audit.write(engine, settings, event, now=now)

    return AccountServices(
        engine=engine,
        settings=settings,
        limits=limits,
        gallery=gallery,
        tokens=FormTokens(load_secret_box(settings).key("forms")),
        write_audit=write_audit,
        clock=partial(datetime.now, UTC),
        public_origin=public_origin,
    )
