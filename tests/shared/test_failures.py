"""What the gallery writes into its log about a refusal."""

from __future__ import annotations

import pytest

from shared.errors import FileGone
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
