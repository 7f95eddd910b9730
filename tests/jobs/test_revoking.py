"""A run stops when whoever ordered it may not order it any more; what is done stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from shared.auth import local_accounts, sessions
from shared.auth.kiosk import new_guest
from shared.auth.local_accounts import Account
from shared.auth.sessions import Limits
from shared.auth.subjects import erase_subject
from shared.contracts.identity.installation import LOCAL_SUBJECT, acting_as
from shared.contracts.identity.principal import HOME_TENANT, Principal
from shared.errors import OrderRevoked
from shared.jobs.revoking import LOOK_EVERY_S
from shared.jobs.samples import HOUSE
from shared.store import runs
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import TenantRow
from shared.store.ids import new_id
from shared.store.models import UnitRow
from shared.store.runs import RunOrder, RunView
from shared.store.schema import prepare_database
from shared.store.store import Store
from tests.auth.people import add_account, add_tenant
from tests.jobs.desk import NOW, Desk
from tests.jobs.houses import House
from tests.store.servers import PostgresServer, acting, postgres_template
from tests.timing import wait_until

BOSS = acting(HOME_TENANT, "boss", "admin")
MINUTES = Limits(idle_s=600, absolute_s=6000)


def states(store: Store, run: RunView) -> list[str]:
    """State of each unit, for whom nobody may look."""
    query = select(UnitRow.state).where(UnitRow.run_id == run.id).order_by(UnitRow.ordinal)
    with read_scope(store.engine) as session:
        return list(session.scalars(query))


class OwnDesk(Desk):
    """A desk at which somebody of the tests orders; the administration looks."""

    def __init__(self, store: Store, who: Principal) -> None:
        super().__init__(store, "one")
        self.who = who
        self.is_example = False

    def order(self, count: int = 4, *_: object, **more: object) -> RunView:
        order = RunOrder(
            app="probe", job="probe", title="Probe", inputs=(),
            parameters={"count": count, **more}, is_example=self.is_example,
        )  # fmt: skip
        return runs.submit(self.who, self.store, order, now=NOW)

    def look(self, run: RunView) -> RunView:
        boss = acting(self.who.active_tenant, "boss", "admin")
        return runs.get(boss, self.store, run.id)

    def states(self, run: RunView) -> list[str]:
        return states(self.store, run)

    def wait_for_look(self) -> None:
        """Let the time pass after which everybody's rights are looked at again."""
        self.round(LOOK_EVERY_S)

    def finish_unit(self) -> None:
        self.answer_units(*self.task())
        self.round()

    def close(self) -> None:
        self.rounds.close()
        self.fleet.close()
        self.rounds._chores._files.shutdown(wait=True)  # nobody reads when the database goes


@pytest.fixture
def account(store: Store) -> Account:
    add_tenant(store.engine, HOME_TENANT)
    add_account(store.engine, "boss", {HOME_TENANT: "admin"})
    return add_account(store.engine)


def principal(account: Account) -> Principal:
    return account.principal()


@pytest.fixture
def desk(store: Store, account: Account) -> Iterator[OwnDesk]:
    made = OwnDesk(store, principal(account))
    yield made
    made.close()


def lose_role(store: Store, account: Account) -> None:
    local_accounts.set_role(store.engine, account.username, HOME_TENANT, None, NOW)


def only_look(store: Store, account: Account) -> None:
    local_accounts.set_role(store.engine, account.username, HOME_TENANT, "viewer", NOW)


def be_disabled(store: Store, account: Account) -> None:
    local_accounts.disable(store.engine, account.username, NOW)


def lose_app(store: Store, account: Account) -> None:
    local_accounts.set_apps(store.engine, account.username, HOME_TENANT, frozenset({"aviary"}), NOW)


def be_erased(store: Store, account: Account) -> None:
    be_disabled(store, account)
    erase_subject(store.engine, store.settings, account.id)


def close_tenant(store: Store, _account: Account | None = None, slug: str = HOME_TENANT) -> None:
    with session_scope(store.engine) as session:
        session.execute(update(TenantRow).where(TenantRow.slug == slug).values(active=False))


LOSSES = [lose_role, only_look, be_disabled, lose_app, be_erased, close_tenant]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_run_ends_its_unit_and_stops_with_the_reason(
    desk: OwnDesk, account: Account, lose: Callable[[Store, Account], None]
) -> None:
    run = desk.begin(count=9)
    desk.finish_unit()
    token, order = desk.task()
    lose(desk.store, account)
    desk.wait_for_look()
    for _ in range(3):
        desk.wait_for_look()
    assert desk.look(run).state == "running", "its unit is still being done"
    assert list(desk.hands.orders) == [token], "nothing new is handed out, nothing is broken off"
    assert desk.hands.restarted == []

    desk.finish_unit()
    ended = desk.look(run)
    assert (ended.state, ended.message_code) == ("cancelled", OrderRevoked.code)
    done = 1 + len(order.units)
    assert (ended.units_done, desk.states(run)) == (done, ["done"] * done + ["queued"] * (9 - done))
    wait_until(lambda: desk.round() or desk.hands.orders)
    desk.end(desk.task("join")[0], summary={"units": done})
    desk.round()
    ended = desk.look(run)
    assert (ended.state, ended.summary) == ("cancelled", {"units": done})
    assert ended.message_code == OrderRevoked.code
    assert len(runs.units(BOSS, desk.store, run.id)) == done


