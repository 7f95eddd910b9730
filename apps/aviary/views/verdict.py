"""Buttons and keys by which a person decides about one thing after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from apps.aviary.views.desk import Desk
from shared.auth.session import note_denial
from shared.errors import NotAllowed, UrbanKiError, new_reference
from shared.store import decisions
from shared.store.decisions import Decision
from shared.ui import error_box

LEAST_LOOK_S = 0.3
"""A key that is held down must not decide about what nobody has seen."""
BACK_KEY = "Z"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be decided.

    Args:
        value: As it is stored.
        label: Translated.
        shortcut: Key that does the same; None for none.
    """

    value: str
    label: str
    shortcut: str | None


def show_buttons(
    desk: Desk, item: str | None, choices: Sequence[Choice], last: Decision | None, back_label: str
) -> None:
    """Show what can be decided about an item, and the way back.

    Args:
        desk: Where the person decides.
        item: What is decided about; None where only the way back is left.
        choices: What can be decided.
        last: What the way back takes back; None for nothing.
        back_label: Translated label of the way back.
    """
    t, name = desk.ctx.t, desk.name
    _show_trouble(desk)
    keys = st.session_state.get(f"{name}_keys", True)
    with st.container(horizontal=True, key=f"{name}_buttons"):
        for one in choices if item is not None else ():
            st.button(
                one.label,
                # Values may come from recipes of others: no key of the page begins like this.
                key=f"{name}_say_{one.value}",
                shortcut=one.shortcut if keys else None,
                on_click=_decide,
                args=(desk, item, one.value),
            )
        st.button(
            back_label,
            key=f"{name}_back",
            shortcut=BACK_KEY if keys else None,
            disabled=last is None,
            on_click=_take_back,
            args=(desk, last),
        )
    used = [*filter(None, (one.shortcut for one in choices)), BACK_KEY]
    st.toggle(
        t("Tasten {keys}", keys=", ".join(used)),
        True,
        key=f"{name}_keys",
        help=t("Schalten Sie die Tasten ab, wenn sie ein Hilfsprogramm stören."),
    )
    if st.session_state.get(f"{name}_shown", ("", 0.0))[0] != item:
        st.session_state[f"{name}_shown"] = (item, time.monotonic())


def _show_trouble(desk: Desk) -> None:
    """Show why the last decision was refused, until the next one: the page may run in between."""
    trouble = st.session_state.get(f"{desk.name}_trouble")
    if trouble is not None:
        error, reference = trouble
        error_box(error, reference=reference, t=desk.ctx.t)


def _note_trouble(desk: Desk, error: UrbanKiError, item: str) -> None:
    """Keep a refusal for the page, log it once, and let the item be looked at again."""
    reference = new_reference()
    logger.warning("%s %s", reference, error.code)
    if isinstance(error, NotAllowed):
        note_denial(error, reference, desk.ctx.manifest.id)
    st.session_state[f"{desk.name}_trouble"] = (error, reference)
    st.session_state[f"{desk.name}_item"] = item


def _decide(desk: Desk, item: str, value: str) -> None:
    shown, since = st.session_state.get(f"{desk.name}_shown", ("", 0.0))
    if shown != item or time.monotonic() - since < LEAST_LOOK_S:
        return
    st.session_state.pop(f"{desk.name}_trouble", None)
    known = desk.decided.get(item)
    try:
        made = decisions.decide(
            desk.ctx.principal,
            desk.ctx.store,
            desk.run_id,
            item,
            value,
            now=datetime.now(UTC),
            seen=known.id if known is not None else None,
        )
    except UrbanKiError as error:
        _note_trouble(desk, error, item)
        return
    desk.note_own(made)
    st.session_state.pop(f"{desk.name}_item", None)


def _take_back(desk: Desk, last: Decision) -> None:
    st.session_state.pop(f"{desk.name}_trouble", None)
    try:
        decisions.undo(
            desk.ctx.principal,
            desk.ctx.store,
            desk.run_id,
            last.item_key,
            now=datetime.now(UTC),
            seen=last.id,
        )
    except UrbanKiError as error:
        _note_trouble(desk, error, last.item_key)
    st.session_state[f"{desk.name}_item"] = last.item_key
