"""`python -m shared.auth.evaluate`: measure what signing in and finding a session cost here."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from shared.auth import local_accounts, sessions
from shared.auth.sessions import Limits
from shared.settings import Settings
from shared.store.engine import make_engine
from shared.store.schema import prepare_database

LOOKUPS, LOGINS = 5000, 10
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(idle_s=1800, absolute_s=36_000)


def measure(engine: Engine) -> dict[str, float]:
    """Return median times in milliseconds.

    Args:
        engine: An empty database.
    """
    first = local_accounts.first_start(engine, NOW)[0]
    account = local_accounts.get_account(engine, first.username)
    cookie, _ = sessions.create(
        engine, account.principal(), mode=sessions.LOCAL, limits=LIMITS, now=NOW
    )
    name, password = first.username, first.password
    return {
        "lookup_ms_median": _median_ms(LOOKUPS, lambda: sessions.lookup(engine, cookie, NOW)),
        "login_ms_median": _median_ms(
            LOGINS,
            lambda: local_accounts.sign_in(
                engine, name, password, ip_prefix="127.0.0.0/24", now=NOW
            ),
        ),
    }


def main() -> int:
    """Run the command and return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder))
        prepare_database(settings)
        engine = make_engine(settings)
        result = measure(engine)
        engine.dispose()
    print(json.dumps(result, indent=2))
    return 0


def _median_ms(count: int, work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(1000 * statistics.median(seconds), 4)


if __name__ == "__main__":
    sys.exit(main())
