"""The list of attacks: every one is tried by a test that exists, every test here is on it."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

from shared.settings import REPOSITORY

HERE = Path(__file__).parent
LISTED: dict[str, dict[str, list[str]]] = tomllib.loads((HERE / "attacks.toml").read_text("utf-8"))
GROUPS = ["tokens", "flow", "streamlit", "authorisation", "files", "in_browser"]
ATTACKS = {f"{group}.{name}": tests for group in LISTED for name, tests in LISTED[group].items()}
NOT_ATTACKS = {
    "test_the_right_answer_signs_in",
    "test_the_same_buttons_work_for_the_administration",
    "test_caches_are_used_under_their_own_names",
    "test_the_look_finds_a_leak",
    "test_what_comes_after_a_whole_head_has_its_own_limits",
    "test_everything_else_of_the_session_goes_on",
}
"""They show that an attack could succeed, or that its defence disturbs nobody."""


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse(Path(REPOSITORY, file).read_text("utf-8"))
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef))


def test_the_groups_are_those_of_the_specification() -> None:
    assert list(LISTED) == GROUPS


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_tried_by_tests_that_exist(attack: str) -> None:
    assert ATTACKS[attack]
    for test in ATTACKS[attack]:
        file, _, case = test.partition("::")
        assert case.partition("[")[0] in functions_of(file), test


def test_no_test_counts_twice() -> None:
    tests = [test for tests in ATTACKS.values() for test in tests]
    assert len(tests) == len(set(tests))


def test_every_attack_of_this_folder_is_listed() -> None:
    listed = {test.partition("[")[0] for tests in ATTACKS.values() for test in tests}
    for file in sorted(HERE.glob("test_*.py")):
        name = str(file.relative_to(REPOSITORY))
        if file.name != Path(__file__).name:
            own = {one for one in functions_of(name) if one.startswith("test_")} - NOT_ATTACKS
            assert {f"{name}::{one}" for one in own} <= listed
