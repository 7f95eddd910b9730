"""One gallery, one model server and one browser for all browser tests."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error as PlaywrightError

from shared.settings import REPOSITORY
from tests.e2e.browser import chromium
from tests.e2e.gallery_process import RunningGallery, running_gallery
from tests.order import shares_the_gallery

ENDS = pytest.StashKey[ExitStack]()
ARTEFACTS = REPOSITORY / "var" / "e2e"
TOO_LATE = (PlaywrightError, "Locator expected", "the page never settles", "no file came")
SECOND_TRY = pytest.mark.flaky(reruns=1, only_rerun=TOO_LATE)
"""For a browser that did not answer in time, once; the summary names every test that took it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.server)
            item.add_marker(SECOND_TRY)


@pytest.fixture(scope="session")
def gallery(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGallery]:
    """The real gallery with its real model server; `tests.order` puts all its tests in a row."""
    with ExitStack() as stack:
        request.session.stash[ENDS] = stack
        yield stack.enter_context(running_gallery(tmp_path_factory.mktemp("gallery")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """End the gallery after the last of its tests: even at rest it keeps a processor busy."""
    try:
        yield
    finally:
        if ENDS in item.session.stash and not (nextitem and shares_the_gallery(nextitem.path)):
            item.session.stash[ENDS].close()


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
