"""Commands for operators: `python -m model_server check` and `call`.

Exit codes: 0 fine, 1 a shipped model failed, 2 bad input (one German line), 3 no server answers.
JSON on the standard output.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from pydantic import ValidationError

from model_server.catalog import BUILT_IN, FailedModel, ServableModel, load_catalog
from shared.contracts.model_server import ErrorBody, TaskResponse
from shared.settings import get_settings

TASKS = ("segment", "ocr", "embed")
TEXTS = ("README.md", "LICENSE")
BAD_INPUT = 2
NO_SERVER = 3
_TIMEOUT_S = 120.0


class CommandError(Exception):
    """Ends a command with one German line."""

    def __init__(self, line: str, code: int = BAD_INPUT) -> None:
        super().__init__(line)
        self.code = code


def check_models(name: str | None) -> dict[str, Any]:
    """Check cards, weights and texts of the built-in models.

    Args:
        name: Only this model; None checks all.

    Raises:
        CommandError: No model has this name.
    """
    catalog = load_catalog([BUILT_IN])
    rows = [_row(model) for model in catalog.models]
    rows += [_failed_row(model) for model in catalog.failed]
    chosen = [row for row in rows if name in (None, row["name"])]
    if not chosen:
        raise CommandError(f"Das Modell {name} ist nicht vorhanden.")
    return {"models": chosen, "ok": all(not row["problems"] for row in chosen)}


def call_server(given: argparse.Namespace) -> dict[str, Any]:
    """Send one request and write the answer to a file.

    Raises:
        CommandError: A file is missing, the options are wrong, the server refuses or is away.
    """
    token = _read(given.token_file).decode("ascii", "replace").strip()
    try:
        options = json.loads(given.options)
    except ValueError as cause:
        raise CommandError("Die Optionen sind kein JSON.") from cause
    if not isinstance(options, dict):
        raise CommandError("Die Optionen müssen ein JSON-Objekt sein.")
    contents = [_read(file) for file in given.files]
    start = time.monotonic()
    try:
        answer = _post(given.task, given.url, token, options, contents)
    except httpx.HTTPError as cause:
        raise CommandError("Der Modellserver antwortet nicht.", NO_SERVER) from cause
    seconds = time.monotonic() - start
    if answer.status_code != HTTPStatus.OK:
        raise CommandError(_reason(answer.content))
    try:
        parsed = TaskResponse.model_validate_json(answer.content)
    except ValidationError as cause:
        raise CommandError("Die Antwort des Modellservers ist unbrauchbar.", NO_SERVER) from cause
    given.out.write_bytes(answer.content)
    good = sum(result.status == "ok" for result in parsed.results)
    return {
        "items": len(parsed.results),
        "ok": good,
        "errors": len(parsed.results) - good,
        "model": f"{parsed.model.name} {parsed.model.version}",
        "ms": round(seconds * 1000),
    }


def _post(
    task: str, url: str, token: str, options: dict[str, Any], contents: Sequence[bytes]
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S, trust_env=False) as client:
        if task == "embed":
            texts = [content.decode("utf-8", "replace") for content in contents]
            return client.post("/embed", json={**options, "texts": texts})
        parts = [("images", ("image", content)) for content in contents]
        return client.post(f"/{task}", files=parts, data={"options": json.dumps(options)})


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as cause:
        raise CommandError(f"Die Datei {file} kann nicht gelesen werden.") from cause


def _reason(body: bytes) -> str:
    try:
        error = ErrorBody.model_validate_json(body)
    except ValidationError:
        return "Der Modellserver hat die Anfrage abgelehnt."
    return f"{error.message} {error.what_to_do}".strip()


def _failed_row(model: FailedModel) -> dict[str, Any]:
    row = {"name": model.name, "version": model.version, "state": "failed"}
    return {**row, "problems": [model.reason]}


def _row(model: ServableModel) -> dict[str, Any]:
    problems = [f"{text} fehlt." for text in TEXTS if not (model.folder / text).is_file()]
    row = {"name": model.card.name, "version": model.card.version, "state": "available"}
    return {**row, "sha256": model.card.sha256, "problems": problems}


def _parser() -> argparse.ArgumentParser:
    settings = get_settings()
    parser = argparse.ArgumentParser(prog="python -m model_server")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check cards, hashes and texts of the models")
    check.add_argument("--model", help="only this model")
    call = commands.add_parser("call", help="send one request to the running server")
    call.add_argument("task", choices=TASKS)
    call.add_argument("files", nargs="+", type=Path, metavar="FILE")
    call.add_argument("--options", default="{}", help="JSON object")
    call.add_argument("--url", default=settings.model_server_address)
    call.add_argument("--token-file", type=Path, default=settings.model_server_secret_file)
    call.add_argument("--out", type=Path, required=True, help="file for the whole answer")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command."""
    given = _parser().parse_args(arguments)
    try:
        summary = check_models(given.model) if given.command == "check" else call_server(given)
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.code
    print(json.dumps(summary, ensure_ascii=False))
    return 1 if summary["ok"] is False else 0


if __name__ == "__main__":
    sys.exit(main())
