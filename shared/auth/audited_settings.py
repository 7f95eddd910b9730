"""Settings that differ from those of the last start: the audit names them, never their values.

Kept are names and keyed hashes in the database, so that a new machine on the same database can
tell too. Settings at their default are not kept: one that is missing has it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from sqlalchemy import delete, insert, select

from shared.auth import audit, audit_chain
from shared.auth.audit import AuditEvent, Event
from shared.auth.secret_box import load_secret_box
from shared.auth.services import AccountServices
from shared.settings import Settings
from shared.store.engine import session_scope
from shared.store.identity_models import SettingRow

SECRET = "secret_key"  # noqa: S105
"""Always kept, also where the secret is a file: with another one nothing else can be compared."""


def note_changed_settings(services: AccountServices) -> None:
    """Write a row for each setting that has changed since the last start, and keep them anew.

    The first start of all has nothing to compare with and writes none. Processes with settings of
    their own, such as two ports on one database, tell of the difference at each start.

    Args:
        services: Database, settings and clock.

    Raises:
        DatabaseUnreachable: The database does not answer.
        SecretUnusable: The installation's secret cannot be read.
    """
    current = _hashed(services.settings)
    with session_scope(services.engine) as session:
        audit_chain.lock(session)  # several processes may start at once
        last = {row.name: row.value_hmac for row in session.scalars(select(SettingRow))}
        for name in _changed(last, current):
            event = AuditEvent(Event.SETTINGS_CHANGE, object_id=name)
            audit.add(session, services.settings, event, now=services.clock())
        if last != current:
            session.execute(delete(SettingRow))
            rows = [{"name": name, "value_hmac": value} for name, value in current.items()]
            session.execute(insert(SettingRow), rows)


def _hashed(settings: Settings) -> dict[str, str]:
    """Return name and keyed hash of the secret and of each setting that is not at its default."""
    key = load_secret_box(settings).key("settings")

    def hashed(name: str, value: object) -> str:
        return hmac.new(key, f"{name}\0{value}".encode(), hashlib.sha256).hexdigest()

    chosen = {
        name: hashed(name, value)
        for name, value in settings
        if value != type(settings).model_fields[name].default
    }
    return chosen | {SECRET: hashed(SECRET, "")}


def _changed(last: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    if not last:
        return []
    if last.get(SECRET) != current[SECRET]:
        return [SECRET]
    return sorted(name for name in {*last, *current} if last.get(name) != current.get(name))
