"""The guard alone, in front of small applications that misbehave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from bentoml.exceptions import BentoMLException, ServiceUnavailable

from model_server.inputs import Refusal
from model_server.notes import get_note
from model_server.security import Guard
from shared.contracts.identity.installation import InstallationToken
from shared.contracts.identity.principal import Role
from shared.contracts.model_server import ErrorBody
from shared.errors import UrbanKiError
from shared.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **more)


def token(chosen: Settings, role: Role = "sachbearbeitung") -> dict[str, str]:
    return {"Authorization": f"Bearer {InstallationToken(chosen, role=role).token()}"}


def answer(status: int, body: bytes = b"[{'error': 'in English, with a URL'}]") -> App:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body[:4], "more_body": True})
        await send({"type": "http.response.body", "body": body[4:]})

    return app


async def read_all(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the body as the service does: an error of the guard goes into the note."""
    try:
        while (await receive()).get("more_body"):
            pass
    except UrbanKiError as error:
        get_note(scope).error = error
        await answer(400)(scope, receive, send)
        return
    await answer(200)(scope, receive, send)


async def ask(
    app: Any, path: str = "/segment", method: str = "POST", **more: Any
) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path, **more)


def code_of(response: httpx.Response) -> tuple[int, str]:
    body = ErrorBody.model_validate_json(response.content)
    assert "URL" not in body.message
    assert response.headers["X-Request-Id"] == body.request_id
    return response.status_code, body.code


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, (400, "anfrage_ungueltig")),
        (404, (404, "nicht_gefunden")),
        (405, (405, "methode_falsch")),
        (429, (429, "ausgelastet")),
        (500, (500, "interner_fehler")),
        (503, (503, "nicht_bereit")),
        (504, (504, "zeitueberschreitung")),
        (418, (500, "interner_fehler")),
    ],
)
def test_foreign_bodies_are_replaced(
    tmp_path: Path, status: int, expected: tuple[int, str]
) -> None:
    chosen = settings(tmp_path)
    guard = Guard(answer(status), chosen)
    response = asyncio.run(ask(guard, headers={**FORM, **token(chosen)}))
    assert code_of(response) == expected
    assert ("Retry-After" in response.headers) == (expected[0] in (429, 503))


def test_a_bug_is_logged_with_its_request_and_hidden_from_the_caller(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(scope: dict[str, Any], receive: Any, send: Any) -> None:
        raise ZeroDivisionError("secret detail")

    chosen = settings(tmp_path)
    response = asyncio.run(ask(Guard(broken, chosen), headers={**FORM, **token(chosen)}))
    assert code_of(response) == (500, "interner_fehler")
    assert "secret detail" not in response.text
    assert response.headers["X-Request-Id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_more_requests_than_allowed_are_told_to_come_back(tmp_path: Path) -> None:
    chosen = settings(tmp_path, model_server_max_concurrency=6, model_server_workers=2)
    release, inside = asyncio.Event(), []

    async def slow(scope: dict[str, Any], receive: Any, send: Any) -> None:
        inside.append(scope["path"])
        await release.wait()
        await answer(200)(scope, receive, send)

    async def scenario() -> list[httpx.Response]:
        guard = Guard(slow, chosen)
        calls = [
            asyncio.create_task(ask(guard, headers={**FORM, **token(chosen)})) for _ in range(5)
        ]
        while len(inside) + sum(call.done() for call in calls) < 5:
            await asyncio.sleep(0.01)
        # Pages other than the tasks stay reachable while the queue is full.
        other = asyncio.create_task(ask(guard, "/models", "GET", headers=token(chosen)))
        release.set()
        first = await asyncio.gather(*calls)
        return [*first, await other, await ask(guard, headers={**FORM, **token(chosen)})]

    *responses, other, later = asyncio.run(scenario())
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 429, 429]
    for response in responses:
        if response.status_code == 429:
            assert code_of(response) == (429, "ausgelastet")
            assert int(response.headers["Retry-After"]) >= 1
    assert other.status_code == 200
    assert later.status_code == 200


@pytest.mark.parametrize("swallows", [True, False])
def test_too_long_is_a_timeout(tmp_path: Path, swallows: bool) -> None:
    async def stuck(scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            if not swallows:
                raise
            # BentoML's dispatcher turns the cancellation into its own 503.
            await answer(503)(scope, receive, send)

    chosen = settings(tmp_path, model_server_timeout_s=0.2)
    response = asyncio.run(ask(Guard(stuck, chosen), headers={**FORM, **token(chosen)}))
    assert code_of(response) == (504, "zeitueberschreitung")


def test_a_slow_body_is_given_up(tmp_path: Path) -> None:
    async def drops() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.05)

    async def trickle(guard: Guard) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        body = drops()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": await anext(body), "more_body": True}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = {**FORM, **token(chosen), "Transfer-Encoding": "chunked"}
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/segment",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "server": ("127.0.0.1", 1),
        }
        await guard(scope, receive, send)
        return sent

    chosen = settings(tmp_path)
    start, body = asyncio.run(trickle(Guard(read_all, chosen, read_timeout_s=0.3)))
    assert start["status"] == 400
    assert "länger als 0.3 s" in ErrorBody.model_validate_json(body["body"]).message


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Type": "application/vnd.bentoml+pickle"}, (415, "inhaltstyp")),
        ({"Content-Type": "text/plain"}, (415, "inhaltstyp")),
        ({}, (415, "inhaltstyp")),
        ({**FORM, "Content-Length": str(2**40)}, (413, "anfrage_zu_gross")),
        ({**FORM, "Content-Length": "-1"}, (413, "anfrage_zu_gross")),
    ],
)
def test_headers_decide_before_the_body(
    tmp_path: Path, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    chosen = settings(tmp_path)

    async def never(scope: dict[str, Any], receive: Any, send: Any) -> None:
        raise AssertionError("the service must not see this request")

    response = asyncio.run(ask(Guard(never, chosen), headers={**headers, **token(chosen)}))
    assert code_of(response) == expected


def test_a_body_needs_a_length_or_chunks(tmp_path: Path) -> None:
    chosen = settings(tmp_path)

    async def scenario() -> int:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/segment",
            "headers": [
                (k.lower().encode(), v.encode()) for k, v in {**FORM, **token(chosen)}.items()
            ],
            "server": ("127.0.0.1", 1),
        }
        await Guard(answer(200), chosen)(scope, send, send)
        return sent[0]["status"]

    assert asyncio.run(scenario()) == 411


