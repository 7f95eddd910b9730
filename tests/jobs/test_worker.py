"""What a worker does with orders, and which code an order can reach."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contracts.identity.jwks import KeyCache
from shared.contracts.identity.principal import Principal
from shared.contracts.identity.tokens import verify_token
from shared.contracts.jobs import StoredFile
from shared.errors import JobUnknown
from shared.jobs import lookup, worker
from shared.jobs.context import ModelClients
from shared.jobs.definition import JobDefinition, ResultSummary, UnitResult
from shared.jobs.lookup import ANY_UNIT, find_definition, unit_word
from shared.jobs.messages import Failure, Order, Reply, UnitReply
from shared.settings import Settings, get_settings
from shared.store.file_store import FileStore
from tests.jobs import sample_jobs
from tests.shared.doubles import StandIn


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of a worker that knows the sample jobs."""
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("URBANKI_JOB_MODULES", sample_jobs.MODULE)
    caches = (get_settings, lookup._jobs_of, worker._files, worker._clients)
    for cache in caches:
        cache.cache_clear()
    yield get_settings()
    for cache in caches:
        cache.cache_clear()


def order(*keys: str, step: str = "units", **more: object) -> Order:
    file = FileStore(get_settings()).write(
        "musterstadt", b"input", name="Datei.txt", media_type="text/plain"
    )
    facts = {
        "step": step, "run_id": "run", "app": "probe", "job": "probe", "tenant": "musterstadt",
        "inputs": (file,), "parameters": {}, "is_example": True, "units": tuple(enumerate(keys)),
    }  # fmt: skip
    return Order(**{**facts, **more})  # type: ignore[arg-type]


def done(what: Order) -> Reply:
    return Reply.from_json(worker.do_order(what.to_json()))


def test_orders_and_replies_travel_as_json() -> None:
    sent = order("ok 1", outcomes=StoredFile("a.jsonl", "text/plain", "0" * 64, 1))
    assert Order.from_json(sent.to_json()) == sent
    reply = Reply(
        units=(
            UnitReply(0, 0.5, {"ä": [1]}, sent.inputs[0], (sample_jobs.MODEL,)),
            UnitReply(1, 0.1, failure=Failure("x", "y", {"z": 1}, "wait")),
        ),
        files=sent.inputs,
        keys=["a"],
    )
    assert Reply.from_json(reply.to_json()) == reply


def test_a_bundle_ends_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BUNDLE_S", 0.0)
    assert len(done(order("ok 1", "ok 2", "ok 3")).units) == 1


def test_a_bundle_ends_with_what_is_to_be_waited_for() -> None:
    reply = done(order("ok 1", "need /nirgends", "ok 2"))
    assert [unit.failure and unit.failure.retry for unit in reply.units] == [None, "wait"]


def test_facts_and_keys() -> None:
    facts = done(order(step="facts"))
    assert (facts.unit_timeout_s, facts.attempts) == (sample_jobs.TIMEOUT_S, 3)
    reply = done(order(step="split", parameters={"keys": ["ok 1", "ok 2"]}))
    assert reply.keys == ["ok 1", "ok 2"]


@pytest.mark.parametrize(
    "keys", [["a", "a"], [""], ["x" * 1001], ["nul \0"], ["half \ud800"], [*list(range(2)), "0"]]
)
def test_keys_that_no_database_could_keep_are_refused(
    keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = JobDefinition(
        "odd", "probe", lambda _: keys, _nothing, _no_end, 1.0, ANY_UNIT
    )  # fmt: skip
    monkeypatch.setattr(sample_jobs, "JOBS", (made,))
    reply = done(order(step="split", job="odd"))
    assert reply.failure is not None
    assert reply.failure.code == "ergebnis_unbrauchbar"


def _nothing(_key: str, _context: object) -> UnitResult:
    return UnitResult({})


def _no_end(_outcomes: object, _context: object) -> ResultSummary:
    return ResultSummary({})


@pytest.mark.parametrize(
    "app", ["os", "..", "../probe", "probe.jobs", "shared", "", "Aviary", "a/b"]
)
def test_a_row_reaches_only_jobs_of_apps(app: str) -> None:
    before = set(sys.modules)
    with pytest.raises(JobUnknown):
        find_definition(app, "system")
    assert {name for name in set(sys.modules) - before if "sample" not in name} <= {
        sample_jobs.MODULE
    }


def test_without_the_setting_only_apps_have_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_definition("probe", "probe").name == "probe"
    monkeypatch.delenv("URBANKI_JOB_MODULES")
    get_settings.cache_clear()
    with pytest.raises(JobUnknown):
        find_definition("probe", "probe")
    assert unit_word("probe", "probe") == ANY_UNIT


def test_a_module_that_cannot_be_loaded_harms_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("URBANKI_JOB_MODULES", f"nirgends.jobs,{sample_jobs.MODULE}")
    get_settings.cache_clear()
    assert find_definition("probe", "probe").name == "probe"
    assert "nirgends.jobs cannot be loaded" in caplog.text


def test_each_municipality_has_its_client_and_few_are_kept(settings: Settings) -> None:
    clients = ModelClients(settings)
    assert clients.of("a") is clients.of("a")
    assert clients.of("a") is not clients.of("b")
    first = clients.of("a")
    for number in range(9):
        clients.of(f"tenant{number}")
    assert clients.of("a") is not first


def test_a_job_asks_the_model_server_as_a_job_of_its_municipality(
    model_server_stand_in: StandIn,
) -> None:
    chosen = model_server_stand_in.settings
    clients, keys = ModelClients(chosen), KeyCache(chosen.key_set_file)
    for tenant in ("herten", "musterstadt"):
        clients.of(tenant).segment([b"a"], model="solar", gsd_m=0.1)
        token = model_server_stand_in.tokens.pop().removeprefix("Bearer ")
        seen = verify_token(token, lambda kid: keys.key_for(kid, 0), time.time())
        assert seen == Principal("jobs", "", {tenant: "service"}, tenant, kind="service")
        clients.of(tenant).close()
