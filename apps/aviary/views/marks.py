"""What the hatching in the picture of a result means."""

from __future__ import annotations

import streamlit as st

from apps.aviary.finds.tile_marks import TileMarks
from shared.ui import AppContext

MOST_NAMED = 20


def explain_marks(ctx: AppContext, marks: TileMarks) -> None:
    """Say which tiles are hatched in the picture and why; nothing where none is.

    Args:
        ctx: Context of the page.
        marks: The tiles.
    """
    t = ctx.t
    if marks.failed:
        st.caption(
            t.plural(
                "Im Bild rot gekreuzt schraffiert: {count} Kachel ohne Ergebnis.",
                "Im Bild rot gekreuzt schraffiert: {count} Kacheln ohne Ergebnis.",
                len(marks.failed),
            )
        )
    if marks.unusual_ids:
        named = ", ".join(str(one + 1) for one in marks.unusual_ids[:MOST_NAMED])
        more = " …" if len(marks.unusual_ids) > MOST_NAMED else ""
        st.caption(
            t.plural(
                "Im Bild grau schraffiert: ungewohntes Bild, {count} Kachel (Nr. {numbers}).",
                "Im Bild grau schraffiert: ungewohntes Bild, {count} Kacheln (Nr. {numbers}).",
                len(marks.unusual_ids),
                numbers=named + more,
            )
        )
