"""Pages under test read the settings of the test, not those of an earlier one."""

from collections.abc import Iterator

import pytest

from tests.ports import free_port
from tests.shared.people_of_tests import ADMIN, sit_down
from tests.shared.process_state import begin_process, forget_process_state


@pytest.fixture
def no_model_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Nobody listens at the model server's address; an administrator is signed in."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    begin_process()
    sit_down(ADMIN, monkeypatch.setattr)
    yield
    forget_process_state()
