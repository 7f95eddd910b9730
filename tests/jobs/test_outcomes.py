"""Outcomes of units as lines of a file, and what may stand in a row."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from shared.contracts.jobs import StoredFile
from shared.errors import ResultUnusable
from shared.jobs.definition import UnitOutcome
from shared.jobs.outcomes import plain_data, read_outcomes, write_outcomes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
FILES = st.builds(StoredFile, TEXT, st.just("text/plain"), st.just("c" * 64), st.integers(0, 2**40))
OUTCOMES = st.lists(
    st.builds(
        UnitOutcome,
        st.integers(0, 10**6),
        TEXT,
        st.none() | st.dictionaries(TEXT, JSON, max_size=3),
        st.none() | FILES,
        st.none() | st.just("datei_leer"),
        st.none() | TEXT,
        st.dictionaries(TEXT, JSON, max_size=2),
    ),
    max_size=5,
)


@given(outcomes=OUTCOMES)
@settings(deadline=None)
def test_outcomes_come_back_as_they_were_written(
    outcomes: list[UnitOutcome], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("outcomes") / "lines"
    with path.open("wb") as stream:
        assert write_outcomes(stream, iter(outcomes)) == len(outcomes)
    assert list(read_outcomes(path)) == outcomes
    assert path.read_bytes().count(b"\n") == len(outcomes)


def test_files_of_two_runs_are_never_equal(tmp_path: Path) -> None:
    """Equal content is stored once and would vanish for both with the end of one."""
    outcomes = [UnitOutcome(0, "# seite", {"value": 1})]
    for owner in ("run-1", "run-2"):
        with (tmp_path / owner).open("wb") as stream:
            assert write_outcomes(stream, outcomes, owner) == 1
        assert list(read_outcomes(tmp_path / owner)) == outcomes
    assert (tmp_path / "run-1").read_bytes() != (tmp_path / "run-2").read_bytes()


def test_outcomes_are_written_and_read_one_by_one(tmp_path: Path) -> None:
    def endless() -> Iterator[UnitOutcome]:
        ordinal = 0
        while True:
            yield UnitOutcome(ordinal, str(ordinal), {})
            ordinal += 1

    class Full(io.RawIOBase):
        count = 0

        def write(self, data: Any) -> int:
            self.count += 1
            if self.count == 100:
                raise OSError("full")
            return len(data)

    stream = Full()
    with pytest.raises(OSError, match="full"):
        write_outcomes(stream, endless())  # type: ignore[arg-type]
    path = tmp_path / "lines"
    path.write_bytes(b'{"ordinal":0,"key":"a","data":{},"file":null}\nthis is no line\n')
    lines = read_outcomes(path)
    assert next(lines) == UnitOutcome(0, "a", {})
    with pytest.raises(json.JSONDecodeError):
        next(lines)


@pytest.mark.parametrize(
    "data",
    [None, [1], {"a": float("inf")}, {"a": {1}}, {"a": "\ud800"}, {"a": "x" * 99}, {(1, 2): 3}],
)
def test_data_that_no_row_can_keep_are_refused(data: object) -> None:
    with pytest.raises(ResultUnusable):
        plain_data(data, 100)


def test_data_that_contain_themselves_are_refused() -> None:
    data: dict[str, Any] = {}
    data["again"] = data
    with pytest.raises(ResultUnusable):
        plain_data(data, 100)
