"""What of identity has outlived its time goes every day, whatever else of the purge fails."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Engine, func, select

from shared.auth import attempts
from shared.auth.local_accounts import Account
from shared.auth.one_use import StoredIds
from shared.auth.purging import purge_identity
from shared.errors import DatabaseBusy
from shared.jobs import chores
from shared.jobs.chores import PURGE_AFTER_S, PURGE_EVERY_S, Chores
from shared.jobs.queue import Queue
from shared.settings import Settings
from shared.store import retention
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import (
    AuditRow,
    LoginAttemptRow,
    PendingLoginRow,
    SessionRow,
    UsedIdRow,
)
from tests.auth.audit_trail import add_login, trail
from tests.auth.people import HOME, NOW, later, signed_in

TABLES = (SessionRow, LoginAttemptRow, PendingLoginRow, UsedIdRow, AuditRow)


@pytest.fixture
def traces(house: Engine, anna: Account, settings: Settings) -> Engine:
    """One row of each kind, of the tests' moment."""
    signed_in(house, anna)
    attempts.begin(house, "niemand", HOME, NOW)
    StoredIds(house).claim("token", later(minutes=2).timestamp())
    with session_scope(house) as session:
        session.add(
            PendingLoginRow(
                state_sha256=hashlib.sha256(b"x").hexdigest(),
                nonce="n",
                code_verifier_enc="v",
                browser_binding_sha256="b" * 64,
                next_path="/",
                created_at=NOW,
            )
        )
    add_login(house, settings)
    return house


def counts(engine: Engine) -> list[int]:
    with read_scope(engine) as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES]


@pytest.mark.parametrize(
    ("age", "left"),
    [
        (timedelta(minutes=1), [1, 2, 1, 1, 1]),
        (timedelta(minutes=31), [0, 2, 0, 0, 1]),
        (timedelta(days=2), [0, 0, 0, 0, 1]),
        (timedelta(days=92), [0, 0, 0, 0, 1]),  # the row that anchors the chain
    ],
)
def test_each_kind_has_its_time(
    traces: Engine, settings: Settings, age: timedelta, left: list[int]
) -> None:
    purged = purge_identity(traces, settings, NOW + age)
    assert counts(traces) == left
    assert purged.sessions == 1 - left[0]
    assert purged.attempts == 2 - left[1]
    assert purged.one_use == 2 - left[2] - left[3]
    assert purged.audit.rows == (age > timedelta(days=90))
    assert trail(traces)[0].event == ("audit_purge" if purged.audit.rows else "login")


class Day:
    """Chores whose clock the test turns, without anything else of the jobs."""

    def __init__(self, engine: Engine, settings: Settings, moment: datetime) -> None:
        self.seconds = 0.0
        store = SimpleNamespace(engine=engine, settings=settings)
        queue = SimpleNamespace(store=store, moment=lambda: moment)
        self.chores = Chores(cast(Queue, queue), lambda: self.seconds)

    def turn(self, seconds: float) -> None:
        self.seconds += seconds
        self.chores.purge_daily()
        thread = self.chores._purging
        if thread is not None:
            thread.join(60)


def test_the_jobs_purge_every_day(
    traces: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "purge", lambda *_: None)
    day = Day(traces, settings, later(days=2))
    day.turn(PURGE_AFTER_S - 1)
    assert counts(traces)[0] == 1
    day.turn(1)
    assert counts(traces) == [0, 0, 0, 0, 1]
    attempts.begin(traces, "niemand", HOME, NOW)
    day.turn(PURGE_EVERY_S - 1)
    assert counts(traces)[1] == 2
    day.turn(1)
    assert counts(traces)[1] == 0


@pytest.mark.parametrize("broken", ["results", "identity"])
def test_one_purge_that_fails_leaves_the_other(
    traces: Engine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broken: str,
) -> None:
    done: list[str] = []

    def fail(*_: Any) -> None:
        raise DatabaseBusy()

    if broken == "results":
        monkeypatch.setattr(retention, "purge", fail)
    else:
        monkeypatch.setattr(retention, "purge", lambda *_: done.append("results"))
        monkeypatch.setattr(chores, "purge_identity", fail)
    with caplog.at_level(logging.ERROR):
        Day(traces, settings, later(days=2)).turn(PURGE_AFTER_S)
    assert "the daily purge failed" in caplog.text
    assert (done == ["results"]) != (counts(traces)[0] == 0)
