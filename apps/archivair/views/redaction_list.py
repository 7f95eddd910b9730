"""Everything that was found on a document, one row each: crop, what it is, why, remove or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from apps.archivair.redaction.choices import ChosenHit
from apps.archivair.redaction.profiles import Profile
from apps.archivair.redaction.proposal import crop
from apps.archivair.redaction.words import CATEGORY_WORDS, ROLE_WORDS, reason_words
from apps.archivair.views.deciding import may_decide
from apps.archivair.views.redaction_desk import NAME, RedactionDesk
from apps.archivair.views.redaction_search import FoundFile
from shared.ui import Figure, escape_markdown, figures

ROWS_AT_ONCE = 8
_CROP_PX = 320


def show_hits(
    desk: RedactionDesk, profile: Profile, chosen: Sequence[ChosenHit], found: FoundFile
) -> None:
    """Show what was found; each row is ticked while it is to be removed.

    Args:
        desk: Where a tick is kept.
        profile: Who gets the document.
        chosen: What was found on the document, and drawn boxes.
        found: The file.
    """
    t = desk.ctx.t
    removed = [one for one in chosen if one.is_removed]
    kinds = Counter(one.hit.category for one in removed)
    figures(
        [
            Figure(t("Wird entfernt"), len(removed)),
            Figure(t("Gefunden"), len(chosen)),
            Figure(t("Arten von Angaben"), len(kinds)),
        ],
        t,
    )
    if not chosen:
        st.caption(t("Auf diesem Dokument wurde nichts gefunden. Bitte sehen Sie es selbst durch."))
        return
    only = st.toggle(t("Nur zeigen, was entfernt wird"), value=True, key=f"{NAME}_only")
    rows = removed if only else list(chosen)
    if not rows:
        st.caption(
            t("Nach dieser Auswahl wird hier nichts entfernt. Der Schalter zeigt alle Stellen.")
        )
    for one in _shown(desk, rows):
        _row(desk, profile, one, found)


def _shown(desk: RedactionDesk, rows: Sequence[ChosenHit]) -> Sequence[ChosenHit]:
    """Let the person leaf through many rows."""
    parts = max(1, -(-len(rows) // ROWS_AT_ONCE))
    if parts == 1:
        return rows
    part = st.number_input(
        desk.ctx.t("Teil der Liste (1 bis {last})", last=parts), 1, parts, key=f"{NAME}_part"
    )
    return rows[(part - 1) * ROWS_AT_ONCE : part * ROWS_AT_ONCE]


def _row(desk: RedactionDesk, profile: Profile, one: ChosenHit, found: FoundFile) -> None:
    t, hit = desk.ctx.t, one.hit
    what = t(CATEGORY_WORDS.get(hit.category, hit.category))
    with st.container(border=True, key=f"{NAME}_row_{one.key}"):
        picture, words = st.columns([2, 3])
        with picture:
            part = _crop(one, found)
            if part is not None:
                alt = t("Ausschnitt der Seite {page}: {what}", page=hit.page, what=what)
                with st.container(width=_CROP_PX):
                    st.image(part, alt=alt, width="stretch")
        with words:
            if hit.category == "own":
                st.markdown(f"**{what}**")
                st.button(
                    t("Kasten wieder wegnehmen"), key=f"{NAME}_drop_{one.key}",
                    disabled=not may_decide(desk.ctx), on_click=partial(desk.drop_box, one.key),
                )  # fmt: skip
            else:
                widget = f"{NAME}_tick_{profile.name}_{one.key}"
                st.session_state[widget] = one.is_removed
                st.checkbox(
                    t("Entfernen: {what}, Seite {page}", what=what, page=hit.page), key=widget,
                    disabled=not may_decide(desk.ctx),
                    on_change=partial(desk.set_hit, profile.name, one.key, widget),
                )  # fmt: skip
            if hit.text:
                st.markdown(escape_markdown(hit.text))
            role = f" {t(ROLE_WORDS[hit.role])}." if hit.role else ""
            st.caption(f"{reason_words(hit, t)}.{role}")


def _crop(one: ChosenHit, found: FoundFile) -> NDArray[np.uint8] | None:
    page = found.pages(one.hit.page)
    if page is None:
        return None
    part = crop(page, one.hit.boxes[0], page.picture())
    return part if part.size else None
