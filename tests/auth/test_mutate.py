"""What the command that takes checks away takes away: each by itself, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from shared.settings import REPOSITORY
from tests.auth import mutate

CHECKS = {
    "if a or b:\n    raise E\n": ["a or b", "a", "b"],
    "if a and b:\n    raise E\n": ["a and b"],
    "if not (a and b):\n    raise E\n": ["not (a and b)", "a", "b"],
    "if not a <= b < c:\n    raise E\n": ["not a <= b < c", "a <= b", "b < c"],
    "def f():\n    return a and b\n": ["a", "b"],
    "def f():\n    return not (a or b)\n": ["a", "b"],
    "while a and b:\n    pass\n": ["a", "b"],
    "check(a)\n_log.error(a)\n": ["check(a)"],
    "x = [a for a in b if c]\n": ["c"],
    "match a:\n    case E.X:\n        pass\n    case E.Y:\n        pass\n": ["E.X", "E.Y"],
    "x = limited(a, 1)\n": ["limited(a, 1)"],
}


@pytest.mark.parametrize("source", CHECKS)
def test_each_check_goes_once(source: str) -> None:
    found = list(mutate.mutants("a.py", source))
    assert [one.removed for one in found] == CHECKS[source]
    plain = ast.unparse(ast.parse(source))
    assert len({one.code for one in found} | {plain}) == len(found) + 1


def test_what_is_left_lets_more_pass() -> None:
    (whole, first, second) = mutate.mutants("a.py", "if a or b:\n    raise E\n")
    assert whole.code == "if False:\n    raise E"
    assert first.code == "if b:\n    raise E"
    assert second.code == "if a:\n    raise E"


@pytest.mark.parametrize("file", mutate.TESTS)
def test_the_files_and_their_tests_are_there(file: str) -> None:
    source = Path(REPOSITORY, file).read_text("utf-8")
    assert len(list(mutate.mutants(file, source))) >= 10
    for test in mutate.TESTS[file]:
        assert Path(REPOSITORY, test).is_file()


def test_a_check_that_nobody_misses_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raises = "        raise ValueError\n"
    source = f"def checked(a, b):\n    if a > 3:\n{raises}    if b > 3:\n{raises}"
    test = "import pytest\nfrom code_of_test import checked\n"
    test += "def test_a():\n    with pytest.raises(ValueError):\n        checked(4, 0)\n"
    (tmp_path / "code_of_test.py").write_text(source)
    (tmp_path / "test_a.py").write_text(test)
    monkeypatch.setattr(mutate, "TESTS", {"code_of_test.py": ["test_a.py"]})
    found = list(mutate.survivors(tmp_path, list(mutate.mutants("code_of_test.py", source))))
    assert [(one.line, one.removed) for one in found] == [(4, "b > 3")]
    assert (tmp_path / "code_of_test.py").read_text() == source
