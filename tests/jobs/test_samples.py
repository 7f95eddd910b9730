"""The examples of the kiosk: ordered once, again after a failure, and tidied up behind guests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select, update

from shared.auth.kiosk import KioskGuests
from shared.errors import ModelServerDown
from shared.jobs import samples
from shared.jobs.samples import AGAIN_S, EVERY_S, HOUSE, KioskChores, order_samples
from shared.registry.discover import find_app, manifests
from shared.store import runs
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import SessionRow
from shared.store.models import RunRow
from shared.store.run_views import RunOrder
from shared.store.store import Store
from tests.store.servers import local_settings, store_sqlite  # noqa: F401  # fixtures

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Apps:
    """What stands for the apps: each orders what the test says, or fails."""

    faults: dict[str, Exception] = field(default_factory=dict)

    def load(self, name: str) -> Any:
        slug = name.split(".")[1]

        def sample_order(principal, store, models, manifest, now) -> RunOrder:
            assert principal is HOUSE
            assert manifest.id == slug
            if slug in self.faults:
                raise self.faults[slug]
            return RunOrder(slug, "run", "Beispiel", (), {"slug": slug}, is_example=True)

        return SimpleNamespace(sample_order=sample_order)


@pytest.fixture
def apps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Apps]:
    made = Apps()
    monkeypatch.setattr(samples, "importlib", SimpleNamespace(import_module=made.load))
    yield made


@pytest.fixture
def store(store_sqlite: Store) -> Store:  # noqa: F811
    return store_sqlite


def ordered(store: Store) -> dict[str, str]:
    return {run.app: run.state for run in runs.recent(HOUSE, store, limit=100)}


def count(store: Store, model: Any) -> int:
    with read_scope(store.engine) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def change(store: Store, **values: Any) -> None:
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).values(**values))


def test_each_example_is_ordered_once(store: Store, apps: Apps) -> None:
    slugs = {app.id for app in manifests()}
    first = order_samples(store, None, NOW)  # type: ignore[arg-type]
    again = order_samples(store, None, NOW)  # type: ignore[arg-type]
    assert {one.app for one in first} == slugs
    assert [one.run.id for one in first if one.run] == [one.run.id for one in again if one.run]
    assert ordered(store) == dict.fromkeys(slugs, "queued")
    assert all(run.is_example for run in runs.recent(HOUSE, store))


@pytest.mark.parametrize(
    "values",
    [{"state": "failed"}, {"state": "cancelled"}, {"state": "done", "units_failed": 1}],
    ids=["failed", "cancelled", "part"],
)
def test_what_has_failed_is_tried_again(
    store: Store, apps: Apps, values: dict[str, object]
) -> None:
    order_samples(store, None, NOW)  # type: ignore[arg-type]
    change(store, **values)
    again = order_samples(store, None, NOW)  # type: ignore[arg-type]
    assert {one.run.state for one in again if one.run} == {"queued"}


def test_one_app_that_fails_harms_no_other(store: Store, apps: Apps) -> None:
    apps.faults = {"aviary": ModelServerDown(), "archivair": ZeroDivisionError()}
    found = {one.app: one for one in order_samples(store, None, NOW)}  # type: ignore[arg-type]
    assert found["aviary"].error == ModelServerDown.code
    assert found["archivair"].run is None
    assert "archivair" not in ordered(store)
    del apps.faults["aviary"]
    order_samples(store, None, NOW)  # type: ignore[arg-type]
    assert ordered(store)["aviary"] == "queued"


def test_the_real_apps_name_their_example() -> None:
    """Each module is there and has the function; what it orders their own tests say."""
    for app in manifests():
        assert find_app(app.id) == app
        file = samples.APPS_FOLDER / app.id / f"{samples.MODULE}.py"
        assert "def sample_order(" in file.read_text(encoding="utf-8")


def test_the_thread_tries_soon_again_and_then_hourly(store: Store, apps: Apps) -> None:
    chores = KioskChores(store, lambda: NOW)
    apps.faults = {"aviary": ModelServerDown()}
    assert chores.do() == AGAIN_S
    apps.faults = {}
    assert chores.do() == EVERY_S


def test_what_guests_have_left_is_gone_after_an_hour(store: Store, apps: Apps) -> None:
    guests = KioskGuests(store)
    for moment in (NOW, NOW + timedelta(minutes=59)):
        begun = guests.begin("127.0.0.1", moment)
        assert begun is not None and guests.enter(begun[1].id, moment)
        order = RunOrder("aviary", "run", "Bild", (), {"n": str(moment)}, is_example=True)
        runs.submit(begun[1].principal, store, order, now=moment)
    KioskChores(store, lambda: NOW + timedelta(hours=1)).do()
    assert count(store, SessionRow) == 1
    assert count(store, RunRow) == len(manifests()) + 1


def test_the_thread_ends_when_it_is_told(store: Store, apps: Apps) -> None:
    stop = threading.Event()
    thread = KioskChores(store, lambda: NOW).start(stop)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert ordered(store)
