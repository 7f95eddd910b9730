"""An audit to look at, and ways to damage it that the database would refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Executable, text

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.auth.audit_chain import Entry, entries
from shared.auth.audit_log import log_folder
from shared.contracts.identity.principal import HOME_TENANT, Principal
from shared.settings import Settings
from shared.store.engine import session_scope
from tests.auth.people import NOW

ANNA = Principal("anna-id", "Anna", {HOME_TENANT: "sachbearbeitung"}, HOME_TENANT)
BERT = Principal("bert-id", "Bert", {HOME_TENANT: "viewer"}, HOME_TENANT)
_SWITCH = {
    "sqlite": (
        ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"),
        (),
    ),
    "postgresql": (
        ("ALTER TABLE audit DISABLE TRIGGER USER",),
        ("ALTER TABLE audit ENABLE TRIGGER USER",),
    ),
}


def add_login(
    engine: Engine, settings: Settings, who: Principal = ANNA, now: datetime = NOW, **more: Any
) -> None:
    audit.write(engine, settings, AuditEvent(Event.LOGIN, who, **more), now=now)


def trail(engine: Engine) -> list[Entry]:
    return list(entries(engine))


def numbers(engine: Engine) -> list[int]:
    return [entry.ordinal for entry in trail(engine)]


def force(engine: Engine, statement: str | Executable, **values: object) -> None:
    """Run a statement as somebody who may switch the triggers off."""
    off, on = _SWITCH[engine.dialect.name]
    with session_scope(engine) as session:
        for one in off:
            session.execute(text(one.replace("DROP TRIGGER", "DROP TRIGGER IF EXISTS")))
        session.execute(text(statement) if isinstance(statement, str) else statement, values)
        for one in on:
            session.execute(text(one))


def copy_file(settings: Settings, day: str = "2026-03-01") -> Path:
    return log_folder(settings) / f"audit-{day}.jsonl"


def copied(settings: Settings, day: str = "2026-03-01") -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in copy_file(settings, day).read_text().splitlines()]
