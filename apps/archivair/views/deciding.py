"""Buttons behind which people decide about the documents of a batch, and the way back."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from apps.archivair.batch.actions import latest_action
from apps.archivair.batch.changes import Change
from shared.auth.session import note_denial
from shared.contracts.identity import policy
from shared.errors import ChangedMeanwhile, NotAllowed, UrbanKiError, new_reference
from shared.store import decisions
from shared.store.decisions import Decision
from shared.ui import AppContext, error_box

_TROUBLE = "archivair_documents_trouble"
logger = logging.getLogger(__name__)


def may_decide(ctx: AppContext) -> bool:
    """Say whether the role of the person allows decisions.

    Args:
        ctx: Context of the page.
    """
    asked = policy.decide(ctx.principal, policy.REVIEW_DECIDE, app=ctx.manifest.id)
    return asked.allowed


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person decides.

    Args:
        ctx: Context of the page.
        run_id: The run.
        decided: What was decided when the page was shown, by item.
    """

    ctx: AppContext
    run_id: str
    decided: Mapping[str, Decision]

    def make(self, changes: Sequence[Change]) -> None:
        """Make the decisions of one action; what stands already is left as it is.

        Args:
            changes: The decisions, all of the same moment.
        """
        st.session_state.pop(_TROUBLE, None)
        now = datetime.now(UTC)
        try:
            self._refuse_stale(changes)
            for one in changes:
                known = self.decided.get(one.item_key)
                if known is not None and (known.value, known.reason) == (one.value, one.reason):
                    continue
                seen = known.id if known is not None else None
                decisions.decide(
                    self.ctx.principal,
                    self.ctx.store,
                    self.run_id,
                    one.item_key,
                    one.value,
                    one.reason,
                    now=now,
                    seen=seen,
                )
        except UrbanKiError as error:
            self._note(error)

    def take_back(self) -> None:
        """Take back the latest action that stands, whoever made it; the log keeps both."""
        st.session_state.pop(_TROUBLE, None)
        now = datetime.now(UTC)
        try:
            for one in latest_action(self.decided):
                decisions.undo(
                    self.ctx.principal,
                    self.ctx.store,
                    self.run_id,
                    one.item_key,
                    now=now,
                    seen=one.id,
                )
        except UrbanKiError as error:
            self._note(error)

    def show_trouble(self) -> None:
        """Show why the last decision was refused, until the next one."""
        trouble = st.session_state.get(_TROUBLE)
        if trouble is not None:
            error, reference = trouble
            error_box(error, reference=reference, t=self.ctx.t)

    def _refuse_stale(self, changes: Sequence[Change]) -> None:
        """Refuse an action before any of it is stored, if somebody else was faster with a part."""
        now = decisions.current(self.ctx.principal, self.ctx.store, self.run_id)
        for key in (one.item_key for one in changes):
            if (now[key].id if key in now else "") != self._id(key):
                raise ChangedMeanwhile()

    def _id(self, key: str) -> str:
        known = self.decided.get(key)
        return known.id if known is not None else ""

    def _note(self, error: UrbanKiError) -> None:
        reference = new_reference()
        logger.warning("%s %s", reference, error.code)
        if isinstance(error, NotAllowed):
            note_denial(error, reference, self.ctx.manifest.id)
        st.session_state[_TROUBLE] = (error, reference)
