"""What the gallery writes is for its own account, also in a folder that others may enter."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shared.settings import REPOSITORY
from tests.timing import PATIENCE_S


@pytest.mark.parametrize("words", ["shared.store migrate", "shared.jobs list"])
def test_other_accounts_of_the_machine_read_nothing(tmp_path: Path, words: str) -> None:
    folder = tmp_path / "daten"
    folder.mkdir()
    folder.chmod(0o755)
    subprocess.run(
        [sys.executable, "-m", *words.split()],
        cwd=REPOSITORY,
        env=os.environ | {"URBANKI_DATA_DIR": str(folder)},
        umask=0o022,
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    database = folder / "gallery.db"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
