"""Whose a session of Streamlit is, and whose its files are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit import runtime
from streamlit.runtime import media_file_manager, memory_media_file_storage
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from shared.ui import streamlit_sessions
from shared.ui.streamlit_sessions import file_mark, header_at_connect, keep_files_apart

HEADER = "x-ukg-session"


def test_without_a_runtime_nothing_is_anybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "exists", lambda: False)
    monkeypatch.setattr(runtime, "get_instance", lambda: 1 / 0)
    assert header_at_connect("page", HEADER) == ""


def test_a_page_without_a_browser_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = SimpleNamespace(get_client=lambda _: SimpleNamespace(client_context=None))
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: silent)
    assert header_at_connect("page", HEADER) == ""


class Pages:
    """Streamlit's files, and pages that run one after the other, each of a login of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.storage = MemoryMediaFileStorage("/media")
        self.files = MediaFileManager(self.storage)
        self.running = ""
        self.open: set[str] = set()
        for module, name in (
            (memory_media_file_storage, "_calculate_file_id"),
            (MediaFileManager, "execute_deferred"),
        ):
            monkeypatch.setattr(module, name, getattr(module, name))  # is put back afterwards
        monkeypatch.setattr(streamlit_sessions, "get_script_run_ctx", self._context)
        monkeypatch.setattr(media_file_manager, "_get_session_id", lambda: self.running)
        monkeypatch.setattr(streamlit_sessions, "header_at_connect", self._login)
        keep_files_apart(HEADER)

    def _context(self) -> SimpleNamespace | None:
        return SimpleNamespace(session_id=self.running) if self.running else None

    def _login(self, page: str, header: str) -> str:
        assert header == HEADER
        return f"login-of-{page}" if page in self.open else ""

    def run(self, page: str, content: bytes = b"x") -> str:
        """Run the script of a page, which offers one file; return its address."""
        self.running = page
        self.files.clear_session_refs()
        url = self.files.add(content, "text/plain", "1", is_for_static_download=True)
        self.files.remove_orphaned_files()
        return url

    def close(self, page: str) -> None:
        self.open.discard(page)
        self.files.clear_session_refs(page)
        self.files.remove_orphaned_files()


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    return Pages(monkeypatch)


def is_of(url: str, page: str) -> bool:
    return url.startswith(f"/media/{file_mark(f'login-of-{page}')}")


def test_the_name_of_a_file_says_whose_it_is(pages: Pages) -> None:
    pages.open = {"a", "b"}
    mine, theirs = pages.run("a"), pages.run("b")
    assert (is_of(mine, "a"), is_of(mine, "b")) == (True, False)
    assert (is_of(theirs, "a"), is_of(theirs, "b")) == (False, True)
    assert pages.run("a") == mine, "a run that changes nothing loads nothing again"


def test_a_file_that_is_made_later_is_of_the_page_that_offers_it(pages: Pages) -> None:
    pages.open = {"a", "b"}
    pages.running = "a"
    file_id = pages.files.add_deferred(lambda: b"later", "text/plain", "1")
    pages.running = ""  # a click runs no script
    assert is_of(pages.files.execute_deferred(file_id), "a")


def test_files_without_an_open_page_are_nobodys(pages: Pages) -> None:
    pages.open = {"a"}
    closed, again = pages.run("closed"), pages.run("closed")
    assert closed != again
    assert not any(is_of(url, page) for url in (closed, again) for page in ("a", "closed", ""))


def test_names_for_each_page_take_no_more_memory_than_the_pages_that_are_open(
    pages: Pages,
) -> None:
    for number in range(500):
        page = f"page-{number}"
        pages.open.add(page)
        for run in range(5):
            pages.run(page, f"{number} {run}".encode())
        # The present file, and the one before it: somebody may just be loading it.
        assert len(pages.storage._files_by_id) <= 2 + 2
        pages.close(page)
    pages.files.remove_orphaned_files()
    assert pages.storage._files_by_id == {}
    assert dict(pages.files._files_by_session_and_coord) == {}
