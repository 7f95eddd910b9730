"""Every line and branch of the batching layer is run by its own tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from shared.settings import REPOSITORY

LAYER = "model_server/batching.py"
TESTS = "tests/model_server/test_batching.py"


def test_no_line_and_no_branch_is_left_out(tmp_path: Path) -> None:
    figures, data = tmp_path / "coverage.json", f"--data-file={tmp_path / 'data'}"
    coverage = [sys.executable, "-m", "coverage"]
    tests = ["-m", "pytest", "--noconftest", "-q", "-p", "no:cacheprovider", TESTS]
    run = [*coverage, "run", "--branch", data, f"--include={LAYER}", *tests]
    subprocess.run(run, cwd=REPOSITORY, check=True, timeout=240, capture_output=True)
    report = [*coverage, "json", data, "-o", str(figures)]
    subprocess.run(report, cwd=REPOSITORY, check=True, timeout=60, capture_output=True)
    (found,) = json.loads(figures.read_text(encoding="utf-8"))["files"].values()
    assert found["missing_lines"] == []
    assert found["missing_branches"] == []
    assert found["summary"]["num_branches"] > 20
