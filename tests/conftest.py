"""What all test suites share: one real model server and its stand-ins."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shared.clients.server_process import ServerHandle, start_model_server
from shared.contracts.model_server import MAX_IMAGE_PIXELS
from shared.settings import Settings
from tests.order import OneGallery, rank
from tests.shared.doubles import (  # noqa: F401  # fixtures
    model_server_busy,
    model_server_down,
    model_server_drips,
    model_server_lies,
    model_server_resets,
    model_server_slow,
    model_server_stand_in,
)

READY_WITHIN_S = 180
ROOM_FOR_ALL_MB = 2000
# Before any test module imports the training library or the model server.
PILLOW_OPEN, PILLOW_MOST_PIXELS = Image.open, Image.MAX_IMAGE_PIXELS
MODEL_SERVER_TESTS = Path(__file__).parent / "model_server"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow tests first."""
    items.sort(key=lambda item: rank(item.path))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneGallery | None:
    """Hand the files out as `tests.order` says."""
    return OneGallery(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let a test print what is no UTF-8: its process could not report that to the other."""
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_encodable(item) for item in value)
    return value


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, Any, Any]:
    """Give the signals back to whom they belong after a command of the house has taken them.

    What a command ignores at its end would be ignored by every process that a later test starts.
    """
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        return (yield)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let each test and its fixtures meet Pillow as its own process would.

    The training library puts its own `Image.open` in place, the model server a lower pixel limit.
    """
    Image.open = PILLOW_OPEN
    is_server_test = MODEL_SERVER_TESTS in item.path.parents
    Image.MAX_IMAGE_PIXELS = MAX_IMAGE_PIXELS if is_server_test else PILLOW_MOST_PIXELS


@pytest.fixture(scope="session")
def running_model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerHandle]:
    """The real model server on a free port, one for the whole session.

    `.settings` lead to it; `.process_id` is its supervisor.
    """
    folder: Path = tmp_path_factory.mktemp("model-server")
    settings = Settings(
        _env_file=None, data_dir=folder, model_server_workers=1, model_memory_mb=ROOM_FOR_ALL_MB
    )
    with start_model_server(settings, READY_WITHIN_S) as handle:
        yield handle
