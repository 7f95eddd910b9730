"""A supervisor whose rounds happen one by one, with workers that answer when the test says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from shared.contracts.jobs import Priority
from shared.errors import ClusterUnreachable
from shared.jobs.cluster import TaskEnded
from shared.jobs.fleet import Fleet
from shared.jobs.lease import Lease, Owner
from shared.jobs.messages import Order, Reply, UnitReply
from shared.jobs.queue import Queue
from shared.jobs.results import Inconsistent
from shared.jobs.rounds import HEAR_EVERY_S, Rounds
from shared.jobs.worker import versions
from shared.store import runs
from shared.store.runs import RunOrder, RunView
from shared.store.store import Store
from tests.store.servers import acting
from tests.timing import wait_until

ANNA = acting("musterstadt", "anna")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TIMEOUT_S = 10.0


class Hands:
    """A cluster whose tasks wait for the test."""

    kind = "lokal"

    def __init__(self, *names: str) -> None:
        self.names = names
        self.orders: dict[str, Order] = {}
        self.workers: dict[str, str] = {}
        self.restarted: list[str] = []
        self.is_there = True

    def connect(self) -> None:
        if not self.is_there:
            raise ClusterUnreachable()

    def places(self) -> Mapping[str, int]:
        return dict.fromkeys(self.names, 1)

    def versions_of(self, worker: str) -> Mapping[str, str] | None:
        return versions()

    def submit(self, token: str, worker: str, order: str) -> None:
        if not self.is_there:
            raise ClusterUnreachable()
        self.orders[token] = Order.from_json(order)
        self.workers[token] = worker

    def forget(self, token: str) -> None:
        self.orders.pop(token, None)

    def restart(self, worker: str) -> None:
        self.restarted.append(worker)

    def close(self) -> None:
        self.orders.clear()


class Desk:
    """A supervisor whose rounds happen one by one."""

    def __init__(self, store: Store, *names: str) -> None:
        self.store = store
        self.now = 1000.0
        self.hands = Hands(*names)
        lease = Lease(store.engine, Owner.this_process(), self.clock)
        assert lease.try_take()
        self.fleet = Fleet(self.hands, self.clock)
        self.rounds = Rounds(Queue(store, lease, lambda: NOW), self.fleet, self.clock)
        wait_until(self._has_workers)

    def clock(self) -> float:
        return self.now

    def _has_workers(self) -> bool:
        self.fleet.look()
        return self.fleet.size == len(self.hands.names)

    def round(self, pass_s: float = HEAR_EVERY_S) -> None:
        """Let time pass and do one round."""
        self.now += pass_s
        self.rounds.do()

    def settle(self) -> None:
        """Do rounds as the supervisor does, until one finds everything as remembered."""
        for _ in range(5):
            try:
                self.round()
            except Inconsistent:
                self.rounds.doubt()
            else:
                return
        raise AssertionError("the rounds never agree with the database")

    def order(
        self, count: int = 4, priority: Priority = Priority.NORMAL, **more: object
    ) -> RunView:
        """Order a run; its units are known already."""
        order = RunOrder(
            app="probe", job="probe", title="Probe", inputs=(),
            parameters={"count": count, **more}, priority=priority,
        )  # fmt: skip
        return runs.submit(ANNA, self.store, order, now=NOW)

    def look(self, run: RunView) -> RunView:
        """How a run stands."""
        return runs.get(ANNA, self.store, run.id)

    def states(self, run: RunView) -> list[str]:
        """State of each unit."""
        every = ("queued", "leased", "done", "failed")
        return [unit.state for unit in runs.units(ANNA, self.store, run.id, states=every)]

    def task(self, step: str = "units", run: RunView | None = None) -> tuple[str, Order]:
        """The first task of a step that a worker has."""
        for token, order in self.hands.orders.items():
            if order.step == step and run in (None, run) and (not run or order.run_id == run.id):
                return token, order
        raise AssertionError(f"no {step} in {[order.step for order in self.hands.orders.values()]}")

    def unit_task(self, ordinal: int) -> str:
        """The task that does a unit; others are answered until it is handed out."""
        for _ in range(20):
            for token, order in list(self.hands.orders.items()):
                if ordinal in [unit for unit, _ in order.units]:
                    return token
                self.answer_units(token, order)
            self.round()
        raise AssertionError(f"unit {ordinal} is not handed out")

    def end(self, token: str, ending: str = "answered", **reply: object) -> None:
        """Let a task end."""
        self.hands.orders.pop(token)
        text = Reply(**reply).to_json() if ending == "answered" else ""  # type: ignore[arg-type]
        self.rounds.take(TaskEnded(token, ending, text))  # type: ignore[arg-type]

    def answer_units(self, token: str, order: Order, **more: object) -> None:
        """Let all units of a task succeed."""
        replies = [UnitReply(ordinal, 0.4, {"n": ordinal}, **more) for ordinal, _ in order.units]  # type: ignore[arg-type]
        self.end(token, units=tuple(replies))

    def begin(self, count: int = 4, **more: object) -> RunView:
        """Order a run and bring it to where its first unit is in a worker's hands."""
        run = self.order(count, **more)
        self.round()
        if ("probe", "probe") not in self.rounds._board.facts:
            self.end(self.task("facts", run)[0], unit_timeout_s=TIMEOUT_S, attempts=3)
            self.round()
        self.end(self.task("split", run)[0], keys=[f"key {number}" for number in range(count)])
        self.round()
        self.round()
        return run
