"""What is said of a model server of one's own that ended before its command did."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.clients import server_process
from shared.settings import Settings

Start = Callable[..., subprocess.Popen[bytes]]
ENDED = "the model server ended by itself"


class Fault(Exception):
    """What went wrong in the command."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Callable[..., subprocess.Popen[bytes]]:
    """Start a shell in place of the server, and let it end before the block does."""

    def use(script: str, log: bytes | None = b"last words") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["/bin/sh", "-c", script])

        def start(settings: Settings, folder: Path) -> subprocess.Popen[bytes]:
            if log is not None:
                (folder / "server.log").write_bytes(log)
            return process

        monkeypatch.setattr(server_process, "_start", start)
        monkeypatch.setattr(server_process, "_wait_until_ready", lambda *_: None)
        return process

    return use


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]


def test_the_end_of_its_log_is_told(started: Start, caplog: pytest.LogCaptureFixture) -> None:
    process = started("exit 3", "ä".encode() * 3000 + b"the reason")
    with server_process.start_model_server(Settings()):
        process.wait()
    (line,) = said(caplog)
    assert line.startswith(ENDED)
    assert line.endswith("äthe reason")
    assert len(line) < 1100


@pytest.mark.parametrize("signal_name", ["KILL", "TERM"])
def test_a_server_that_somebody_ended_is_no_fault(
    started: Start, caplog: pytest.LogCaptureFixture, signal_name: str
) -> None:
    process = started(f"kill -{signal_name} $$")
    with server_process.start_model_server(Settings()):
        process.wait()
    assert said(caplog) == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_server_that_stops_with_its_command_is_no_fault(
    started: Start, caplog: pytest.LogCaptureFixture, stop: type[BaseException]
) -> None:
    process = started("exit 1")
    with pytest.raises(stop), server_process.start_model_server(Settings()):
        process.wait()
        raise stop
    assert said(caplog) == []


def test_a_log_that_cannot_be_read_hides_no_fault(
    started: Start, caplog: pytest.LogCaptureFixture
) -> None:
    process = started("exit 3", log=None)
    with pytest.raises(Fault), server_process.start_model_server(Settings()):
        process.wait()
        raise Fault
    (line,) = said(caplog)
    assert "cannot be read" in line


def test_a_fault_in_telling_leaves_no_server_behind(
    started: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise Fault

    process = started("exec sleep 60")
    monkeypatch.setattr(server_process, "_tell_of_own_end", fails)
    with pytest.raises(Fault), server_process.start_model_server(Settings()):
        pass
    assert process.poll() is not None


def test_a_server_that_runs_to_the_end_is_not_told_of(
    started: Start, caplog: pytest.LogCaptureFixture
) -> None:
    process = started("exec sleep 60")
    with server_process.start_model_server(Settings()):
        pass
    assert process.poll() is not None
    assert said(caplog) == []
