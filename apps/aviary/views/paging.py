"""Long lists in parts: a browser cannot hold a choice of 100,000 finds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import partial

import streamlit as st

from shared.ui import AppContext
from shared.ui.result import select_row

MOST_AT_ONCE = 2_000
"""Finds in a picture with its table; more make each rerun slow."""


def choose_part(ctx: AppContext, numbers: Sequence[int], key: str) -> range:
    """Let a person choose a part of a list by its number or by that of a find.

    Args:
        ctx: Context of the page.
        numbers: Number of each find of the list, ascending; hidden ones are missing.
        key: Key of its widgets, prefixed by the slug; its table is called `{key}_rows`.

    Returns:
        Places in the list; all of them where they are few.
    """
    count = len(numbers)
    if count <= MOST_AT_ONCE:
        return range(count)
    t, part_key = ctx.t, f"{key}_part"
    parts = range(-(-count // MOST_AT_ONCE))
    if st.session_state.get(part_key) not in parts:
        st.session_state[part_key] = 0

    def name(part: int) -> str:
        first, last = (
            numbers[part * MOST_AT_ONCE],
            numbers[min((part + 1) * MOST_AT_ONCE, count) - 1],
        )
        return t("{first} bis {last}", first=t.number(first), last=t.number(last))

    with st.container(key=f"{key}_parts"):
        left, right = st.columns(2)
    forget, jump = partial(_forget_row, key), partial(_jump, key, numbers)
    left.selectbox(t("Gezeigte Funde"), parts, format_func=name, key=part_key, on_change=forget)
    right.number_input(
        t("Zu Fund Nr."),
        1,
        numbers[-1],
        None,
        key=f"{key}_number",
        on_change=jump,
        help=t("Springt zu diesem Fund und wählt ihn aus."),
    )
    part = st.session_state[part_key]
    st.caption(
        t(
            "Gezeigt werden die Funde {part} von {count}; die Dateien enthalten alle.",
            part=name(part),
            count=t.number(count),
        )
    )
    return range(part * MOST_AT_ONCE, min((part + 1) * MOST_AT_ONCE, count))


def part_start(key: str) -> int:
    """Return the place in the list at which the shown part begins.

    Args:
        key: See `choose_part`.
    """
    part: int = st.session_state.get(f"{key}_part", 0)
    return part * MOST_AT_ONCE


def _forget_row(key: str) -> None:
    """Select nothing in a part that has just been turned to."""
    st.session_state[f"{key}_rows_selected"] = None
    st.session_state[f"{key}_rows_page"] = 1


def _jump(key: str, numbers: Sequence[int]) -> None:
    """Turn to a find; to the next one where it is hidden."""
    number: int | None = st.session_state.get(f"{key}_number")
    if number is not None:
        place = min(bisect_left(numbers, number), len(numbers) - 1)
        part, row = divmod(place, MOST_AT_ONCE)
        st.session_state[f"{key}_part"] = part
        select_row(f"{key}_rows", row)
