"""Rules of the house over every source file; a new file needs no new test."""

import ast
import re
import subprocess
from collections.abc import Callable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from shared.settings import REPOSITORY
from tests.shared.app_folders import is_page_file

CODE_FOLDERS = ("apps", "shared", "model_server")
MAX_MODULE_LINES = 400
MAX_PAGE_LINES = 200
MAX_FUNCTION_LINES = 40
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "misc.py", "common.py"}
ENGINES = {"torch", "torchvision", "ultralytics", "bentoml", "onnxruntime", "rapidocr"}
STREAMLIT_FOLDERS = ("apps/", "shared/ui/", "shared/auth/session.py")


@cache
def tracked_files() -> tuple[Path, ...]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, text=True
    )
    paths = (REPOSITORY / name for name in listing.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


MODULES = [
    path
    for path in tracked_files()
    if path.suffix == ".py" and relative(path).split("/")[0] in CODE_FOLDERS
]
Rule = Callable[[Path], None]
RULES: list[Rule] = []


def rule_of_every_module(rule: Rule) -> Rule:
    RULES.append(rule)
    return rule


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported_modules(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return frozenset(names)


def roots(names: frozenset[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@rule_of_every_module
def module_is_short_and_well_named(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    limit = MAX_PAGE_LINES if is_page_file(path) else MAX_MODULE_LINES
    assert lines <= limit
    assert path.name not in FORBIDDEN_NAMES
    assert ast.get_docstring(parsed(path)), "a module says its purpose in one line"


@rule_of_every_module
def functions_are_short(path: Path) -> None:
    long = {
        node.name: code_lines(node)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and code_lines(node) > MAX_FUNCTION_LINES
    }
    assert long == {}


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the signature to the end, without the docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


@rule_of_every_module
def engines_stay_in_the_model_server(path: Path) -> None:
    if not relative(path).startswith("model_server/"):
        assert roots(imported_modules(path)) & ENGINES == set()


@rule_of_every_module
def streamlit_stays_at_the_border(path: Path) -> None:
    name = relative(path)
    imported = roots(imported_modules(path))
    if not name.startswith(STREAMLIT_FOLDERS):
        assert imported & {"streamlit", "streamlit_folium"} == set()
    if re.fullmatch(r"apps/\w+/(\w+/)*\w+\.py", name):
        assert is_page_file(path) or "streamlit" not in imported, "domain modules know no Streamlit"


@rule_of_every_module
def apps_know_neither_each_other_nor_the_model_server(path: Path) -> None:
    parts = relative(path).split("/")
    if parts[0] != "apps" or len(parts) < 3:
        return
    foreign = {
        name
        for name in imported_modules(path)
        if name.split(".")[0] == "model_server"
        or (name.startswith("apps.") and name.split(".")[1] != parts[1])
    }
    assert foreign == set()


@rule_of_every_module
def no_leftovers_and_no_unsafe_calls(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"#\s*(TODO|FIXME|XXX|HACK)\b", text)
    assert "unsafe_allow_html=True" not in text or relative(path).startswith("shared/ui/")
    assert not roots(imported_modules(path)) & {"pickle", "shelve", "marshal", "dill"}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"bare except in line {node.lineno}"
            silent = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
            broad = isinstance(node.type, ast.Name) and node.type.id == "Exception"
            assert not (silent and broad), f"swallowed error in line {node.lineno}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    """One test for all modules: thousands of tests would take longer than what they look at."""
    assert MODULES
    broken = {}
    for path in MODULES:
        try:
            rule(path)
        except AssertionError as said:
            broken[relative(path)] = str(said)
    assert broken == {}


def test_every_import_is_pinned() -> None:
    """What the code imports stands in a requirements file, with an exact version."""
    pinned: set[str] = set()
    for name in ("requirements.txt", "requirements-serve.txt", "requirements-bench.txt"):
        for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-r")):
                match = re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[[a-z]+\])?==\S+", line)
                assert match, f"{line!r} is no exact pin"
                pinned.add(_folded(match[1]))
    owners = packages_distributions()
    own = {"apps", "shared", "model_server", "tests"}
    missing = {
        root
        for path in MODULES
        for root in roots(imported_modules(path)) - own
        if root in owners and not {_folded(owner) for owner in owners[root]} & pinned
    }
    assert missing == set()


def _folded(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_requirements_begin_with_torch() -> None:
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["torch==2.14.1", "torchvision==0.29.1"]


def test_committed_files_are_small_and_no_secrets() -> None:
    large = {
        relative(path): path.stat().st_size
        for path in tracked_files()
        if path.stat().st_size > 16_000_000
    }
    assert large == {}
    forbidden = {".env", "installation.pem", "id_rsa"}
    assert {path.name for path in tracked_files()} & forbidden == set()
