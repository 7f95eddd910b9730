"""Where a person answers one question of the review after the other, and takes answers back."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from apps.archivair.batch.edits import FIELD_KEYS
from shared.auth.session import note_denial
from shared.errors import NotAllowed, UrbanKiError, new_reference
from shared.store import decisions
from shared.store.decisions import Decision
from shared.ui import AppContext, error_box

LEAST_LOOK_S = 0.3
"""A key that is held down must not decide about what nobody has seen."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision of an answer.

    Args:
        item_key: What is decided about.
        value: What is decided.
        reason: Old and new value of a field; else empty.
    """

    item_key: str
    value: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReviewDesk:
    """Where a person decides.

    Args:
        ctx: Context of the page.
        run_id: The run.
        name: Prefix of what the session keeps, with the slug.
        decided: What was decided when the page was shown, by item.
        begins: Beginning of the items of which the way back may take one without the session.
    """

    ctx: AppContext
    run_id: str
    name: str
    decided: Mapping[str, Decision]
    begins: str = FIELD_KEYS

    @property
    def wanted(self) -> str | None:
        """Item that the person went to; None for whatever is next."""
        item: str | None = st.session_state.get(f"{self.name}_item")
        return item

    def go_to(self, item: str | None) -> None:
        """Let an item be shown next; None for whatever is next.

        Args:
            item: The item.
        """
        st.session_state[f"{self.name}_item"] = item

    def note_shown(self, item: str | None) -> None:
        """Remember since when an item is on the screen.

        Args:
            item: The item.
        """
        if st.session_state.get(f"{self.name}_shown", ("", 0.0))[0] != item:
            st.session_state[f"{self.name}_shown"] = (item, time.monotonic())

    def was_seen(self, item: str) -> bool:
        """Say whether somebody can have seen an item by now.

        Args:
            item: The item.
        """
        shown, since = st.session_state.get(f"{self.name}_shown", ("", 0.0))
        return bool(shown == item and time.monotonic() - since >= LEAST_LOOK_S)

    def answer(self, item: str, answers: Sequence[Answer]) -> None:
        """Store the decisions of one answer, all of the same moment.

        Args:
            item: Item of the question; it is shown again when the answer is refused.
            answers: The decisions.
        """
        st.session_state.pop(f"{self.name}_trouble", None)
        now, own = datetime.now(UTC), st.session_state.setdefault(f"{self.name}_own", [])
        try:
            for one in answers:
                known = self.decided.get(one.item_key)
                made = decisions.decide(
                    self.ctx.principal,
                    self.ctx.store,
                    self.run_id,
                    one.item_key,
                    one.value,
                    one.reason,
                    now=now,
                    seen=known.id if known is not None else None,
                )
                own.append(made.id)
        except UrbanKiError as error:
            self._note(error, item)
            return
        self.go_to(None)

    def last(self) -> tuple[Decision, ...]:
        """Return the decisions of the answer that the way back takes back; empty for none.

        It is the latest answer of this tab, else the latest about such an item.
        """
        standing = {one.id: one for one in self.decided.values()}
        own: list[str] = st.session_state.get(f"{self.name}_own", [])
        found = next((standing[one] for one in reversed(own) if one in standing), None)
        if found is None:
            about = [one for key, one in self.decided.items() if key.startswith(self.begins)]
            found = max(about, key=lambda one: one.id, default=None)
        if found is None:
            return ()
        moment = found.decided_at
        together = (one for one in self.decided.values() if one.decided_at == moment)
        return tuple(sorted(together, key=lambda one: one.id, reverse=True))

    def take_back(self, taken: Sequence[Decision], item: str) -> None:
        """Take the decisions of an answer back; the log keeps both.

        Args:
            taken: The decisions, newest first.
            item: Item that is shown then.
        """
        st.session_state.pop(f"{self.name}_trouble", None)
        now = datetime.now(UTC)
        try:
            for one in taken:
                decisions.undo(
                    self.ctx.principal,
                    self.ctx.store,
                    self.run_id,
                    one.item_key,
                    now=now,
                    seen=one.id,
                )
        except UrbanKiError as error:
            self._note(error, item)
            return
        self.go_to(item)

    def show_trouble(self) -> None:
        """Show why the last decision was refused, until the next one."""
        trouble = st.session_state.get(f"{self.name}_trouble")
        if trouble is not None:
            error, reference = trouble
            error_box(error, reference=reference, t=self.ctx.t)

    def _note(self, error: UrbanKiError, item: str) -> None:
        reference = new_reference()
        logger.warning("%s %s", reference, error.code)
        if isinstance(error, NotAllowed):
            note_denial(error, reference, self.ctx.manifest.id)
        st.session_state[f"{self.name}_trouble"] = (error, reference)
        self.go_to(item)
