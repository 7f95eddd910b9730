"""Determinism: another process and another kind of processor give the same town and pictures."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import shared.demo_city
from tests.demo_city.picture_hashes import hashes

REPOSITORY = Path(__file__).parents[2]
OLDER_PROCESSOR = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Prescott",
    "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX512-COMMON,AVX2,AVX,FMA3,FP16",
    "OPENCV_IPP": "disabled",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA",
    "PYTHONHASHSEED": "4321",
}
"""What makes numpy, its matrix library, OpenCV and the C library do without newer instructions."""
MEASURES = {"picture_measures.py", "quality.py"}
"""They measure pictures and make none."""


def test_another_process_on_an_older_processor_gives_the_same_vectors_and_pictures() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo_city.picture_hashes"],
        cwd=REPOSITORY,
        env=os.environ | OLDER_PROCESSOR,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    ours = hashes()
    assert json.loads(done.stdout) == ours
    assert len(set(ours.values())) == 7


FOLDER = Path(shared.demo_city.__file__).parent
SOURCES = sorted(path for path in FOLDER.rglob("*.py") if path.name not in MEASURES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_module_multiplies_by_a_library_that_rounds_by_processor(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.MatMult), "use frames.dot"
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"dot", "matmul", "einsum", "linalg", "inner", "vdot"}
