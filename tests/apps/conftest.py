"""What the tests of all apps share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import get_settings


@pytest.fixture(autouse=True)
def own_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep commands out of the database and the audit of whoever runs the tests."""
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "installation"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()
