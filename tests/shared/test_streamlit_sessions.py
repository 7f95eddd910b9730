"""Whose a session of Streamlit is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit import runtime

from shared.ui.streamlit_sessions import header_at_connect


def test_without_a_runtime_nothing_is_anybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "exists", lambda: False)
    monkeypatch.setattr(runtime, "get_instance", lambda: 1 / 0)
    assert header_at_connect("page", "x-ukg-session") == ""


def test_a_page_without_a_browser_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = SimpleNamespace(get_client=lambda _: SimpleNamespace(client_context=None))
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: silent)
    assert header_at_connect("page", "x-ukg-session") == ""