@pytest.mark.parametrize("lose", LOSSES)
def test_a_waiting_run_never_begins(
    desk: OwnDesk, account: Account, lose: Callable[[Store, Account], None]
) -> None:
    run = desk.order()
    lose(desk.store, account)
    for _ in range(3):
        desk.round()
    assert desk.hands.orders == {}
    ended = desk.look(run)
    assert (ended.state, ended.message_code) == ("cancelled", OrderRevoked.code)
    assert ended.started_at is None


def test_a_run_ordered_between_two_looks_is_looked_at_before_it_begins(
    desk: OwnDesk, account: Account
) -> None:
    desk.begin(count=1)
    second = desk.order(other=True)
    be_disabled(desk.store, account)
    desk.round()
    assert second.id not in [order.run_id for order in desk.hands.orders.values()]
    assert desk.look(second).message_code == OrderRevoked.code


@pytest.mark.parametrize("change", ["more", "example", "app"])
def test_whoever_keeps_the_right_keeps_the_run(
    desk: OwnDesk, account: Account, change: str
) -> None:
    desk.is_example = change == "example"
    run = desk.begin(count=4)
    engine = desk.store.engine
    if change == "app":
        local_accounts.set_apps(engine, "anna", HOME_TENANT, frozenset({"probe"}), NOW)
    else:
        role = "admin" if change == "more" else "viewer"
        local_accounts.set_role(engine, "anna", HOME_TENANT, role, NOW)
    desk.wait_for_look()
    desk.finish_unit()
    assert desk.look(run).state == "running"
    desk.task()


def test_who_gets_the_right_back_in_time_loses_nothing(desk: OwnDesk, account: Account) -> None:
    run = desk.begin(count=4)
    be_disabled(desk.store, account)
    desk.wait_for_look()
    local_accounts.enable(desk.store.engine, "anna", NOW)
    desk.wait_for_look()
    desk.finish_unit()
    assert desk.look(run).state == "running"
    desk.task()


def test_the_next_supervisor_finds_the_same(desk: OwnDesk, account: Account) -> None:
    run = desk.begin(count=4)
    be_disabled(desk.store, account)
    desk.hands.orders.clear()
    desk.rounds.let_go()
    wait_until(lambda: desk.fleet.look() or desk.fleet.size == 1)
    desk.round()
    assert desk.look(run).message_code == OrderRevoked.code
    assert desk.states(run) == ["queued"] * 4
    assert desk.hands.orders == {}


def test_one_who_may_goes_on_and_answers_for_it(desk: OwnDesk, account: Account) -> None:
    run = desk.begin(count=2)
    be_disabled(desk.store, account)
    desk.wait_for_look()
    desk.finish_unit()
    again = runs.go_on(BOSS, desk.store, run.id, now=NOW)
    assert (again.state, again.started_by, again.message_code) == ("queued", "boss", None)
    desk.round()
    desk.round()
    desk.finish_unit()
    assert desk.look(run).units_done == 2


def test_one_who_goes_on_for_a_colleague_takes_nothing_from_her(desk: OwnDesk) -> None:
    run = desk.begin(count=2)
    runs.request_cancel(desk.who, desk.store, run.id, now=NOW)
    desk.finish_unit()
    assert runs.go_on(BOSS, desk.store, run.id, now=NOW).started_by == desk.who.subject


@pytest.mark.parametrize("who", [acting_as("sachbearbeitung", LOCAL_SUBJECT, HOME_TENANT), HOUSE])
@pytest.mark.parametrize("mode", ["lokal", "keycloak"])
def test_what_commands_and_the_house_have_ordered_stays(
    store: Store, who: Principal, mode: str
) -> None:
    add_tenant(store.engine, who.active_tenant, active=False)
    desk = with_mode(store, who, mode)
    run = desk.begin(count=2)
    desk.wait_for_look()
    assert desk.look(run).state == "running"
    desk.close()


def with_mode(store: Store, who: Principal, mode: str = "keycloak") -> OwnDesk:
    settings = store.settings.model_copy(update={"auth_mode": mode})
    return OwnDesk(replace(store, settings=settings), who)


