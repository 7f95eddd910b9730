"""The supervisor as a process: its end, its children, its ports, its successor, its commands."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import time

import psutil
import pytest

from shared.jobs.runner import runner_state
from shared.settings import REPOSITORY
from shared.store import runs
from tests.jobs.houses import ANNA, House
from tests.timing import wait_until

pytestmark = pytest.mark.server
ENDS_WITHIN_S = 12
"""The start command waits so long for a part that it asks to stop."""
WATCHED_S = 6


def command(house: House, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "shared.jobs", *words],
        cwd=REPOSITORY,
        env={**house.environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_ends_in_order_and_the_next_one_goes_on(local_house: House) -> None:
    house = local_house
    process = house.start_supervisor()
    house.wait_ready()
    run = house.order("sleep 300", "hold", "ok 1", job="long")
    house.wait(run, "running")
    wait_until(lambda: len(house.worker_processes()) == 2)
    children = house.worker_processes()
    start = time.monotonic()
    process.terminate()
    assert process.wait(ENDS_WITHIN_S) == 0
    assert time.monotonic() - start < ENDS_WITHIN_S
    assert not [child for child in children if child.is_running()]
    assert not runner_state(house.store).works

    runs.request_cancel(ANNA, house.store, run.id, now=run.created_at)
    start_again = house.start_supervisor()
    assert house.wait(run).state == "cancelled"
    assert start_again.poll() is None


@pytest.mark.parametrize("kind", ["sleep 300", "hold"])
def test_workers_never_outlive_a_supervisor_that_is_killed(local_house: House, kind: str) -> None:
    process = local_house.start_supervisor()
    local_house.wait_ready()
    local_house.wait(local_house.order(kind, job="long"), "running")
    wait_until(lambda: len(local_house.worker_processes()) == 2)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


def test_a_second_supervisor_waits_without_workers_and_takes_over(local_house: House) -> None:
    first = local_house.start_supervisor()
    local_house.wait_ready()
    second = local_house.start_supervisor()
    run = local_house.order(count=40, seconds=0.2, job="long")
    wait_until(lambda: local_house.look(run).units_done > 3)
    assert psutil.Process(second.pid).children() == []
    first.kill()
    first.wait()
    wait_until(lambda: local_house.owner() and local_house.owner().pid == second.pid, 30)
    run = local_house.wait(run)
    assert (run.state, run.units_done) == ("done", 40)


def test_its_ports_are_open_only_here_and_only_for_its_own(local_house: House) -> None:
    process = local_house.start_supervisor()
    local_house.wait_ready()
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    listening = [
        connection.laddr
        for member in family
        for connection in member.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert [_answer(address.port) for address in listening] == ["refused"] * len(listening)


def _answer(port: int) -> str:
    """Talk to a port as Dask does, without its certificate, and as a browser does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 1) as plain,
            context.wrap_socket(plain) as secured,
        ):
            secured.sendall(b"\0" * 8)
            if secured.recv(1):
                return "talks"
    except OSError:
        pass
    with socket.create_connection(("127.0.0.1", port), 1) as plain:
        plain.sendall(b"GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        try:
            answer = plain.recv(100)
        except OSError:
            return "refused"
    return "refused" if answer == b"" or b" 404 " in answer else repr(answer)


def test_it_is_small_and_quiet_while_there_is_nothing_to_do(local_house: House) -> None:
    process = local_house.start_supervisor()
    local_house.wait_ready()
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    workers = local_house.worker_processes()
    assert len(workers) == 2
    assert max(worker.memory_info().rss for worker in workers) <= 120 << 20
    assert family[0].memory_info().rss <= 160 << 20
    # What is left of the start may still be done in the first look.
    assert any(_cpu_share(family) < 0.03 for _ in range(4))


def _cpu_share(family: list[psutil.Process]) -> float:
    before = sum(sum(member.cpu_times()[:2]) for member in family)
    time.sleep(WATCHED_S)
    return (sum(sum(member.cpu_times()[:2]) for member in family) - before) / WATCHED_S


def test_commands_print_json(local_house: House) -> None:
    house = local_house
    house.start_supervisor()
    run = house.wait(house.order("ok 1", "bad"))
    tenant = ("--tenant", ANNA.active_tenant)

    listed = json.loads(command(house, "list", *tenant).stdout)
    assert listed["runner"]["works"] is True
    assert [one["id"] for one in listed["runs"]] == [run.id]
    shown = json.loads(command(house, "show", run.id, *tenant).stdout)
    assert (shown["state"], shown["units_failed"]) == ("done", 1)
    assert shown["failed_units"][0]["code"] == "bild_beschaedigt"
    again = json.loads(command(house, "retry", run.id, *tenant).stdout)
    assert again["state"] in ("queued", "running", "done")
    house.wait(run)
    cancelled = command(house, "cancel", run.id, *tenant)
    assert cancelled.returncode == 0
    assert json.loads(cancelled.stdout)["state"] == "done"


def test_an_unknown_run_is_one_german_line(local_house: House) -> None:
    answer = command(local_house, "show", "gibt-es-nicht")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("Dieses Ergebnis gibt es hier nicht.")
    assert answer.stderr.count("\n") == 1


def test_a_foreign_municipality_sees_nothing(local_house: House) -> None:
    run = local_house.order("ok 1")
    assert command(local_house, "show", run.id, "--tenant", "nachbarstadt").returncode == 2
    listed = json.loads(command(local_house, "list", "--tenant", "nachbarstadt").stdout)
    assert listed["runs"] == []


def test_a_wrong_setting_is_one_german_line(local_house: House) -> None:
    answer = command(local_house, URBANKI_JOB_WORKER_MB="viel")
    assert answer.returncode == 2
    assert answer.stderr.startswith("Die Einstellung URBANKI_JOB_WORKER_MB")


def test_a_wrong_number_of_workers_is_one_german_line(local_house: House) -> None:
    answer = command(local_house, "--workers", "-1")
    assert answer.returncode == 2
    assert answer.stderr.startswith("Die Einstellung --workers hat den ungültigen Wert")


def test_what_a_killed_supervisor_left_on_a_cluster_delays_nobody(cluster_house: House) -> None:
    house = cluster_house
    first = house.start_supervisor()
    house.wait_ready()
    left = house.order("sleep 300", "sleep 301", job="long")
    wait_until(lambda: house.look(left).started_at)
    wait_until(lambda: _busy_workers(house) == 2)
    first.kill()
    first.wait()
    runs.request_cancel(ANNA, house.store, left.id, now=left.created_at)

    house.start_supervisor()
    run = house.wait(house.order("ok 1", "ok 2"))
    assert (run.state, run.units_done, run.units_failed) == ("done", 2, 0)
    assert house.look(left).state == "cancelled"


def _busy_workers(house: House) -> int:
    units = runs.recent(ANNA, house.store)
    return sum(len(runs.units(ANNA, house.store, run.id, states=("leased",))) for run in units)
