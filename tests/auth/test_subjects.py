"""What is kept about a person can be handed out, and led back to nobody."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, inspect, select, text

from shared.auth import audit, local_accounts, pseudonyms, subjects
from shared.auth.audit_chain import audit_keys, lock
from shared.auth.audit_verify import verify
from shared.auth.local_accounts import Account
from shared.auth.subjects import ERASED, ErasedSubject
from shared.errors import InputError, TextInvalid, TextTooLong
from shared.settings import Settings
from shared.store.engine import make_engine, read_scope, session_scope
from shared.store.identity_models import AccountRow, SessionRow
from shared.store.models import RunRow
from tests.auth.audit_trail import ANNA, BERT, add_login, copy_file, trail
from tests.auth.people import NOW, PASSWORD, add_account, at_once, later, signed_in


def add_run(engine: Engine, number: int, subject: str) -> None:
    values = {
        **{"id": f"run-{number}", "tenant": "herten", "app": "sovia", "job": "roofs"},
        **{"title": f"Auftrag {number}", "started_by": subject, "state": "done", "priority": 1},
        **{"idempotency_key": f"key-{number}", "input_json": [], "input_sha256": ""},
        **{"parameters_json": {}, "units_done": 0, "units_failed": 0, "is_example": False},
        "created_at": NOW,
    }
    with session_scope(engine) as session:
        session.execute(insert(RunRow).values(values))


@pytest.fixture
def known(house: Engine, settings: Settings, anna: Account) -> Engine:
    """Anna has an account, a session, two runs and two rows; Bert one of each but no account."""
    signed_in(house, anna)
    signed_in(house, anna)
    for who in (anna.principal(), BERT, anna.principal()):
        add_login(house, settings, who, ip="192.0.2.9")
    add_run(house, 1, anna.id)
    add_run(house, 2, BERT.subject)
    add_run(house, 3, anna.id)
    return house


def exported(engine: Engine, settings: Settings, subject: str) -> list[dict[str, Any]]:
    stream = io.StringIO()
    count = subjects.export_subject(engine, settings, subject, stream)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == count
    return lines


def test_everything_about_a_person_is_handed_out(
    known: Engine, settings: Settings, anna: Account
) -> None:
    local_accounts.set_apps(known, "anna", "musterstadt", frozenset({"sovia"}), NOW)
    lines = exported(known, settings, anna.id)
    kinds = [line["record"] for line in lines]
    assert kinds == [
        *("account", "role", "app", "session", "session", "run", "run", "audit", "audit")
    ]
    assert lines[0]["username"] == "anna"
    assert (lines[1]["tenant"], lines[1]["role"]) == ("musterstadt", "sachbearbeitung")
    assert [line["title"] for line in lines if line["record"] == "run"] == [
        "Auftrag 1",
        "Auftrag 3",
    ]
    assert [line["ordinal"] for line in lines if line["record"] == "audit"] == [1, 3]


def test_no_secret_and_nobody_else_is_handed_out(
    known: Engine, settings: Settings, anna: Account
) -> None:
    text_out = json.dumps(exported(known, settings, anna.id))
    with read_scope(known) as session:
        account = session.scalars(select(AccountRow).where(AccountRow.id == anna.id)).one()
        secrets = [account.password_hash, PASSWORD]
        for row in session.scalars(select(SessionRow)):
            secrets += [row.token_sha256, row.csrf_secret]
    assert [one for one in (*secrets, BERT.subject, "Auftrag 2") if one in text_out] == []


def test_every_column_with_a_person_is_known_here() -> None:
    """A new table that names a person fails this until it is handed out and erased too."""
    from shared.store.models import Base

    telling = {"subject", "started_by", "account_id", "username", "display_name", "user", "person"}
    found = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.c
        if column.name in telling or column.name.endswith(("_by", "_subject"))
    }
    assert found == {
        *("account.username", "account.display_name", "account_role.account_id"),
        *("account_app.account_id", "session.subject", "session.display_name", "run.started_by"),
        "decision.undone_by",  # names a later decision
    }


def test_an_erased_person_cannot_be_found_again(
    known: Engine, settings: Settings, anna: Account
) -> None:
    before = trail(known)
    copy = copy_file(settings).read_bytes()
    local_accounts.disable(known, "anna", NOW)
    assert subjects.erase_subject(known, settings, anna.id) == ErasedSubject(
        accounts=1, sessions=0, runs=2, audit_rows=2
    )
    with pytest.raises(InputError, match="nichts gespeichert"):
        exported(known, settings, anna.id)
    assert (trail(known), copy_file(settings).read_bytes()) == (before, copy)
    assert verify(known, settings).is_sound
    for needle in (anna.id, pseudonyms._hmac(audit_keys(settings).subject, anna.id), "Anna"):
        assert occurrences(known, settings, needle) == []


def occurrences(engine: Engine, settings: Settings, needle: str) -> list[str]:
    """Where a text still stands: columns of any table, and the files of SQLite."""
    found = []
    with engine.connect() as connection:
        for table in inspect(engine).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings():  # noqa: S608
                found += [f"{table}.{name}" for name, value in row.items() if needle in str(value)]
    files = settings.data_dir.rglob("*")
    return found + [file.name for file in files if file.is_file() and needle.encode() in read(file)]


def read(file: Path) -> bytes:
    return file.read_bytes()


def test_the_others_stay(known: Engine, settings: Settings, anna: Account) -> None:
    bert = exported(known, settings, BERT.subject)
    local_accounts.disable(known, "anna", NOW)
    subjects.erase_subject(known, settings, anna.id)
    assert exported(known, settings, BERT.subject) == bert
    assert [line["record"] for line in bert] == ["run", "audit"]


def test_the_runs_stay_with_one_who_is_nobody(
    known: Engine, settings: Settings, anna: Account
) -> None:
    local_accounts.disable(known, "anna", NOW)
    subjects.erase_subject(known, settings, anna.id)
    with read_scope(known) as session:
        query = select(RunRow.started_by, RunRow.idempotency_key).order_by(RunRow.id)
        [first, bert, third] = session.execute(query).all()
    assert first.started_by == third.started_by
    assert first.started_by.startswith(ERASED)
    assert bert.started_by == BERT.subject
    assert first.idempotency_key != third.idempotency_key
    assert "key-" not in first.idempotency_key + third.idempotency_key


def test_who_comes_back_has_a_new_pseudonym(engine: Engine, settings: Settings) -> None:
    add_login(engine, settings, ANNA)
    subjects.erase_subject(engine, settings, ANNA.subject)
    add_login(engine, settings, ANNA)
    old, new = trail(engine)
    assert old.subject_hmac != new.subject_hmac
    assert [line["ordinal"] for line in exported(engine, settings, ANNA.subject)] == [2]


def test_an_open_account_is_not_erased(known: Engine, settings: Settings, anna: Account) -> None:
    with pytest.raises(InputError, match="nicht gesperrt"):
        subjects.erase_subject(known, settings, anna.id)
    assert len(exported(known, settings, anna.id)) == 8


@pytest.mark.parametrize("subject", ["nobody", "", "x' OR 1=1 --"])
def test_who_is_unknown_is_refused(known: Engine, settings: Settings, subject: str) -> None:
    with pytest.raises(InputError, match="nichts gespeichert"):
        subjects.erase_subject(known, settings, subject)
    with pytest.raises(InputError, match="nichts gespeichert"):
        exported(known, settings, subject)


@pytest.mark.parametrize("subject", ["x\x00", "\ud800", "x" * 256])
def test_what_is_no_id_is_refused(known: Engine, settings: Settings, subject: str) -> None:
    with pytest.raises((TextInvalid, TextTooLong)):
        subjects.erase_subject(known, settings, subject)
    with pytest.raises((TextInvalid, TextTooLong)):
        exported(known, settings, subject)


def test_a_broken_erasing_changes_nothing(
    known: Engine, settings: Settings, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_accounts.disable(known, "anna", NOW)
    before = exported(known, settings, anna.id)

    def broken(*_: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(pseudonyms, "forget", broken)
        subjects.erase_subject(known, settings, anna.id)
    assert exported(known, settings, anna.id) == before


def test_two_processes_give_one_pseudonym(settings: Settings) -> None:
    def work(engine: Engine, _number: int) -> str:
        with session_scope(engine) as session:
            lock(session)
            return pseudonyms.give(session, audit_keys(settings).subject, "anna-id")

    audit_keys(settings)
    assert len(set(at_once(settings, 4, work))) == 1


def test_erasing_while_others_write_breaks_no_chain(settings: Settings) -> None:
    engine = make_engine(settings)
    add_login(engine, settings, ANNA)

    def work(engine: Engine, number: int) -> None:
        for _ in range(10):
            if number:
                add_login(engine, settings, ANNA, now=later(seconds=1))
            else:
                subjects.erase_subject(engine, settings, ANNA.subject)
                add_login(engine, settings, ANNA, now=later(seconds=1))

    at_once(settings, 3, work)
    assert verify(engine, settings).faults == []
    assert len({row.subject_hmac for row in trail(engine)}) >= 10
    engine.dispose()


@pytest.fixture
def streamed(engine: Engine, settings: Settings) -> Iterator[Engine]:
    for step in range(20):
        add_login(engine, settings, ANNA, now=later(seconds=step))
    yield engine


def test_exports_are_streamed(streamed: Engine, settings: Settings) -> None:
    class Full(io.StringIO):
        lines = 0

        def write(self, line: str) -> int:
            self.lines += 1
            if self.lines == 3:
                raise OSError(28, "no space left")
            return super().write(line)

    stream = Full()
    with pytest.raises(OSError, match="no space"):
        subjects.export_subject(streamed, settings, ANNA.subject, stream)
    assert stream.getvalue().count("\n") == 2
    with pytest.raises(OSError, match="no space"):
        audit.export(streamed, later(days=-1), later(days=1), Full())
    add_login(streamed, settings)  # nothing is held by the broken reading


def test_accounts_of_the_same_name_are_told_apart(house: Engine, settings: Settings) -> None:
    """The subject is the id: a name that equals it leads nowhere."""
    account = add_account(house, "zweite")
    with pytest.raises(InputError, match="nichts gespeichert"):
        exported(house, settings, "zweite")
    assert exported(house, settings, account.id)[0]["username"] == "zweite"
