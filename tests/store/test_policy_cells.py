"""Every function of the repositories for every role: what the table of rights says, and no more.

At home the call goes through exactly when the table allows its actions; refused ones leave the
database and the files as they were. Elsewhere nothing of the municipality is seen or changed,
whatever the role.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from shared.contracts.identity.policy import JOB_PART, ROLES, Fact, decide
from shared.contracts.identity.principal import (
    DEMO_TENANT,
    HOME_TENANT,
    PLATFORM_TENANT,
    Principal,
    Role,
)
from shared.errors import NotAllowed, UrbanKiError
from shared.store import artifacts, dataspace, decisions, deletion, feedback, lineage, runs
from shared.store.runs import RunOrder
from shared.store.store import Store
from tests.store.filled import NOW, finished, ordered, published, stored
from tests.store.servers import acting
from tests.store.test_tenants import (
    CASES,
    OWNER,
    REFUSED,
    World,
    all_rows,
    belongings,
    make_world,
)

READ, SPACE, DELETE = ("result.read",), ("dataspace.read",), ("result.delete",)
ACTIONS: dict[str, tuple[str, ...]] = {
    "artifacts.save": ("upload",),
    "artifacts.read": READ,
    "artifacts.open_file": READ,
    "artifacts.local_path": READ,
    "dataspace.publish": ("dataspace.publish",),
    "dataspace.list_layers": SPACE,
    "dataspace.find_layer": SPACE,
    "dataspace.layer_by_id": SPACE,
    "dataspace.read_table": SPACE,
    "dataspace.read_layer": SPACE,
    "dataspace.layer_path": SPACE,
    "dataspace.as_input": SPACE,
    "dataspace.note_use": (*SPACE, "job.start"),
    "dataspace.share": ("dataspace.share",),
    "decisions.decide": ("review.decide",),
    "decisions.undo": ("review.decide",),
    "decisions.current": READ,
    "decisions.history": READ,
    "deletion.delete_run": (*READ, "result.delete.own"),
    "deletion.delete_own": ("result.delete.own",),
    "deletion.delete_app": DELETE,
    "deletion.delete_tenant": DELETE,
    "deletion.delete_layer": DELETE,
    "deletion.readers": DELETE,
    "feedback.flag": ("app.open",),
    "feedback.list_feedback": ("feedback.read",),
    "feedback.export_feedback": ("feedback.read",),
    "lineage.lineage": SPACE,
    "progress.read_pace": READ,
    "runs.submit": ("job.start",),
    "runs.get": READ,
    "runs.recent": READ,
    "runs.units": READ,
    "runs.result_files": READ,
    "runs.request_cancel": (*READ, "job.cancel"),
    "runs.go_on": (*READ, "job.start"),
    "runs.is_joining": READ,
    "runs.runs_ahead": READ,
}
"""What each call needs, if the run is real and the person's own."""
OF_OTHERS = {"job.cancel": "job.cancel.others", "result.delete.own": "result.delete"}
OWN_WORK_ONLY = {"deletion.delete_own"}
"""Never about the work of others."""
JOBS_TOO: dict[str, frozenset[Fact]] = {
    "dataspace.publish": JOB_PART,
    "dataspace.note_use": JOB_PART,
}
"""What a job does for its own run."""
LAST = ("deletion.delete_own", "deletion.delete_run", "deletion.delete_layer",
        "deletion.delete_app", "deletion.delete_tenant")  # fmt: skip
"""Afterwards there is little left for others to be called on."""
IN_ORDER = (*(name for name in CASES if name not in LAST), *LAST)


def somebody(role: Role, subject: str = "anna", tenant: str = HOME_TENANT) -> Principal:
    home = PLATFORM_TENANT if role == "plattform_admin" else tenant
    return Principal(subject, "", {home: role}, home)


def needed(name: str, *, is_own: bool) -> list[str]:
    actions = ACTIONS[name]
    if is_own or name in OWN_WORK_ONLY:
        return list(actions)
    return [OF_OTHERS.get(action, action) for action in actions]


def is_allowed(who: Principal, name: str, *, is_own: bool) -> bool:
    facts = JOBS_TOO.get(name, frozenset[Fact]())
    return all(decide(who, one, given=facts).allowed for one in needed(name, is_own=is_own))


def test_every_function_has_its_actions() -> None:
    assert set(ACTIONS) == set(CASES)


@pytest.mark.parametrize("subject", ["anna", "otto"])
@pytest.mark.parametrize("role", ROLES)
def test_each_cell_at_home(store: Store, role: Role, subject: str) -> None:
    world, who, is_own = make_world(store), somebody(role, subject), subject == "anna"
    before = (all_rows(store), belongings(store))
    allowed = [name for name in IN_ORDER if is_allowed(who, name, is_own=is_own)]
    for name in set(IN_ORDER) - set(allowed):
        with pytest.raises(NotAllowed) as refused:
            CASES[name](who, store, world)
        assert refused.value.details["action"] in needed(name, is_own=is_own)
    assert (all_rows(store), belongings(store)) == before
    blocked = []
    for name in allowed:
        try:
            CASES[name](who, store, world)
        except NotAllowed:
            blocked.append(name)
        except UrbanKiError as error:  # an earlier call has changed what this one is about
            assert isinstance(error, REFUSED), name
    assert blocked == []


