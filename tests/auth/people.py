"""People who sign in, and processes in which they do it at once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import Engine, insert

from shared.auth import local_accounts, sessions
from shared.auth.local_accounts import Account
from shared.auth.sessions import Limits, SessionView
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.settings import Settings
from shared.store.engine import make_engine, session_scope
from shared.store.identity_models import TenantRow
from tests.timing import PATIENCE_S

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(idle_s=1800, absolute_s=36_000)
PASSWORD = "Hafen-Biene-Wolke-Tulpe-407"
HOME = "192.0.2.0/24"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def later(**amount: float) -> datetime:
    """The moment of the tests, and some time more."""
    return NOW + timedelta(**amount)


def add_tenant(engine: Engine, slug: str, *, active: bool = True) -> None:
    with session_scope(engine) as session:
        session.execute(
            insert(TenantRow).values(slug=slug, name=slug, theme="default", active=active)
        )


def add_account(
    engine: Engine, name: str = "anna", roles: Mapping[str, Role] | None = None, **more: Any
) -> Account:
    """An account with a password of its own, a clerk at home unless told otherwise."""
    wanted: Mapping[str, Role] = {HOME_TENANT: "sachbearbeitung"} if roles is None else roles
    return local_accounts.create_account(
        engine, name, name.title(), wanted, PASSWORD, now=NOW, **more
    )[0]


def signed_in(engine: Engine, account: Account, **more: Any) -> tuple[str, SessionView]:
    about = {"mode": "lokal", "limits": LIMITS, "now": NOW}
    return sessions.create(engine, account.principal(), **(about | more))


def _in_process(
    settings: Settings, barrier: Any, queue: Any, number: int, work: Callable[..., object]
) -> None:
    engine = make_engine(settings)
    barrier.wait(PATIENCE_S)
    try:
        queue.put((number, work(engine, number)))
    except BaseException as error:
        queue.put((number, error))
        raise
    finally:
        engine.dispose()


def at_once(settings: Settings, count: int, work: Callable[[Engine, int], object]) -> list[Any]:
    """What a function returns in several processes that begin at the same time."""
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(count), context.Queue()
    processes = [
        context.Process(target=_in_process, args=(settings, barrier, queue, number, work))
        for number in range(count)
    ]
    for process in processes:
        process.start()
    found = dict(queue.get(timeout=PATIENCE_S) for _ in processes)
    for process in processes:
        process.join(PATIENCE_S)
    assert [process.exitcode for process in processes] == [0] * count, found
    return [found[number] for number in range(count)]


def many_sessions(engine: Engine, number: int) -> int:
    """Begin 200 sessions of one person and end them all; return how many there were."""
    person = Principal(f"kc-{number}", "", {"herten": "viewer"}, "herten")
    for _ in range(200):
        cookie, view = sessions.create(engine, person, mode="keycloak", limits=LIMITS, now=NOW)
        if sessions.lookup(engine, cookie, NOW) != view:
            raise AssertionError("lost")
    return sessions.end_by_subject(engine, person.subject)
