"""Commands around jobs act as the operating system's person, with the least rights that do it."""

from __future__ import annotations

import json

import pytest

from shared.auth import pseudonyms
from shared.auth.audit import Event
from shared.auth.audit_chain import Entry, audit_keys
from shared.contracts.identity.installation import LOCAL_SUBJECT
from shared.contracts.identity.policy import (
    JOB_CANCEL_OTHERS,
    JOB_START,
    RESULT_READ,
    TABLE,
)
from shared.contracts.identity.principal import RANKS
from shared.errors import SecretUnusable
from shared.jobs import commands
from shared.store.engine import read_scope
from shared.store.runs import RunView, submit
from shared.store.store import Store
from tests.auth.audit_trail import trail
from tests.jobs.desk import ANNA, NOW, RunOrder


@pytest.fixture
def run(store_sqlite: Store, monkeypatch: pytest.MonkeyPatch) -> RunView:
    """A run of Anna's; commands work with its installation."""
    monkeypatch.setattr(commands, "load_settings", lambda: store_sqlite.settings)
    order = RunOrder(app="probe", job="probe", title="Probe", inputs=())
    return submit(ANNA, store_sqlite, order, now=NOW)


def rows(store: Store) -> list[Entry]:
    return [one for one in trail(store.engine) if one.event == Event.HEADLESS_COMMAND]


@pytest.mark.parametrize(
    ("command", "action"),
    [
        ("list", RESULT_READ),
        ("show", RESULT_READ),
        ("cancel", JOB_CANCEL_OTHERS),
        ("retry", JOB_START),
    ],
)
def test_each_command_has_the_lowest_role_that_may_and_stands_in_the_audit(
    store_sqlite: Store,
    run: RunView,
    command: str,
    action: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert commands.main([command] if command == "list" else [command, run.id]) == 0
    assert json.loads(capsys.readouterr().out)
    (entry,) = rows(store_sqlite)
    able = [role for role in RANKS if TABLE[action].cells[role] == "x"]
    assert entry.role == able[0]
    assert (entry.tenant, entry.outcome) == ("musterstadt", "ok")
    assert entry.object_id == ("jobs/list" if command == "list" else run.id)
    assert entry.reason_code == f"jobs/{command}"
    key = audit_keys(store_sqlite.settings).subject
    with read_scope(store_sqlite.engine) as session:
        assert pseudonyms.find(session, key, LOCAL_SUBJECT) == entry.subject_hmac


def test_a_command_that_is_refused_stands_there_too(store_sqlite: Store, run: RunView) -> None:
    assert commands.main(["cancel", run.id, "--tenant", "nachbarstadt"]) == 2
    (entry,) = rows(store_sqlite)
    assert (entry.tenant, entry.object_id) == ("nachbarstadt", run.id)
    assert (entry.outcome, entry.reason_code) == ("refused", "nicht_gefunden")


def test_without_the_secret_nobody_works_on_jobs(
    store_sqlite: Store, run: RunView, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that a job does could be told to the audit."""
    store_sqlite.settings.secret_key_file.mkdir(parents=True)
    assert commands.main([]) == 2
    assert capsys.readouterr().err.startswith(
        SecretUnusable(file="x").user_message.partition("{")[0]
    )
