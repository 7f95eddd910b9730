"""Runs from order to end in a whole installation, in one place and with all parts elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.contracts.jobs import Priority
from shared.store import artifacts, runs
from shared.store.provenance import from_dict
from tests.jobs import sample_jobs
from tests.jobs.houses import ANNA, BERT, House
from tests.timing import TRIES, wait_until

pytestmark = pytest.mark.server


def test_a_run_is_done_and_says_where_it_comes_from(house: House) -> None:
    ordered = house.order(*(f"ok {number}" for number in range(20)), "file Straße 😀.txt")
    run = house.wait(ordered, "done")

    assert (run.units_total, run.units_done, run.units_failed) == (21, 21, 0)
    assert run.summary == {"units": 21}
    assert run.started_at is not None
    assert run.finished_at is not None
    assert run.created_at <= run.started_at <= run.finished_at
    assert run.expires_at is not None
    units = runs.units(ANNA, house.store, run.id)
    assert [unit.ordinal for unit in units] == list(range(21))
    assert units[3].data == {"value": "3", "bytes": 5}
    assert units[20].file is not None
    assert units[20].file.name == "Straße 😀.txt"
    assert artifacts.read(ANNA, house.store, units[20].file) == "content of Straße 😀.txt".encode()
    files = runs.result_files(ANNA, house.store, run.id)
    table = artifacts.read(ANNA, house.store, files["Übersicht.txt"]).decode()
    assert table.splitlines()[20] == "20 file Straße 😀.txt None content of Straße 😀.txt"
    assert run.provenance is not None
    origin = from_dict(run.provenance)
    assert (origin.run_id, origin.tenant, origin.sample_data) == (run.id, "musterstadt", True)
    assert origin.inputs[0].name == "Prüfung ä.txt"


def test_what_fails_is_listed_and_the_rest_is_done(house: House) -> None:
    run = house.wait(
        house.order(
            *("ok 1", "bad", "bug", "leave", "unstorable", "nan", "surrogate", "large"),
            *("wrong-type", "nul", "ok 2"),
        )
    )

    assert run.state == "done"
    assert house.errors(run) == {
        "ok 1": None,
        "bad": "bild_beschaedigt",
        "bug": "unerwarteter_fehler",
        "leave": "unerwarteter_fehler",
        "unstorable": "ergebnis_unbrauchbar",
        "nan": "ergebnis_unbrauchbar",
        "surrogate": "ergebnis_unbrauchbar",
        "large": "ergebnis_unbrauchbar",
        "wrong-type": "ergebnis_unbrauchbar",
        "nul": None,
        "ok 2": None,
    }
    assert (run.units_done, run.units_failed) == (3, 8)
    unit = runs.units(ANNA, house.store, run.id, states=("failed",))[1]
    assert unit.error_details["reference"].startswith("UK-")
    assert run.provenance is not None
    assert len(run.provenance["failed_units"]) == 8


def test_a_run_without_any_result_has_failed(house: House) -> None:
    run = house.wait(house.order("bad", "bad "))
    assert (run.state, run.message_code, run.units_failed) == ("failed", "bild_beschaedigt", 2)


def test_a_run_of_nothing_is_done(house: House) -> None:
    run = house.wait(house.order())
    assert (run.state, run.units_total, run.summary) == ("done", 0, {"units": 0})


def test_only_what_failed_is_repeated(house: House, tmp_path: Path) -> None:
    marker = tmp_path / "there"
    run = house.wait(house.order("ok 1", f"fail-first {marker}", "bad", count=0))
    assert (run.state, run.units_done, run.units_failed) == ("done", 2, 1)

    again = runs.go_on(ANNA, house.store, run.id)
    assert (again.state, again.units_done, again.units_failed) == ("queued", 2, 0)
    run = house.wait(run)
    assert (run.state, run.units_done, run.units_failed) == ("done", 2, 1)


def test_a_unit_that_ends_its_process_is_given_up_alone(house: House, tmp_path: Path) -> None:
    marker = tmp_path / "once"
    keys = ["ok 1", "ok 2", "crash", f"crash-once {marker}", "ok 3"]
    run = house.wait(house.order(*keys))

    assert run.state == "done"
    assert house.errors(run) == {**dict.fromkeys(keys), "crash": "worker_abgestuerzt"}
    house.wait_ready()


def test_a_unit_that_takes_all_memory_is_given_up(house: House) -> None:
    run = house.wait(house.order("ok 1", "allocate", job="long"))
    assert run.state == "done"
    assert house.errors(run) == {"ok 1": None, "allocate": "worker_abgestuerzt"}
    house.wait_ready()


@pytest.mark.parametrize("kind", ["hang", "hold"])
def test_a_unit_that_never_ends_is_given_up(house: House, kind: str) -> None:
    run = house.wait(house.order("ok 1", kind, "ok 2"))
    assert run.state == "done"
    assert house.errors(run) == {"ok 1": None, kind: "teil_zu_lange", "ok 2": None}
    details = runs.units(ANNA, house.store, run.id, states=("failed",))[0].error_details
    assert details == {"limit_s": round(sample_jobs.TIMEOUT_S)}
    house.wait_ready()


def test_a_run_waits_for_what_is_away_and_goes_on_by_itself(house: House, tmp_path: Path) -> None:
    server = tmp_path / "server"
    ordered = house.order(
        *(f"need {server}{' ' * number}" for number in range(0)), *[f"need {server}", "ok 1"]
    )
    run = house.wait(ordered, "waiting")
    assert run.message_code == "modellserver_aus"
    assert run.units_failed == 0

    server.touch()
    run = house.wait(run)
    assert (run.state, run.units_done, run.units_failed) == ("done", 2, 0)
    assert run.message_code is None


def test_cancel_keeps_what_is_done_and_the_run_can_go_on(house: House) -> None:
    for _ in range(TRIES):  # a busy machine holds anybody up for a second now and then
        ordered = house.order("sleep 40", "sleep 0.1", count=500, seconds=0.05, job="long")
        wait_until(lambda run=ordered: house.look(run).units_done > 20)
        runs.request_cancel(ANNA, house.store, ordered.id, now=ordered.created_at)
        took_s = wait_until(lambda run=ordered: house.look(run).state == "cancelled")
        if took_s < 5:
            break
    assert took_s < 5

    run = house.look(ordered)
    assert 20 < run.units_done < 500
    assert run.finished_at is not None
    assert all(unit.data for unit in runs.units(ANNA, house.store, run.id))
    house.wait_ready()
    assert house.look(ordered).units_done == run.units_done


def test_a_small_run_does_not_wait_behind_a_large_one(house: House) -> None:
    large = house.order(count=20_000, seconds=0.01, job="long", priority=Priority.BULK)
    house.wait(large, "running")
    small = house.order(count=10, content=b"small", job="long", who=BERT)
    wait_until(lambda: house.look(small, BERT).state == "done", 30)
    assert house.look(large).state == "running"
    runs.request_cancel(ANNA, house.store, large.id, now=large.created_at)
    house.wait(large, "cancelled")


@pytest.mark.parametrize(
    ("step", "kind", "code"),
    [
        ("split", "bad", "bild_beschaedigt"),
        ("split", "crash", "worker_abgestuerzt"),
        ("finish", "bug", "unerwarteter_fehler"),
        ("finish", "unstorable", None),
    ],
)
def test_a_step_that_fails_ends_the_run(
    house: House, step: str, kind: str, code: str | None
) -> None:
    run = house.wait(house.order("ok 1", **{step: kind}))
    assert run.state == ("failed" if code else "done")
    assert run.message_code == code
    house.wait_ready()


def test_doubled_keys_and_unknown_jobs_are_refused(house: House) -> None:
    doubled = house.wait(house.order("ok 1", "ok 1"))
    assert (doubled.state, doubled.message_code) == ("failed", "ergebnis_unbrauchbar")
    unknown = house.wait(house.order("ok 1", job="unbekannt"))
    assert (unknown.state, unknown.message_code) == ("failed", "auftrag_unbekannt")
    assert unknown.message_details == {"name": "probe/unbekannt"}


def test_all_models_are_named_also_when_one_was_replaced(house: House) -> None:
    run = house.wait(house.order("model old", "model new", "model old "))
    assert run.provenance is not None
    assert from_dict(run.provenance).models == (sample_jobs.MODEL, sample_jobs.NEWER_MODEL)


def test_a_file_with_a_long_name_is_kept(house: House) -> None:
    run = house.wait(house.order("file x"))
    unit = runs.units(ANNA, house.store, run.id)[0]
    assert unit.file is not None
    assert len(unit.file.name) == 300
    assert unit.file.name.endswith(".txt")


def test_temporary_errors_are_tried_again_only_so_often(house: House) -> None:
    run = house.wait(house.order("fault", "ok 1"))
    assert house.errors(run) == {"fault": "interner_fehler", "ok 1": None}
