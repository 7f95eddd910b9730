"""Pages under test read the settings of the test, not those of an earlier one."""

from collections.abc import Iterator

import pytest

from shared.settings import get_settings
from shared.ui import probe, shell
from tests.e2e.gallery_process import free_port


def forget_cached_settings() -> None:
    """Clear what a process keeps for its life."""
    get_settings.cache_clear()
    shell.model_client.cache_clear()
    probe.probe.cache_clear()


@pytest.fixture
def no_model_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Nobody listens at the model server's address."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    forget_cached_settings()
    yield
    forget_cached_settings()
