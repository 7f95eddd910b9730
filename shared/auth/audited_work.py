"""What people do with data, and that the audit tells of it: upload, take along, delete, publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.contracts.identity.policy import (
    EXPORT_FILE,
    EXPORT_REPORT,
    Fact,
    decide,
    refusal,
)
from shared.contracts.identity.principal import DEMO_TENANT, Principal
from shared.store import dataspace, deletion, feedback
from shared.store.deletion import Deleted
from shared.store.layers import Layer, Publication
from shared.store.run_views import RunView
from shared.store.store import Store

OWN_WORK = "eigene"
REPORT, FILE, HINTS = "bericht", "datei", "hinweise"
"""What was taken along."""


@dataclass(frozen=True, slots=True)
class FileToTake:
    """A file that a person may take along, without its name.

    Args:
        object_id: Id of the run or layer that it comes from; empty where it comes from none.
        app: App that the person must have; empty in the data space, which all read.
        is_report: Whether it is a report for people rather than data.
    """

    object_id: str
    app: str = ""
    is_report: bool = False


def may_take(principal: Principal, file: FileToTake) -> bool:
    """Say whether a person may take a file along.

    Args:
        principal: Who asks.
        file: Which.
    """
    # The demo municipality has nothing but example data.
    given: set[Fact] = {"example"} if principal.active_tenant == DEMO_TENANT else set()
    return decide(principal, _export_action(file), app=file.app or None, given=given).allowed


def take_along(
    principal: Principal,
    store: Store,
    file: FileToTake,
    content: Callable[[], bytes],
    *,
    now: datetime,
) -> bytes:
    """Return a file that a person takes along; errors of `content` go on.

    Args:
        principal: Who takes it, with the rights of this moment.
        store: Where it is kept.
        file: Which.
        content: Makes its bytes; asked only if the person may have them.
        now: The moment, with zone.

    Raises:
        NotAllowed: She may not; the audit tells of that too.
    """
    if not may_take(principal, file):
        denied = refusal(_export_action(file))
        action = _export_action(file).replace(".", "/")  # no row may hold what has dots
        event = AuditEvent(
            Event.DENIED,
            principal,
            app=file.app,
            object_id=action,
            outcome="refused",
            reason_code=denied.code,
        )
        audit.write(store.engine, store.settings, event, now=now)
        raise denied
    made = content()
    kind = REPORT if file.is_report else FILE
    event = AuditEvent(
        Event.EXPORT, principal, app=file.app, object_id=file.object_id, reason_code=kind
    )
    audit.write(store.engine, store.settings, event, now=now)
    return made


def take_hints_along(
    principal: Principal,
    store: Store,
    translate: Callable[[str], str],
    *,
    app: str | None,
    now: datetime,
) -> bytes:
    """Return hints as a table; see `shared.store.feedback.export_feedback` for errors.

    Args:
        principal: Who takes them along.
        store: Where they are kept.
        translate: Gives the headings in the reader's language.
        app: Only those about an app.
        now: The moment, with zone.
    """
    made = feedback.export_feedback(principal, store, translate, app=app)
    event = AuditEvent(Event.EXPORT, principal, app=app or "", reason_code=HINTS)
    audit.write(store.engine, store.settings, event, now=now)
    return made


def note_upload(
    principal: Principal, store: Store, app: str, sha256: str, *, now: datetime
) -> None:
    """Tell of a file that was accepted.

    Args:
        principal: Whose file.
        store: Where it will be kept.
        app: App that took it.
        sha256: Of its content; its name is nobody's business.
        now: The moment, with zone.
    """
    event = AuditEvent(Event.UPLOAD, principal, app=app, object_id=sha256)
    audit.write(store.engine, store.settings, event, now=now)


def delete_run(principal: Principal, store: Store, run: RunView, *, now: datetime) -> None:
    """Delete a run; see `shared.store.deletion.delete_run` for errors.

    Args:
        principal: Who deletes it.
        store: Where it is kept.
        run: Which.
        now: The moment, with zone.
    """
    deletion.delete_run(principal, store, run.id)
    event = AuditEvent(Event.DELETE, principal, app=run.app, object_id=run.id)
    audit.write(store.engine, store.settings, event, now=now)


def delete_own(
    principal: Principal, store: Store, *, now: datetime, patience_s: float = 0.0
) -> Deleted:
    """Delete all that a person has ordered; see `shared.store.deletion.delete_own` for errors.

    Args:
        principal: Whose work.
        store: Where it is kept.
        now: The moment, with zone.
        patience_s: Seconds in which a job that still writes may come to its end.
    """
    deleted = deletion.delete_own(principal, store, patience_s=patience_s)
    event = AuditEvent(Event.DELETE, principal, reason_code=OWN_WORK)
    audit.write(store.engine, store.settings, event, now=now)
    return deleted


def publish(
    principal: Principal, store: Store, run: RunView, publication: Publication, *, now: datetime
) -> Layer:
    """Publish a file of a run; see `shared.store.dataspace.publish` for errors.

    Args:
        principal: Who publishes.
        store: Where it is kept.
        run: The run that made the file.
        publication: Name, licence, who may read it.
        now: The moment, with zone.
    """
    layer = dataspace.publish(principal, store, run.id, publication, now=now)
    event = AuditEvent(Event.DATASPACE_PUBLISH, principal, app=run.app, object_id=layer.id)
    audit.write(store.engine, store.settings, event, now=now)
    return layer


def _export_action(file: FileToTake) -> str:
    return EXPORT_REPORT if file.is_report else EXPORT_FILE
