"""What the audit keeps of an event, where it stands, and what happens when a place is full."""

from __future__ import annotations

import ast
import fcntl
import io
import json
import logging
import os
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from shared.auth import audit, audit_log
from shared.auth.audit import AuditEvent, Event
from shared.auth.audit_chain import GENESIS, lock
from shared.auth.audit_verify import Fault, verify
from shared.contracts.identity.principal import HOME_TENANT, Principal
from shared.errors import DatabaseBusy, SecretWeak
from shared.settings import REPOSITORY, Settings
from shared.store.engine import make_engine, read_scope, session_scope
from shared.store.identity_models import AuditPermitRow, AuditRow, AuditSubjectRow
from shared.store.schema import prepare_database
from tests.auth.audit_trail import ANNA, BERT, add_login, copied, copy_file, numbers, trail
from tests.auth.people import NOW, at_once, later

UUID = "01932c07-4a4b-7f00-8000-0123456789ab"


def test_a_row_says_who_did_what(engine: Engine, settings: Settings) -> None:
    event = AuditEvent(
        Event.DELETE,
        ANNA,
        app="sovia",
        object_id=UUID,
        outcome="refused",
        reason_code="keine_berechtigung",
        ip="192.0.2.77",
        request_id="UK-0123ABCD",
    )
    audit.write(engine, settings, event, now=NOW)
    [row] = trail(engine)
    assert (row.ordinal, row.ts, row.event, row.tenant) == (1, NOW, "delete", HOME_TENANT)
    assert (row.role, row.app, row.object_id) == ("sachbearbeitung", "sovia", UUID)
    assert (row.outcome, row.reason_code) == ("refused", "keine_berechtigung")
    assert (row.ip_prefix, row.request_id) == ("192.0.2.0/24", "UK-0123ABCD")
    assert row.prev_mac == GENESIS
    assert len(row.mac) == len(row.subject_hmac) == 64
    assert copied(settings) == [json.loads(exported(engine))]


def exported(engine: Engine, days: int = 1) -> str:
    stream = io.StringIO()
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    audit.export(engine, begin, begin + timedelta(days=days), stream)
    return stream.getvalue()


def test_a_person_has_one_pseudonym_and_nobody_has_none(engine: Engine, settings: Settings) -> None:
    for who in (ANNA, BERT, ANNA):
        add_login(engine, settings, who)
    audit.write(engine, settings, AuditEvent(Event.LOGIN, outcome="refused"), now=NOW)
    anna, bert, again, nobody = trail(engine)
    assert anna.subject_hmac == again.subject_hmac != bert.subject_hmac
    assert (nobody.subject_hmac, nobody.role, nobody.tenant) == ("", "", "")


def test_pseudonyms_differ_from_house_to_house(tmp_path: Path) -> None:
    found = set()
    for name in ("one", "two"):
        settings = Settings(_env_file=None, data_dir=tmp_path / name, secret_key="s" * 40)
        prepare_database(settings)
        engine = make_engine(settings)
        add_login(engine, settings)
        found.add(trail(engine)[0].subject_hmac)
        engine.dispose()
    assert len(found) == 2


SECRET = "Hafen-Biene-Wolke-Tulpe-407"
TOKEN = ".".join(("eyJhbGciOiJFZDI1NTE5In0", "eyJzdWIiOiJhbm5hIn0", "c2lnbmF0dXJl"))
FILE = "Bauakte_Meier_1987.pdf"


@pytest.mark.parametrize("planted", [SECRET, TOKEN, FILE, "akte.pdf", "ein ganzer Satz", "x" * 201])
@pytest.mark.parametrize("field", ["object_id", "reason_code"])
def test_what_is_no_id_is_not_kept(
    engine: Engine, settings: Settings, planted: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    values: dict[str, Any] = {field: planted}
    for _ in range(2):
        audit.write(engine, settings, AuditEvent(Event.UPLOAD, ANNA, **values), now=NOW)
    audit.write(engine, settings, AuditEvent(Event.UPLOAD, ANNA, **{field: "b c"}), now=NOW)
    first, second, other = (getattr(row, field) for row in trail(engine))
    assert first == second != other
    assert first.startswith("hmac:")
    everything = exported(engine) + copy_file(settings).read_text() + caplog.text
    assert planted not in everything
    assert "anna-id" not in everything
    assert "Anna" not in everything
    if engine.dialect.name == "sqlite":
        for file in settings.data_dir.glob("gallery.db*"):
            assert planted.encode() not in file.read_bytes()
            assert b"anna-id" not in file.read_bytes()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("object_id", UUID),
        ("object_id", "sovia/roofs/herten"),
        ("object_id", "kiosk"),
        ("reason_code", "segment:250"),
        ("reason_code", "0.9.1"),
        ("request_id", "UK-0123ABCD"),
        ("tenant", "bad-homburg"),
        ("app", "airguardai"),
    ],
)
def test_ids_and_codes_are_kept(engine: Engine, settings: Settings, field: str, text: str) -> None:
    values: dict[str, Any] = {field: text}
    audit.write(engine, settings, AuditEvent(Event.START, **values), now=NOW)
    assert getattr(trail(engine)[0], field) == text


