"""`python -m tests.auth.mutate`: take away each check of identity by itself; a test must notice.

Works in a temporary copy. Prints JSON: how many checks there are, how many tests notice, and those
that nobody would miss. Exit code 1 if there is such a one, 2 if the tests fail as they are.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.settings import REPOSITORY

_TOKENS = (
    "tests/oidc/test_token_attacks.py",
    "tests/shared/test_identity_contracts.py",
    "tests/oidc/test_flow.py",
)
_GUARD = (
    "tests/auth/test_guard_access.py",
    "tests/auth/test_guard_requests.py",
    "tests/auth/test_guard_uploads.py",
    "tests/auth/test_guard_headers.py",
    "tests/auth/test_guard_sessions.py",
    "tests/auth/attacks/test_roles.py",
    "tests/auth/attacks/test_credentials.py",
    "tests/auth/attacks/test_slow_heads.py",
)
TESTS = {
    "shared/contracts/identity/signed.py": _TOKENS,
    "shared/contracts/identity/tokens.py": ("tests/shared/test_identity_contracts.py",),
    "shared/contracts/identity/provider_tokens.py": _TOKENS,
    "shared/auth/request_rules.py": _GUARD[1:2],
    "shared/auth/access_rules.py": (_GUARD[0], "tests/auth/attacks/test_roles.py"),
    "shared/auth/guard.py": _GUARD,
}
"""Files with checks, and the tests that must notice, quick ones first."""
UNWRAPPED = {"kept_headers", "limited", "with_headers"}
"""Functions that give their first argument back in a safer form."""
LEFT_OUT = (".git", ".venv", "var", "node_modules", "__pycache__", ".*_cache", ".hypothesis")
LONGEST_S = 300


@dataclass(frozen=True)
class Mutant:
    """A file without one of its checks.

    Args:
        file: Which, from the repository.
        line: Where the check stands.
        removed: Its code.
        code: The file without it.
    """

    file: str
    line: int
    removed: str
    code: str


class _Remover(ast.NodeTransformer):
    """Takes one check away: the one with this number, in the order of the file."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.removed: ast.AST | None = None

    def _is_turn(self, node: ast.AST) -> bool:
        self.number -= 1
        if self.number != -1:
            return False
        self.removed = node
        return True

    def visit_If(self, node: ast.If) -> ast.AST:
        if self._is_turn(node.test):
            node.test = ast.Constant(False)
            return node
        node.test = self._weaker(node.test, allows=False)
        return self.generic_visit(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        node.test = self._weaker(node.test, allows=True)
        return self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is not None:
            node.value = self._weaker(node.value, allows=True)
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        called = node.value.func if isinstance(node.value, ast.Call) else None
        is_log = isinstance(called, ast.Attribute) and ast.unparse(called.value) == "_log"
        if called is not None and not is_log and self._is_turn(node):
            return ast.Pass()
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in UNWRAPPED and self._is_turn(node):
            return node.args[0]
        return self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        if self._is_turn(node.pattern):
            node.guard = ast.Constant(False)
        return self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.ifs = [one for one in node.ifs if not self._is_turn(one)]
        return self.generic_visit(node)

    def _weaker(self, node: ast.expr, *, allows: bool) -> ast.expr:
        """Drop one part of a condition, so that more passes.

        Args:
            node: The condition.
            allows: Whether something passes where it holds; else where it does not.
        """
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self._weaker(node.operand, allows=not allows)
        elif isinstance(node, ast.BoolOp):
            if isinstance(node.op, ast.And) is allows:
                node.values = [one for one in node.values if not self._is_turn(one)]
            node.values = [self._weaker(one, allows=allows) for one in node.values]
        elif isinstance(node, ast.Compare) and len(node.ops) == 2:
            first = ast.Compare(node.left, node.ops[:1], node.comparators[:1])
            second = ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])
            for dropped, kept in ((first, second), (second, first)):
                if self._is_turn(ast.copy_location(dropped, node)):
                    return kept
        return node


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """Take away each check of a file by itself.

    Args:
        file: Its name, for the report.
        source: Its code.
    """
    number = 0
    while True:
        remover = _Remover(number)
        tree = ast.fix_missing_locations(remover.visit(ast.parse(source)))
        if remover.removed is None:
            return
        line = getattr(remover.removed, "lineno", 0)
        yield Mutant(file, line, ast.unparse(remover.removed), ast.unparse(tree))
        number += 1


def passes(folder: Path, tests: Sequence[str]) -> bool:
    """Say whether tests pass; ones that take too long do not.

    Args:
        folder: A copy of the repository.
        tests: Which.
    """
    options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider"]
    # Two changes within a second would look like one to the cache of compiled files.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def survivors(folder: Path, wanted: Sequence[Mutant]) -> Iterator[Mutant]:
    """Return the checks that no test misses.

    Args:
        folder: A copy of the repository.
        wanted: Which checks.
    """
    for number, mutant in enumerate(wanted, 1):
        changed = folder / mutant.file
        before = changed.read_text("utf-8")
        changed.write_text(mutant.code, "utf-8")
        survives = passes(folder, TESTS[mutant.file])
        changed.write_text(before, "utf-8")
        word = "SURVIVES" if survives else "noticed"
        place = f"{mutant.file}:{mutant.line}"
        said = f"{number}/{len(wanted)} {word} {place} {mutant.removed[:80]!r}"
        sys.stderr.write(f"{said}\n")
        if survives:
            yield mutant


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.auth.mutate")
    parser.add_argument("--file", action="append", choices=list(TESTS), help="only this one")
    parser.add_argument("--list", action="store_true", help="print the checks, run nothing")
    given = parser.parse_args(arguments)
    files: list[str] = given.file or list(TESTS)
    sources = {file: Path(REPOSITORY, file).read_text("utf-8") for file in files}
    wanted = [mutant for file in files for mutant in mutants(file, sources[file])]
    if given.list:
        _tell([f"{one.file}:{one.line} {one.removed}" for one in wanted])
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy")
        shutil.copytree(REPOSITORY, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        if not passes(copy, sorted({test for file in files for test in TESTS[file]})):
            sys.stderr.write("the tests fail as they are\n")
            return 2
        left = list(survivors(copy, wanted))
    killed = len(wanted) - len(left)
    result = {
        "mutants": len(wanted),
        "killed": killed,
        "score": round(killed / len(wanted), 4),
        "survivors": [{"file": one.file, "line": one.line, "removed": one.removed} for one in left],
        "seconds": round(time.monotonic() - began),
    }
    _tell(result)
    return int(bool(left))


def _tell(result: object) -> None:
    sys.stdout.write(f"{json.dumps(result, indent=2)}\n")


if __name__ == "__main__":
    sys.exit(main())
