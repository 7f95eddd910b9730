"""A running server that ends, reloads, and serves two versions of one model side by side."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image

from model_server.lifecycle import STUCK, Duty, end_when_stuck, end_when_too_large, reload_on_hangup
from shared.clients.answers import SegmentResult
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ServerHandle, start_model_server
from shared.errors import ModelServerBusy, ModelServerDown, ModelServerTimeout
from shared.settings import REPOSITORY, Settings
from tests.model_server.pictures import encode, noise, page
from tests.model_server.tiny_models import write_endless_model, write_model

CALLS = 1000
READY_WITHIN_S = 120
HARD_STOP_S = 60
ANSWER_ON_ITS_WAY_S = 30
SAYS_SO_WITHIN_S = 1


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def hashes(models: Path) -> dict[str, str]:
    versions = {"1.0.0": 0.5, "1.1.0": 0.25}
    return {version: write_model(models, "tiny", version, f) for version, f in versions.items()}


@pytest.fixture(scope="module")
def server(
    models: Path, hashes: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerHandle]:
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("data"),
        model_dir=models,
        model_server_preload="tiny",
        model_server_workers=2,
    )
    with start_model_server(settings, READY_WITHIN_S) as handle:
        yield handle


@pytest.mark.server
def test_two_versions_side_by_side_and_reloads_lose_no_call(
    server: ServerHandle, models: Path, hashes: dict[str, str]
) -> None:
    images = [encode(noise(64, 64, seed)) for seed in range(7)]
    done = threading.Event()

    def call(number: int) -> tuple[str, str, str]:
        version = sorted(hashes)[number % 2]
        found = client.segment([images[number % 7]], model="tiny", version=version)[0]
        assert isinstance(found, SegmentResult)
        assert len(found.value.instances) == 1
        return version, found.model.version, found.model.sha256

    def reload_all_the_time() -> int:
        supervisor = psutil.Process(server.process_id)
        count = 0
        while not done.is_set():
            supervisor.send_signal(signal.SIGHUP)
            count += 1
            done.wait(0.3)
        return count

    with (
        ModelServerClient(server.settings, in_flight=8) as client,
        ThreadPoolExecutor(9) as pool,
    ):
        reloads: Future[int] = pool.submit(reload_all_the_time)
        try:
            answers = list(pool.map(call, range(CALLS)))
        finally:
            done.set()
        assert reloads.result(HARD_STOP_S) > 1
    assert len(answers) == CALLS
    for wanted, version, sha256 in answers:
        assert (version, sha256) == (wanted, hashes[wanted])


@pytest.mark.server
def test_a_new_folder_is_served_by_every_worker_after_one_reload(
    server: ServerHandle, models: Path
) -> None:
    sha256 = write_model(models, "tiny", "2.0.0", 0.75)
    (models / "broken" / "1.0.0").mkdir(parents=True)
    (models / "broken" / "1.0.0" / "card.toml").write_text("name = 3")
    workers = psutil.Process(server.process_id).children()
    psutil.Process(server.process_id).send_signal(signal.SIGHUP)
    with ModelServerClient(server.settings) as client:
        until = time.monotonic() + HARD_STOP_S
        newest: list[str] = []
        # Two workers answer by turns; both must know the new version.
        while newest[-20:] != ["2.0.0"] * 20:
            assert time.monotonic() < until
            found = client.segment([encode(noise())], model="tiny")[0]
            assert isinstance(found, SegmentResult)
            newest.append(found.model.version)
        assert found.model.sha256 == sha256
        rows = {(row.name, row.version): row for row in client.models().models}
        assert rows["broken", "1.0.0"].state == "failed"
        assert rows["broken", "1.0.0"].reason
        assert rows["tiny", "2.0.0"].available
    assert psutil.Process(server.process_id).children() == workers


@pytest.mark.server
def test_a_server_that_ends_says_so_answers_what_it_has_and_exits_cleanly(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, model_server_preload="ppocrv6_small")
    with (
        start_model_server(settings, READY_WITHIN_S) as handle,
        ModelServerClient(handle.settings) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        url = handle.settings.model_server_address
        document = encode(page([f"Zeile {row}" for row in range(12)]))
        result = pool.submit(client.ocr, [document])
        until = time.monotonic() + HARD_STOP_S
        while not client.health().queue:
            assert time.monotonic() < until
        supervisor = psutil.Process(handle.process_id)
        asked_to_end_at = time.monotonic()
        supervisor.send_signal(signal.SIGTERM)
        states, open_s = [], 0.0
        while not result.done():
            assert time.monotonic() < until
            try:
                status = httpx.get(f"{url}/readyz", timeout=30, trust_env=False).status_code
            except httpx.TransportError:
                # The worker ends right after its last answer; this look met it there.
                assert wait([result], ANSWER_ON_ITS_WAY_S).done
                continue
            states.append(status)
            if status == 200:
                open_s = time.monotonic() - asked_to_end_at
        # The supervisor passes the signal on: looks may come before it, but not for long.
        assert 503 in states
        assert set(states[states.index(503) :]) == {503}
        assert states.index(503) <= 1 or open_s < SAYS_SO_WITHIN_S
        (read,) = result.result()
        assert [line.text for line in read.value.lines] == [f"Zeile {row}" for row in range(12)]
        assert supervisor.wait(HARD_STOP_S) == 0


def test_a_worker_that_grew_too_large_asks_to_be_replaced() -> None:
    code = (
        "import signal, sys\n"
        "from model_server.lifecycle import Duty, end_when_too_large\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "def aged(seconds): return Duty(iter([0.0, seconds]).__next__)\n"
        "end_when_too_large(0, aged(300.0))\n"
        "end_when_too_large(2**50, aged(300.0))\n"
        "end_when_too_large(1, aged(299.0))\n"
        "end_when_too_large(1, aged(300.0))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=HARD_STOP_S, check=False)
    assert done.returncode == 7


def test_a_worker_too_large_from_the_start_goes_on_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    duty = Duty()
    for _ in range(3):
        end_when_too_large(1, duty)  # would end this process otherwise
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "the limit is too low" in caplog.text


def test_a_worker_that_is_stuck_in_a_batch_ends_and_a_slow_one_does_not() -> None:
    now = 0.0
    ended: list[int] = []
    duty = Duty(lambda: now)
    watching = end_when_stuck(duty, 0.04, ended.append)
    for _ in range(3):
        with duty.batch():
            now += 0.03
            watching.join(0.05)
        now += 1
    assert duty.batch_s == 0
    assert ended == []
    with duty.batch():
        now += 0.05
        watching.join(HARD_STOP_S)
    assert ended == [STUCK]


@pytest.mark.server
def test_weights_that_never_end_cost_one_worker_and_nobody_else(tmp_path: Path) -> None:
    write_model(tmp_path / "models", "tiny", "1.0.0", 0.5)
    write_endless_model(tmp_path / "models", "endless")
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        model_dir=tmp_path / "models",
        model_server_preload="tiny,endless",
        model_server_timeout_s=2,
    )
    bright, dark = (encode(Image.new("RGB", (64, 64), (shade,) * 3)) for shade in (255, 0))
    with (
        start_model_server(settings, READY_WITHIN_S) as handle,
        ModelServerClient(handle.settings) as client,
    ):
        assert isinstance(client.segment([dark], model="endless")[0], SegmentResult)
        with pytest.raises(ModelServerTimeout):
            client.segment([bright], model="endless")
        until = time.monotonic() + HARD_STOP_S
        answered = False
        while not answered:
            assert time.monotonic() < until
            with contextlib.suppress(ModelServerTimeout, ModelServerDown, ModelServerBusy):
                answered = bool(client.segment([dark], model="tiny"))


def test_a_hangup_while_the_server_starts_does_not_end_it(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "sys.argv = ['bentoml', 'serve', '--host', '127.0.0.1']\n"
        "import model_server.service\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "sys.argv = ['python', '--worker-id', '1']\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "import importlib\n"
        "importlib.reload(model_server.service)\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
    )
    chosen = {"URBANKI_DATA_DIR": str(tmp_path), "BENTOML_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | chosen,
        cwd=REPOSITORY,
        timeout=HARD_STOP_S,
        check=False,
    )
    assert done.returncode == 0


def test_many_hangups_lead_to_few_reloads_and_a_fault_ends_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[int] = []
    started, go = threading.Event(), threading.Event()

    def reload() -> None:
        calls.append(len(calls))
        started.set()
        assert go.wait(HARD_STOP_S)
        if len(calls) == 1:
            raise OSError("disk")

    before = signal.getsignal(signal.SIGHUP)
    try:
        reload_on_hangup(reload)
        threads = threading.active_count()
        os.kill(os.getpid(), signal.SIGHUP)
        assert started.wait(HARD_STOP_S)
        for _ in range(50):
            os.kill(os.getpid(), signal.SIGHUP)
        assert threading.active_count() == threads
        go.set()
        until = time.monotonic() + HARD_STOP_S
        while len(calls) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert len(calls) == 2
    assert "could not be read again" in caplog.text


def test_a_worker_that_ends_already_is_not_asked_again() -> None:
    duty = Duty()
    duty.is_ending = True
    end_when_too_large(1, duty)  # an old one would end this process otherwise
    assert not duty.is_said_to_be_large