@pytest.mark.parametrize("how", ["ended", "expired", "stays"])
def test_the_run_of_a_guest_belongs_to_her_session(store: Store, how: str) -> None:
    guest = new_guest()
    idle = MINUTES if how != "expired" else Limits(idle_s=1, absolute_s=6000)
    begun = NOW if how != "expired" else NOW - timedelta(seconds=2)
    _, view = sessions.create(store.engine, guest, mode="kiosk", limits=idle, now=begun)
    desk = OwnDesk(store, guest)
    desk.is_example = True
    if how == "ended":
        run = desk.begin(count=2)
        sessions.end(store.engine, view.id)
        desk.wait_for_look()
        desk.finish_unit()
    else:
        run = desk.order()
        desk.round()
    wanted = None if how == "stays" else OrderRevoked.code
    assert desk.look(run).message_code == wanted
    desk.close()


CLARA = acting(HOME_TENANT, "f:1234:clara")


@pytest.mark.parametrize(
    ("claims", "goes_on"),
    [
        (None, True),
        ({}, True),
        ({"roles_by_tenant": {HOME_TENANT: "viewer"}}, False),
        ({"roles_by_tenant": {"nachbarstadt": "sachbearbeitung"}}, False),
        ({"app_grants": frozenset({"aviary"})}, False),
    ],
    ids=["no session", "same", "viewer", "elsewhere", "other app"],
)
def test_with_a_provider_open_sessions_say_who_somebody_is(
    store: Store, claims: dict[str, object] | None, goes_on: bool
) -> None:
    if claims is not None:
        now_is = replace(CLARA, **claims)  # type: ignore[arg-type]
        sessions.create(store.engine, now_is, mode="keycloak", limits=MINUTES, now=NOW)
    desk = with_mode(store, CLARA)
    run = desk.order()
    desk.round()
    assert (desk.look(run).state == "running") is goes_on
    desk.close()


def test_with_a_provider_a_closed_municipality_stops_its_runs(store: Store) -> None:
    add_tenant(store.engine, HOME_TENANT)
    desk = with_mode(store, CLARA)
    run = desk.begin(count=4)
    close_tenant(store)
    desk.wait_for_look()
    desk.finish_unit()
    assert desk.look(run).message_code == OrderRevoked.code
    desk.close()


def test_an_account_that_is_gone_has_no_rights(store: Store, account: Account) -> None:
    """As after the deletion of the only municipality in which somebody had a role last."""
    desk = OwnDesk(store, replace(principal(account), subject=new_id()))
    run = desk.order()
    desk.round()
    assert desk.look(run).message_code == OrderRevoked.code
    desk.close()


def test_looking_costs_nothing_between_two_looks(
    desk: OwnDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.begin(count=200)
    asked: list[object] = []
    queue = desk.rounds._queue
    real = queue.without_right
    monkeypatch.setattr(queue, "without_right", lambda ids: asked.append(ids) or real(ids))
    for _ in range(12):
        desk.finish_unit()
    assert len(asked) == 1, "rounds of a quarter of a second each"


@pytest.fixture(params=["sqlite", "postgres"])
def real_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An installation with workers of its own, on either database; nothing runs yet."""
    more: dict[str, object] = {}
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        more["database_url"] = server.url(server.new_database(postgres_template()))
    made = House(tmp_path, job_worker_mb=300, **more)
    prepare_database(made.settings)
    yield made
    made.stop()


@pytest.mark.server
@pytest.mark.parametrize("is_killed", [False, True], ids=["works", "killed"])
def test_real_workers_stop_and_a_killed_supervisor_changes_nothing(
    real_house: House, is_killed: bool
) -> None:
    house, engine = real_house, real_house.store.engine
    add_tenant(engine, HOME_TENANT)
    anna = principal(add_account(engine))
    process = house.start_supervisor()
    house.wait_ready()
    many = house.order(count=2000, seconds=0.05, job="long", who=anna)
    wait_until(lambda: house.look(many).units_done > 10)
    long = house.order("sleep 8", job="long", who=anna)
    wait_until(lambda: states(house.store, long) == ["leased"])
    if is_killed:
        process.kill()
        process.wait()
    local_accounts.disable(engine, "anna", datetime.now(UTC))
    late = house.order("ok 1", job="long", who=anna, number=3)
    if is_killed:
        house.start_supervisor()

    for run in (long, many, late):
        ended = house.wait(run)
        assert (ended.state, ended.message_code) == ("cancelled", OrderRevoked.code)
    assert house.look(late).units_done == 0
    assert house.look(late).started_at is None
    if not is_killed:
        assert house.look(long).units_done == 1, "nobody broke the unit in hand off"
    wait_until(lambda: house.look(many).summary is not None)
    ended = house.look(many)
    assert 10 < ended.units_done < 2000
    found = Counter(states(house.store, many))
    assert found == {"done": ended.units_done, "queued": 2000 - ended.units_done}
    assert ended.summary == {"units": ended.units_done}
