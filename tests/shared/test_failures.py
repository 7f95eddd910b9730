"""What the gallery writes into its log about a refusal."""

from __future__ import annotations

import pytest

from shared.errors import FileGone, NotAllowed
from shared.settings import REPOSITORY
from shared.ui import failures

NAME = "Bauakte_Erika_Mustermann.pdf"


def test_the_log_has_the_code_and_never_the_name_of_a_file(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Exception] = []
    monkeypatch.setattr(failures, "error_box", lambda error, **_: shown.append(error))
    with failures.error_boundary():
        raise FileGone(name=NAME)
    assert NAME in str(shown[0])
    assert FileGone.code in caplog.text
    assert "Mustermann" not in caplog.text


def test_a_refusal_is_noted_with_its_app_and_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    noted: list[tuple[Exception, str, str]] = []
    monkeypatch.setattr(failures, "error_box", lambda _, reference, **__: shown.append(reference))
    monkeypatch.setattr(failures, "note_denial", lambda *about: noted.append(about))
    refused, gone = NotAllowed("result.delete"), FileGone(name=NAME)
    for error in (refused, gone):
        with failures.error_boundary(app="aviary"):
            raise error
    assert failures.show_script_error(refused)
    assert noted == [(refused, shown[0], "aviary"), (refused, shown[2], "")]


def test_no_page_shows_a_number_that_stands_in_no_log() -> None:
    """`show_failure` logs an error before it says the number, and notes a refusal."""
    pages = [*REPOSITORY.glob("apps/**/*.py"), *REPOSITORY.glob("shared/ui/**/*.py")]
    assert len(pages) > 50
    unlogged = "reference=new_reference()"
    assert [path.name for path in pages if unlogged in path.read_text(encoding="utf-8")] == []
