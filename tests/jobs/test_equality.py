"""One job gives the same bytes inline, on one machine, and with all parts elsewhere.

`house` is SQLite with a folder and own workers, then PostgreSQL with S3 and a separate cluster;
both are compared with the run without any of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.jobs import StoredFile
from shared.jobs.inline import InlineFile, InlineResult, run_inline
from shared.jobs.torture_check import Outcome, result_hash, stored_hash
from shared.store import artifacts, runs
from tests.jobs import sample_jobs
from tests.jobs.houses import ANNA, House

pytestmark = pytest.mark.server

CONTENT = "Eingabe mit Umlauten: äöüß €\n".encode() * 50
GOOD = (*(f"ok ä{number}" for number in range(40)), "file ß😀.txt", "file x", "nul", "model old")
BAD = ("bad", "bug", "leave", "unstorable", "nan", "surrogate", "large", "wrong-type", "fault")


def inline(folder: Path, keys: Iterable[str], **parameters: object) -> InlineResult:
    """Do the job without database and Dask, two units at once."""
    path = folder / "eingabe"
    path.write_bytes(CONTENT)
    return run_inline(
        sample_jobs.PROBE,
        [InlineFile(path, "Prüfung ä.txt", "text/plain")],
        {"keys": list(keys), **parameters},
        is_example=True,
        units_at_once=2,
        sleep=lambda _seconds: None,
    )


def facts(outcomes: Iterable[Any]) -> list[dict[str, Any]]:
    """Everything about units but the random number of an unforeseen error."""
    return [
        {
            "ordinal": one.ordinal,
            "key": one.key,
            "data": one.data,
            "file": one.file,
            "code": one.error_code,
            "message": one.error_message,
            "details": {
                name: value for name, value in one.error_details.items() if name != "reference"
            },
        }
        for one in outcomes
    ]


def test_a_run_gives_the_same_bytes_however_it_is_run(house: House, tmp_path: Path) -> None:
    run = house.wait(house.order(*GOOD, content=CONTENT, count=200), "done")
    with inline(tmp_path, GOOD, count=200) as result:
        outcomes: list[Outcome] = list(result.outcomes())
        expected = result_hash(outcomes, result.summary.data, result.summary.files)
        assert stored_hash(ANNA, house.store, run.id) == expected
        (table,) = result.summary.files
        stored = runs.result_files(ANNA, house.store, run.id)[table.name]
        assert artifacts.read(ANNA, house.store, stored) == result.read(table)
        assert run.units_total == result.units_total == len(GOOD) + 200
        assert run.provenance is not None
        used = [model["sha256"] for model in run.provenance["models"]]
        assert used == [model.sha256 for model in result.models] == [sample_jobs.MODEL.sha256]


def test_what_fails_fails_alike(house: House, tmp_path: Path) -> None:
    keys = ["ok 1", *BAD, "ok 2"]
    run = house.wait(house.order(*keys, content=CONTENT), "done")
    with inline(tmp_path, keys) as result:
        inside = facts(result.outcomes())
        stored = facts(runs.units(ANNA, house.store, run.id))
        assert stored == inside
        assert [one["code"] is None for one in inside] == [True, *(False for _ in BAD), True]
        (table,) = result.summary.files
        files = runs.result_files(ANNA, house.store, run.id)
        assert artifacts.read(ANNA, house.store, files[table.name]) == result.read(table)
        assert run.summary == result.summary.data
        assert run.units_failed == result.units_failed == len(BAD)


def test_a_changed_result_has_another_hash() -> None:
    """The comparison above could not fail if this did."""
    file = StoredFile("a.txt", "text/plain", "c" * 64, 3)

    def of(data: dict[str, object], file: StoredFile | None = file, **summary: object) -> str:
        outcome = _One(0, "seite 1", data, file, None)
        return result_hash([outcome], summary, [file] if file else [])

    first = of({"value": 1}, units=1)
    assert first == of({"value": 1}, units=1)
    others = {
        of({"value": 2}, units=1),
        of({"value": 1}, units=2),
        of({"value": 1}, None, units=1),
        of({"value": 1}, StoredFile("b.txt", "text/plain", "c" * 64, 3), units=1),
        of({"value": 1}, StoredFile("a.txt", "text/plain", "d" * 64, 3), units=1),
    }
    assert len(others) == 5
    assert first not in others


class _One:
    def __init__(self, *values: Any) -> None:
        self.ordinal, self.key, self.data, self.file, self.error_code = values
