"""Backup and deletion beside a working supervisor: nothing lost, nothing resurrected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.errors import NotFound
from shared.store import artifacts, deletion, retention, runs
from shared.store.backup import backup
from shared.store.restore import restore
from shared.store.verify import verify
from tests.jobs.houses import ANNA, House
from tests.store.servers import acting
from tests.store.test_deletion import dump
from tests.timing import wait_until

pytestmark = pytest.mark.server
ADMIN = acting("musterstadt", "chefin", "admin")
BERT = acting("nachbarstadt", "bert")
FILES = [f"file {number}.txt" for number in range(40)]


def results(house: House, run: runs.RunView) -> list[tuple[object, ...]]:
    """What a run gave, without times."""
    units = [
        (unit.ordinal, unit.key, unit.state, unit.data, unit.file)
        for unit in runs.units(ANNA, house.store, run.id)
    ]
    table = runs.result_files(ANNA, house.store, run.id)["Übersicht.txt"]
    return [*units, (artifacts.read(ANNA, house.store, table),)]


def test_a_backup_of_a_running_job_is_restored_and_the_job_goes_on(
    local_house: House, tmp_path: Path
) -> None:
    local_house.start_supervisor()
    local_house.wait_ready()
    keys = [
        key for number in range(40) for key in (FILES[number], f"sleep 0.{number % 3}{number:03d}")
    ]
    gate = tmp_path / "gate"
    run = local_house.order(*keys, f"after {gate} ok 1", job="long")
    wait_until(lambda: local_house.look(run).units_done >= 10, what="ten units")
    backup(local_house.store, tmp_path / "s.zip", datetime.now(UTC))
    assert local_house.look(run).state == "running"
    gate.touch()
    done = local_house.wait(run, "done")
    local_house.stop_supervisors()

    other = House(tmp_path / "anderswo", job_worker_mb=300)
    try:
        restore(other.store, tmp_path / "s.zip")
        kept = other.look(run)
        assert kept.state == "running"
        assert 10 <= kept.units_done < 81
        assert verify(other.store, datetime.now(UTC)).is_sound
        other.start_supervisor()
        other.wait_ready()
        again = other.wait(run, "done")
        assert (again.units_total, again.units_done, again.units_failed) == (81, 81, 0)
        # Process ids differ, everything else is the same.
        ours = [one for one in results(local_house, done) if "sleep" not in str(one[1:2])]
        theirs = [one for one in results(other, again) if "sleep" not in str(one[1:2])]
        assert ours == theirs
        assert verify(other.store, datetime.now(UTC)).is_sound
    finally:
        other.stop()


def test_a_municipality_is_deleted_while_its_job_runs(local_house: House) -> None:
    store = local_house.store
    local_house.start_supervisor()
    local_house.wait_ready()
    victim = local_house.order(
        *FILES, *(f"sleep 0.{number % 4}{number:03d}" for number in range(200))
    )
    naps = (f"sleep 0.{number % 4}{number:03d}" for number in range(40))
    other = local_house.order(*FILES, *naps, who=BERT)
    wait_until(lambda: local_house.look(victim).units_done >= 10, what="ten units")

    deleted = deletion.delete_tenant(ADMIN, store, patience_s=60)
    assert deleted.runs == 1
    assert deleted.files >= 2
    with pytest.raises(NotFound):
        local_house.look(victim)

    done = local_house.wait(other, "done", who=BERT)
    assert (done.units_done, done.units_failed) == (80, 0)
    assert verify(store, datetime.now(UTC)).missing == ()
    # Whatever a worker still wrote has no row; the purge takes it along.
    retention.purge(store, datetime.now(UTC) + timedelta(days=2))
    assert list(store.files.keys("musterstadt")) == []
    assert [name for name, text in dump(store).items() if "musterstadt" in text] == []
    assert victim.id not in "".join(dump(store).values())
    assert "Traceback" not in local_house.log()
