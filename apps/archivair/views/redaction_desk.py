"""Decisions about what is removed: each is kept at once, told with role and time, and undone."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from apps.archivair.archive_files.page_content import Box
from apps.archivair.redaction.choices import (
    LEFT,
    LONGEST_FACTS,
    REMOVED,
    TOLD,
    box_item,
    fact_item,
    hit_item,
    told_names,
)
from apps.archivair.redaction.proposal import PageOfFile
from shared.auth.session import note_denial
from shared.errors import NotAllowed, UrbanKiError, new_reference
from shared.store import decisions
from shared.store.decisions import Decision
from shared.ui import AppContext, error_box

NAME = "archivair_redaction"
_TROUBLE = f"{NAME}_trouble"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RedactionDesk:
    """Where a person decides what is removed.

    Args:
        ctx: Context of the page.
        run_id: The reading.
        decided: Valid decisions by item.
    """

    ctx: AppContext
    run_id: str
    decided: Mapping[str, Decision]

    def set_hit(self, profile: str, key: str, widget: str) -> None:
        """Keep whether a hit is removed, as its box is ticked.

        Args:
            profile: Name of the profile.
            key: Key of the hit.
            widget: Key of its tick box.
        """
        value = REMOVED if st.session_state[widget] else LEFT
        self._decide(hit_item(profile, key), value)

    def draw_box(self, page: PageOfFile, box: Box) -> None:
        """Keep a box of the person's own.

        Args:
            page: The page.
            box: In pixels of the upright page.
        """
        self._decide(box_item(page.page, page.turn.to_delivered(box)), REMOVED)

    def drop_box(self, item: str) -> None:
        """Take a box away again.

        Args:
            item: Its item.
        """
        self._decide(item, LEFT)

    def tell(self, kind: str, widget: str) -> None:
        """Keep names that a person told, one per line.

        Args:
            kind: Kind of the names.
            widget: Key of the text field.
        """
        names = told_names(st.session_state[widget])
        reason = json.dumps(names, ensure_ascii=False)
        if len(reason) > LONGEST_FACTS:
            st.session_state[_TROUBLE] = None
            return
        self._decide(fact_item(kind), TOLD, reason)

    def show_trouble(self) -> None:
        """Show why the last decision was refused, until the next one."""
        if _TROUBLE not in st.session_state:
            return
        trouble = st.session_state[_TROUBLE]
        if trouble is None:
            st.warning(self.ctx.t("Das sind zu viele Namen. Bitte kürzen Sie die Liste."))
            return
        error, reference = trouble
        error_box(error, reference=reference, t=self.ctx.t)

    def _decide(self, item: str, value: str, reason: str = "") -> None:
        st.session_state.pop(_TROUBLE, None)
        known = self.decided.get(item)
        if known is not None and (known.value, known.reason) == (value, reason):
            return
        try:
            decisions.decide(
                self.ctx.principal, self.ctx.store, self.run_id, item, value, reason,
                now=datetime.now(UTC), seen=known.id if known is not None else None,
            )  # fmt: skip
        except UrbanKiError as error:
            reference = new_reference()
            logger.warning("%s %s", reference, error.code)
            if isinstance(error, NotAllowed):
                note_denial(error, reference, self.ctx.manifest.id)
            st.session_state[_TROUBLE] = (error, reference)
