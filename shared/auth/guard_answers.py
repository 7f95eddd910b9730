"""What the guard itself answers: pages for people, a line of text for everything else."""

from __future__ import annotations

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from shared.auth.account_paths import PASSWORD, SIGN_IN, address
from shared.auth.asgi import Scope
from shared.auth.next_path import START_PAGE, safe_next
from shared.errors import UrbanKiError
from shared.i18n import get_translator
from shared.ui.html_patch import error_page, request_language

WAIT_S = 10
BAD_REQUEST = 400
_TEXTS = {
    400: "Ungültige Anfrage. / Invalid request.",
    401: "Bitte melden Sie sich an. / Please sign in.",
    403: "Dafür fehlt Ihnen die Berechtigung. / You are not allowed to do this.",
    404: "Nicht gefunden. / Not found.",
    405: "Nicht möglich. / Not allowed.",
    408: "Die Anfrage kam zu langsam an. / The request arrived too slowly.",
    413: "Die Datei ist zu groß. / The file is too large.",
    431: "Die Anfrage ist zu groß. / The request is too large.",
    503: "Zurzeit nicht erreichbar. / Not available at present.",
}


def plain(status: int) -> Response:
    """Return a line of text in both languages; after a request that is none, nothing more is read.

    Args:
        status: HTTP status.
    """
    headers = {"connection": "close"} if status == BAD_REQUEST else None
    return PlainTextResponse(_TEXTS.get(status, _TEXTS[503]), status, headers)


def to_account_page(scope: Scope, path: str) -> Response:
    """Lead to an account page, and from there back to where the person wanted to go.

    Args:
        scope: Of the request.
        path: Address of the account page.
    """
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = safe_next(f"{scope['path']}?{query}" if query else str(scope["path"]))
    return RedirectResponse(address(path, weiter="" if wanted == START_PAGE else wanted), 302)


def to_sign_in(scope: Scope) -> Response:
    """Lead to the login form."""
    return to_account_page(scope, SIGN_IN)


def to_new_password(scope: Scope) -> Response:
    """Lead to where a printed password is changed."""
    return to_account_page(scope, PASSWORD)


def error(scope: Scope, problem: UrbanKiError, setting: str, gallery: str) -> Response:
    """Return a page that says what is wrong and what to do.

    Args:
        scope: Of the request.
        problem: What is wrong.
        setting: Language of the settings.
        gallery: Its name.
    """
    t = get_translator(request_language(scope, setting))
    return HTMLResponse(error_page(t, *t.error(problem), gallery), problem.http_status)


def waiting(scope: Scope, setting: str, gallery: str) -> Response:
    """Return the page of a guest for whom there is no place; it asks again by itself.

    Args:
        scope: Of the request.
        setting: Language of the settings.
        gallery: Its name.
    """
    t = get_translator(request_language(scope, setting))
    text = t("Alle Plätze sind besetzt. Sobald einer frei wird, geht es hier von selbst weiter.")
    page = error_page(t, t("Bitte warten."), text, gallery)
    again = {"retry-after": str(WAIT_S), "refresh": str(WAIT_S)}
    return HTMLResponse(page, 503, again)
