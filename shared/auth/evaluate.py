"""`python -m shared.auth.evaluate`: run the attacks, measure signing in, write `evaluation.json`.

The attacks stand in `tests/auth/attacks/attacks.toml`, so this runs where the tests are. The score
of the mutants is that of `python -m tests.auth.mutate`, if its result is given; what a browser
waits for is null where there is no Chromium. Times count on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

from sqlalchemy import Engine

from shared.auth import local_accounts, sessions
from shared.auth.sessions import Limits
from shared.contracts.identity.policy import ROLES, TABLE
from shared.settings import REPOSITORY, Settings
from shared.store.engine import make_engine
from shared.store.schema import prepare_database

ATTACKS = Path("tests", "auth", "attacks", "attacks.toml")
IN_BROWSER = "in_browser"
REFEREE, LEAST_CHECKS = "tests/oidc/test_realm.py", 30
"""The flow against a certified provider, not ours."""
TIMES, IN_TWO_PROCESSES = "tests.auth.times", "tests.e2e.two_processes"
"""Programs that print figures as JSON."""
MOST = {
    "lookup_ms_median": 0.1,
    "refusal_difference_percent": 20.0,
    "guard_cpu_ms": 2.0,
    "eight_processes_s": 20.0,
    "form_to_page_s": 3.0,
    "second_process_s": 2.0,
    "websocket_closed_s": 2.0,
    "page_replaced_s": 4.0,
}
"""What the figures may be at most."""
CELLS = "tests/shared/test_policy.py::test_each_cell_at_home_and_elsewhere["
OUT = Path(__file__).resolve().parent / "evaluation.json"
LOOKUPS, LOGINS, SEED = 5000, 10, 1
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(idle_s=1800, absolute_s=36_000)

Listed = Mapping[str, Mapping[str, Sequence[str]]]
Verdicts = Mapping[str, bool]
"""Whether a test passed, by its name; tests that were left out are not in it."""


def measure(engine: Engine) -> dict[str, float]:
    """Return median times in milliseconds.

    Args:
        engine: An empty database.
    """
    first = local_accounts.first_start(engine, NOW)[0]
    account = local_accounts.get_account(engine, first.username)
    cookie, _ = sessions.create(
        engine, account.principal(), mode=sessions.LOCAL, limits=LIMITS, now=NOW
    )
    name, password = first.username, first.password
    return {
        "lookup_ms_median": _median_ms(LOOKUPS, lambda: sessions.lookup(engine, cookie, NOW)),
        "login_ms_median": _median_ms(
            LOGINS,
            lambda: local_accounts.sign_in(
                engine, name, password, ip_prefix="127.0.0.0/24", now=NOW
            ),
        ),
    }


def run_tests(listed: Listed) -> Verdicts:
    """Run every listed test and the referee in another process, and return what became of each.

    Args:
        listed: Tests by group and attack.
    """
    wanted = {test.partition("[")[0] for attacks in listed.values() for tests in attacks.values()
              for test in tests}  # fmt: skip
    wanted.add(REFEREE)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        options = ["-q", "--no-header", "-p", "no:cacheprovider", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *options, *sorted(wanted)]
        subprocess.run(command, cwd=REPOSITORY, stdout=sys.stderr, check=False)
        return read_report(report.read_text(encoding="utf-8"))


def read_report(report: str) -> Verdicts:
    """Return which tests of pytest's report passed; skipped ones are left out.

    Args:
        report: XML in the form of JUnit.
    """
    found: dict[str, bool] = {}
    for case in ElementTree.fromstring(report).iter("testcase"):  # noqa: S314  # pytest wrote it
        outcomes = {child.tag for child in case}
        if "skipped" not in outcomes:
            file = case.get("classname", "").replace(".", "/")
            found[f"{file}.py::{case.get('name')}"] = not outcomes & {"failure", "error"}
    return found


def counts(listed: Listed, verdicts: Verdicts) -> dict[str, dict[str, int]]:
    """Return attacks, cases run and cases refused by group; a case counts once in a group.

    Args:
        listed: Tests by group and attack.
        verdicts: What became of each test.
    """
    result: dict[str, dict[str, int]] = {}
    for group, attacks in listed.items():
        cases = {case for tests in attacks.values() for case in _cases(tests, verdicts)}
        refused = sum(verdicts[case] for case in cases)
        result[group] = {"attacks": len(attacks), "run": len(cases), "refused": refused}
    names = ("attacks", "run", "refused")
    result["all"] = {name: sum(one[name] for one in result.values()) for name in names}
    return result


def untried(listed: Listed, verdicts: Verdicts) -> list[str]:
    """Return the tests that stand for no case at all: somebody has renamed or skipped them.

    Args:
        listed: Tests by group and attack.
        verdicts: What became of each test.
    """
    tests = (test for attacks in listed.values() for tests in attacks.values() for test in tests)
    return [test for test in tests if not _cases([test], verdicts)]


def run_program(module: str) -> dict[str, float] | None:
    """Return the figures that a program prints; None if it has nothing to measure with.

    Args:
        module: Its name.

    Raises:
        CalledProcessError: It failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return cast("dict[str, float] | None", json.loads(done.stdout))