def test_requests_over_a_network_card_are_refused(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    guard = Guard(answer(200), chosen)

    async def scenario() -> httpx.Response:
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://192.0.2.7:3000"
        ) as client:
            return await client.get("/models", headers=token(chosen))

    assert code_of(asyncio.run(scenario())) == (403, "keine_berechtigung")


def test_nobody_can_write_lines_into_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "model_server.security")
    path = "/%0a2026-11-25 INFO all is well%1b[31m"
    asyncio.run(ask(Guard(answer(200), settings(tmp_path)), path, "GET"))
    (record,) = caplog.records
    assert record.getMessage().isprintable()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "REAL", "Content-Type": "text/plain"}, 415),
        ({"Authorization": "REAL", **FORM, "Content-Length": str(2**40)}, 413),
    ],
)
def test_a_refusal_before_the_body_closes_the_connection(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    chosen = settings(tmp_path)
    sent = {
        name: token(chosen)[name] if value == "REAL" else value for name, value in headers.items()
    }
    response = asyncio.run(ask(Guard(answer(200), chosen), headers=sent))
    assert response.status_code == status
    assert response.headers["Connection"] == "close"


def test_only_readiness_itself_is_reported_as_readiness(tmp_path: Path) -> None:
    response = asyncio.run(ask(Guard(answer(405), settings(tmp_path)), "/readyz"))
    assert code_of(response) == (405, "methode_falsch")


def test_refusals_leave_no_traceback_in_the_log(tmp_path: Path) -> None:
    Guard(answer(200), settings(tmp_path))
    logger = logging.getLogger("bentoml._internal.server.http_app")

    def record(error: Exception) -> logging.LogRecord:
        fault = (type(error), error, None)
        return logger.makeRecord(logger.name, logging.ERROR, "x", 1, "x", (), fault)

    assert not logger.filter(record(Refusal("anfrage_ungueltig")))
    assert not logger.filter(record(ServiceUnavailable("process is overloaded")))
    assert logger.filter(record(BentoMLException("other")))


def test_other_kinds_of_connections_are_closed(tmp_path: Path) -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    async def scenario() -> None:
        await Guard(answer(200), settings(tmp_path))({"type": "websocket"}, send, send)

    asyncio.run(scenario())
    assert sent == [{"type": "websocket.close"}]
