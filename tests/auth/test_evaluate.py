"""What the evaluation counts: every case once in its group, and none that was not tried."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from shared.auth import evaluate

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a.test_b" name="test_one[x-1]"/>
<testcase classname="tests.a.test_b" name="test_one[x-2]"><failure message="no"/></testcase>
<testcase classname="tests.a.test_b" name="test_one[y]"/>
<testcase classname="tests.a.test_b" name="test_two"/>
<testcase classname="tests.a.test_b" name="test_left_out"><skipped/></testcase>
<testcase classname="tests.a.test_b" name="test_broken"><error message="no"/></testcase>
</testsuite></testsuites>"""
FILE = "tests/a/test_b.py"
LISTED = {
    "tokens": {"first": [f"{FILE}::test_one[x-*]"], "again": [f"{FILE}::test_one[x-1]"]},
    "flow": {"all": [f"{FILE}::test_one"], "other": [f"{FILE}::test_two"]},
}


def test_passed_failed_and_skipped_are_told_apart() -> None:
    assert evaluate.read_report(REPORT) == {
        f"{FILE}::test_one[x-1]": True,
        f"{FILE}::test_one[x-2]": False,
        f"{FILE}::test_one[y]": True,
        f"{FILE}::test_two": True,
        f"{FILE}::test_broken": False,
    }


def test_a_case_counts_once_in_a_group() -> None:
    assert evaluate.counts(LISTED, evaluate.read_report(REPORT)) == {
        "tokens": {"attacks": 2, "run": 2, "refused": 1},
        "flow": {"attacks": 2, "run": 4, "refused": 3},
        "all": {"attacks": 4, "run": 6, "refused": 4},
    }


@pytest.mark.parametrize("name", ["test_left_out", "test_renamed", "test_one[z*]", "test_tw"])
def test_what_was_not_tried_is_named(name: str) -> None:
    listed = {"files": {"a": [f"{FILE}::{name}", f"{FILE}::test_two"]}}
    assert evaluate.untried(listed, evaluate.read_report(REPORT)) == [f"{FILE}::{name}"]


@pytest.mark.parametrize(("left", "code"), [("test_two", 0), ("test_broken", 1), ("test_x", 1)])
def test_the_result_is_written_and_fails_with_an_attack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: str, code: int
) -> None:
    verdicts = evaluate.read_report(REPORT) | {"tests/r.py::test_a": True, "tests/r.py::b": True}
    changes = {
        "LOOKUPS": 1,
        "LOGINS": 1,
        "run_tests": lambda _: verdicts,
        "run_program": {evaluate.TIMES: {"guard_cpu_ms": 0.5}}.get,
        "MOST": evaluate.MOST | {"lookup_ms_median": 1e6},
        "REFEREE": "tests/r.py",
        "LEAST_CHECKS": 2,
    }
    for name, value in changes.items():
        monkeypatch.setattr(evaluate, name, value)
    monkeypatch.setattr(evaluate.tomllib, "loads", lambda _: {"flow": {"a": [f"{FILE}::{left}"]}})
    mutation, out = tmp_path / "mutation.json", tmp_path / "evaluation.json"
    mutation.write_text('{"mutants": 4, "killed": 4, "score": 1.0, "survivors": []}', "utf-8")
    assert evaluate.main(["--out", str(out), "--mutation", str(mutation)]) == code
    told = json.loads(out.read_text("utf-8"))
    assert told["mutation"] == {"mutants": 4, "killed": 4, "score": 1.0}
    assert told["policy_cells"] == {"covered": 0, "all": 6 * len(evaluate.TABLE)}
    assert told["referee"] == {"run": 2, "passed": 2}
    assert (told["guard_cpu_ms"], told["browser"], told["missed"]) == (0.5, None, [])
    assert told["lookup_ms_median"] > 0
    assert told["login_ms_median"] > 0


GOOD = {
    "attacks": {"all": {"attacks": 1, "run": 150, "refused": 150}},
    "referee": {"run": 30, "passed": 30},
    "missed": [],
}


@pytest.mark.parametrize(
    "change",
    [
        {"attacks": {"all": {"attacks": 1, "run": 150, "refused": 149}}},
        {"referee": {"run": 29, "passed": 29}},
        {"referee": {"run": 40, "passed": 39}},
        {"missed": ["lookup_ms_median"]},
    ],
    ids=["attack", "few", "failed", "slow"],
)
def test_one_fault_is_enough(change: dict[str, object]) -> None:
    assert evaluate.is_good(GOOD)
    assert not evaluate.is_good(GOOD | change)


def test_figures_that_are_too_large_are_named() -> None:
    at_most: dict[str, object] = dict(evaluate.MOST)
    assert evaluate.missed(at_most) == []
    slow = at_most | {"page_replaced_s": 4.1, "login_ms_median": 1e6}
    assert evaluate.missed(slow) == ["page_replaced_s"]


def test_a_program_tells_its_figures_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "REPOSITORY", tmp_path)
    programs = {"one": "print('{\"a_s\": 1.5}')", "none": "print('null')", "bad": "1 / 0"}
    for name, code in programs.items():
        Path(tmp_path, f"{name}.py").write_text(code, "utf-8")
    assert evaluate.run_program("one") == {"a_s": 1.5}
    assert evaluate.run_program("none") is None
    with pytest.raises(subprocess.CalledProcessError):
        evaluate.run_program("bad")
