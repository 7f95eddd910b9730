"""Examples that guests of the kiosk get at once: copies of what the house has worked off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from shared.auth.kiosk import new_guest
from shared.contracts.identity.principal import DEMO_TENANT, Principal
from shared.contracts.jobs import StoredFile
from shared.errors import NotAllowed, NotFound
from shared.store import artifacts, deletion, runs
from shared.store.demo_copies import HOUSE_SUBJECT
from shared.store.engine import read_scope, session_scope
from shared.store.guest_data import remove_guest
from shared.store.models import ArtifactRow, Base, RunFileRow, RunRow, UnitRow
from shared.store.runs import RunOrder
from shared.store.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUSE = Principal(HOUSE_SUBJECT, "", {DEMO_TENANT: "sachbearbeitung"}, DEMO_TENANT)


def kept(store: Store, principal: Principal, content: bytes, kind: str = "upload") -> StoredFile:
    return artifacts.save(
        principal,
        store,
        content,
        name="Beispiel.png",
        media_type="image/png",
        kind=kind,  # type: ignore[arg-type]
        is_example=True,
        now=datetime.now(UTC),
    )


def order_of(store: Store, principal: Principal, **more: object) -> RunOrder:
    image = kept(store, principal, b"Bild")
    order = RunOrder("aviary", "run", "Bild", (image,), {"recipe": "solar"}, is_example=True)
    return replace(order, **more)  # type: ignore[arg-type]


def submit(store: Store, principal: Principal, **more: object) -> str:
    return runs.submit(principal, store, order_of(store, principal, **more), now=NOW).id


def artifact(store: Store, file: StoredFile) -> str:
    with read_scope(store.engine) as session:
        found = session.scalar(select(ArtifactRow.id).where(ArtifactRow.sha256 == file.sha256))
    assert found is not None
    return found


@pytest.fixture
def worked_off(store: Store) -> str:
    """The example as the house has it: two units, one with a file, and a result."""
    run_id = submit(store, HOUSE)
    piece = artifact(store, kept(store, HOUSE, b"Teil"))
    result = artifact(store, kept(store, HOUSE, b"Ergebnis"))
    with session_scope(store.engine) as session:
        for ordinal, file in enumerate((piece, None)):
            session.add(
                UnitRow(
                    run_id=run_id,
                    ordinal=ordinal,
                    key=str(ordinal),
                    state="done",
                    result_json={"finds": ordinal},
                    artifact_id=file,
                    file_name="teil" if file else None,
                    seconds=1.5,
                )
            )
        session.add(
            RunFileRow(
                run_id=run_id, role="result", ordinal=0, name="result.json", artifact_id=result
            )
        )
        session.execute(
            update(RunRow)
            .where(RunRow.id == run_id)
            .values(
                state="done",
                units_total=2,
                units_done=2,
                summary_json={"finds": 1},
                started_at=NOW,
                finished_at=NOW,
                expires_at=NOW + timedelta(days=365),
            )
        )
    return run_id


def count(store: Store, model: type[Base]) -> int:
    with read_scope(store.engine) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_guest_gets_the_finished_example_in_her_own_name(store: Store, worked_off: str) -> None:
    guest = new_guest()
    run = runs.get(guest, store, submit(store, guest))
    template = runs.get(HOUSE, store, worked_off)
    assert run.id != worked_off
    assert run.started_by == guest.subject
    assert run.expires_at is None
    same = {"id": template.id, "started_by": HOUSE_SUBJECT, "expires_at": template.expires_at}
    assert replace(run, **same) == template  # type: ignore[arg-type]
    assert run.state == "done"
    units = runs.units(guest, store, run.id)
    assert units == runs.units(HOUSE, store, worked_off)
    assert [unit.data for unit in units] == [{"finds": 0}, {"finds": 1}]
    files = runs.result_files(guest, store, run.id)
    assert artifacts.read(guest, store, files["result.json"]) == b"Ergebnis"
    assert artifacts.read(guest, store, run.inputs[0]) == b"Bild"
    # Nothing was stored again, and nothing is to be worked on.
    assert count(store, ArtifactRow) == 3
    assert [one.id for one in runs.recent(guest, store)] == [run.id]


def test_the_same_guest_gets_the_same_copy_and_another_one_another(
    store: Store, worked_off: str
) -> None:
    anna, berta = new_guest(), new_guest()
    first = submit(store, anna)
    assert submit(store, anna) == first
    second = submit(store, berta)
    assert len({first, second, worked_off}) == 3
    for stranger, run_id in ((berta, first), (anna, second), (anna, worked_off)):
        with pytest.raises(NotFound):
            runs.get(stranger, store, run_id)
        with pytest.raises(NotFound):
            runs.units(stranger, store, run_id)
        with pytest.raises(NotFound):
            runs.result_files(stranger, store, run_id)


def test_what_one_guest_leaves_takes_nothing_from_others(store: Store, worked_off: str) -> None:
    anna, berta = new_guest(), new_guest()
    submit(store, anna)
    kept_run = submit(store, berta)
    assert remove_guest(store, anna.subject) == 1
    files = runs.result_files(berta, store, kept_run)
    assert artifacts.read(berta, store, files["result.json"]) == b"Ergebnis"
    assert remove_guest(store, berta.subject) == 1
    assert runs.get(HOUSE, store, worked_off).state == "done"
    assert (count(store, UnitRow), count(store, RunFileRow)) == (2, 2)
    assert submit(store, new_guest()) != worked_off


@pytest.mark.parametrize(
    "values",
    [{"state": "running"}, {"state": "failed"}, {"state": "cancelled"}, {"units_failed": 1}],
    ids=["running", "failed", "cancelled", "part"],
)
def test_only_a_whole_result_is_copied(
    store: Store, worked_off: str, values: dict[str, object]
) -> None:
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).where(RunRow.id == worked_off).values(**values))
    guest = new_guest()
    assert runs.get(guest, store, submit(store, guest)).state == "queued"


def test_another_order_is_worked_on(store: Store, worked_off: str) -> None:
    guest = new_guest()
    for more in ({"parameters": {"recipe": "pools"}}, {"fingerprint": "anderes Modell"}):
        assert runs.get(guest, store, submit(store, guest, **more)).state == "queued"


def test_only_guests_get_copies(store: Store, worked_off: str) -> None:
    clerk = Principal("anna", "Anna", {DEMO_TENANT: "sachbearbeitung"}, DEMO_TENANT)
    assert runs.get(clerk, store, submit(store, clerk)).state == "queued"


def test_guests_neither_bring_nor_delete_anything(store: Store, worked_off: str) -> None:
    guest = new_guest()
    run_id = submit(store, guest)
    with pytest.raises(NotAllowed):
        submit(store, guest, is_example=False)
    with pytest.raises(NotAllowed):
        artifacts.save(
            guest,
            store,
            b"eigenes",
            name="a.png",
            media_type="image/png",
            kind="upload",
            is_example=False,
            now=NOW,
        )
    with pytest.raises(NotAllowed):
        deletion.delete_run(guest, store, run_id)
