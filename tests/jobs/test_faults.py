"""Faults of the machine while jobs run: a German word for people, nothing lost, and it goes on.

What code of an app can do wrong stands in `test_runs_of_house.py`, kills at random moments in
`test_torture.py`, deletion while a job runs in `test_backup_and_deletion.py`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, insert, select, text

from shared.contracts.jobs import Priority
from shared.errors import (
    ClusterUnreachable,
    DatabaseBusy,
    FileDamaged,
    ModelServerDown,
    SchemaDiffers,
    StorageFull,
    StorageUnreachable,
    error_class,
)
from shared.jobs.runner import runner_state
from shared.jobs.trial_model_server import TrialModelServer
from shared.settings import REPOSITORY
from shared.store import artifacts, runs
from shared.store.engine import read_scope
from shared.store.ids import new_id
from shared.store.models import RunRow
from shared.store.schema import prepare_database
from tests.jobs.gateway import Gateway
from tests.jobs.houses import ANNA, BERT, House
from tests.store.faults import small_disk
from tests.store.servers import S3_KEYS, S3Server
from tests.timing import wait_until

pytestmark = pytest.mark.server

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
LONG_NAME = "Größenmaßstäbe 😀 " * 16 + "Übersicht"
QUEUED = 10_000
SMALL_MB = 300


@pytest.fixture(scope="module")
def model_server() -> Iterator[TrialModelServer]:
    with TrialModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def working_house(
    tmp_path_factory: pytest.TempPathFactory, model_server: TrialModelServer
) -> Iterator[House]:
    """An installation in one place whose supervisor works; tests repair what they break."""
    made = House(tmp_path_factory.mktemp("house"), model_server_url=model_server.url)
    prepare_database(made.settings)
    made.start_supervisor()
    made.wait_ready()
    yield made
    made.stop()


def gated(gate: Path, *keys: str) -> list[str]:
    """Units of which the last two wait for a file, so that no run is done before its fault."""
    return [*keys[:-2], *(f"after {gate} {key}" for key in keys[-2:])]


def german(code: str | None) -> str:
    """The text that a person reads about a code."""
    kind = error_class(code or "")
    assert kind is not None
    return kind.user_message


def stored_path(house: House, sha256: str, tenant: str = ANNA.active_tenant) -> Path:
    """Where a stored file lies."""
    return house.folder / "files" / tenant / sha256[:2] / sha256


def test_a_run_waits_for_the_model_server_and_goes_on_by_itself(
    working_house: House, model_server: TrialModelServer, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    keys = gated(gate, *(f"ask {number}" for number in range(60)))
    run = working_house.order(*keys, job="long", seconds=0.05)
    wait_until(lambda: working_house.look(run).units_done > 5)

    model_server.stop()
    gate.touch()
    waiting = working_house.wait(run, "waiting")
    assert waiting.message_code == ModelServerDown.code
    assert german(waiting.message_code) == "Der Modellserver antwortet nicht."
    assert waiting.units_failed == 0

    model_server.start()
    ended = working_house.wait(run)
    assert (ended.state, ended.units_done, ended.units_failed) == ("done", 60, 0)
    assert ended.message_code is None


def test_a_run_waits_for_files_that_are_away_in_the_middle(
    working_house: House, tmp_path: Path
) -> None:
    files, aside = working_house.folder / "files", working_house.folder / "not mounted"
    gate = tmp_path / "gate"
    # Only the last two read the input: a file that goes while it is read is not meant here.
    keys = gated(gate, *(f"sleep 0.05{number:02}" for number in range(58)), "ok 1", "ok 2")
    run = working_house.order(*keys, job="long", content=b"away")
    wait_until(lambda: working_house.look(run).units_done > 5)

    files.rename(aside)
    gate.touch()
    try:
        waiting = working_house.wait(run, "waiting")
        assert waiting.message_code == StorageUnreachable.code
        assert german(waiting.message_code) == "Die Ablage der Dateien ist nicht erreichbar."
        with pytest.raises(StorageUnreachable):
            artifacts.read(ANNA, working_house.store, run.inputs[0])
    finally:
        aside.rename(files)
    ended = working_house.wait(run)
    assert (ended.state, ended.units_done, ended.units_failed) == ("done", 60, 0)


def test_a_damaged_input_is_named_and_never_read(working_house: House) -> None:
    run = working_house.wait(working_house.order("ok 1", content=b"whole content"), "done")
    path = stored_path(working_house, run.inputs[0].sha256)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])

    order = runs.RunOrder(
        run.app, run.job, "Beschädigt", run.inputs, {"keys": ["ok 5", "ok 6"]}, is_example=True
    )
    again = runs.submit(ANNA, working_house.store, order, now=NOW)
    failed = working_house.wait(again)
    assert (failed.state, failed.message_code) == ("failed", FileDamaged.code)
    unit = runs.units(ANNA, working_house.store, again.id)[0]
    assert unit.error_message == "Die gespeicherte Datei „Prüfung ä.txt“ ist beschädigt."
    with pytest.raises(FileDamaged):
        artifacts.read(ANNA, working_house.store, run.inputs[0])

    path.write_bytes(content)
    runs.go_on(ANNA, working_house.store, again.id)
    assert working_house.wait(again).state == "done"


def test_umlauts_emoji_and_long_names_survive_the_whole_way(working_house: House) -> None:
    key = f"file {LONG_NAME}.pdf"
    name = f"{LONG_NAME[:290]}.txt"
    file = artifacts.save(
        ANNA, working_house.store, b"long", name=name, media_type="text/plain",
        kind="upload", is_example=True, now=NOW,
    )  # fmt: skip
    order = runs.RunOrder(
        "probe", "probe", LONG_NAME * 3, (file,), {"keys": [key, "ok 😀 äöü"]}, is_example=True
    )
    run = working_house.wait(runs.submit(ANNA, working_house.store, order, now=NOW), "done")
    assert run.title == (LONG_NAME * 3)[:200]
    assert run.inputs[0].name == name
    first, second = runs.units(ANNA, working_house.store, run.id)
    assert first.key == key
    assert first.file is not None
    assert first.file.name == f"{LONG_NAME}.pdf"
    assert artifacts.read(ANNA, working_house.store, first.file).decode() == (
        f"content of {LONG_NAME}.pdf"
    )
    assert second.data is not None
    assert second.data["value"] == "😀 äöü"
    assert list(runs.result_files(ANNA, working_house.store, run.id)) == ["Übersicht.txt"]


def test_a_database_that_is_locked_for_15_seconds_delays_and_loses_nothing(
    working_house: House,
) -> None:
    keys = [f"ok {number}" for number in range(100)]
    run = working_house.order(*keys, job="long", seconds=0.05, content=b"locked")
    wait_until(lambda: working_house.look(run).units_done > 5)
    with working_house.store.engine.execution_options(writes=True).connect() as connection:
        until = time.monotonic() + 15
        connection.execute(text("UPDATE lease SET beat = beat"))
        with pytest.raises(DatabaseBusy, match="Die Datenbank ist gerade belegt"):
            working_house.order("ok 1", content=b"refused")
        done = working_house.look(run).units_done  # readers are not kept waiting
        time.sleep(max(0.0, until - time.monotonic()))
        assert working_house.look(run).units_done == done
        connection.rollback()
    ended = working_house.wait(run)
    assert (ended.state, ended.units_done, ended.units_failed) == ("done", 100, 0)


def test_a_disk_that_takes_no_files_fails_units_that_can_be_repeated(tmp_path: Path) -> None:
    small = tmp_path / "klein"
    with small_disk(small, 1024) as mounted:
        if not mounted:
            pytest.skip("this account may not mount a small disk")
        house = House(tmp_path, storage_url=(small / "files").as_uri())
        prepare_database(house.settings)
        try:
            house.start_supervisor()
            house.wait_ready()
            for fault in ("full", "read only"):
                _order_on_a_spoilt_disk(house, small, fault)
        finally:
            house.stop()


def _order_on_a_spoilt_disk(house: House, small: Path, fault: str) -> None:
    files = [f"file {fault} {name}.txt" for name in "ab"]
    run = house.order("sleep 1", "ok 1", *files, "ok 2", job="long", content=fault.encode())
    _spoil(small, fault)
    ended = house.wait(run)
    assert ended.state == "failed"  # there is no room for the table of all units either
    assert ended.message_code == StorageFull.code
    failed = {"sleep 1": None, "ok 1": None, "ok 2": None}
    assert house.errors(run) == failed | dict.fromkeys(files, StorageFull.code)
    unit = runs.units(ANNA, house.store, run.id, states=("failed",))[0]
    assert unit.error_message == "Der Ordner files ist voll oder nicht beschreibbar."

    _repair(small, fault)
    runs.go_on(ANNA, house.store, run.id)
    ended = house.wait(run)
    assert (ended.state, ended.units_done, ended.units_failed) == ("done", 5, 0)


def test_a_disk_without_room_for_rows_delays_and_loses_nothing(tmp_path: Path) -> None:
    small = tmp_path / "klein"
    with small_disk(small, 3072) as mounted:
        if not mounted:
            pytest.skip("this account may not mount a small disk")
        house = House(tmp_path, database_url=f"sqlite:///{small / 'gallery.db'}")
        prepare_database(house.settings)
        try:
            house.start_supervisor()
            house.wait_ready()
            keys = [f"ok {number}" for number in range(60)]
            run = house.order(*keys, job="long", seconds=0.1)
            wait_until(lambda: house.look(run).units_done > 5)
            _spoil(small, "full")
            with pytest.raises(StorageFull, match="Der Ordner klein ist voll"):
                _fill_database(house)
            time.sleep(5)
            _repair(small, "full")
            ended = house.wait(run)
            assert (ended.state, ended.units_done, ended.units_failed) == ("done", 60, 0)
        finally:
            house.stop()


def _spoil(folder: Path, fault: str) -> None:
    if fault == "read only":
        command = ["mount", "-o", "remount,ro", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        return
    with pytest.raises(OSError, match="No space left"), (folder / "voll").open("wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()


def _repair(folder: Path, fault: str) -> None:
    if fault == "read only":
        command = ["mount", "-o", "remount,rw", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
    else:
        (folder / "voll").unlink()


def _fill_database(house: House) -> None:
    """Order until the disk says no; what was taken before is kept."""
    for number in range(1000):
        house.order("ok 1", content=b"x", number=number, text="x" * 2000)


def test_storage_that_is_away_at_the_start_delays_and_loses_nothing(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in S3_KEYS.items():
        monkeypatch.setenv(name, value)
    gateway = Gateway(s3_server.port)
    gateway.open()
    house = House(
        tmp_path,
        storage_url=f"s3://{s3_server.new_bucket()}/gallery",
        storage_endpoint=f"http://127.0.0.1:{gateway.port}",
    )
    prepare_database(house.settings)
    try:
        run = house.order("ok 1", "file a.txt", "ok 2", job="long")
        gateway.close()
        with pytest.raises(StorageUnreachable):
            house.order("ok 1", content=b"refused")
        house.start_supervisor()
        waiting = house.wait(run, "waiting")
        assert waiting.message_code == StorageUnreachable.code
        assert waiting.units_failed == 0

        gateway.open()
        ended = house.wait(run)
        assert (ended.state, ended.units_done, ended.units_failed) == ("done", 3, 0)
    finally:
        house.stop()
        gateway.close()


def test_a_scheduler_that_goes_and_comes_back_delays_and_loses_nothing(
    cluster_house: House, tmp_path: Path
) -> None:
    house = cluster_house
    house.start_supervisor()
    house.wait_ready()
    gate = tmp_path / "gate"
    keys = gated(gate, *(f"ok {number}" for number in range(200)))
    run = house.order(*keys, job="long", seconds=0.05)
    wait_until(lambda: house.look(run).units_done > 10)
    for part in house.parts.values():
        part.kill()
        part.wait()
    house.parts.clear()
    gate.touch()
    waiting = house.wait(run, "waiting")
    assert waiting.message_code == ClusterUnreachable.code
    assert german(waiting.message_code) == "Der Rechenverbund ist nicht erreichbar."

    house.start_scheduler()
    house.start_worker("one")
    house.start_worker("two")
    ended = house.wait(run)
    assert (ended.state, ended.units_done, ended.units_failed) == ("done", 200, 0)


def test_a_clock_that_jumps_by_an_hour_disturbs_nobody(local_house: House) -> None:
    house = local_house
    house.supervisors.append(house._start("jobs", "-m", "tests.jobs.jumping_supervisor"))
    wait_until(lambda: house.owner() is not None)
    owner = house.owner()
    wait_until(lambda: len(house.worker_processes()) == 2)
    house.start_supervisor()  # its own clock is right; it must not believe that the other is gone
    keys = [f"ok {number}" for number in range(100)]
    run = house.order(*keys, job="long", seconds=0.1)
    ended = house.wait(run)
    assert (ended.state, ended.units_done, ended.units_failed) == ("done", 100, 0)
    assert house.owner() == owner
    seconds = [unit.seconds or 0.0 for unit in runs.units(ANNA, house.store, run.id)]
    assert min(seconds) >= 0.1
    assert max(seconds) < 30
    assert ended.finished_at is not None
    assert abs(ended.finished_at - ended.created_at) < timedelta(hours=1, minutes=5)


def test_a_database_of_a_newer_version_is_left_alone(local_house: House) -> None:
    with local_house.store.engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    done = subprocess.run(
        [sys.executable, "-m", "shared.jobs"],
        cwd=REPOSITORY,
        env=local_house.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "Die Datenbank hat die Fassung 9999, das Programm braucht die Fassung" in done.stderr
    assert "Traceback" not in done.stderr
    assert SchemaDiffers.code == "datenbank_fassung"
    with local_house.store.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
        assert connection.scalar(text("SELECT count(*) FROM lease")) == 0


def test_ten_thousand_queued_runs_keep_nobody_waiting(local_house: House) -> None:
    house = local_house
    first = house.order("ok 1")
    _queue_many(house, first.inputs[0].sha256)
    process = house.start_supervisor()
    house.wait_ready()
    small = house.order("ok 1", "ok 2", content=b"small", priority=Priority.INTERACTIVE)
    other = house.order("ok 1", "ok 2", content=b"other", who=BERT)
    took_s = wait_until(lambda: house.look(small).state == "done", 30)
    took_s += wait_until(lambda: house.look(other, BERT).state == "done", 30)
    assert took_s < 30
    wait_until(lambda: _count(house, "done") > 20)
    assert _failures(house) == set()
    assert psutil.Process(process.pid).memory_info().rss < SMALL_MB * 1e6
    assert runner_state(house.store).works


def _count(house: House, state: str) -> int:
    with read_scope(house.store.engine) as session:
        return session.scalar(select(func.count()).where(RunRow.state == state)) or 0


def _failures(house: House) -> set[tuple[str | None, str]]:
    query = select(RunRow.message_code, RunRow.message_details).where(RunRow.state == "failed")
    with read_scope(house.store.engine) as session:
        return {(code, str(details)) for code, details in session.execute(query)}


def _queue_many(house: House, sha256: str) -> None:
    """Queue runs as `runs.submit` does, all in one transaction."""
    with house.store.engine.execution_options(writes=True).begin() as connection:
        template = connection.execute(select(RunRow.__table__)).mappings().one()
        rows = [
            {**template, "id": new_id(), "idempotency_key": f"{number}:{sha256[:40]}"}
            for number in range(QUEUED)
        ]
        connection.execute(insert(RunRow), rows)