def missed(figures: Mapping[str, object]) -> list[str]:
    """Return the figures that are larger than they may be.

    Args:
        figures: By name; others than those of `MOST` count for nothing.
    """
    found = ((name, figures.get(name)) for name in MOST)
    return [name for name, figure in found if isinstance(figure, float) and figure > MOST[name]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    1 if an attack was not refused or not tried, a check of the referee failed, or a figure is too
    large.
    """
    parser = argparse.ArgumentParser(prog="python -m shared.auth.evaluate")
    parser.add_argument("--mutation", type=Path, help="result of python -m tests.auth.mutate")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(arguments)
    every = tomllib.loads((REPOSITORY / ATTACKS).read_text(encoding="utf-8"))
    listed = {group: attacks for group, attacks in every.items() if group != IN_BROWSER}
    verdicts = run_tests(listed)
    missing = untried(listed, verdicts)
    result = {
        "command": "python -m shared.auth.evaluate",
        "measured_on": date.today().isoformat(),
        "seed": SEED,
        **_of_tests(listed, verdicts),
        "mutation": _mutation(given.mutation),
        **_of_programs(),
    }
    text = json.dumps(result, indent=2)
    given.out.write_text(f"{text}\n", encoding="utf-8")
    print(json.dumps({**result, "untried": missing}, indent=2))
    return int(bool(missing) or not is_good(result))


def is_good(result: Mapping[str, Any]) -> bool:
    """Say whether every attack was refused, every check passed, and no figure is too large.

    Args:
        result: What is written.
    """
    attacks, referee = result["attacks"]["all"], result["referee"]
    refused = attacks["run"] == attacks["refused"]
    return refused and LEAST_CHECKS <= referee["run"] == referee["passed"] and not result["missed"]


def _of_tests(listed: Listed, verdicts: Verdicts) -> dict[str, object]:
    covered = sum(passed for case, passed in verdicts.items() if case.startswith(CELLS))
    checks = [passed for case, passed in verdicts.items() if case.startswith(f"{REFEREE}::")]
    return {
        "attacks": counts(listed, verdicts),
        "policy_cells": {"covered": covered, "all": len(TABLE) * len(ROLES)},
        "referee": {"run": len(checks), "passed": sum(checks)},
    }


def _of_programs() -> dict[str, object]:
    figures = {**_times(), **(run_program(TIMES) or {})}
    browser = run_program(IN_TWO_PROCESSES)
    return {**figures, "browser": browser, "missed": missed({**figures, **(browser or {})})}


def _times() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder))
        prepare_database(settings)
        engine = make_engine(settings)
        result = measure(engine)
        engine.dispose()
    return result


def _mutation(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    told = json.loads(file.read_text(encoding="utf-8"))
    return {name: told[name] for name in ("mutants", "killed", "score")}


def _cases(tests: Iterable[str], verdicts: Verdicts) -> list[str]:
    return [case for case in verdicts if any(_is_case(test, case) for test in tests)]


def _is_case(test: str, case: str) -> bool:
    """Say whether a case is one of a listed test; "*" in its brackets stands for anything."""
    function, _, wanted = test.partition("[")
    of, _, name = case.partition("[")
    return function == of and (not wanted or fnmatchcase(name[:-1], wanted[:-1]))


def _median_ms(count: int, work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(1000 * statistics.median(seconds), 4)


if __name__ == "__main__":
    sys.exit(main())
