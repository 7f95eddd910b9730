"""The real server as a process of its own: torture, kills, memory, modules."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from model_server.torture import torture
from shared.clients.answers import OcrPageResult, SegmentResult
from shared.clients.flow import TileInput
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import (
    ServerHandle,
    ensure_model_server,
    procfile_command,
    start_model_server,
)
from shared.contracts.identity.installation import InstallationToken
from shared.errors import ModelServerDown
from shared.settings import REPOSITORY, Settings
from tests.model_server.pictures import encode, noise, page

pytestmark = pytest.mark.server
CALLS = int(os.environ.get("URBANKI_TORTURE_CALLS", "320"))
MEMORY_LIMIT_MIB = 1.5 * 1024
MIXED_CALLS = int(os.environ.get("URBANKI_MIXED_CALLS", "200"))
RECOVERY_LIMIT_S = 60


def family(handle: ServerHandle) -> list[psutil.Process]:
    assert handle.process_id is not None
    supervisor = psutil.Process(handle.process_id)
    return [supervisor, *supervisor.children(recursive=True)]


def test_nobody_gets_a_wrong_result_or_harms_a_neighbour(
    running_model_server: ServerHandle,
) -> None:
    settings = running_model_server.settings
    source = InstallationToken(settings, role="service")
    report = torture(
        settings.model_server_address,
        source.token,
        calls=CALLS,
        clients=32,
        poison_share=0.05,
    )
    assert (report.wrong, report.lost, report.neighbours_harmed) == (0, 0, 0)
    assert report.poison_items > 0
    assert report.largest_batch > 1
    # After the rush a single request starts at once; the machine may be slow, but not every time.
    options = json.dumps({"model": "solar", "gsd_m": 0.12})
    queues = [
        httpx.post(
            f"{settings.model_server_address}/segment",
            files=[("images", ("image", encode(noise())))],
            data={"options": options},
            headers={"Authorization": f"Bearer {source.token()}"},
            timeout=60,
            trust_env=False,
        ).json()["timing_ms"]["queue"]
        for _ in range(8)
    ]
    assert min(queues) < 50


def call_everything(client: ModelServerClient, seed: int) -> None:
    """Ask every model that is there once."""
    tile = encode(noise(96 + 32 * (seed % 3), 128, seed))
    sheet = encode(page(["Stadt Musterstadt"], 620, 450))
    client.segment([tile], model="solar", gsd_m=0.12)
    for model in ("landcover", "landcover_rules"):
        for output in ("classes", "probabilities"):
            client.segment([tile], model=model, gsd_m=0.2, output=output)
    for model in ("ppocrv6_small", "fraktur_line"):
        client.ocr([encode(page(["Musterstadt"], 300, 80))], mode="lines", model=model)
    client.embed([f"Rathaus {seed}"])
    client.embed_images([tile])
    client.layout([sheet])
    client.layout([sheet], model="layout_doclaynet")


def test_all_models_together_stay_within_the_memory_limit(
    running_model_server: ServerHandle,
) -> None:
    token = InstallationToken(running_model_server.settings, role="service")
    with ModelServerClient(running_model_server.settings, token) as client:
        (read,) = client.ocr([encode(page(["Stadt Musterstadt"], 2480, 3508))])
        assert isinstance(read, OcrPageResult)
        assert [line.text for line in read.value.lines] == ["Stadt Musterstadt"]
        client.segment([encode(noise(1280, 1280))], model="solar", gsd_m=0.12)
        for seed in range(MIXED_CALLS // 8):
            call_everything(client, seed)
        states = {entry.name: entry.state for entry in client.models().models if entry.version}
    assert set(states.values()) == {"loaded"}, states
    resident = sum(process.memory_info().rss for process in family(running_model_server))
    assert resident / 2**20 <= MEMORY_LIMIT_MIB


def test_the_server_loads_no_torch(running_model_server: ServerHandle) -> None:
    for process in family(running_model_server):
        mapped = {entry.path for entry in process.memory_maps()}
        assert not [path for path in mapped if "torch" in path or "ultralytics" in path]
    code = (
        "import sys, time\n"
        "from model_server import service\n"
        "engine = service.Engine(service.load_catalog([service.BUILT_IN]), [], time.monotonic)\n"
        "[engine.open(model) for model in engine.catalog.models]\n"
        "print(sorted({'torch', 'ultralytics', 'streamlit'} & set(sys.modules)))\n"
    )
    data = running_model_server.settings.data_dir
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ | {"URBANKI_DATA_DIR": str(data), "BENTOML_HOME": str(data / "b")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_killed_worker_costs_no_call(running_model_server: ServerHandle) -> None:
    image = encode(noise(256, 256))
    killed_at = 0.0

    def kill_after_ten(result: object) -> None:
        nonlocal killed_at
        if result.tile_id == "10":
            killed_at = time.monotonic()
            worker = family(running_model_server)[-1]
            worker.send_signal(signal.SIGKILL)

    tiles = [TileInput(str(place), image) for place in range(60)]
    with ModelServerClient(running_model_server.settings, in_flight=4) as client:
        results = [
            result.result
            for result in client.map_segment(
                tiles, model="solar", gsd_m=0.12, on_result=kill_after_ten
            )
        ]
        assert killed_at
        assert len(results) == 60
        assert all(isinstance(result, SegmentResult) for result in results)
        while client.health().state != "ready":
            time.sleep(0.1)
            assert time.monotonic() - killed_at < 120
        client.segment([image], model="solar", gsd_m=0.12)
        # What the killed worker had in hand is nobody's queue any more.
        until = time.monotonic() + 30
        while client.health().queue and time.monotonic() < until:
            time.sleep(0.1)
        assert client.health().queue == 0


def test_nothing_but_the_service_listens(running_model_server: ServerHandle) -> None:
    ports = {
        connection.laddr.port
        for process in family(running_model_server)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ports == {running_model_server.settings.model_server_port}


def test_a_server_ends_with_the_command_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from shared.clients.server_process import start_model_server\n"
        "from shared.settings import Settings\n"
        "chosen = Settings(_env_file=None, data_dir=sys.argv[1], model_server_preload='none')\n"
        "with start_model_server(chosen, 120) as handle:\n"
        "    print(handle.process_id, flush=True)\n"
        "    time.sleep(120)\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=REPOSITORY,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    server = psutil.Process(int(command.stdout.readline()))
    members = [server, *server.children(recursive=True)]
    command.kill()
    command.wait()
    command.stdout.close()
    until = time.monotonic() + RECOVERY_LIMIT_S
    while any(map(is_running, members)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(is_running, members))


def is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_supervisor_takes_its_workers_along_and_the_client_says_so(
    tmp_path: Path,
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, model_server_preload="solar")
    with start_model_server(settings, 120) as handle:
        members = family(handle)
        os.kill(handle.process_id, signal.SIGKILL)
        _, alive = psutil.wait_procs(members[1:], timeout=RECOVERY_LIMIT_S)
        assert alive == []
        with ModelServerClient(handle.settings) as client:
            assert client.health().state == "down"
            with pytest.raises(ModelServerDown):
                client.segment([encode(noise())], model="solar", gsd_m=0.12)


def test_a_server_that_runs_is_used_and_left_alone(running_model_server: ServerHandle) -> None:
    with ensure_model_server(running_model_server.settings) as handle:
        assert handle.process_id is None
        assert handle.settings is running_model_server.settings
    assert psutil.pid_exists(running_model_server.process_id)


def test_without_a_server_one_is_started_for_the_command(model_server_down: Settings) -> None:
    settings = model_server_down.model_copy(update={"model_server_preload": "solar"})
    with ensure_model_server(settings, wait_s=120) as handle:
        assert handle.settings.model_server_port != settings.model_server_port
        started = psutil.Process(handle.process_id)
        with ModelServerClient(handle.settings) as client:
            assert client.health().state == "ready"
    assert not started.is_running()


def test_a_server_that_does_not_get_ready_is_ended(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(ModelServerDown), start_model_server(settings, 0.1):
        pass
    assert set(psutil.Process().children(recursive=True)) <= before


def test_the_command_is_the_one_of_the_procfile(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, model_server_port=4321)
    command = procfile_command(settings)
    assert command[-4:] == ["--host", "127.0.0.1", "--port", "4321"]
    assert "BENTOML_DO_NOT_TRACK=True" in command
    assert "OMP_NUM_THREADS=1" in command
