"""What all test suites share: one real model server and its stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from shared.clients.server_process import ServerHandle, start_model_server
from shared.settings import Settings
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
PILLOW_OPEN = Image.open  # before any test module imports the training library


@pytest.fixture(autouse=True)
def pillow_as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training library puts its own `Image.open` in place; what serves must not meet it."""
    monkeypatch.setattr(Image, "open", PILLOW_OPEN)


@pytest.fixture(scope="session")
def running_model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerHandle]:
    """The real model server on a free port, one for the whole session.

    `.settings` lead to it; `.process_id` is its supervisor.
    """
    folder: Path = tmp_path_factory.mktemp("model-server")
    settings = Settings(_env_file=None, data_dir=folder, model_server_workers=1)
    with start_model_server(settings, READY_WITHIN_S) as handle:
        yield handle
