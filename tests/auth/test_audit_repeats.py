"""Refusals without end do not fill the audit, and the audit still tells how many there were."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from shared.auth import audit, audit_repeats
from shared.auth.audit import AuditEvent, Event
from shared.auth.audit_repeats import RepeatKey, Repeats, has_row
from shared.auth.audit_verify import verify
from shared.auth.local_accounts import Account
from shared.settings import Settings
from tests.auth.audit_trail import ANNA, BERT, copied, trail
from tests.auth.guarded import Guarded
from tests.auth.people import NOW, later

on_sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
MANY = 700
DENIED = AuditEvent(Event.DENIED, ANNA, outcome="refused", reason_code="fremde_seite")
TOLD = ["fremde_seite"] * 9 + [f"fremde_seite:{10 * 2**n}" for n in range(7)]


@on_sqlite
def test_many_refusals_are_few_rows_that_tell_their_number(
    engine: Engine, settings: Settings
) -> None:
    for _ in range(MANY):
        audit.write(engine, settings, DENIED, now=NOW)
    assert [row.reason_code for row in trail(engine)] == TOLD
    assert len(copied(settings)) == len(TOLD)
    assert verify(engine, settings).is_sound


@on_sqlite
def test_another_person_reason_or_minute_counts_by_itself(
    engine: Engine, settings: Settings
) -> None:
    for _ in range(15):
        audit.write(engine, settings, DENIED, now=NOW)
    before = len(trail(engine))
    others = (
        replace(DENIED, principal=BERT),
        replace(DENIED, principal=None, ip="192.0.2.77"),
        replace(DENIED, principal=None, ip="198.51.100.7"),
        replace(DENIED, reason_code="fremde_herkunft"),
        replace(DENIED, event=Event.LOGIN),
    )
    for other in others:
        audit.write(engine, settings, other, now=NOW)
    audit.write(engine, settings, DENIED, now=later(minutes=1))
    new = [row.reason_code for row in trail(engine)][before:]
    assert new == [*(one.reason_code for one in others), DENIED.reason_code]


@on_sqlite
def test_a_stranger_s_addresses_of_one_network_count_as_one(
    engine: Engine, settings: Settings
) -> None:
    refused = AuditEvent(Event.LOGIN, outcome="refused", reason_code="anmeldung_abgelehnt")
    for number in range(200):
        event = replace(refused, ip=f"192.0.2.{number}")
        audit.write(engine, settings, event, now=NOW)
    assert len(trail(engine)) == 14


@on_sqlite
def test_what_was_done_is_told_each_time(engine: Engine, settings: Settings) -> None:
    for _ in range(30):
        audit.write(engine, settings, AuditEvent(Event.EXPORT, ANNA), now=NOW)
    assert len(trail(engine)) == 30


@on_sqlite
def test_a_signed_in_person_cannot_fill_the_audit_through_the_guard(
    guarded: Guarded, annas_cookie: str, anna: Account
) -> None:
    for _ in range(MANY):
        assert guarded.ask("/media/0123.png", cookie=annas_cookie).status == 403
    assert [row["reason_code"] for row in guarded.denials()] == TOLD


def test_very_many_strangers_need_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_repeats, "MOST_KEYS", 5)
    repeats = Repeats()
    numbers = [repeats.number(RepeatKey("login", f"{n}", "x"), NOW) for n in range(8)]
    assert numbers == [1, 1, 1, 1, 1, 1, 2, 3]
    assert repeats.number(RepeatKey("login", "0", "x"), NOW) == 2
    assert repeats.number(RepeatKey("login", "0", "x"), later(minutes=1)) == 1


def test_rows_come_ever_more_rarely() -> None:
    assert [n for n in range(1, 1000) if has_row(n)] == [*range(1, 11), 20, 40, 80, 160, 320, 640]
