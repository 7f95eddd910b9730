"""Routes of the gallery's own script, style, fonts and icon."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from shared import __version__
from shared.auth.account_paths import ROOT
from shared.auth.start_checks import is_reachable
from shared.settings import get_settings
from shared.themes.theme import (
    FONTS_FOLDER,
    LOGOS_FOLDER,
    STYLE_FILE,
    Palette,
    Theme,
    font_faces,
)
from shared.ui.house_probe import house_probe
from shared.ui.html_patch import ASSETS_URL
from shared.ui.navigation import ACCOUNTS_PATH, HOME_PATH
from shared.ui.probe import probe

ASSETS_FOLDER = Path(__file__).resolve().parent / "assets"
STRINGS_FILE = Path(__file__).resolve().parents[1] / "i18n" / "streamlit_strings.toml"
_CACHE = {"cache-control": "no-cache"}


def page_script() -> str:
    """Return the page script with the table of Streamlit's own strings in front."""
    table = tomllib.loads(STRINGS_FILE.read_text(encoding="utf-8"))
    script = (ASSETS_FOLDER / "page.js").read_text(encoding="utf-8")
    return f"const STREAMLIT_STRINGS = {json.dumps(table, ensure_ascii=False)};\n{script}"


def style_sheet(theme: Theme) -> str:
    """Return the style sheet with the theme's colours and size of type as variables.

    Args:
        theme: The theme.
    """
    style = STYLE_FILE.read_text(encoding="utf-8")
    light, dark = _variables(theme.light), _variables(theme.dark)
    in_dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    logo = f'--logo-dark: url("./{theme.logo_dark}");'
    size = f"--font-size: {theme.base_font_size_px}px;"
    return f"{_font_faces(theme)}:root {{ {light} {logo} {size} }}\n{in_dark}\n{style}"


def _font_faces(theme: Theme) -> str:
    """Return the font for pages that are no Streamlit, which brings its own rules for it."""
    if theme.font != "legible":
        return ""
    rules = (
        f'@font-face {{ font-family: "{face["family"]}"; src: url("{face["url"]}") '
        f'format("woff2"); font-weight: {face["weight"]}; font-style: {face["style"]}; '
        f"font-display: swap; unicode-range: {face['unicodeRange']}; }}\n"
        for face in font_faces()
    )
    return "".join(rules)


def asset_routes(theme: Theme) -> list[BaseRoute]:
    """Return all routes that need no Streamlit: script, style, fonts, icon, health.

    Args:
        theme: Gives the colours of the style sheet.
    """
    return [
        _text_route("page.js", page_script(), "text/javascript"),
        _text_route("gallery.css", style_sheet(theme), "text/css"),
        _text_route(
            "favicon.svg", (ASSETS_FOLDER / "favicon.svg").read_text("utf-8"), "image/svg+xml"
        ),
        Route(f"/{ASSETS_URL}/{theme.logo_dark}", _dark_logo(theme)),
        Mount(f"/{ASSETS_URL}/schriften", StaticFiles(directory=FONTS_FOLDER)),
        Route("/healthz", _health),
    ]


def first_page_redirect(path: str = HOME_PATH) -> Route:
    """Return the route that keeps the first page's own address working while it is also "/".

    Args:
        path: Of the first page, without slash.
    """
    return _redirect(f"/{path}", "/")


def accounts_redirect() -> Route:
    """Return the route that leads from the account pages to the administration."""
    return _redirect(f"{ROOT}{ACCOUNTS_PATH}", f"/{ACCOUNTS_PATH}")


def _redirect(path: str, target: str) -> Route:
    async def answer(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{target}{query}")

    return Route(path, answer)


def _text_route(name: str, content: str, media_type: str) -> Route:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=media_type, headers=_CACHE)

    return Route(f"/{ASSETS_URL}/{name}", answer)


def _dark_logo(theme: Theme) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return FileResponse(LOGOS_FOLDER / theme.logo_dark, headers=_CACHE)

    return answer


def _health(request: Request) -> JSONResponse:
    """Say how the parts are; the last known states, so that nobody waits. Runs in a thread.

    Where other machines reach the gallery, strangers read only that it answers.
    """
    body = {"status": "ok"}
    settings = get_settings()
    if not is_reachable(settings, settings.host):
        house = house_probe().current()
        body |= {
            "version": __version__,
            "model_server": probe().current().state,
            "jobs": house.jobs,
            "database": house.database,
            "storage": house.storage,
        }
    return JSONResponse(body, headers={"cache-control": "no-store"})


def _variables(palette: Palette) -> str:
    colours: dict[str, str] = palette.model_dump()
    return " ".join(f"--{name.replace('_', '-')}: {value};" for name, value in colours.items())
