"""A run of example data that was worked off before, copied for a guest of the kiosk.

The house orders the examples of all apps in the municipality `demo` (`shared.jobs.samples`). A
guest who orders the same gets her own rows of the finished run at once; the files, whose names are
their content, are shared.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from shared.contracts.identity.principal import DEMO_TENANT
from shared.store.ids import new_id
from shared.store.models import Base, RunFileRow, RunRow, UnitRow

HOUSE_SUBJECT = "vorfuehrung"
"""Who orders the examples that are copied."""


def copy_finished(session: Session, subject: str, key: str, template_key: str) -> RunRow | None:
    """Copy a finished run for a guest; None while there is none without failures.

    Args:
        session: A transaction that writes.
        subject: The guest.
        key: Idempotency key of her order.
        template_key: That of the same order of the house.
    """
    query = select(RunRow).where(
        RunRow.tenant == DEMO_TENANT,
        RunRow.idempotency_key == template_key,
        RunRow.state == "done",
        RunRow.units_failed == 0,
    )
    template = session.scalars(query).one_or_none()
    if template is None:
        return None
    # It goes with the guest's session, not when the template does.
    changed = {"id": new_id(), "started_by": subject, "idempotency_key": key, "expires_at": None}
    copy = RunRow(**_columns(template) | changed)
    session.add(copy)
    session.flush()
    for model in (UnitRow, RunFileRow):
        rows = session.scalars(select(model).where(model.run_id == template.id))
        values = [_columns(row) | {"run_id": copy.id} for row in rows]
        if values:
            session.execute(insert(model), values)
    return copy


def _columns(row: Base) -> dict[str, Any]:
    columns = cast(Table, row.__table__).columns
    return {column.name: getattr(row, column.name) for column in columns}
