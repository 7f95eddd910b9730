"""The account addresses of the kiosk: nobody signs in, a guest stays or makes room for the next.

They stand in place of those of `shared.auth.routes`; the guard stands before them and has begun the
session already.
"""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path

from anyio import CapacityLimiter
from starlette.responses import Response
from starlette.routing import Route

from shared.auth import sessions
from shared.auth.account_paths import ROOT
from shared.auth.audit import AuditEvent, Event
from shared.auth.kiosk import COUNTDOWN_S, GUEST_LIMITS, IDLE_S
from shared.auth.services import AccountServices, Guests
from shared.auth.visits import Endpoint, Handler, Visit
from shared.errors import NotFound
from shared.i18n import LANGUAGES, Language, get_translator
from shared.ui.html_patch import LANGUAGE_COOKIE

ASSETS = Path(__file__).resolve().parent / "assets"
REPORT_S = 10
"""So often the browser says at most that somebody is there."""
_FORMS_AT_ONCE = 4


def kiosk_routes(services: AccountServices, guests: Guests) -> list[Route]:
    """Return the routes; each answers every method, with 405 where it is not its own.

    Args:
        services: What they work with.
        guests: Ends the sessions.
    """
    limiter = CapacityLimiter(_FORMS_AT_ONCE)
    handlers: dict[str, dict[str, Handler]] = {
        "/konto/ping": {"GET": _ping},
        "/konto/wache.js": {"GET": _watch_script},
        "/konto/weiter": {"POST": _stay},
        "/konto/neustart": {"POST": partial(_begin_anew, guests)},
        f"{ROOT}{{rest:path}}": {"GET": _nothing},
    }
    return [
        Route(path, Endpoint(services, by_method, limiter)) for path, by_method in handlers.items()
    ]


@cache
def watch_script() -> str:
    """Return the script that watches the session, with the seconds and words of the kiosk."""
    settings = {
        "idleS": IDLE_S,
        "countdownS": COUNTDOWN_S,
        "reportS": REPORT_S,
        "texts": {language: _texts(language) for language in LANGUAGES},
    }
    parts = [(ASSETS / name).read_text(encoding="utf-8") for name in ("wache.js", "kiosk.js")]
    told = json.dumps(settings, ensure_ascii=False)
    return "\n".join([f"const URBANKI_KIOSK = {told};", *parts])


def _texts(language: Language) -> dict[str, str]:
    t = get_translator(language)
    return {
        "title": t("Sind Sie noch da?"),
        "text": t("In {seconds} Sekunden beginnt die Vorführung von vorn."),
        "button": t("Weiter nutzen"),
    }


def _nothing(_services: AccountServices, _visit: Visit) -> Response:
    """Refuse every other account address; Streamlit would answer it with its page."""
    raise NotFound()


def _ping(_services: AccountServices, visit: Visit) -> Response:
    return Response(status_code=401 if visit.session is None else 204)


def _watch_script(_services: AccountServices, _visit: Visit) -> Response:
    return Response(
        watch_script(), media_type="text/javascript", headers={"cache-control": "no-cache"}
    )


def _stay(services: AccountServices, visit: Visit) -> Response:
    """Note that somebody is there, though she only reads or looks around on a map."""
    if visit.session is None:
        return Response(status_code=401)
    sessions.touch(services.engine, visit.session.id, GUEST_LIMITS, visit.now)
    return Response(status_code=204)


def _begin_anew(guests: Guests, services: AccountServices, visit: Visit) -> Response:
    """End the session with all that it leaves; the next page begins another one.

    Twice, or from a page whose session has ended, it does no harm.
    """
    session = visit.session
    if session is not None and guests.end(session):
        event = AuditEvent(Event.KIOSK_RESET, session.principal, ip=visit.ip)
        services.write_audit(event, visit.now)
    response = Response(status_code=204)
    response.headers.append("set-cookie", services.session_cookie.removed())
    response.headers.append("set-cookie", f"{LANGUAGE_COOKIE}=; Path=/; Max-Age=0; SameSite=Strict")
    return response
