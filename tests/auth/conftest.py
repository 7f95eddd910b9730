"""Fixtures of the tests of identity: both databases, and a hash of passwords that costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.auth import local_accounts, passwords
from shared.settings import Settings
from shared.store.engine import make_engine
from tests.auth.guarded import annas_cookie, guarded, serve  # noqa: F401  # fixtures
from tests.auth.people import CHEAP, NOW, add_account
from tests.auth.small_visits import clerk, other, small  # noqa: F401  # fixtures
from tests.store.servers import (  # noqa: F401  # fixtures
    PostgresServer,
    local_settings,
    postgres_server,
    postgres_template,
    sqlite_template,
)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each hash take the same small time, that of nobody too."""
    monkeypatch.setattr(passwords, "_HASHER", CHEAP)
    monkeypatch.setattr(passwords, "NOBODYS_HASH", CHEAP.hash("nobody knows this text"))


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, local_settings: Settings) -> Iterator[Settings]:  # noqa: F811
    """Settings of a database with its tables and nothing else."""
    if request.param == "sqlite":
        local_settings.data_dir.mkdir()
        Path(local_settings.data_dir, "gallery.db").write_bytes(sqlite_template())
        yield local_settings
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.new_database(postgres_template())
    yield local_settings.model_copy(update={"database_url": server.url(name)})
    server.drop(name)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """The database without accounts."""
    engine = make_engine(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def house(engine: Engine) -> Engine:
    """The database after the first start."""
    local_accounts.first_start(engine, NOW)
    return engine


@pytest.fixture
def anna(house: Engine) -> local_accounts.Account:
    """A clerk of the home municipality with a password of her own."""
    return add_account(house)
