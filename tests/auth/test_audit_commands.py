"""The operator's commands for the audit and for people who ask about themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.auth import __main__ as command
from shared.settings import Settings
from tests.auth.audit_trail import ANNA, add_login, force, trail
from tests.auth.people import later

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command here; exit code, stdout, stderr."""
    monkeypatch.setattr(command, "load_settings", lambda: settings)

    def call(*words: object) -> tuple[int, str, str]:
        code = command.main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_an_export_is_private_and_noted(
    engine: Engine, settings: Settings, run: Run, tmp_path: Path
) -> None:
    for day in (0, 1, 2):
        add_login(engine, settings, now=later(days=day))
    out = tmp_path / "rows.jsonl"
    words = ("audit", "export", "--from", "2026-03-01", "--to", "2026-03-02", "--out", out)
    code, said, complaint = run(*words)
    assert (code, complaint) == (0, "")
    assert json.loads(said) == {"rows": 2, "file": str(out)}
    assert [json.loads(line)["ordinal"] for line in out.read_text().splitlines()] == [1, 2]
    assert out.stat().st_mode & 0o777 == 0o600
    assert trail(engine)[-1].event == "audit_export"
    code, said, complaint = run(*words)
    assert (code, said) == (2, "")
    assert "gibt es schon" in complaint
    assert len(out.read_text().splitlines()) == 2


def test_verifying_says_what_it_found(engine: Engine, settings: Settings, run: Run) -> None:
    add_login(engine, settings)
    code, said, _ = run("verify-audit")
    assert (code, json.loads(said)["ok"], json.loads(said)["rows"]) == (0, True, 1)
    force(engine, "UPDATE audit SET role = 'admin'")
    code, said, complaint = run("verify-audit")
    assert code == 2
    assert json.loads(said)["faults"] == [{"kind": "changed", "ordinal": 1, "count": 1, "day": ""}]
    assert complaint == "Das Protokoll ist nicht unversehrt: 1 Befunde.\n"


def test_purging_takes_the_clock_that_it_is_told(
    engine: Engine, settings: Settings, run: Run
) -> None:
    add_login(engine, settings)
    code, said, _ = run("purge", "--now", "2026-04-01T00:00:00Z")
    assert (code, json.loads(said)["audit"]["rows"]) == (0, 0)
    code, said, _ = run("purge", "--now", "2026-06-01T00:00:00+02:00")
    assert (code, json.loads(said)["audit"]["rows"]) == (0, 1)
    assert [row.event for row in trail(engine)] == ["audit_purge"]


def test_a_person_is_handed_out_and_erased(
    engine: Engine, settings: Settings, run: Run, tmp_path: Path
) -> None:
    add_login(engine, settings)
    out = tmp_path / "anna.jsonl"
    assert json.loads(run("export-subject", ANNA.subject, "--out", out)[1])["rows"] == 1
    assert json.loads(run("erase-subject", ANNA.subject)[1])["audit_rows"] == 1
    assert [row.event for row in trail(engine)] == ["login", "subject_export", "subject_erase"]
    other = tmp_path / "other.jsonl"
    code, _, complaint = run("export-subject", ANNA.subject, "--out", other)
    assert (code, other.exists()) == (2, False)
    assert "nichts gespeichert" in complaint
    assert run("erase-subject", ANNA.subject)[0] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Es fehlt: accounts, reset-password, sessions, check,"),
        (["audit"], "Es fehlt: export."),
        (["audit", "export"], "Es fehlt: --from, --to, --out."),
        (
            ["audit", "export", "--from", "gestern", "--to", "2026-03-01", "--out", "x"],
            "gestern ist kein Wert für --from.",
        ),
        (
            ["audit", "export", "--from", "2026-03-02", "--to", "2026-03-01", "--out", "x"],
            "Der letzte Tag liegt vor dem ersten.",
        ),
        (["purge", "--now", "2026-03-01T00:00:00"], "ist kein Wert für --now."),
        (["erase-subject"], "Es fehlt: KENNUNG."),
        (["tanzen"], "Für BEFEHL gibt es nur"),
    ],
)
def test_bad_words_are_refused_in_one_german_line(run: Run, words: list[str], said: str) -> None:
    code, out, complaint = run(*words)
    assert (code, out) == (2, "")
    assert said in complaint
    assert complaint.count("\n") == 1


def test_the_real_command_makes_no_database(tmp_path: Path) -> None:
    environment = os.environ | {"URBANKI_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "shared.auth", "verify-audit"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Die Datenbank hat die Fassung 0000" in done.stderr
    assert not (tmp_path / "data").exists()
