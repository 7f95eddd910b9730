"""One gallery, one model server and one browser for all browser tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from shared.settings import REPOSITORY
from tests.e2e.browser import chromium
from tests.e2e.gallery_process import RunningGallery, running_gallery

ARTEFACTS = REPOSITORY / "var" / "e2e"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.server)


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGallery]:
    """The real gallery with its real model server."""
    with running_gallery(tmp_path_factory.mktemp("gallery")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; closed soon, because no other test can run an event loop meanwhile."""
    with chromium() as program:
        yield program


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Ignored folder for screenshots and reports to look at."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return ARTEFACTS
