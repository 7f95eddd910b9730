"""The audit as an administration reads it: her municipality, by time, never by person."""

from __future__ import annotations

import csv
import inspect
import io
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.auth import audit, audit_view
from shared.auth.audit import AuditEvent, Event
from shared.auth.audit_view import EVENTS, HEADINGS, AuditFilter, Line
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.errors import InputError, NotAllowed
from shared.i18n import get_translator
from shared.settings import Settings
from shared.store.store import Store, open_store
from tests.auth.audit_trail import ANNA, BERT, add_login
from tests.auth.people import NOW, add_tenant, later

CHIEF = Principal("chief", "Chefin", {HOME_TENANT: "admin"}, HOME_TENANT)
FAR = Principal("far", "Fern", {"herten": "admin"}, "herten")
ALL = AuditFilter(later(days=-1000))


@pytest.fixture
def store(house: Engine, settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.engine.dispose()


def write(
    store: Store, event: Event, who: Principal | None = ANNA, s: int = 0, **more: Any
) -> None:
    said = AuditEvent(event, who, **more)
    audit.write(store.engine, store.settings, said, now=later(seconds=s))


def events(store: Store, wanted: AuditFilter = ALL, who: Principal = CHIEF) -> list[str]:
    return [line.event for line in audit_view.newest(who, store, wanted)]


def test_every_event_has_a_german_name_of_its_own_and_an_english_one() -> None:
    assert {str(event) for event in Event} == set(EVENTS)
    for language in ("de", "en"):
        t = get_translator(language)
        assert len({t(name) for name in EVENTS.values()}) == len(EVENTS)
        assert not t.missing & set(EVENTS.values())


def test_the_newest_comes_first_and_says_everything_but_who(store: Store) -> None:
    write(store, Event.LOGIN, ip="192.0.2.77")
    write(store, Event.DENIED, BERT, 1, app="sovia", outcome="refused", reason_code="nicht_erlaubt")
    lines = audit_view.newest(CHIEF, store, ALL)
    assert [line.number for line in lines] == [2, 1]
    newest = lines[0]
    assert (newest.event, newest.outcome, newest.reason_code) == (
        "Abgewiesen",
        "abgelehnt",
        "nicht_erlaubt",
    )
    assert (newest.role, newest.app, newest.moment) == ("viewer", "sovia", later(seconds=1))
    assert lines[1].ip_prefix == "192.0.2.0/24"
    assert "Bert" not in repr(lines)
    assert BERT.subject not in repr(lines)


def test_filters_leave_what_fits(store: Store) -> None:
    write(store, Event.LOGIN)
    write(store, Event.LOGIN, None, 60, outcome="refused", tenant=HOME_TENANT)
    write(store, Event.EXPORT, s=120)
    assert events(store, AuditFilter(NOW, "login")) == ["Anmeldung", "Anmeldung"]
    assert events(store, AuditFilter(NOW, "login", "refused")) == ["Anmeldung"]
    assert events(store, AuditFilter(NOW, "", "ok")) == ["Heruntergeladen", "Anmeldung"]
    assert events(store, AuditFilter(later(seconds=61))) == ["Heruntergeladen"]
    assert audit_view.count(CHIEF, store, AuditFilter(NOW, "", "ok")) == 2
    assert audit_view.count(CHIEF, store, AuditFilter(NOW, "unknown")) == 0


def test_another_municipality_shows_nothing(store: Store) -> None:
    add_tenant(store.engine, "herten")
    write(store, Event.LOGIN)
    write(store, Event.EXPORT, FAR)
    assert events(store) == ["Anmeldung"]
    assert events(store, who=FAR) == ["Heruntergeladen"]
    assert audit_view.count(FAR, store, ALL) == 1
    assert "login" not in audit_view.export(FAR, store, ALL, now=NOW).decode()


def test_rows_of_nobody_belong_to_the_only_municipality(store: Store) -> None:
    add_tenant(store.engine, "demo")
    write(store, Event.LOGIN, None, outcome="refused")
    assert events(store) == ["Anmeldung"]
    add_tenant(store.engine, "alt", active=False)
    assert events(store) == []
    assert audit_view.count(CHIEF, store, ALL) == 0


def test_not_more_than_can_be_shown(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_view, "SHOWN_ROWS", 2)
    for number in range(4):
        add_login(store.engine, store.settings, now=later(seconds=number))
    lines = audit_view.newest(CHIEF, store, ALL)
    assert [line.number for line in lines] == [4, 3]
    assert audit_view.count(CHIEF, store, ALL) == 4


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def test_the_table_has_all_rows_in_order_and_is_itself_noted(store: Store) -> None:
    write(store, Event.LOGIN)
    write(store, Event.UPLOAD, BERT, 1, app="sovia", object_id="run:1")
    english = get_translator("en")
    rows = table(audit_view.export(CHIEF, store, ALL, english, now=later(seconds=2)))
    assert rows[0] == [english(heading) for heading in HEADINGS]
    assert [row[0] for row in rows[1:]] == ["1", "2"]
    assert rows[2][2:5] == ["Uploaded", english("erledigt"), ""]
    assert rows[2][6:9] == ["viewer", "sovia", "run:1"]
    assert events(store)[0] == "Protokoll ausgegeben"
    assert len(table(audit_view.export(CHIEF, store, AuditFilter(NOW, "upload"), now=NOW))) == 2


def test_a_table_that_is_too_large_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_view, "EXPORTED_ROWS", 1)
    write(store, Event.LOGIN)
    audit_view.export(CHIEF, store, ALL, now=NOW)  # which adds the second row
    with pytest.raises(InputError, match="zu groß"):
        audit_view.export(CHIEF, store, ALL, now=NOW)
    assert audit_view.count(CHIEF, store, ALL) == 2


@pytest.mark.parametrize("role", ["gast", "viewer", "sachbearbeitung", "service"])
def test_only_an_administration_reads_it(store: Store, role: Role) -> None:
    who = Principal("x", "X", {HOME_TENANT: role, "herten": "admin"}, HOME_TENANT)
    for act in (audit_view.newest, audit_view.count):
        with pytest.raises(NotAllowed):
            act(who, store, ALL)
    with pytest.raises(NotAllowed):
        audit_view.export(who, store, ALL, now=NOW)
    assert audit_view.count(CHIEF, store, ALL) == 0


def test_nothing_can_be_asked_or_ordered_by_person() -> None:
    assert {one.name for one in fields(AuditFilter)} == {"since", "event", "outcome"}
    code = inspect.getsource(audit_view)
    assert "group_by" not in code
    assert code.count("order_by") == code.count("order_by(AuditRow.ordinal")
    assert code.count("subject_hmac") == 1
    assert {one.name for one in fields(Line)} >= {"number", "moment", "pseudonym"}
