"""The examples of all apps, worked off before a guest of the kiosk asks for them.

An app brings `sample_order(principal, store, models, manifest, now)` in its module `ordering.py`.
What the house has ordered here is copied for guests, see `shared.store.demo_copies`.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from shared.auth import sessions
from shared.clients.model_server import ModelServerClient
from shared.contracts.identity.principal import DEMO_TENANT, Principal
from shared.errors import UrbanKiError, new_reference
from shared.jobs.context import ModelClients
from shared.registry.discover import APPS_FOLDER, manifests
from shared.store import runs
from shared.store.demo_copies import HOUSE_SUBJECT
from shared.store.guest_data import remove_gone_guests
from shared.store.run_views import RunView
from shared.store.store import Store

MODULE = "ordering"
HOUSE = Principal(
    subject=HOUSE_SUBJECT,
    display_name="",
    roles_by_tenant={DEMO_TENANT: "sachbearbeitung"},
    active_tenant=DEMO_TENANT,
)
"""Who orders the examples."""
EVERY_S = 3600.0
AGAIN_S = 5.0
"""Until all examples are ordered: the model server may need a while to start."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """What became of the example of one app.

    Args:
        app: App id.
        run: The run; None if it could not be ordered.
        error: Why not: a code of `shared.errors`.
    """

    app: str
    run: RunView | None
    error: str = ""


def order_samples(store: Store, models: ModelServerClient, now: datetime) -> list[SampleOrder]:
    """Order the example of each app that brings one; one that is done is not worked off again.

    Args:
        store: Database and files.
        models: Client of the model server for the municipality `demo`.
        now: The moment, with zone.
    """
    found = []
    for app in manifests(only=store.settings.app_ids):
        if not (APPS_FOLDER / app.id / f"{MODULE}.py").is_file():
            continue
        try:
            module = importlib.import_module(f"apps.{app.id}.{MODULE}")
            order = module.sample_order(HOUSE, store, models, app, now)
            run = runs.submit(HOUSE, store, order, now=now)
            if run.state == "done" and run.units_failed:
                run = runs.go_on(HOUSE, store, run.id)
            found.append(SampleOrder(app.id, run))
        except UrbanKiError as error:
            found.append(SampleOrder(app.id, None, error.code))
        except Exception:
            # Code of any app: one that fails harms no other.
            _log.exception("%s the example of %s cannot be ordered", new_reference(), app.id)
            found.append(SampleOrder(app.id, None, UrbanKiError.code))
    return found


def tidy(store: Store, now: datetime) -> None:
    """Remove sessions that have ended, and what their guests have left.

    Args:
        store: Database and files.
        now: The moment, with zone.
    """
    sessions.purge(store.engine, now)
    removed = remove_gone_guests(store, now)
    _log.info("runs of guests removed: %d", removed)


class KioskChores:
    """Orders the examples at the start, and tidies up behind guests each hour, in a thread.

    Args:
        store: Database and files.
        clock: Says the moment, with zone.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock
        self._models = ModelClients(store.settings)
        self._complaints: set[tuple[str, str]] = set()

    def start(self, stop: threading.Event) -> threading.Thread:
        """Begin; the thread ends soon after `stop` is set."""
        thread = threading.Thread(target=self._run, args=(stop,), name="kiosk", daemon=True)
        thread.start()
        return thread

    def do(self) -> float:
        """Do what is due and return the seconds until the next time."""
        try:
            tidy(self._store, self._clock())
            made = order_samples(self._store, self._models.of(DEMO_TENANT), self._clock())
        except (UrbanKiError, SQLAlchemyError, OSError):
            _log.exception("%s the kiosk is not tidied up", new_reference())
            return AGAIN_S
        failed = {(one.app, one.error) for one in made if one.run is None}
        for app, code in sorted(failed - self._complaints):
            _log.warning("the example of %s is not ordered yet: %s", app, code)
        self._complaints = failed
        return AGAIN_S if failed else EVERY_S

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self.do()):
            pass
