"""Whoever changes the audit behind the program's back is found out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, text, update

from shared.auth import audit, audit_log, audit_verify
from shared.auth.audit_chain import (
    audit_keys,
    from_line,
    is_genuine,
    last_link,
    mac_of,
    sealed,
    to_line,
)
from shared.auth.audit_verify import Fault, verify
from shared.errors import FileMissing
from shared.settings import Settings
from shared.store.engine import session_scope
from shared.store.identity_models import AuditRow
from tests.auth.audit_trail import add_login, copied, copy_file, force, numbers, trail
from tests.auth.people import NOW, later

DAY = "2026-03-01"
TEXTS = (
    *("event", "subject_hmac", "tenant", "role", "app", "object_id", "outcome", "reason_code"),
    *("ip_prefix", "request_id"),
)


@pytest.fixture
def filled(engine: Engine, settings: Settings) -> Engine:
    """Six rows."""
    for step in range(6):
        add_login(engine, settings, now=later(seconds=step), object_id=f"thing_{step}")
    assert verify(engine, settings).is_sound
    return engine


def faults(engine: Engine, settings: Settings) -> set[tuple[str, int, int]]:
    found = verify(engine, settings)
    assert found.found == len(found.faults)
    return {(one.kind, one.ordinal, one.count) for one in found.faults}


@pytest.mark.parametrize("column", TEXTS)
def test_a_changed_text_is_found(filled: Engine, settings: Settings, column: str) -> None:
    force(filled, update(AuditRow).where(AuditRow.ordinal == 3).values({column: "other"}))
    assert faults(filled, settings) == {("changed", 3, 1)}


def test_a_changed_moment_is_found(filled: Engine, settings: Settings) -> None:
    force(filled, "UPDATE audit SET ts = '2026-03-01 09:00:00+00' WHERE ordinal = 3")
    assert ("changed", 3, 1) in faults(filled, settings)


def test_a_changed_id_is_found(filled: Engine, settings: Settings) -> None:
    force(filled, "UPDATE audit SET id = 'other' WHERE ordinal = 3")
    assert faults(filled, settings) == {("changed", 3, 1)}


def test_a_changed_hmac_is_found_at_both_sides(filled: Engine, settings: Settings) -> None:
    force(filled, "UPDATE audit SET mac = 'other' WHERE ordinal = 3")
    expected = {("changed", 3, 1), ("unlinked", 4, 1), ("replaced", 3, 1)}
    assert faults(filled, settings) == expected


@pytest.mark.parametrize(("first", "last"), [(2, 2), (5, 5), (2, 5)])
def test_missing_rows_are_found(filled: Engine, settings: Settings, first: int, last: int) -> None:
    force(filled, delete(AuditRow).where(AuditRow.ordinal.between(first, last)))
    assert faults(filled, settings) == {("missing", first, last - first + 1)}


def test_missing_rows_are_found_although_the_rest_moves_up(
    filled: Engine, settings: Settings
) -> None:
    force(filled, "DELETE FROM audit WHERE ordinal = 3")
    for ordinal in (4, 5, 6):
        renumber(filled, ordinal, ordinal - 1)
    found = faults(filled, settings)
    assert {("changed", 3, 1), ("unlinked", 3, 1), ("cut", 6, 1)} <= found


def test_rows_missing_at_the_beginning_are_found(filled: Engine, settings: Settings) -> None:
    force(filled, "DELETE FROM audit WHERE ordinal <= 2")
    assert faults(filled, settings) == {("start", 3, 1)}


def test_rows_missing_beside_a_purge_are_found(filled: Engine, settings: Settings) -> None:
    for day in (1, 2):
        add_login(filled, settings, now=later(days=day))
    audit.purge(filled, settings, later(days=1), now=later(days=3))
    assert numbers(filled) == [7, 8, 9]
    assert faults(filled, settings) == set()
    force(filled, "DELETE FROM audit WHERE ordinal = 7")
    assert faults(filled, settings) == {("start", 8, 1)}


def test_purged_rows_that_come_back_are_found(filled: Engine, settings: Settings) -> None:
    old = trail(filled)[-1]
    add_login(filled, settings, now=later(days=1))
    audit.purge(filled, settings, later(days=1), now=later(days=3))
    add(filled, asdict(old))
    assert faults(filled, settings) == {("start", 6, 1)}


def add(engine: Engine, values: dict[str, object]) -> None:
    with session_scope(engine) as session:
        session.execute(insert(AuditRow).values(values))


def renumber(engine: Engine, old: int, new: int) -> None:
    force(engine, "UPDATE audit SET ordinal = :new WHERE ordinal = :old", new=new, old=old)


@pytest.mark.parametrize("place", [3, 7])
def test_an_added_row_is_found(filled: Engine, settings: Settings, place: int) -> None:
    rows = trail(filled)
    for ordinal in range(6, place - 1, -1):
        renumber(filled, ordinal, ordinal + 1)
    before = rows[place - 2]
    forged = replace(rows[1], id="forged", ordinal=place, prev_mac=before.mac, mac="f" * 64)
    add(filled, asdict(forged))
    found = faults(filled, settings)
    assert ("changed", place, 1) in found


def test_a_row_of_another_key_is_found(filled: Engine, settings: Settings) -> None:
    before = trail(filled)[-1]
    forged = replace(before, id="forged", ordinal=7, prev_mac=before.mac)
    add(filled, asdict(sealed(b"k" * 32, forged)))
    assert faults(filled, settings) == {("changed", 7, 1)}


def test_a_repeated_row_is_found(filled: Engine, settings: Settings) -> None:
    add(filled, asdict(trail(filled)[3]) | {"id": "again", "ordinal": 7})
    assert faults(filled, settings) == {("changed", 7, 1), ("unlinked", 7, 1)}


def test_swapped_rows_are_found(filled: Engine, settings: Settings) -> None:
    for old, new in ((2, 99), (4, 2), (99, 4)):
        renumber(filled, old, new)
    found = faults(filled, settings)
    assert {("changed", 2, 1), ("changed", 4, 1), ("unlinked", 2, 1)} <= found


def test_swapped_contents_are_found(filled: Engine, settings: Settings) -> None:
    for old, new in (("thing_1", "x"), ("thing_3", "thing_1"), ("x", "thing_3")):
        force(filled, "UPDATE audit SET object_id = :n WHERE object_id = :o", n=new, o=old)
    assert faults(filled, settings) == {("changed", 2, 1), ("changed", 4, 1)}


def test_a_cut_end_is_found_as_far_as_the_copy_tells(filled: Engine, settings: Settings) -> None:
    force(filled, "DELETE FROM audit WHERE ordinal > 4")
    assert verify(filled, settings).faults == [Fault("cut", 5, 2, DAY)]
    lines = copy_file(settings).read_text().splitlines()
    copy_file(settings).write_text("\n".join(lines[:5]) + "\n")
    assert verify(filled, settings).faults == [Fault("cut", 5, 1, DAY)]


def test_an_emptied_table_is_found(filled: Engine, settings: Settings) -> None:
    force(filled, "DELETE FROM audit")
    assert verify(filled, settings).faults == [Fault("cut", 1, 6, DAY)]


def test_a_cut_end_that_grew_again_is_found(filled: Engine, settings: Settings) -> None:
    force(filled, "DELETE FROM audit WHERE ordinal > 4")
    for step in range(2):
        add_login(filled, settings, now=later(minutes=step))
    found = faults(filled, settings)
    assert found == {("replaced", 5, 1), ("replaced", 6, 1)}


def test_a_changed_line_of_the_copy_is_found(filled: Engine, settings: Settings) -> None:
    lines = copied(settings)
    changed = [json.dumps({**line, "event": "other"}) for line in lines[:1]]
    kept = copy_file(settings).read_text().splitlines()[1:]
    copy_file(settings).write_text("\n".join([*changed, *kept]) + "\n")
    found = verify(filled, settings)
    assert found.faults == [Fault("copy", 0, day=DAY)]
    assert found.without_copy == 1


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"ts": 5}',
        b"[" * 5000,
        b'{"ts": "2026-03-01T12:00:00+00:00"}',
        b"x" * 100_000,
        b'{"ordinal": NaN, "ts": "2026-03-01"}',
    ],
)
def test_a_foreign_line_is_named_and_stops_nothing(
    filled: Engine, settings: Settings, line: bytes
) -> None:
    with copy_file(settings).open("ab") as file:
        file.write(line + b"\n")
    found = verify(filled, settings)
    assert {one.kind for one in found.faults} == {"copy"}
    assert found.without_copy == 0


def test_what_no_line_holds_is_told_from_one(filled: Engine, settings: Settings) -> None:
    [entry, *_] = trail(filled)
    line = to_line(entry).encode()
    assert from_line(line) == entry
    assert from_line(line.replace(b'"ordinal":1,', b'"ordinal":true,')) is None
    assert from_line(line + b" ") is None
    assert from_line(line.replace(b'"mac":"', b'"mac":"\\u00e4')) is not None
    other = from_line(line.replace(b'"mac":"', b'"mac":"\\u00e4'))
    assert other is not None
    assert not is_genuine(audit_keys(settings).chain, other)


def test_another_secret_verifies_nothing(filled: Engine, settings: Settings) -> None:
    found = verify(filled, settings.model_copy(update={"secret_key": "s" * 40}))
    assert [one.ordinal for one in found.faults if one.kind == "changed"] == [1, 2, 3, 4, 5, 6]


def test_an_open_permit_is_found(filled: Engine, settings: Settings) -> None:
    with session_scope(filled) as session:
        session.execute(text("INSERT INTO audit_permit (purpose) VALUES ('purge')"))
    assert verify(filled, settings).faults == [Fault("permit", 0)]


def test_many_faults_are_counted_and_the_first_listed(
    filled: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_verify, "MOST_FAULTS", 2)
    force(filled, "UPDATE audit SET role = 'admin'")
    found = verify(filled, settings)
    assert (found.found, [one.ordinal for one in found.faults]) == (6, [1, 2])


def test_rows_of_another_machine_are_no_fault(filled: Engine, settings: Settings) -> None:
    copy_file(settings).unlink()
    found = verify(filled, settings)
    assert (found.is_sound, found.rows, found.without_copy) == (True, 6, 6)


def test_an_unreadable_copy_is_an_error(
    filled: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(folder: Path) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(audit_log, "days", unreadable)
    with pytest.raises(FileMissing):
        verify(filled, settings)


def test_other_files_of_the_folder_are_left_alone(filled: Engine, settings: Settings) -> None:
    folder = audit_log.log_folder(settings)
    others = ["gallery.log", "audit-2020-13-99.jsonl", "audit-2020-01-01.jsonl.bak"]
    for name in others:
        folder.joinpath(name).write_text("x")
    assert verify(filled, settings).is_sound
    audit.purge(filled, settings, later(days=5), now=later(days=6))
    assert {file.name for file in folder.iterdir()} >= set(others)


def test_an_empty_audit_is_sound(engine: Engine, settings: Settings) -> None:
    found = verify(engine, settings)
    assert (found.is_sound, found.rows, found.first, found.last) == (True, 0, 0, 0)


def test_the_hmac_is_that_of_rfc_2104(engine: Engine, settings: Settings) -> None:
    """Computed here by hand: 64-byte blocks, inner and outer pad."""
    add_login(engine, settings)
    [entry] = trail(engine)
    key = audit_keys(settings).chain.ljust(64, b"\0")
    content = to_line(replace(entry, mac="")).encode()
    inner = hashlib.sha256(bytes(one ^ 0x36 for one in key) + content).digest()
    outer = hashlib.sha256(bytes(one ^ 0x5C for one in key) + inner).hexdigest()
    assert entry.mac == outer == mac_of(audit_keys(settings).chain, entry)
    with session_scope(engine) as session:
        assert last_link(session) == (1, outer)


def test_days_are_linked_over_midnight(engine: Engine, settings: Settings) -> None:
    for day in range(3):
        add_login(engine, settings, now=NOW + timedelta(days=day))
    first, second, third = trail(engine)
    assert (second.prev_mac, third.prev_mac) == (first.mac, second.mac)
    force(engine, "DELETE FROM audit WHERE ordinal = 2")
    assert faults(engine, settings) == {("missing", 2, 1)}
