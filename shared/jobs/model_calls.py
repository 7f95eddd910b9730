"""How often a job has called the model server: kept with each unit, told to the audit at the end.

A call counts once its answer has led to the result of a unit that is written; then it is written in
the same transaction as that result. Calls of tries that failed, of units that were given up, and of
results that came twice or too late count for nothing. The transaction that ends the run moves the
sum to the audit. So each call stands there once, whatever was killed or repeated in between; a run
that goes on after its end tells only of what came on top. Of a run that is deleted before its end,
the audit has the deletion alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.contracts.identity.principal import Principal
from shared.settings import Settings
from shared.store.models import RunRow, UnitRow


def to_text(calls: Mapping[str, int]) -> str | None:
    """Write the calls of a unit for its row; None for no calls.

    Args:
        calls: Number by task.
    """
    return json.dumps(dict(calls), sort_keys=True, separators=(",", ":")) if calls else None


def uncounted(session: Session, run_id: str) -> Mapping[str, int]:
    """Return the calls behind results of a run that the audit has not been told of, by task.

    Args:
        session: A transaction.
        run_id: The run.
    """
    query = (
        select(UnitRow.calls, func.count())
        .where(UnitRow.run_id == run_id, UnitRow.calls.is_not(None))
        .group_by(UnitRow.calls)
    )
    found: Counter[str] = Counter()
    for text, units in session.execute(query):
        for task, number in json.loads(text or "{}").items():
            found[task] += number * units
    return found


def tell_audit(
    session: Session, settings: Settings, run: RunRow, calls: Mapping[str, int], now: datetime
) -> None:
    """Write one row for each task in the name of whoever ordered the run, and forget the calls.

    Args:
        session: The transaction that ends the run; it holds the lock of the audit.
        settings: Secret of the installation, folder of the logs.
        run: The run.
        calls: From `uncounted`.
        now: The moment, with zone.

    Raises:
        SecretUnusable: The installation's secret cannot be read.
    """
    acting = Principal(run.started_by, "", {run.tenant: "service"}, run.tenant, kind="service")
    for task, number in sorted(calls.items()):
        event = AuditEvent(
            Event.MODEL_CALLS,
            acting,
            app=run.app,
            object_id=run.id,
            reason_code=f"{task}:{number}",
        )
        audit.add(session, settings, event, now=now)
    told = update(UnitRow).where(UnitRow.run_id == run.id, UnitRow.calls.is_not(None))
    session.execute(told.values(calls=None), execution_options={"synchronize_session": False})
