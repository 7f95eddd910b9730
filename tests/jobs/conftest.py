"""Fixtures of the tests of the jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.store.schema import prepare_database
from tests.jobs.houses import House, cluster_settings
from tests.store.servers import (  # noqa: F401  # fixtures
    S3_KEYS,
    PostgresServer,
    S3Server,
    local_settings,
    postgres_server,
    postgres_template,
    s3_server,
    s3_settings,
    store,
    store_postgres,
    store_sqlite,
)


@pytest.fixture(params=["local", "cluster"], scope="module")
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A working installation, once with everything in one place, once with all parts elsewhere."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in S3_KEYS.items():
            patch.setenv(name, value)
        made = _local(folder) if request.param == "local" else _cluster(folder, request)
        made.start_supervisor()
        made.wait_ready()
        yield made
        made.stop()


@pytest.fixture
def local_house(tmp_path: Path) -> Iterator[House]:
    """An installation on SQLite, a folder and own workers; nothing runs yet."""
    made = _local(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def cluster_house(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """An installation on PostgreSQL, S3 and a Dask cluster; only the cluster runs."""
    for name, value in S3_KEYS.items():
        monkeypatch.setenv(name, value)
    made = _cluster(tmp_path, request)
    yield made
    made.stop()


def _local(folder: Path) -> House:
    made = House(folder, job_worker_mb=300)
    prepare_database(made.settings)
    return made


def _cluster(folder: Path, request: pytest.FixtureRequest) -> House:
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    s3: S3Server = request.getfixturevalue("s3_server")
    database = postgres.new_database(postgres_template())
    settings = cluster_settings(
        postgres.url(database), f"s3://{s3.new_bucket()}/gallery", s3.endpoint
    )
    made = House(folder, **settings)
    made.start_scheduler()
    made.start_worker("one")
    made.start_worker("two")
    return made
