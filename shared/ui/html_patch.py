"""ASGI wrapper that makes Streamlit's index page German or English and adds script and style."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from shared.auth.account_paths import ROOT
from shared.auth.asgi import AsgiApp, Message, Receive, Scope, Send
from shared.errors import NotFound
from shared.i18n import LANGUAGES, Language, Translator, get_translator, preferred_language

ASSETS_URL = "oberflaeche"
LANGUAGE_COOKIE = "urbanki_sprache"
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_NOSCRIPT = re.compile(r"<noscript>.*?</noscript>", re.DOTALL)
_FONT_PRELOAD = re.compile(r"<link\s+rel=\"preload\"[^>]*?as=\"font\"[^>]*?/>", re.DOTALL)
_AGENT_LINK = re.compile(r"<link rel=\"service-desc\"[^>]*/>")
_ICON = re.compile(r"<link rel=\"shortcut icon\"[^>]*/>")


def inline_scripts(index_html: str) -> tuple[str, ...]:
    """Return the inline scripts of the index page, for the content security policy."""
    return tuple(_INLINE_SCRIPT.findall(index_html))


def patch_index(index_html: str, language: Language, title: str, font_url: str | None) -> str:
    """Return Streamlit's index page with our language, title, style, script and icon.

    Args:
        index_html: The page as Streamlit serves it.
        language: Language of the first paint; the script keeps it right afterwards.
        title: Name of the gallery.
        font_url: Font file to load early; None for the system's font.
    """
    t = get_translator(language)
    head = (
        f'<link rel="icon" href="./{ASSETS_URL}/favicon.svg" type="image/svg+xml" />'
        f'<link rel="stylesheet" href="./{ASSETS_URL}/gallery.css" />'
        f'<script src="./{ASSETS_URL}/page.js"></script>'
    )
    preload = (
        f'<link rel="preload" href=".{font_url}" as="font" type="font/woff2" crossorigin />'
        if font_url
        else ""
    )
    noscript = t("Bitte schalten Sie JavaScript ein. Ohne JavaScript bleibt diese Seite leer.")
    page = index_html.replace('<html lang="en">', f'<html lang="{language}">', 1)
    page = page.replace("<title>Streamlit</title>", f"<title>{escape(title)}</title>", 1)
    page = _FONT_PRELOAD.sub(lambda _: preload, page, count=1)
    page = _AGENT_LINK.sub("", page, count=1)
    page = _ICON.sub("", page, count=1)
    page = _NOSCRIPT.sub(lambda _: f"<noscript><p>{escape(noscript)}</p></noscript>", page)
    # Ours must run before Streamlit's, which reads its settings once.
    return page.replace('<script type="module"', f'{head}<script type="module"', 1)


def request_language(scope: Scope, setting: str) -> Language:
    """Return the language of a request: URL, cookie, setting, browser - in this order.

    Args:
        scope: ASGI scope of the request.
        setting: "auto", "de" or "en".
    """
    headers = {name: value.decode("latin-1") for name, value in scope.get("headers", [])}
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    asked = [*query.get("sprache", []), _cookie(headers.get(b"cookie", "")), setting]
    for language in LANGUAGES:
        if next((word for word in asked if word in LANGUAGES), None) == language:
            return language
    return preferred_language(headers.get(b"accept-language", ""))


def error_page(t: Translator, title: str, text: str, name: str) -> str:
    """Return a whole page for errors that no Streamlit page can show.

    Args:
        t: Translator.
        title: Translated heading.
        text: Translated advice.
        name: Name of the gallery.
    """
    link = escape(t("Zur Startseite"))
    return (
        f'<!DOCTYPE html><html lang="{t.language}"><head><meta charset="utf-8" />'
        '<meta name="viewport" content="width=device-width, initial-scale=1" />'
        f"<title>{escape(title)} – {escape(name)}</title>"
        f'<link rel="icon" href="/{ASSETS_URL}/favicon.svg" type="image/svg+xml" />'
        f'<link rel="stylesheet" href="/{ASSETS_URL}/gallery.css" /></head>'
        f'<body class="error-page"><main><p><strong>{escape(name)}</strong></p>'
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p>"
        f'<p><a class="error-link" href="/">{link}</a></p></main></body></html>'
    )


def patch_frame(frame_html: str, language: Language) -> str:
    """Return a component's page with our language; its own script needs seconds to set it.

    Args:
        frame_html: The page as the component brings it.
        language: Language of the page around it.
    """
    return frame_html.replace('<html lang="en"', f'<html lang="{language}"', 1)


class HtmlPatch:
    """Patches every index page and answers unknown pages with a real 404.

    Args:
        app: The Streamlit application.
        title: Name of the gallery.
        language_setting: "auto", "de" or "en".
        known_paths: Returns the paths that lead to a page, without slashes.
        font_url: Font file to load early; None for the system's font.
    """

    def __init__(
        self,
        app: AsgiApp,
        title: str,
        language_setting: str,
        known_paths: Callable[[], frozenset[str]],
        font_url: str | None = None,
    ) -> None:
        self._app = app
        self._title = title
        self._setting = language_setting
        self._known_paths = known_paths
        self._font_url = font_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; collect and rewrite pages and the frames of components."""
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or (path.startswith(_NOT_A_PAGE) and not _is_frame(path)):
            await self._app(scope, receive, send)
            return
        start: list[Message] = []
        body = bytearray()

        async def collecting_send(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_html(message):
                start.append(message)
            elif start and message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._send_page(scope, start[0], bytes(body), send)
            else:
                await send(message)

        headers = [item for item in scope["headers"] if item[0] not in _CONDITIONAL]
        await self._app({**scope, "headers": headers}, receive, collecting_send)

    async def _send_page(self, scope: Scope, start: Message, body: bytes, send: Send) -> None:
        language = request_language(scope, self._setting)
        status, page = int(start["status"]), body.decode("utf-8")
        # Streamlit also asks for a frame without ever reading it; only a cache ends that request.
        frame = _is_frame(str(scope["path"]))
        if frame:
            page = patch_frame(page, language)
        elif str(scope["path"]).strip("/") not in self._known_paths():
            t = get_translator(language)
            status, page = 404, error_page(t, *t.error(NotFound()), self._title)
        elif status == 200:
            page = patch_index(page, language, self._title, self._font_url)
        content = page.encode("utf-8")
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(content)).encode()),
            (b"cache-control", b"no-cache" if frame else b"no-store"),
            (b"vary", b"Accept-Language, Cookie"),
            *[item for item in start["headers"] if item[0].lower() == b"set-cookie"],
        ]
        if scope["method"] == "HEAD":
            content = b""
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


_NOT_A_PAGE = (
    *("/component/", "/_stcore/", "/static/", "/media/", "/healthz"),
    *(f"/{ASSETS_URL}/", ROOT),
)
# The index page differs by language, so neither compression nor "not modified" may reach us.
_CONDITIONAL = frozenset({b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"})


def _is_frame(path: str) -> bool:
    return path.startswith("/component/") and path.endswith("/index.html")


def _is_html(message: Message) -> bool:
    headers = {name.lower(): value for name, value in message.get("headers", [])}
    return bytes(headers.get(b"content-type", b"")).startswith(b"text/html")


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(LANGUAGE_COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
