"""What guests of the kiosk have ordered: removed with their session, or within the hour."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select

from shared.contracts.identity.principal import DEMO_TENANT
from shared.store.erasing import Eraser
from shared.store.identity_models import SessionRow
from shared.store.models import RunRow
from shared.store.store import Store

GUEST_PREFIX = "gast:"
"""Begins the subject of each guest."""


def remove_guest(store: Store, subject: str) -> int:
    """Remove everything that a guest has ordered, and return the number of runs.

    Args:
        store: Database and files.
        subject: The guest.
    """
    return _remove(store, RunRow.started_by == subject)


def remove_gone_guests(store: Store, now: datetime) -> int:
    """Remove what guests whose session has ended have ordered; return the number of runs.

    Args:
        store: Database and files.
        now: The moment, with zone.
    """
    here = select(SessionRow.subject).where(SessionRow.idle_expires_at > now)
    return _remove(store, RunRow.started_by.not_in(here))


def _remove(store: Store, condition: ColumnElement[bool]) -> int:
    eraser = Eraser(store, DEMO_TENANT)
    eraser.runs(RunRow.started_by.startswith(GUEST_PREFIX, autoescape=True) & condition)
    eraser.files()
    return len(eraser.erased.run_ids)
