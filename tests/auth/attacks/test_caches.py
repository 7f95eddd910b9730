"""What a process remembers for all its pages: by municipality, or of nobody."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from shared.settings import REPOSITORY

CACHES = {"cache_data", "cache_resource"}
OF_NOBODY = {
    "apps/models.py: catalogue": "the models of the house",
    "shared/ui/data.py: load_sample": "the example of an app",
}
"""Remembered without a municipality, and why that leaks nothing."""
LEAK = """
import streamlit as st
@st.cache_data(ttl=5)
def figures(run_id): ...
def later():
    def load(sha256): ...
    return st.cache_resource(max_entries=1)(load)
def fine():
    def load(tenant, sha256): ...
    return st.cache_resource(load)
"""


def names_of_caches(tree: ast.AST) -> Iterator[str]:
    """Functions that a cache remembers, as decorator or by a call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(map(is_cache, node.decorator_list)):
            yield node.name
        if isinstance(node, ast.Call) and is_cache(node.func):
            yield from (one.id for one in node.args if isinstance(one, ast.Name))


def is_cache(node: ast.expr) -> bool:
    """`st.cache_data`, with or without its arguments."""
    called = node.func if isinstance(node, ast.Call) else node
    return isinstance(called, ast.Attribute) and called.attr in CACHES


def of_all(tree: ast.AST) -> list[str]:
    """Remembered functions that do not take the municipality first."""
    cached = set(names_of_caches(tree))
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    return [
        one.name
        for one in functions
        if one.name in cached and [arg.arg for arg in one.args.args][:1] != ["tenant"]
    ]


def test_a_cache_of_municipal_data_asks_which_municipality() -> None:
    found = [
        f"{file.relative_to(REPOSITORY)}: {name}"
        for folder in ("apps", "shared")
        for file in sorted((REPOSITORY / folder).rglob("*.py"))
        for name in of_all(ast.parse(file.read_text("utf-8")))
    ]
    assert found == sorted(OF_NOBODY)


@pytest.mark.parametrize("folder", ["apps", "shared"])
def test_caches_are_used_under_their_own_names(folder: str) -> None:
    """Imported by name, they would not be found here."""
    for file in (REPOSITORY / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not CACHES & {name.name for name in node.names}, file


def test_the_look_finds_a_leak() -> None:
    assert of_all(ast.parse(LEAK)) == ["figures", "load"]
