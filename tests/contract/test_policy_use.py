"""The table of rights is asked everywhere, and by names that are in it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared.contracts.identity import policy
from shared.settings import REPOSITORY

POLICY = REPOSITORY / "shared" / "contracts" / "identity" / "policy.py"
ASKED = {"require", "decide", "refusal"}
ACTIONS = {
    name
    for name, value in vars(policy).items()
    if name.isupper() and isinstance(value, str) and value in policy.TABLE
}
CODE = [
    path
    for folder in ("apps", "shared", "model_server")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
    if path != POLICY
]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def imported(path: Path) -> dict[str, str]:
    """Local names of what a module takes from the policy."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module == policy.__name__
        for alias in node.names
    }


def of_policy(node: ast.AST, names: dict[str, str]) -> str | None:
    """What a name means in the policy; None if it is not from there."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "policy":
        return node.attr
    return None


@cache
def action_functions() -> frozenset[str]:
    """Functions that return an action: nothing but names of the policy, or each other's answers."""
    found: dict[str, list[tuple[ast.expr | None, dict[str, str]]]] = {"model_call": []}
    for path in CODE:
        for node in parsed(path).body:
            if isinstance(node, ast.FunctionDef) and node.name.endswith(("_action", "action_of")):
                returns = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
                found[node.name] = [(value, imported(path)) for value in returns]
    return frozenset(
        name
        for name, returns in found.items()
        if all(value and is_action(value, names, frozenset(found)) for value, names in returns)
    )


def is_action(node: ast.expr, names: dict[str, str], functions: frozenset[str]) -> bool:
    if isinstance(node, ast.IfExp):
        return all(is_action(part, names, functions) for part in (node.body, node.orelse))
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).rpartition(".")[2] in functions
    return of_policy(node, names) in ACTIONS


def questions(path: Path) -> Iterator[tuple[ast.Call, dict[str, str]]]:
    names = imported(path)
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and of_policy(node.func, names) in ASKED:
            yield node, names


def test_the_code_asks_for_nothing_that_is_not_in_the_table() -> None:
    asked = 0
    unknown = []
    for path in CODE:
        for call, names in questions(path):
            asked += 1
            place = 0 if of_policy(call.func, names) == "refusal" else 1
            if not is_action(call.args[place], names, action_functions()):
                unknown.append(f"{relative(path)}:{call.lineno}: {ast.unparse(call)}")
    assert unknown == []
    assert asked > 40


def test_functions_that_choose_an_action_choose_from_the_table() -> None:
    assert action_functions() >= {
        *("model_call", "action_of", "start_action", "cancel_action", "delete_action"),
    }


def test_actions_are_spelled_in_one_place() -> None:
    dotted = {name for name in policy.TABLE if "." in name}
    spelled = [
        f"{relative(path)}:{node.lineno}: {node.value}"
        for path in CODE
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and node.value in dotted
    ]
    assert spelled == []


def test_refusals_of_an_action_come_from_the_policy() -> None:
    own = [
        f"{relative(path)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] == "NotAllowed"
        and (node.args or node.keywords)
    ]
    assert own == []


@cache
def repository_functions() -> dict[str, tuple[Path, ast.FunctionDef]]:
    """Public functions of store and jobs that act for somebody on a store."""
    return {
        f"{path.stem}.{node.name}": (path, node)
        for path in CODE
        if relative(path).startswith(("shared/store/", "shared/jobs/"))
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and {"principal", "store"} <= {one.arg for one in node.args.args}
    }


def asks(call: ast.Call, path: Path) -> bool:
    """Whether a call asks the policy about the principal, itself or in another repository."""
    given = [ast.unparse(one) for one in call.args]
    if of_policy(call.func, imported(path)) == "require":
        return given[0] == "principal"
    short = ast.unparse(call.func).rpartition(".")[2]
    others = {name.partition(".")[2] for name in repository_functions()}
    return given[:2] == ["principal", "store"] and short in others


@pytest.mark.parametrize("name", sorted(repository_functions()))
def test_a_repository_function_asks_before_it_touches_anything(name: str) -> None:
    path, function = repository_functions()[name]
    assert [one.arg for one in function.args.args[:2]] == ["principal", "store"]
    first = next(
        statement
        for statement in function.body
        if {"principal", "store"} & {one.id for one in ast.walk(statement) if is_name(one)}
    )
    calls = [node for node in ast.walk(first) if isinstance(node, ast.Call)]
    assert any(asks(call, path) for call in calls), ast.unparse(first)


def is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def test_the_rule_finds_the_functions() -> None:
    assert len(repository_functions()) > 35
    assert {"runs.get", "artifacts.save", "torture_check.stored_hash"} <= set(
        repository_functions()
    )


def test_pages_delete_and_publish_only_where_the_audit_is_told() -> None:
    """They call `shared.auth.audited_work`, never the store itself."""
    files = [*REPOSITORY.glob("apps/**/*.py"), *REPOSITORY.glob("shared/ui/**/*.py")]
    assert len(files) > 50
    past = re.compile(r"store\.deletion\b|import deletion\b|dataspace\.publish\(")
    found = [file.name for file in files if past.search(file.read_text(encoding="utf-8"))]
    assert found == []