@pytest.mark.parametrize("role", ROLES)
def test_each_cell_elsewhere(store: Store, role: Role) -> None:
    world, who = make_world(store), somebody(role, tenant="herten")
    before = belongings(store)
    foreign = (world.run.id, world.layer.id, world.decision.id, world.file.sha256)
    for name in CASES:
        try:
            told = repr(CASES[name](who, store, world))
        except (NotAllowed, *REFUSED):
            told = ""
        assert not any(word in told for word in foreign), name
    assert belongings(store) == before


@pytest.mark.parametrize("held", [{}, {"herten": "admin"}, {"plattform": "plattform_admin"}])
def test_without_a_role_here_nothing_is_found_out(
    store_sqlite: Store, held: dict[str, Role]
) -> None:
    world = make_world(store_sqlite)
    before = all_rows(store_sqlite)
    nobody = Principal("anna", "", held, HOME_TENANT)
    strange = {
        name: replace(getattr(world, name), id="0" * 36)
        for name in ("run", "active", "stopped", "layer")
    }
    unknown = replace(world, **strange)
    for name in CASES:
        for about in (world, unknown):  # the same answer, whether it is there or not
            with pytest.raises(NotAllowed):
                CASES[name](nobody, store_sqlite, about)
    assert all_rows(store_sqlite) == before


@dataclass(frozen=True)
class Demo:
    """Example data of the demo municipality."""

    own: runs.RunView
    other: runs.RunView
    layer: str


Try = Callable[[Principal, Store, Demo], object]
GUESTS: dict[str, Try] = {
    "artifacts.save": lambda who, store, _: stored(store, who, b"Beispiel", is_example=True),
    "artifacts.read": lambda who, store, demo: artifacts.read(who, store, demo.own.inputs[0]),
    "dataspace.list_layers": lambda who, store, _: dataspace.list_layers(who, store),
    "dataspace.layer_path": lambda who, store, demo: dataspace.layer_path(who, store, demo.layer),
    "dataspace.note_use": lambda who, store, demo: dataspace.note_use(
        who, store, demo.own.id, [demo.layer]
    ),
    "feedback.flag": lambda who, store, _: feedback.flag(who, store, "aviary", 1, "gut", now=NOW),
    "lineage.lineage": lambda who, store, demo: lineage.lineage(who, store, demo.layer),
    "runs.submit": lambda who, store, demo: runs.submit(
        who, store, RunOrder("aviary", "s", "b", demo.own.inputs, is_example=True), now=NOW
    ),
    "runs.get": lambda who, store, demo: runs.get(who, store, demo.own.id),
    "runs.recent": lambda who, store, _: runs.recent(who, store),
    "runs.go_on": lambda who, store, demo: runs.go_on(who, store, demo.own.id),
    "runs.request_cancel": lambda who, store, demo: runs.request_cancel(
        who, store, demo.own.id, now=NOW
    ),
}
NOT_GUESTS: dict[str, Try] = {
    "a real file": lambda who, store, _: stored(store, who, b"Akte"),
    "a result": lambda who, store, _: stored(store, who, b"x", kind="result", is_example=True),
    "a real order": lambda who, store, demo: runs.submit(
        who, store, RunOrder("aviary", "s", "b", demo.own.inputs), now=NOW
    ),
    "the stop of another": lambda who, store, demo: runs.request_cancel(
        who, store, demo.other.id, now=NOW
    ),
    "a decision": lambda who, store, demo: decisions.decide(
        who, store, demo.own.id, "dach", "ja", now=NOW
    ),
    "deletion": lambda who, store, demo: deletion.delete_run(who, store, demo.own.id),
    "deletion of everything": lambda who, store, _: deletion.delete_own(who, store),
    "publication": lambda who, store, demo: published(store, who, demo.own),
    "sharing": lambda who, store, demo: dataspace.share(who, store, demo.layer, "alle"),
    "hints": lambda who, store, _: feedback.list_feedback(who, store),
}
GUEST = acting(DEMO_TENANT, "gast:1", "gast")


@pytest.fixture
def demo(store: Store) -> Demo:
    house = acting(DEMO_TENANT, "vorfuehrung")
    own = ordered(store, GUEST, "eigenes", example=True)
    other = finished(store, house, "anderes", example=True)
    return Demo(own, other, published(store, house, other).id)


def test_guests_try_examples(store: Store, demo: Demo) -> None:
    before = all_rows(store)
    for attempt in GUESTS.values():
        attempt(GUEST, store, demo)
    assert all_rows(store) != before


def test_guests_do_nothing_else(store: Store, demo: Demo) -> None:
    before = all_rows(store)
    for attempt in NOT_GUESTS.values():
        with pytest.raises(NotAllowed):
            attempt(GUEST, store, demo)
    assert all_rows(store) == before


def test_a_job_publishes_and_stores_for_its_run_and_nothing_else(store: Store) -> None:
    world, job = make_world(store), replace(somebody("service"), kind="service")
    assert published(store, job, world.run, name="aviary/neu").version == 1
    assert stored(store, job, b"Teil", kind="intermediate").bytes == 4
    for share in ("alle", ("herten",)):
        with pytest.raises(NotAllowed):
            published(store, job, world.run, name="aviary/geteilt", share=share)
    with pytest.raises(NotAllowed):
        stored(store, job, b"Akte")


def test_worlds_are_of_whoever_acts_in_them(store_sqlite: Store) -> None:
    world: World = make_world(store_sqlite)
    assert (OWNER.subject, OWNER.active_tenant) == ("anna", HOME_TENANT)
    assert {world.run.started_by, world.active.started_by} == {"anna"}
