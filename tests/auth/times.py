"""`python -m tests.auth.times`: how long an answer takes, whoever is asked for; prints JSON.

For `python -m shared.auth.evaluate`: tests hold no bounds that a busy machine breaks.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import Engine

from shared.auth import local_accounts, passwords
from shared.settings import Settings
from shared.store.engine import make_engine
from shared.store.schema import prepare_database
from tests.auth.browsers import Browser, Gallery
from tests.auth.guarded import Guarded
from tests.auth.people import CHEAP, NOW, add_account, at_once, many_sessions, signed_in

ATTEMPTS, REQUESTS, PROCESSES = 30, 300, 8


@contextmanager
def small_house() -> Iterator[tuple[Engine, Settings]]:
    """A database after the first start, where each hash of a password costs the same: nothing."""
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(passwords, "_HASHER", CHEAP),
        patch.object(passwords, "NOBODYS_HASH", CHEAP.hash("nobody knows this text")),
    ):
        settings = Settings(_env_file=None, data_dir=Path(folder))
        prepare_database(settings)
        engine = make_engine(settings)
        local_accounts.first_start(engine, NOW)
        yield engine, settings
        engine.dispose()


def refusals(attempts: int = ATTEMPTS) -> dict[str, float]:
    """Return how long the refusal of a wrong password takes, with and without an account.

    Args:
        attempts: Of each kind, taking turns; each under a name of its own, so that none waits.
    """
    with small_house() as (engine, settings):
        browser = Gallery(engine, settings).browser()
        for number in range(attempts):
            add_account(engine, f"name{number}")
        seconds: dict[str, list[float]] = {"name": [], "kein": []}
        _refused(browser, "somebody")
        for number in range(attempts):
            for kind, found in seconds.items():
                found.append(_refused(browser, f"{kind}{number}"))
    known, unknown = (1000 * statistics.median(found) for found in seconds.values())
    return {
        "refusal_known_ms_median": round(known, 3),
        "refusal_unknown_ms_median": round(unknown, 3),
        "refusal_difference_percent": round(100 * abs(known - unknown) / max(known, unknown), 1),
    }


def _refused(browser: Browser, name: str) -> float:
    typed = browser.form() | {"benutzername": name, "passwort": "ganz falsches Passwort"}
    began = time.perf_counter()
    answer = browser.post("/konto/anmelden", typed)
    ended = time.perf_counter()
    if "Anmeldung nicht möglich." not in answer.text:
        raise AssertionError(answer.text)
    return ended - began


def guard_cpu_ms(requests: int = REQUESTS) -> float:
    """Return CPU time in milliseconds that the guard adds to a page; each looks up the session.

    Args:
        requests: How many.
    """
    with small_house() as (engine, settings):
        guarded = Guarded(engine, settings)
        cookie, _ = signed_in(engine, add_account(engine))
        behind = _cpu_s(guarded, cookie, requests)
        guarded.guard = guarded.app  # type: ignore[assignment]  # asks without a guard between
        alone = _cpu_s(guarded, cookie, requests)
        guarded.runner.close()
    return round(1000 * (behind - alone) / requests, 3)


def _cpu_s(guarded: Guarded, cookie: str, requests: int) -> float:
    began = time.process_time()
    for _ in range(requests):
        guarded.clock.now += timedelta(seconds=2)
        answer = guarded.ask("/sovia", cookie=cookie)
        if answer.status != 200:
            raise AssertionError(answer)
    return time.process_time() - began


def eight_processes_s() -> float:
    """Return the seconds in which 8 processes begin, find and end 200 sessions each."""
    with small_house() as (engine, settings):
        engine.dispose()
        began = time.perf_counter()
        counts = at_once(settings, PROCESSES, many_sessions)
        seconds = time.perf_counter() - began
    if set(counts) != {200}:
        raise AssertionError(counts)
    return round(seconds, 1)


def main() -> int:
    """Run the command."""
    found = {
        **refusals(),
        "guard_cpu_ms": guard_cpu_ms(),
        "eight_processes_s": eight_processes_s(),
    }
    sys.stdout.write(f"{json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
