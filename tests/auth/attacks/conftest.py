"""What attackers meet: SQLite, because the other database has nothing that they would notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.auth.local_accounts import Account
from shared.settings import Settings
from tests.auth.attacks.stack import Stack
from tests.auth.browsers import Browser
from tests.store.servers import sqlite_template


@pytest.fixture
def settings(local_settings: Settings) -> Settings:
    local_settings.data_dir.mkdir()
    Path(local_settings.data_dir, "gallery.db").write_bytes(sqlite_template())
    return local_settings


@pytest.fixture
def stack(house: Engine, settings: Settings) -> Iterator[Stack]:
    """The gallery after its first start."""
    made = Stack(house, settings)
    yield made
    made.runner.close()


@pytest.fixture
def victim(stack: Stack, anna: Account) -> Browser:
    """The browser of a clerk who has signed in."""
    browser = stack.browser()
    assert browser.sign_in().status_code == 303
    return browser
