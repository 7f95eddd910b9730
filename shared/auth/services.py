"""What the account pages work with: database, settings, clock, audit - one value, no globals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Engine

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.auth.cookies import Cookie, form_cookie, session_cookie
from shared.auth.login_form import FormTokens
from shared.auth.secret_box import load_secret_box
from shared.auth.sessions import KEYCLOAK, Limits, Mode, SessionView
from shared.settings import Settings, get_settings
from shared.store.store import process_store
from shared.themes import load_theme

if TYPE_CHECKING:  # only mode `keycloak` pays for the library behind it
    from shared.auth.provider import SignInProvider

ENDED_BY_PROVIDER = "anmeldedienst"


class Guests(Protocol):
    """Who comes without signing in, in the kiosk."""

    def begin(self, ip: str, now: datetime) -> tuple[str, SessionView] | None:
        """Begin a session; return the value of its cookie and the session, None for no place."""

    def enter(self, session_id: str, now: datetime) -> bool:
        """Give a place to the guest whose page has opened; say whether she has one."""

    def end(self, session: SessionView) -> bool:
        """End a session with all that it leaves; say whether it went on until now."""


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
        guests: Gives sessions to people who do not sign in; None except in the kiosk.
        provider: Where people sign in; None in other modes than `keycloak`.
    """

    engine: Engine
    settings: Settings
    limits: Limits
    gallery: str
    tokens: FormTokens = field(repr=False)
    write_audit: Callable[[AuditEvent, datetime], None]
    clock: Callable[[], datetime]
    public_origin: str = ""
    guests: Guests | None = None
    provider: SignInProvider | None = None

    def present(self, session: SessionView | None) -> SessionView | None:
        """Return a session if it counts here and now.

        In mode `keycloak` that takes seconds when the provider must be asked, so never call this
        in an event loop.

        Args:
            session: As `sessions.lookup` or `sessions.by_id` has found it.

        Returns:
            None when there is none, it began in another mode, or the provider has ended it.

        Raises:
            SignInServiceDown: Another process has been asking the provider for 5 s.
        """
        if session is None or session.mode != self.mode:
            return None
        if session.mode != KEYCLOAK:
            return session
        if self.provider is None:
            return None
        return self.provider.kept(self.engine, session, partial(self._note_end, session))

    @property
    def mode(self) -> Mode:
        """How sessions begin here."""
        return self.settings.sign_in

    def _note_end(self, session: SessionView) -> None:
        event = AuditEvent(Event.SESSION_END, session.principal, reason_code=ENDED_BY_PROVIDER)
        self.write_audit(event, self.clock())

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
    engine: Engine,
    settings: Settings,
    limits: Limits,
    gallery: str,
    *,
    public_origin: str = "",
    provider: SignInProvider | None = None,
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
        provider=provider,
    )


@lru_cache(maxsize=1)
def process_services() -> AccountServices:
    """Return the services that guard, routes and pages of this process share.

    Raises:
        SecretUnusable: The installation's secret cannot be read.
        SecretWeak: It protects nothing.
        SettingInvalid: The settings of the provider do not fit together.
    """
    settings = get_settings()
    limits = Limits(idle_s=settings.session_idle_min * 60, absolute_s=settings.session_max_h * 3600)
    services = account_services(
        process_store().engine,
        settings,
        limits,
        load_theme(settings.theme).name,
        public_origin=settings.public_url,
        provider=_provider(settings),
    )
    if settings.mode != "kiosk":
        return services
    from shared.auth.kiosk import GUEST_LIMITS, KioskGuests

    return replace(services, limits=GUEST_LIMITS, guests=KioskGuests(process_store()))


def _provider(settings: Settings) -> SignInProvider | None:
    if settings.auth_mode != KEYCLOAK:
        return None
    from shared.auth.provider import open_provider

    return open_provider(settings)
