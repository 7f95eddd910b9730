"""A house with one finished run of ArchivAIr, for tests of its pages; files may have their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.store.store import Store, process_store
from tests.apps.archivair.run_doubles import APPLICATION, PERMIT, finished_run
from tests.jobs.in_process import forget_worker
from tests.shared.people_of_tests import CLERK, sit_down
from tests.shared.process_state import begin_process, forget_process_state


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    forget_worker()
    sit_down(CLERK, monkeypatch.setattr)
    yield process_store()
    forget_worker()
    forget_process_state()


@pytest.fixture
def run_id(store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    return finished_run(store, monkeypatch, APPLICATION, PERMIT)
