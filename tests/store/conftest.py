"""Fixtures of the tests of the store."""

from __future__ import annotations

from tests.store.servers import (  # noqa: F401  # fixtures
    local_settings,
    postgres_server,
    s3_server,
    s3_settings,
    store,
    store_postgres,
    store_sqlite,
)
