"""`call`: send one request to the running server and keep the whole answer."""

from __future__ import annotations

import json
import re
import time
from argparse import Namespace
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn

import httpx
from pydantic import ValidationError

from model_server.commands.outcome import (
    BAD_INPUT,
    NO_SERVER,
    CommandError,
    one_line,
    read_file,
    shown,
)
from shared.contracts.identity.installation import command_token
from shared.contracts.model_server import MAX_BODY_BYTES, ErrorBody, TaskResponse
from shared.settings import get_settings

TASKS = ("segment", "change", "ocr", "layout", "classify", "embed")
_TIMEOUT_S = 120.0
_MAX_TOKEN_BYTES = 2**20
_TOKEN = re.compile(rb"[\x21-\x7e]+")
_AWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*")


def call_server(given: Namespace) -> dict[str, Any]:
    """Send one request and write the answer to a file.

    Args:
        given: `task`, `files`, `options`, `url`, `token_file` and `out` of the command line.

    Raises:
        CommandError: A file is missing, the options are wrong, the server refuses or is away.
    """
    options = _options(given.options)
    contents = _read_all(given.files)
    body = _body(given.task, options, contents)
    headers = {"Authorization": f"Bearer {_token(given)}"}
    start = time.monotonic()
    try:
        with httpx.Client(headers=headers, timeout=_TIMEOUT_S, trust_env=False) as client:
            answer = client.post(f"{given.url.rstrip('/')}/{given.task}", **body)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as cause:
        line = f"Die Adresse {one_line(given.url, 80)} ist ungültig."
        raise CommandError(line) from cause
    except httpx.HTTPError as cause:
        raise CommandError("Der Modellserver antwortet nicht.", NO_SERVER) from cause
    seconds = time.monotonic() - start
    if answer.status_code != HTTPStatus.OK:
        raise _refusal(answer)
    sent = len(contents) // 2 if given.task == "change" else len(contents)
    parsed = _checked(answer.content, sent)
    _write(given.out, answer.content)
    good = sum(result.status == "ok" for result in parsed.results)
    return {
        "items": sent,
        "ok": good,
        "errors": sent - good,
        "model": f"{parsed.model.name} {parsed.model.version}",
        "ms": round(seconds * 1000),
    }


def _token(given: Namespace) -> str:
    """Return the bearer token for this request, signed here unless a file holds one.

    Raises:
        CommandError: The file holds no token, or there is none and only a provider hands them out.
        SecretUnusable: The installation's key cannot be used.
    """
    if given.token_file is None:
        if get_settings().auth_mode == "keycloak":
            raise CommandError("Mit Keycloak braucht der Befehl ein Zugangszeichen: --token-file.")
        return command_token(get_settings())
    token = read_file(given.token_file, _MAX_TOKEN_BYTES).strip()
    if not _TOKEN.fullmatch(token):
        raise CommandError(f"Die Datei {shown(given.token_file)} enthält kein Zugangszeichen.")
    return token.decode("ascii")


def _options(text: str) -> dict[str, Any]:
    try:
        options = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as cause:
        raise CommandError("Die Optionen sind kein JSON.") from cause
    if not isinstance(options, dict):
        raise CommandError("Die Optionen müssen ein JSON-Objekt sein.")
    return options


def _refuse_constant(name: str) -> NoReturn:
    """JSON has no word for what is no number."""
    raise ValueError(name)


def _read_all(files: Sequence[Path]) -> list[bytes]:
    contents: list[bytes] = []
    for file in files:
        contents.append(read_file(file, MAX_BODY_BYTES))
        if sum(map(len, contents)) > MAX_BODY_BYTES:
            line = f"Die Dateien sind zusammen größer als {MAX_BODY_BYTES // 2**20} MB."
            raise CommandError(line)
    return contents


def _body(task: str, options: dict[str, Any], contents: Sequence[bytes]) -> dict[str, Any]:
    if task == "embed" and not _are_images(contents):
        text = json.dumps({**options, "texts": [_text(content) for content in contents]})
        headers = {"Content-Type": "application/json"}
        return {"content": text.encode("ascii"), "headers": headers}
    names = ["images"] * len(contents)
    if task == "change":
        if len(contents) % 2:
            line = "Für change braucht es Paare: vorher nachher vorher nachher …"
            raise CommandError(line)
        names = ["before", "after"] * (len(contents) // 2)
    parts = [(name, ("image", content)) for name, content in zip(names, contents, strict=True)]
    return {"files": parts, "data": {"options": json.dumps(options)}}


def _are_images(contents: Sequence[bytes]) -> bool:
    """Tell images from texts by their first bytes; one request holds only one kind."""
    found = {
        content.startswith(_IMAGE_STARTS) or content[:4] + content[8:12] == b"RIFFWEBP"
        for content in contents
    }
    if len(found) > 1:
        raise CommandError("Bilder und Texte gehören nicht in dieselbe Anfrage.")
    return found == {True}


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise CommandError("Eine Datei ist weder ein Bild noch ein Text in UTF-8.") from cause


def _refusal(answer: httpx.Response) -> CommandError:
    code = NO_SERVER if answer.status_code in _AWAY else BAD_INPUT
    try:
        error = ErrorBody.model_validate_json(answer.content)
    except ValidationError:
        line = f"Der Modellserver hat die Anfrage abgelehnt (HTTP {answer.status_code})."
        return CommandError(line, code)
    return CommandError(f"{error.message} {error.what_to_do}", code)


def _checked(content: bytes, sent: int) -> TaskResponse:
    try:
        parsed = TaskResponse.model_validate_json(content)
    except ValidationError as cause:
        raise CommandError("Die Antwort des Modellservers ist unbrauchbar.", NO_SERVER) from cause
    if [result.index for result in parsed.results] != list(range(sent)):
        line = "Die Antwort des Modellservers passt nicht zur Anfrage."
        raise CommandError(line, NO_SERVER)
    return parsed


def _write(out: Path, content: bytes) -> None:
    try:
        out.write_bytes(content)
    except (OSError, ValueError) as cause:
        raise CommandError(f"Die Datei {shown(out)} kann nicht geschrieben werden.") from cause
