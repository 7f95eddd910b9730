"""Which runs a person may see, and which action a call means where the run itself decides it."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import ColumnElement

from shared.contracts.identity.policy import (
    JOB_CANCEL,
    JOB_CANCEL_OTHERS,
    JOB_START,
    RESULT_DELETE,
    RESULT_DELETE_OWN,
    SAMPLE_RUN,
)
from shared.contracts.identity.principal import Principal
from shared.store.models import RunRow


class Ordered(Protocol):
    """A run as a row or as a value."""

    @property
    def started_by(self) -> str:
        """Who ordered it."""

    @property
    def is_example(self) -> bool:
        """True for synthetic data."""


def own_runs(principal: Principal) -> ColumnElement[bool]:
    """Return the condition for runs of the active municipality and of apps the person may open.

    Guests of the kiosk see their own alone: nothing of whoever stood there before.

    Args:
        principal: Who looks.
    """
    own = RunRow.tenant == principal.active_tenant
    if principal.kind == "guest":
        own &= RunRow.started_by == principal.subject
    if principal.app_grants is None:
        return own
    return own & RunRow.app.in_(sorted(principal.app_grants))


def start_action(is_example: bool) -> str:
    """Return the action of ordering a run or going on with it.

    Args:
        is_example: True when it reads synthetic data.
    """
    return SAMPLE_RUN if is_example else JOB_START


def cancel_action(principal: Principal, run: Ordered) -> str:
    """Return the action of stopping a run.

    Args:
        principal: Who stops it.
        run: The run.
    """
    if run.started_by != principal.subject:
        return JOB_CANCEL_OTHERS
    return SAMPLE_RUN if run.is_example else JOB_CANCEL


def delete_action(principal: Principal, started_by: str) -> str:
    """Return the action of deleting a run.

    Args:
        principal: Who deletes it.
        started_by: Who ordered it.
    """
    return RESULT_DELETE_OWN if started_by == principal.subject else RESULT_DELETE
