"""Who may do what at the model server, and how often: access alone, then the real service."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st
from starlette.datastructures import Headers

from model_server.access import RELOAD_PATH, Access, action_of, require_model
from model_server.catalog import ServableModel
from model_server.rates import Rate, TokenBuckets, read_rates, whole_seconds
from model_server.security import TASK_TYPES, Guard
from shared.clients.answers import SegmentResult
from shared.clients.model_server import ModelServerClient
from shared.contracts.identity.installation import InstallationToken
from shared.contracts.identity.policy import TABLE, TASKS
from shared.contracts.identity.principal import Role
from shared.contracts.identity.tokens import TokenRefused
from shared.contracts.model_server import ErrorBody
from shared.errors import ModelServerBusy, ModelServerNotReady, NotAllowed
from shared.settings import Settings
from tests.model_server.conftest import Service
from tests.model_server.pictures import encode, noise

FORM = {"Content-Type": "multipart/form-data; boundary=x"}
OPTIONS = {"options": '{"model": "solar", "gsd_m": 0.12}'}
DOCUMENTS = ("/", "/docs.json", "/schema.json", "/metrics")


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **more)


def headers(chosen: Settings, role: Role = "viewer", subject: str = "local") -> dict[str, str]:
    token = InstallationToken(chosen, role=role, subject=subject).token()
    return {"Authorization": f"Bearer {token}"}


async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def ask(
    app: Any, path: str, method: str = "POST", *, base: str = "http://127.0.0.1", **more: Any
) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        return await client.request(method, path, **more)


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, ErrorBody.model_validate_json(response.content).code


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/segment", "model.call:segment"),
        ("/embed", "model.call:embed"),
        ("/models", "model.catalog"),
        ("/models/solar", "model.catalog"),
        ("/models/reload", "model.reload"),
        ("/models/reload/", "model.reload"),
        ("/modelsx", "model.metrics"),
        ("/metrics", "model.metrics"),
        ("/docs.json", "model.metrics"),
        ("/schema.json", "model.metrics"),
        ("/", "model.metrics"),
        ("/static_content/x.js", "model.metrics"),
        ("/segment/", "model.metrics"),
    ],
)
def test_each_path_has_an_action_of_the_table(path: str, action: str) -> None:
    assert action_of(path) == action
    assert action in TABLE


def test_guard_and_table_know_the_same_tasks() -> None:
    assert set(TASK_TYPES) == {f"/{task}" for task in TASKS}


def test_without_keys_the_server_is_not_ready_and_then_it_is(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    now = 100.0
    guard = Guard(answer, chosen, access=Access(chosen, steady_clock=lambda: now))
    stranger = headers(settings(tmp_path / "elsewhere"))
    response = asyncio.run(ask(guard, "/segment", headers={**FORM, **stranger}))
    assert code_of(response) == (503, "nicht_bereit")
    assert response.headers["Retry-After"] == "2"
    mine = headers(chosen)
    assert asyncio.run(ask(guard, "/models", "GET", headers=mine)).status_code == 503
    now += 2
    assert asyncio.run(ask(guard, "/models", "GET", headers=mine)).status_code == 200
    response = asyncio.run(ask(guard, "/models", "GET", headers=stranger))
    assert code_of(response) == (401, "nicht_angemeldet")


@pytest.mark.parametrize("offset_s", [-140, 140])
def test_a_token_of_another_time_is_refused(tmp_path: Path, offset_s: float) -> None:
    chosen = settings(tmp_path)
    access = Access(chosen, wall_clock=lambda: time.time() + offset_s)
    with pytest.raises(TokenRefused):
        access.identify("/models", Headers(headers(chosen)))


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["{real}"],
        ["bearer {real}"],
        ["Basic {real}"],
        ["Bearer  {real}"],
        ["Bearer {real} "],
        ["Bearer {real}", "Bearer {real}"],
        ["Bearer {real}, Bearer {real}"],
    ],
)
def test_exactly_one_bearer_token_must_be_there(tmp_path: Path, values: list[str]) -> None:
    chosen = settings(tmp_path)
    real = InstallationToken(chosen).token()
    raw = [(b"authorization", value.format(real=real).encode()) for value in values]
    with pytest.raises(TokenRefused):
        Access(chosen).identify("/models", Headers(raw=raw))


def test_the_token_for_figures_opens_nothing_else(tmp_path: Path) -> None:
    chosen = settings(tmp_path, metrics_token="only-for-figures")
    own = Headers({"Authorization": "Bearer only-for-figures"})
    # Figures can be read before anybody has made keys.
    assert Access(chosen).identify("/metrics", own) is None
    load = headers(chosen)
    for path in ("/models", "/segment", "/metrics/", "/docs.json"):
        with pytest.raises(TokenRefused):
            Access(chosen).identify(path, own)
    empty = settings(tmp_path)
    with pytest.raises(TokenRefused):
        Access(empty).identify("/metrics", Headers({"Authorization": "Bearer "}))
    assert Access(empty).identify("/metrics", Headers(load)) is not None


def test_a_model_needs_somebody_who_may_call_it(tmp_path: Path) -> None:
    with pytest.raises(NotAllowed):
        require_model(None, "segment", "demonstration")


def test_other_machines_come_in_only_when_the_server_is_public(tmp_path: Path) -> None:
    outside = "http://192.0.2.7:3000"
    for public, status in ((False, 403), (True, 200)):
        chosen = settings(tmp_path, public=public)
        guard = Guard(answer, chosen)
        sent = headers(chosen)
        response = asyncio.run(ask(guard, "/models", "GET", base=outside, headers=sent))
        assert response.status_code == status
        assert asyncio.run(ask(guard, "/models", "GET", base=outside)).status_code != 200


def test_the_log_names_the_municipality_and_no_person(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "model_server.security")
    chosen = settings(tmp_path)
    guard = Guard(answer, chosen)
    sent = headers(chosen, subject="erika.mustermann")
    asyncio.run(ask(guard, "/segment", headers={**FORM, **sent}))
    changed = {"Authorization": sent["Authorization"][:-4] + "AAAA"}
    asyncio.run(ask(guard, "/segment", headers={**FORM, **changed}))
    asyncio.run(ask(guard, "/models/reload", headers=sent))
    good, refused, denied = (record.getMessage() for record in caplog.records)
    assert "/segment -> 200 tenant=musterstadt " in good
    assert "/models/reload -> 403 tenant=musterstadt " in denied
    assert refused.endswith("nicht_angemeldet token=signature")
    for token in (sent, changed):
        assert token["Authorization"][7:] not in caplog.text
    assert "erika" not in caplog.text


FIVE: dict[Role, Rate] = {"viewer": Rate(5, 20), "gast": Rate(2, 8)}


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    buckets = TokenBuckets(FIVE)
    waits = [buckets.take("a", "viewer", tick / 1000) for tick in range(25)]
    assert sum(wait == 0 for wait in waits) == 20
    assert all(0 < wait <= 0.2 for wait in waits[20:])
    later = [buckets.take("a", "viewer", 1 + tick / 1000) for tick in range(25)]
    assert sum(wait == 0 for wait in later) == 5


def test_everybody_has_a_bucket_of_his_own() -> None:
    buckets = TokenBuckets(FIVE)
    for _ in range(20):
        assert buckets.take("a", "viewer", 0) == 0
    assert buckets.take("a", "viewer", 0) > 0
    assert buckets.take("b", "viewer", 0) == 0
    assert buckets.take("a", "gast", 0) == 0


def test_whoever_waits_as_long_as_told_gets_his_turn() -> None:
    buckets = TokenBuckets({"gast": Rate(2, 8)})
    for _ in range(8):
        buckets.take("a", "gast", 0)
    wait = buckets.take("a", "gast", 0)
    assert wait == 0.5
    assert buckets.take("a", "gast", wait) == 0
    assert buckets.take("a", "gast", wait) > 0


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_never_more_than_burst_and_rate(pauses: list[float]) -> None:
    buckets = TokenBuckets({"viewer": Rate(5, 20)})
    now, passed = 0.0, 0
    for pause in pauses:
        now += pause
        passed += buckets.take("a", "viewer", now) == 0
    assert passed <= 20 + 5 * now + 1e-6


@pytest.mark.parametrize(
    ("wait_s", "seconds"), [(0.001, 1), (1.0, 1), (1.0000000001, 1), (1.01, 2), (7.2, 8)]
)
def test_waits_are_told_in_whole_seconds(wait_s: float, seconds: int) -> None:
    assert whole_seconds(wait_s) == seconds


def test_memory_for_buckets_is_bounded_and_full_ones_go_first() -> None:
    buckets = TokenBuckets({"gast": Rate(2, 8)}, most=100)
    for number in range(99):
        buckets.take(f"calm-{number}", "gast", 90)
    for _ in range(60):
        buckets.take("busy", "gast", 100)
    assert len(buckets) == 1
    assert buckets.take("busy", "gast", 100) > 0
    for number in range(1000):
        buckets.take(f"flood-{number}", "gast", 100)
    assert len(buckets) == 100
    assert buckets.take("flood-999", "gast", 100) == 0


def test_limits_come_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("URBANKI_RATE_")]:
        monkeypatch.delenv(name)
    rates = read_rates(settings(tmp_path))
    assert rates == {
        "gast": Rate(2, 8),
        "viewer": Rate(5, 20),
        "sachbearbeitung": Rate(20, 80),
        "admin": Rate(20, 80),
        "service": Rate(200, 400),
    }
    assert read_rates(settings(tmp_path, rate_viewer="7/9"))["viewer"] == Rate(7, 9)
    for wrong in ("0/5", "5/0", "5", "5/", "-1/5", "1.5/5", "x/y", "5/20 "):
        with pytest.raises(ValueError, match="rate_viewer"):
            settings(tmp_path, rate_viewer=wrong)


def test_an_empty_bucket_says_how_long_to_wait(tmp_path: Path) -> None:
    chosen = settings(tmp_path, rate_viewer="1/2")
    now = 0.0
    access = Access(chosen, steady_clock=lambda: now)
    guard = Guard(answer, chosen, access=access)
    sent = {**FORM, **headers(chosen)}
    statuses = [asyncio.run(ask(guard, "/segment", headers=sent)).status_code for _ in range(2)]
    assert statuses == [200, 200]
    refused = asyncio.run(ask(guard, "/segment", headers=sent))
    assert code_of(refused) == (429, "ausgelastet")
    assert refused.headers["Retry-After"] == "1"
    # Neither the catalogue nor other people wait with him.
    assert asyncio.run(ask(guard, "/models", "GET", headers=sent)).status_code == 200
    other = {**FORM, **headers(chosen, subject="other")}
    assert asyncio.run(ask(guard, "/segment", headers=other)).status_code == 200
    now = 1.0
    assert asyncio.run(ask(guard, "/segment", headers=sent)).status_code == 200


def test_25_calls_at_once_of_a_viewer(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    now = 0.0
    guard = Guard(answer, chosen, access=Access(chosen, steady_clock=lambda: now))
    sent = {**FORM, **headers(chosen)}

    async def quick() -> list[httpx.Response]:
        nonlocal now
        found = []
        for _ in range(25):
            now += 0.01
            found.append(await ask(guard, "/segment", headers=sent))
        return found

    responses = asyncio.run(quick())
    refused = [response for response in responses if response.status_code == 429]
    assert 20 <= len(responses) - len(refused) <= 21
    assert {response.headers["Retry-After"] for response in refused} == {"1"}


def test_a_long_wait_is_rounded_up(tmp_path: Path) -> None:
    chosen = settings(tmp_path, rate_gast="1/1")
    now = 0.0
    access = Access(chosen, steady_clock=lambda: now)
    guest = access.identify("/segment", Headers(headers(chosen, "gast")))
    assert guest is not None
    access.count(guest)
    now = 0.5
    with pytest.raises(ModelServerBusy) as busy:
        access.count(guest)
    assert busy.value.details == {"retry_after_s": 1}


# The real service.


def post(client: httpx.Client, count: int = 1) -> httpx.Response:
    parts = [("images", ("image", encode(noise(64, 64)))) for _ in range(count)]
    return client.post("/segment", files=parts, data=OPTIONS)


def test_roles_open_what_the_table_says(service: Service) -> None:
    expected: Mapping[Role, tuple[int, int, int]] = {
        "gast": (200, 403, 403),
        "service": (200, 403, 403),
        "viewer": (200, 200, 403),
        "sachbearbeitung": (200, 200, 403),
        "admin": (200, 200, 200),
    }
    for role, (catalog, documents, reload) in expected.items():
        with service.client(role) as client:
            assert client.get("/models").status_code == catalog, role
            assert client.get("/models/solar").status_code == catalog, role
            found = {path: client.get(path).status_code for path in DOCUMENTS}
            assert found == dict.fromkeys(DOCUMENTS, documents), role
            assert client.post(RELOAD_PATH).status_code == reload, role
            refused = client.get("/metrics")
            if documents == 403:
                assert code_of(refused) == (403, "keine_berechtigung")


def test_guests_call_demonstrations_only(service: Service) -> None:
    runtime = service.fake_solar()
    model = service.engine.catalog.find("solar")
    assert isinstance(model, ServableModel)
    assert model.card.quality == "demonstration"
    text = {"texts": ["Rathaus"]}
    with service.client("gast", "kiosk") as client:
        assert post(client).status_code == 200
        calls = len(runtime.batches)
        assert code_of(client.post("/embed", json=text)) == (403, "keine_berechtigung")
    with service.client("viewer") as client:
        assert client.post("/embed", json=text).status_code == 200
    assert len(runtime.batches) == calls


def test_at_the_limit_some_pass_and_the_client_brings_all_home(service: Service) -> None:
    service.fake_solar()
    start = time.monotonic()
    with service.client("viewer", "quick") as client, ThreadPoolExecutor(25) as pool:
        responses = list(pool.map(lambda _: post(client), range(25)))
    seconds = time.monotonic() - start
    passed = [response for response in responses if response.status_code == 200]
    refused = [response for response in responses if response.status_code == 429]
    assert len(passed) + len(refused) == 25
    # However slow this machine is: the burst and what came in since.
    assert 20 <= len(passed) <= 20 + 5 * seconds + 1
    assert all(int(response.headers["Retry-After"]) >= 1 for response in refused)
    source = InstallationToken(service.settings, role="viewer", subject="patient")
    image = encode(noise(64, 64))

    def one(client: ModelServerClient) -> object:
        return client.segment([image], model="solar", gsd_m=0.12, output="instances")[0]

    with ModelServerClient(service.settings, source) as client, ThreadPoolExecutor(25) as pool:
        results = list(pool.map(one, [client] * 25))
    assert all(isinstance(result, SegmentResult) for result in results)


def test_a_flood_of_wrong_tokens_leaves_the_server_answering(service: Service) -> None:
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        for number in range(50):
            wrong = {"Authorization": f"Bearer {number}.{number}.{number}"}
            assert client.get("/models", headers=wrong).status_code == 401
    with service.client("gast") as client:
        assert client.get("/models").status_code == 200


def test_readiness_is_not_the_keys(tmp_path: Path) -> None:
    with pytest.raises(ModelServerNotReady):
        Access(settings(tmp_path)).identify(
            "/models", Headers(headers(settings(tmp_path / "elsewhere")))
        )
    guard = Guard(answer, settings(tmp_path))
    assert asyncio.run(ask(guard, "/livez", "GET")).status_code == 200
