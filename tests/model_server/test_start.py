"""The server refuses to start in an unsafe way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from model_server.start import (
    check_start,
    forget_dead_workers,
    is_worker,
)
from shared.contracts.identity.installation import load_installation_key
from shared.contracts.identity.jwks import PLACEHOLDER
from shared.errors import (
    AddressPublic,
    GpuUnusable,
    InternalPortOpen,
    KeySetMissing,
    KeySetPlaceholder,
    KeySetUnusable,
    OperationError,
)
from shared.settings import REPOSITORY, Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104
SERVE = ["/x/bin/bentoml", "serve", "model_server.service:ModelServer"]


def settings(folder: Path, **more: object) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **more)


def put_keys(folder: Path, content: str) -> None:
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    (folder / "keys" / "jwks.json").write_text(content, encoding="utf-8")


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
    assert not any(tmp_path.iterdir()), "the model server makes no keys"


OPEN_STARTS = [
    ([*SERVE, "--host", EVERYWHERE], {}),
    ([*SERVE, "--host=192.0.2.1"], {}),
    ([*SERVE, "--host"], {}),
    ([*SERVE, "--host", "127.0.0.1", "--host", EVERYWHERE], {}),
    ([*SERVE, "--host=127.0.0.1", f"--host={EVERYWHERE}"], {}),
    (SERVE, {}),
    (SERVE, {"BENTOML_HOST": "::"}),
]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    OPEN_STARTS,
)
def test_an_open_address_may_only_when_that_was_said_and_keys_are_there(
    tmp_path: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    with pytest.raises(AddressPublic):
        check_start(arguments, environment, settings(tmp_path))
    public = settings(tmp_path, public=True)
    with pytest.raises(KeySetMissing):
        check_start(arguments, environment, public)
    put_keys(tmp_path, PLACEHOLDER)
    with pytest.raises(KeySetPlaceholder):
        check_start(arguments, environment, public)
    (tmp_path / "keys" / "jwks.json").unlink()
    load_installation_key(public)
    check_start(arguments, environment, public)
    with pytest.raises(AddressPublic):
        check_start(arguments, environment, settings(tmp_path))


def test_the_internal_port_may_not(tmp_path: Path) -> None:
    with pytest.raises(InternalPortOpen):
        check_start(["pytest"], {"BENTOML_NO_UDS": "1"}, settings(tmp_path))


@pytest.mark.parametrize(
    ("content", "error"),
    [(f'{{"note": "{PLACEHOLDER}"}}', KeySetPlaceholder), ("", KeySetUnusable)],
)
def test_keys_that_cannot_be_trusted_may_not_even_here(
    tmp_path: Path, content: str, error: type[OperationError]
) -> None:
    put_keys(tmp_path, content)
    here = [*SERVE, "--host", "127.0.0.1"]
    with pytest.raises(error):
        check_start(here, {}, settings(tmp_path))
    # A worker that is replaced later must not take the whole server down; its guard refuses.
    check_start(["/x/worker/service.py", "--worker-id", "1"], {}, settings(tmp_path))


@pytest.mark.parametrize(
    ("variables", "fine"),
    [
        ({"public": "1", "model_server_host": EVERYWHERE}, True),
        ({"public": "1", "model_server_host": "::"}, True),
        ({"public": "0", "model_server_host": EVERYWHERE}, False),
        ({"model_server_host": EVERYWHERE}, False),
        ({"public": "1", "model_server_host": "modell.example"}, False),
        ({"public": "1", "host": "galerie.example"}, False),
        ({"auth_mode": "beides"}, False),
        ({"auth_mode": "keycloak"}, True),
        ({"auth_mode": "lokal"}, True),
    ],
)
def test_settings_open_only_the_model_server_and_only_when_told(
    tmp_path: Path, variables: dict[str, str], fine: bool
) -> None:
    if fine:
        chosen = settings(tmp_path, **variables)
        assert chosen.model_server_address in ("http://127.0.0.1:3000", "http://[::1]:3000")
    else:
        with pytest.raises(ValidationError):
            settings(tmp_path, **variables)


def test_workers_are_recognised() -> None:
    assert is_worker(["service.py", "--worker-id", "1"])
    assert not is_worker(SERVE)


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
        (EVERYWHERE, {"URBANKI_PUBLIC": "1"}, "jwks.json mit den öffentlichen Schlüsseln fehlt"),
        ("127.0.0.1", {"URBANKI_KEYS_DIR": "TEMPLATE"}, "noch den Platzhalter"),
        ("127.0.0.1", {"URBANKI_AUTH_MODE": "keycloak"}, "URBANKI_OIDC_ISSUER"),
    ],
)
def test_the_command_ends_with_code_2_and_one_german_line(
    tmp_path: Path, host: str, extra: dict[str, str], words: str
) -> None:
    put_keys(tmp_path / "template", PLACEHOLDER)
    extra = {
        name: value.replace("TEMPLATE", str(tmp_path / "template" / "keys"))
        for name, value in extra.items()
    }
    environment = os.environ | {
        "URBANKI_DATA_DIR": str(tmp_path / "data"),
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


def test_a_demanded_gpu_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    arguments = [*SERVE, "--host", "127.0.0.1"]
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    with pytest.raises(GpuUnusable):
        check_start(arguments, hidden, settings(tmp_path, device="cuda"))
    check_start(arguments, hidden, settings(tmp_path, device="auto"))
