"""The server refuses to start in an unsafe way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bentoml._internal.marshal.dispatcher import Optimizer

from model_server.start import (
    check_start,
    forget_dead_workers,
    is_worker,
    never_wait_for_company,
)
from shared.errors import AddressNotLoopback, InternalPortOpen, SecretUnusable
from shared.settings import REPOSITORY, Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104
SERVE = ["/x/bin/bentoml", "serve", "model_server.service:ModelServer"]


def settings(folder: Path) -> Settings:
    return Settings(_env_file=None, data_dir=folder)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([*SERVE, "--host", "127.0.0.1"], {}),
        ([*SERVE, "--host=::1"], {}),
        (SERVE, {"BENTOML_HOST": "127.0.0.1"}),
        (["pytest"], {}),
        (["/x/worker/service.py", "--worker-id", "1"], {}),
    ],
)
def test_loopback_may_start(
    tmp_path: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    check_start(arguments, environment, settings(tmp_path))
    assert (tmp_path / "secrets" / "model_server_token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([*SERVE, "--host", EVERYWHERE], {}),
        ([*SERVE, "--host=192.0.2.1"], {}),
        ([*SERVE, "--host"], {}),
        ([*SERVE, "--host", "127.0.0.1", "--host", EVERYWHERE], {}),
        ([*SERVE, "--host=127.0.0.1", f"--host={EVERYWHERE}"], {}),
        (SERVE, {}),
        (SERVE, {"BENTOML_HOST": "::"}),
    ],
)
def test_an_open_address_may_not(
    tmp_path: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    with pytest.raises(AddressNotLoopback):
        check_start(arguments, environment, settings(tmp_path))


def test_the_internal_port_may_not(tmp_path: Path) -> None:
    with pytest.raises(InternalPortOpen):
        check_start(["pytest"], {"BENTOML_NO_UDS": "1"}, settings(tmp_path))


def test_a_secret_for_everybody_may_not(tmp_path: Path) -> None:
    file = settings(tmp_path).model_server_secret_file
    file.parent.mkdir()
    file.write_text("x" * 40)
    file.chmod(0o640)
    with pytest.raises(SecretUnusable):
        check_start(["pytest"], {}, settings(tmp_path))


def test_workers_are_recognised() -> None:
    assert is_worker(["service.py", "--worker-id", "1"])
    assert not is_worker(SERVE)


def test_the_dispatcher_learns_no_delay() -> None:
    optimizer = Optimizer(60)
    for _ in range(60):
        optimizer.log_outbound(1, 5.0, 0.1)
    never_wait_for_company()
    optimizer.trigger_refresh()
    assert optimizer.wait == 0
    assert Optimizer(60).wait == 0


def test_only_the_gauges_of_dead_workers_are_forgotten(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    kept = [f"gauge_livesum_{os.getpid()}.db", f"counter_{dead.pid}.db", f"gauge_all_{dead.pid}.db"]
    gone = [f"gauge_livesum_{dead.pid}.db", f"gauge_livemax_{dead.pid}.db"]
    for name in (*kept, *gone):
        (tmp_path / name).touch()
    forget_dead_workers(str(tmp_path))
    assert {file.name for file in tmp_path.iterdir()} == set(kept)
    forget_dead_workers("")


@pytest.mark.server
@pytest.mark.parametrize(
    ("host", "extra", "words"),
    [
        ("127.0.0.1", {"BENTOML_NO_UDS": "1"}, "ungeschützten Port"),
        (EVERYWHERE, {}, "von außen erreichbar"),
    ],
)
def test_the_command_ends_with_code_2_and_one_german_line(
    tmp_path: Path, host: str, extra: dict[str, str], words: str
) -> None:
    environment = os.environ | {
        "URBANKI_DATA_DIR": str(tmp_path),
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        **extra,
    }
    command = [str(Path(sys.executable).parent / "bentoml"), *SERVE[1:], "--host", host]
    done = subprocess.run(
        [*command, "--port", "1"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if "Warning" not in line]
    assert any(words in line for line in lines)
    assert "Traceback" not in done.stderr
