"""Headless commands on a machine with and without a database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shared.auth.headless import run_app_command
from shared.settings import Settings
from shared.store.engine import make_engine
from shared.store.schema import prepare_database
from tests.auth.audit_trail import trail

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_command_loads_no_database_before_there_is_one(tmp_path: Path) -> None:
    program = (
        "import sys, apps.aviary.commands.program; "
        "from shared.auth.headless import run_app_command; "
        "from shared.settings import get_settings; "
        "code = run_app_command(get_settings(), 'aviary', 'run', lambda: 4); "
        "print(code, sorted({'sqlalchemy', 'alembic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={"URBANKI_DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "4 []\n"
    assert list(tmp_path.iterdir()) == []


def test_with_a_database_the_audit_tells_of_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert settings.has_no_database_yet
    prepare_database(settings)
    assert not settings.has_no_database_yet
    assert run_app_command(settings, "aviary", "run", lambda: 0) == 0
    engine = make_engine(settings)
    assert [(row.event, row.object_id) for row in trail(engine)] == [("headless_command", "run")]
    engine.dispose()


def test_another_database_is_always_asked() -> None:
    settings = Settings(database_url="postgresql+psycopg://localhost/gallery")
    assert not settings.has_no_database_yet
