"""Wrong words for the commands of the jobs: exit code 2 and one German line, without secrets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from shared.errors import SettingInvalid
from shared.jobs import bench, commands, torture
from shared.jobs.trial import Trial
from shared.settings import REPOSITORY, Settings, load_settings

Main = Callable[[Sequence[str] | None], int]
NO_TEXT = os.fsdecode(b"\xff\xfe")


@pytest.mark.parametrize(
    ("main", "words", "said"),
    [
        (commands.main, ["show"], "Es fehlt: run."),
        (commands.main, ["bogus"], "gibt es nur list, show, cancel, retry."),
        (commands.main, ["list", "mehr"], "Unbekannte Angabe mehr."),
        (commands.main, ["--workers", "x"], "x ist kein Wert für --workers."),
        (commands.main, ["--wor"], "Unbekannte Angabe --wor."),
        (commands.main, ["show", NO_TEXT], "ist kein Wert für run."),
        (commands.main, ["list", "--tenant", NO_TEXT], "ist kein Wert für --tenant."),
        (bench.main, ["--units"], "Nach --units fehlt der Wert."),
        (bench.main, ["--units", "10,x"], "--units: Zahlen mit Komma"),
        (bench.main, ["--units", "²"], "--units: Zahlen mit Komma"),
        (bench.main, ["--units", "99999999999"], "--units: Zahlen mit Komma"),
        (bench.main, ["--parts", "alles"], "--parts: kosten"),
        (bench.main, ["--poll-rows", "0"], "alle von 1 bis 1000000"),
        (bench.main, ["--ahead", "-1"], "alle von 1 bis 1000000"),
        (bench.main, ["--database", "unsinn"], "Die Einstellung --database"),
        (torture.main, ["--injections", "-1"], "--injections ab 0"),
        (torture.main, ["--units", "1000001"], "--units von 1 bis 1000000"),
        (torture.main, ["--seed", "eins"], "eins ist kein Wert für --seed."),
        (torture.main, ["--database", "unsinn"], "Die Einstellung --database"),
    ],
)
def test_wrong_words_are_one_german_line(
    main: Main, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize("word", ["", " ", "äöü", "a" * 10_000, "' OR 1=1 --", "../../etc"])
@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
def test_a_run_that_cannot_be_is_one_german_line(
    command: str,
    word: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        commands, "load_settings", lambda: Settings(_env_file=None, data_dir=tmp_path)
    )
    assert commands.main([command, word]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("Dieses Ergebnis gibt es hier nicht.")
    assert (out, err.count("\n")) == ("", 1)


def test_the_password_of_a_wrong_address_is_not_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "postgres://gallery:geh/e@im@rechner/daten"
    monkeypatch.setenv("URBANKI_DATABASE_URL", address)
    with pytest.raises(SettingInvalid) as refused:
        load_settings()
    assert "geh" not in str(refused.value)
    assert "postgres://rechner/daten" in str(refused.value)
    with pytest.raises(SettingInvalid) as refused:
        Trial(tmp_path, database_url=address)
    assert "geh" not in str(refused.value)


def test_the_process_ends_with_the_code_and_without_traceback() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "shared.jobs", "show", NO_TEXT],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
