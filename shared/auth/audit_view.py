"""The audit as the administration of a municipality reads it: by time, never by person.

Nothing is counted or ordered by person, so that nobody's work can be compared. Rows without a
municipality, as of a refused login, show where the installation has one only: then they are its.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.auth.tenants import NO_MUNICIPALITIES
from shared.contracts.identity.policy import AUDIT_READ, require
from shared.contracts.identity.principal import Principal
from shared.errors import N_, InputError
from shared.report.csv_out import write_csv
from shared.store.engine import read_scope
from shared.store.identity_models import AuditRow, TenantRow
from shared.store.store import Store

SHOWN_ROWS = 500
EXPORTED_ROWS = 100_000
EVENTS: Mapping[str, str] = MappingProxyType(
    {
        Event.ACCOUNT_CHANGE: N_("Konto geändert"),
        Event.AUDIT_EXPORT: N_("Protokoll ausgegeben"),
        Event.AUDIT_PURGE: N_("Protokoll gekürzt"),
        Event.BACKCHANNEL_LOGOUT: N_("Abmeldung durch den Anmeldedienst"),
        Event.DATASPACE_PUBLISH: N_("Für den Datenraum freigegeben"),
        Event.DELETE: N_("Gelöscht"),
        Event.DENIED: N_("Abgewiesen"),
        Event.EXPORT: N_("Heruntergeladen"),
        Event.HEADLESS_COMMAND: N_("Befehl aufgerufen"),
        Event.KEY_ROTATION: N_("Schlüssel gewechselt"),
        Event.KIOSK_RESET: N_("Vorführung neu begonnen"),
        Event.LOGIN: N_("Anmeldung"),
        Event.LOGOUT: N_("Abmeldung"),
        Event.MODEL_CALLS: N_("Modelle benutzt"),
        Event.SESSION_END: N_("Sitzung beendet"),
        Event.SETTINGS_CHANGE: N_("Einstellungen geändert"),
        Event.START: N_("Start"),
        Event.SUBJECT_ERASE: N_("Person gelöscht"),
        Event.SUBJECT_EXPORT: N_("Auskunft erteilt"),
        Event.TENANT_SWITCH: N_("Kommune gewechselt"),
        Event.TOKEN_ISSUE: N_("Zugangstoken ausgestellt"),
        Event.UPLOAD: N_("Hochgeladen"),
    }
)
OUTCOMES: Mapping[str, str] = MappingProxyType({"ok": N_("erledigt"), "refused": N_("abgelehnt")})
HEADINGS = (
    *(N_("Nummer"), N_("Zeitpunkt"), N_("Vorgang"), N_("Ergebnis"), N_("Grund")),
    *(N_("Pseudonym"), N_("Rolle"), N_("Anwendung"), N_("Gegenstand"), N_("Netz")),
)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows.

    Args:
        since: From this moment on, with zone.
        event: Only this one of `Event`; empty means all.
        outcome: Only this one of `OUTCOMES`; empty means both.
    """

    since: datetime
    event: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the audit for people.

    Args:
        number: Its number in the chain.
        moment: When.
        event: German name of what happened, a key of the catalogue.
        outcome: German word, a key of the catalogue.
        reason_code: Why not, or how.
        pseudonym: Stands for who did it; empty where nobody is known.
        role: Role of who did it.
        app: App id.
        object_id: What it was done to.
        ip_prefix: Network of the browser.
    """

    number: int
    moment: datetime
    event: str
    outcome: str
    reason_code: str
    pseudonym: str
    role: str
    app: str
    object_id: str
    ip_prefix: str


def newest(principal: Principal, store: Store, wanted: AuditFilter) -> list[Line]:
    """Return rows, the newest first, at most `SHOWN_ROWS`.

    Args:
        principal: Who reads.
        store: Where they are kept.
        wanted: Which rows.

    Raises:
        NotAllowed: Only the administration reads them.
    """
    require(principal, AUDIT_READ)
    with read_scope(store.engine) as session:
        query = select(AuditRow).where(*_conditions(session, principal, wanted))
        rows = session.scalars(query.order_by(AuditRow.ordinal.desc()).limit(SHOWN_ROWS))
        return [_line(row) for row in rows]


def count(principal: Principal, store: Store, wanted: AuditFilter) -> int:
    """Return how many rows there are; see `newest`."""
    require(principal, AUDIT_READ)
    with read_scope(store.engine) as session:
        conditions = _conditions(session, principal, wanted)
        return session.scalar(select(func.count()).select_from(AuditRow).where(*conditions)) or 0


def export(
    principal: Principal,
    store: Store,
    wanted: AuditFilter,
    translate: Callable[[str], str] = str,
    *,
    now: datetime,
) -> bytes:
    """Return rows as a CSV file for German Excel, oldest first; the audit notes that too.

    Args:
        principal: Who takes them along.
        store: Where they are kept.
        wanted: Which rows.
        translate: Gives the words in the reader's language.
        now: The moment, with zone.

    Raises:
        InputError: There are more than `EXPORTED_ROWS`.
        NotAllowed: Only the administration reads them.
    """
    require(principal, AUDIT_READ)
    with read_scope(store.engine) as session:
        query = select(AuditRow).where(*_conditions(session, principal, wanted))
        rows = session.scalars(query.order_by(AuditRow.ordinal).limit(EXPORTED_ROWS + 1))
        lines = [_line(row) for row in rows]
    if len(lines) > EXPORTED_ROWS:
        raise InputError(reason="Das Protokoll dieses Zeitraums ist zu groß für eine Tabelle.")
    audit.write(store.engine, store.settings, AuditEvent(Event.AUDIT_EXPORT, principal), now=now)
    cells = [
        (
            *(one.number, one.moment, translate(one.event), translate(one.outcome)),
            *(one.reason_code, one.pseudonym, one.role, one.app, one.object_id, one.ip_prefix),
        )
        for one in lines
    ]
    return write_csv([translate(heading) for heading in HEADINGS], cells)


def _conditions(
    session: Session, principal: Principal, wanted: AuditFilter
) -> list[ColumnElement[bool]]:
    own, row = principal.active_tenant, AuditRow
    others = TenantRow.slug.not_in({own} | NO_MUNICIPALITIES)
    is_only_one = session.scalar(select(TenantRow.slug).where(others).limit(1)) is None
    conditions = [row.tenant.in_(["", own] if is_only_one else [own]), row.ts >= wanted.since]
    if wanted.event:
        conditions.append(row.event == wanted.event)
    if wanted.outcome:
        conditions.append(row.outcome == wanted.outcome)
    return conditions


def _line(row: AuditRow) -> Line:
    return Line(
        number=row.ordinal,
        moment=row.ts,
        event=EVENTS.get(row.event, row.event),
        outcome=OUTCOMES.get(row.outcome, row.outcome),
        reason_code=row.reason_code,
        pseudonym=row.subject_hmac,
        role=row.role,
        app=row.app,
        object_id=row.object_id,
        ip_prefix=row.ip_prefix,
    )
