"""Every requirement of the list has its line, and every test that a line names is in the tree."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from shared.settings import REPOSITORY, Settings
from tests.contract.test_privacy_documents import fault_in

DOCS = REPOSITORY / "docs"
NAMES = ("asvs.md", "sicherheit.md")
OAUTH = (
    *("10.1.1", "10.1.2", "10.2.1", "10.2.2", "10.3.1", "10.3.2", "10.3.3"),
    *("10.5.1", "10.5.2", "10.5.3", "10.5.4", "10.5.5"),
)
OTHERS = (
    *("3.3", "3.4", "3.5", "5.2", "5.3.2", "6.3", "7.2", "7.3", "7.4", "8.2", "8.4.1"),
    *("9.1", "9.2", "13.3", "15", "16.2", "16.3", "16.4"),
)
BSI = ("ORP.4", "OPS.1.1.5", "APP.3.1", "CON.2", "CON.10")
COMPARED, UNCHECKED = "`verglichen`", "`ungeprueft`"
TEST = r"`(tests/[\w/]+\.py)::(test_\w+)`"
OPEN = "offen"
every_document = pytest.mark.parametrize("name", NAMES)


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(name: str) -> Iterator[list[str]]:
    """Cells of the rows of all tables, without heads and rulers."""
    previous = ""
    for line in text_of(name).splitlines():
        is_head = not previous.startswith("|")
        previous = line
        if line.startswith("|") and not is_head and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


@cache
def functions_of(path: str) -> frozenset[str]:
    """Names of the functions of a file; empty if there is no such file."""
    file = REPOSITORY / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def missing_tests(text: str) -> list[str]:
    """Return every test that a text names and that is not there."""
    named = re.findall(TEST, text)
    return [f"{path}::{name}" for path, name in named if name not in functions_of(path)]


def test_every_requirement_has_its_line_in_order() -> None:
    assert [row[0] for row in rows("asvs.md")] == [*OAUTH, *OTHERS, *BSI]


def test_a_line_says_how_far_it_is_checked_which_test_shows_it_and_what_is_missing() -> None:
    for number, requirement, status, tests, missing in rows("asvs.md"):
        assert requirement, number
        assert status == (COMPARED if number in OAUTH else UNCHECKED), number
        assert tests == OPEN or re.fullmatch(rf"{TEST}(, {TEST})*", tests), number
        assert missing, number


@every_document
def test_every_test_that_is_named_is_there(name: str) -> None:
    text = text_of(name)
    assert len(re.findall(TEST, text)) == text.count("::test_") > 10
    assert missing_tests(text) == []


def test_a_test_that_is_not_there_would_be_seen() -> None:
    here = "tests/contract/test_asvs.py"
    absent = ["tests/contract/test_none.py::test_a", f"{here}::test_none"]
    right = f"`{here}::test_every_test_that_is_named_is_there`"
    assert missing_tests(f"{right}, `{absent[0]}`, `{absent[1]}`") == absent


@every_document
def test_source_and_day_are_told(name: str) -> None:
    assert re.search(r"^Stand: \d{4}-\d{2}-\d{2}\.", text_of(name), re.MULTILINE)
    assert "Grundschutz" in text_of(name)


@every_document
def test_links_lead_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", text_of(name))
    assert targets
    assert [target for target in targets if not (DOCS / target).is_file()] == []


def test_controls_name_a_building_block_of_the_list_and_a_test() -> None:
    controls = [row for row in rows("sicherheit.md") if len(row) == 4]
    assert len(controls) > 10
    for control, _, blocks, tests in controls:
        assert set(blocks.split(", ")) <= set(BSI), control
        assert re.search(TEST, tests), control
    assert "*ungeprueft*" in text_of("sicherheit.md")


def test_commands_settings_and_files_of_the_overview_are_there() -> None:
    quoted = [
        one.removeprefix(".venv/bin/")
        for one in re.findall(r"`([^`]+)`", text_of("sicherheit.md"))
        if "::" not in one
    ]
    named = [one for one in quoted if one.startswith(("python -m", "URBANKI_")) or "/" in one]
    assert len(named) > 8
    faults = {one: fault_in(one) for one in named}
    assert {one: fault for one, fault in faults.items() if fault} == {}


@pytest.mark.parametrize(
    ("setting", "words"),
    [("session_idle_min", "{} Minuten"), ("session_max_h", "{} Stunden")],
)
def test_limits_are_those_of_the_settings(setting: str, words: str) -> None:
    default = Settings.model_fields[setting].default
    assert words.format(default) in text_of("sicherheit.md")