@pytest.mark.parametrize("field", ["object_id", "reason_code", "request_id", "tenant", "app"])
def test_control_characters_are_removed(engine: Engine, settings: Settings, field: str) -> None:
    values: dict[str, Any] = {field: "a\x00b\x1b\r\n\u202e\u2066\ud800c\x7f\x85\ufeff"}
    audit.write(engine, settings, AuditEvent(Event.START, **values), now=NOW)
    assert getattr(trail(engine)[0], field) == "abc"
    assert copied(settings)[0][field] == "abc"


@pytest.mark.parametrize(
    ("ip", "kept"),
    [
        ("203.0.113.200", "203.0.113.0/24"),
        ("2001:db8:abcd:12::1", "2001:db8:abcd::/48"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("not an address", ""),
        ("", ""),
    ],
)
def test_addresses_are_cut_to_their_network(
    engine: Engine, settings: Settings, ip: str, kept: str
) -> None:
    add_login(engine, settings, ip=ip)
    assert trail(engine)[0].ip_prefix == kept


def test_a_person_whose_name_is_hostile_is_noted_too(engine: Engine, settings: Settings) -> None:
    odd = Principal("x\x00\ud800' OR 1=1" + "y" * 300, "", {}, "ort\nzwei")
    add_login(engine, settings, odd)
    [row] = trail(engine)
    assert (row.role, row.tenant) == ("gast", "ortzwei")
    assert verify(engine, settings).is_sound


def test_an_event_that_is_none_is_refused(engine: Engine, settings: Settings) -> None:
    with pytest.raises(ValueError, match="dance"):
        audit.write(engine, settings, AuditEvent("dance"), now=NOW)  # type: ignore[arg-type]
    assert numbers(engine) == []


def test_without_a_usable_secret_nothing_is_written(engine: Engine, settings: Settings) -> None:
    with pytest.raises(SecretWeak):
        add_login(engine, settings.model_copy(update={"secret_key": "short"}))
    assert numbers(engine) == []


def test_the_copy_is_private_and_begins_anew_each_day(engine: Engine, settings: Settings) -> None:
    old = os.umask(0)
    try:
        for hour in (11, 12):
            add_login(engine, settings, now=NOW + timedelta(hours=hour))
    finally:
        os.umask(old)
    for day, ordinal in (("2026-03-01", 1), ("2026-03-02", 2)):
        assert [line["ordinal"] for line in copied(settings, day)] == [ordinal]
        assert copy_file(settings, day).stat().st_mode & 0o777 == 0o600
    copy_file(settings).chmod(0o644)
    add_login(engine, settings)
    assert copy_file(settings).stat().st_mode & 0o777 == 0o600


def test_a_full_disk_of_the_copy_loses_no_row(
    engine: Engine, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    add_login(engine, settings)
    whole = copy_file(settings).read_bytes()
    # The kernel refuses to let the file of the copy grow by a whole line.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    real = audit_log.append

    def on_a_full_disk(*arguments: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, limits[1]))
        try:
            real(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_log, "append", on_a_full_disk)
        add_login(engine, settings)
    assert numbers(engine) == [1, 2]
    assert copy_file(settings).read_bytes() == whole
    assert "row 2 of the audit is missing in its copy" in caplog.text
    add_login(engine, settings)
    found = verify(engine, settings)
    assert (found.is_sound, found.rows, found.without_copy) == (True, 3, 1)


def test_a_row_that_the_database_refuses_stands_in_the_copy(
    engine: Engine, settings: Settings
) -> None:
    add_login(engine, settings)
    impatient = make_engine(settings, busy_timeout_s=0.2)
    with session_scope(engine) as session:
        lock(session)
        with pytest.raises(DatabaseBusy):
            add_login(impatient, settings, BERT, reason_code="second")
    impatient.dispose()
    add_login(engine, settings)
    assert numbers(engine) == [1, 2]
    assert [line["ordinal"] for line in copied(settings)] == [1, 0, 2]
    assert copied(settings)[1]["reason_code"] == "second"
    assert verify(engine, settings).faults == [Fault("unrecorded", 0, day="2026-03-01")]


def test_half_a_line_of_a_killed_process_spoils_no_other(
    engine: Engine, settings: Settings
) -> None:
    add_login(engine, settings)
    with copy_file(settings).open("ab") as file:
        file.write(b'{"id":"0193')
    add_login(engine, settings)
    found = verify(engine, settings)
    assert found.faults == [Fault("copy", 0, day="2026-03-01")]
    assert found.without_copy == 0


def test_a_copy_that_another_holds_stops_nobody(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_login(engine, settings)
    monkeypatch.setattr(audit_log, "_PATIENCE_S", 0.05)
    with copy_file(settings).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        add_login(engine, settings)
    assert numbers(engine) == [1, 2]
    assert len(copied(settings)) == 1


def test_the_copy_follows_no_link(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.touch()
    audit_log.log_folder(settings).mkdir(parents=True)
    copy_file(settings).symlink_to(target)
    add_login(engine, settings)
    assert numbers(engine) == [1]
    assert target.read_bytes() == b""


def write_many(settings: Settings) -> Any:
    def work(engine: Engine, number: int) -> int:
        who = Principal(f"person-{number % 3}", "", {HOME_TENANT: "viewer"}, HOME_TENANT)
        for step in range(100):
            add_login(engine, settings, who, now=later(seconds=step))
        return os.getpid()

    return work


def test_eight_processes_write_one_unbroken_chain(settings: Settings) -> None:
    assert len(set(at_once(settings, 8, write_many(settings)))) == 8
    engine = make_engine(settings)
    found = verify(engine, settings)
    assert (found.rows, found.first, found.last) == (800, 1, 800)
    assert (found.faults, found.without_copy) == ([], 0)
    assert len({row.subject_hmac for row in trail(engine)}) == 3
    engine.dispose()


def test_export_takes_the_rows_of_a_time_in_order(engine: Engine, settings: Settings) -> None:
    for hour in (-13, -12, 0, 11.9, 12):
        add_login(engine, settings, now=later(hours=hour))
    lines = [json.loads(line) for line in exported(engine).splitlines()]
    assert [line["ordinal"] for line in lines] == [2, 3, 4]


def test_purging_takes_whole_days_and_the_chain_goes_on(engine: Engine, settings: Settings) -> None:
    for hour in (0, 11, 13, 24 * 89):
        add_login(engine, settings, now=later(hours=hour))
    now = later(days=90)
    purged = audit.purge(engine, settings, audit.oldest_kept(settings, now), now=now)
    assert (purged.rows, purged.held, purged.files) == (0, 0, 0)
    assert numbers(engine) == [1, 2, 3, 4]
    now = later(days=91)
    mac = trail(engine)[1].mac
    purged = audit.purge(engine, settings, audit.oldest_kept(settings, now), now=now)
    assert (purged.rows, purged.held, purged.files) == (2, 0, 1)
    assert numbers(engine) == [3, 4, 5]
    anchor = trail(engine)[-1]
    assert (anchor.event, anchor.object_id) == ("audit_purge", f"2:{mac}")
    assert not copy_file(settings).exists()
    add_login(engine, settings, now=now)
    assert verify(engine, settings).faults == []


def test_purging_everything_leaves_the_anchor(engine: Engine, settings: Settings) -> None:
    add_login(engine, settings)
    now = later(days=365)
    for _ in range(2):
        purged = audit.purge(engine, settings, audit.oldest_kept(settings, now), now=now)
        now += timedelta(days=100)
        assert purged.rows == 1
        assert verify(engine, settings).faults == []
    assert numbers(engine) == [3]
    add_login(engine, settings, now=now)
    assert verify(engine, settings).faults == []


def test_purging_forgets_pseudonyms_without_rows(engine: Engine, settings: Settings) -> None:
    add_login(engine, settings, ANNA)
    add_login(engine, settings, BERT)
    add_login(engine, settings, BERT, now=later(days=100))
    audit.purge(engine, settings, later(days=50), now=later(days=101))
    with read_scope(engine) as session:
        links = list(session.scalars(select(AuditSubjectRow.subject_hmac)))
    assert links == [trail(engine)[0].subject_hmac]


def test_an_empty_audit_is_purged(engine: Engine, settings: Settings) -> None:
    assert audit.purge(engine, settings, NOW, now=NOW) == audit.Purged(0, 0, 0, 0)
    assert numbers(engine) == []


def test_a_clock_that_was_wrong_holds_old_rows_and_says_so(
    engine: Engine, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    add_login(engine, settings)
    add_login(engine, settings, now=later(days=9000))
    add_login(engine, settings)
    purged = audit.purge(engine, settings, later(days=10), now=later(days=100))
    assert (purged.rows, purged.held) == (1, 1)
    assert "1 old rows of the audit stay" in caplog.text
    assert verify(engine, settings).faults == []


def test_the_future_is_not_purged(engine: Engine, settings: Settings) -> None:
    add_login(engine, settings)
    with pytest.raises(ValueError, match="not happened"):
        audit.purge(engine, settings, later(days=1), now=NOW)


def test_a_purge_leaves_no_permit(engine: Engine, settings: Settings) -> None:
    add_login(engine, settings)
    audit.purge(engine, settings, later(days=2), now=later(days=3))
    with read_scope(engine) as session:
        assert session.scalar(select(func.count()).select_from(AuditPermitRow)) == 0


def test_writing_and_purging_at_once_keeps_the_chain(settings: Settings) -> None:
    engine = make_engine(settings)
    for hour in range(30):
        add_login(engine, settings, now=later(hours=hour))

    def work(engine: Engine, number: int) -> None:
        for step in range(20):
            if number == 0:
                audit.purge(engine, settings, later(hours=step), now=later(days=3))
            else:
                add_login(engine, settings, now=later(days=3))

    at_once(settings, 4, work)
    found = verify(engine, settings)
    assert found.faults == []
    assert found.first > 1
    engine.dispose()


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _written(call: ast.Call) -> str:
    """The member of `Event` that a call of `AuditEvent` names, or the code that names none."""
    named = [word.value for word in call.keywords if word.arg == "event"]
    value = call.args[0] if call.args else named[0]
    is_member = isinstance(value, ast.Attribute) and _name(value.value) == "Event"
    return value.attr if is_member else ast.unparse(value)


def _modules() -> list[Path]:
    folders = ("shared", "apps", "model_server")
    return [file for folder in folders for file in sorted((REPOSITORY / folder).rglob("*.py"))]


def test_only_events_of_the_list_are_written() -> None:
    found = [
        (file.name, _written(call))
        for file in _modules()
        for call in _calls(ast.parse(file.read_bytes()))
        if _name(call.func) == "AuditEvent"
    ]
    assert len(found) >= 4
    assert [one for one in found if one[1] not in Event.__members__] == []


@pytest.mark.parametrize(
    "code",
    ["AuditEvent('dance')", "audit.AuditEvent(event=name)", "AuditEvent(Event('login'))"],
)
def test_the_look_at_the_code_finds_other_events(code: str) -> None:
    assert _written(_calls(ast.parse(code))[0]) not in Event.__members__


def test_only_the_chain_adds_rows() -> None:
    """No other module than those of the audit names its tables to add, change or delete."""
    adding = {"insert", "delete", "update", "insert_unless_there", "AuditRow", "AuditPermitRow"}
    found = {
        file.name
        for file in _modules()
        for call in _calls(ast.parse(file.read_bytes()))
        if _name(call.func) in adding
        and (
            _name(call.func).startswith("Audit")
            or any(_name(one) in {"AuditRow", "AuditPermitRow"} for one in call.args)
        )
    }
    assert found == {"audit.py", "audit_chain.py"}


def test_the_tables_refuse_what_is_not_the_audit(engine: Engine, settings: Settings) -> None:
    add_login(engine, settings)
    with pytest.raises(IntegrityError), session_scope(engine) as session:
        session.execute(delete(AuditRow))
    with pytest.raises(IntegrityError), session_scope(engine) as session:
        session.execute(insert(AuditSubjectRow).values(link_hmac="x", subject_hmac="y"))
        session.execute(delete(AuditRow).where(AuditRow.ordinal == 1))
    assert numbers(engine) == [1]
