"""What people do with stored work for good, and that the audit tells of it: delete, publish."""

from __future__ import annotations

from datetime import datetime

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.contracts.identity.principal import Principal
from shared.store import dataspace, deletion
from shared.store.deletion import Deleted
from shared.store.layers import Layer, Publication
from shared.store.run_views import RunView
from shared.store.store import Store

OWN_WORK = "eigene"


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
