"""Browsers that visit the account pages, without a server between."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlalchemy import Engine
from starlette.applications import Starlette

from shared.auth.routes import account_routes
from shared.auth.services import account_services
from shared.settings import Settings
from tests.auth.people import LIMITS, NOW, PASSWORD

ORIGIN = "http://127.0.0.1:8501"
PUBLIC = "https://ki.example.de"
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)" />')


@dataclass
class Clock:
    """Says what a test wants."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


class Gallery:
    """The account pages over one database, and the browsers that visit them."""

    def __init__(self, engine: Engine, settings: Settings, public_origin: str = "") -> None:
        self.engine = engine
        self.clock = Clock()
        self.runner = asyncio.Runner()
        self.origin = public_origin or ORIGIN
        made = account_services(engine, settings, LIMITS, "Galerie", public_origin=public_origin)
        self.services = replace(made, clock=self.clock)

    def browser(self) -> Browser:
        return Browser(self, Starlette(routes=account_routes(self.services)))


@dataclass
class Browser:
    """Keeps cookies, follows nothing by itself, and says where a form comes from."""

    gallery: Gallery
    app: Starlette

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(self.app, client=("192.0.2.77", 4711))
        self.client = httpx.AsyncClient(transport=transport, base_url=self.gallery.origin)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.gallery.runner.run(self.client.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, data: Any = None, **more: Any) -> httpx.Response:
        headers = {"origin": self.gallery.origin} | more.pop("headers", {})
        return self.ask("POST", path, data=data, headers=headers, **more)

    def ping(self) -> int:
        return self.get("/konto/ping").status_code

    def form(self, query: str = "") -> dict[str, str]:
        """Open the login page and return what its form would send."""
        return hidden(self.get(f"/konto/anmelden{query}"))

    def sign_in(
        self, name: str = "anna", password: str = PASSWORD, query: str = "", **more: str
    ) -> httpx.Response:
        typed = {"benutzername": name, "passwort": password}
        return self.post("/konto/anmelden", self.form(query) | typed | more)

    def password_forms(self) -> tuple[dict[str, str], dict[str, str]]:
        """What the two forms of the password page would send: to change it, and to sign out."""
        first, second = self.get("/konto/passwort").text.split("</form>")[:2]
        return dict(_HIDDEN.findall(first)), dict(_HIDDEN.findall(second))

    def sign_out(self) -> httpx.Response:
        return self.post("/konto/abmelden", self.password_forms()[1])

    def cookie(self, name: str = "ukg_session") -> str:
        return self.client.cookies.get(name) or ""


def hidden(response: httpx.Response) -> dict[str, str]:
    """The fields of the first form of a page that people do not see."""
    return dict(_HIDDEN.findall(response.text.split("</form>")[0]))


def target(response: httpx.Response) -> tuple[str, dict[str, str]]:
    """Path and query of a redirect."""
    assert response.status_code == 303, response.text
    parts = urlsplit(response.headers["location"])
    assert not parts.netloc
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
