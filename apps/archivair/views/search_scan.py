"""A hit on its scan: the page the right way up, the searched words outlined, an equal table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from apps.archivair.index import IndexedWord
from apps.archivair.upright import upright_corners, upright_size
from apps.archivair.views.page import PICTURE_HEIGHT_PX, load_page
from apps.archivair.views.result import load_pages
from apps.archivair.views.search_sources import Source
from apps.archivair.views.thumbnails import page_picture
from shared.ui import AppContext, Column, ImageBase, LegendEntry, MapSpec, Shape, map_with_table

PICTURE_SIDE_PX = 1600
MARGIN_HEIGHTS = 0.2
_MARK, _COLOUR = "mark", "#c2410c"


def show_scan(ctx: AppContext, source: Source, number: int, marks: Sequence[IndexedWord]) -> None:
    """Show a page with outlined words.

    Args:
        ctx: Context of the page.
        source: Its batch.
        number: Number of the page in the batch.
        marks: Words to outline.

    Raises:
        FileDamaged: The stored page is not what was stored.
        ReadingUnusable: Another version of this program read it.
    """
    t, page = ctx.t, source.page(number)
    st.subheader(t("Seite {number} auf dem Scan", number=number), anchor=False)
    file = load_pages(ctx, source.run).files.get(number)
    if file is None:
        st.caption(t("Seite {number} wurde nicht gelesen.", number=number))
        return
    # People may have turned the page further than its reading did.
    reading = replace(load_page(ctx, file).reading, rotation_deg=page.rotation_deg)
    picture = page_picture(ctx, file, page, PICTURE_SIDE_PX)
    if not marks:
        name = t("Seite {number}", number=number)
        # The container shrinks on a phone; a picture of a fixed width would not.
        with st.container(width=PICTURE_HEIGHT_PX):
            st.image(picture, caption=name, alt=name, width="stretch")
        return
    shapes = [
        Shape(row, (upright_corners(_corners(word), reading),), _MARK, word.text)
        for row, word in enumerate(marks)
    ]
    legend = [LegendEntry(_MARK, t("gesuchtes Wort"), _COLOUR)]
    map_with_table(
        MapSpec(
            ImageBase(picture, "image/jpeg", *upright_size(reading)),
            shapes,
            legend,
            height_px=PICTURE_HEIGHT_PX,
        ),
        [{"text": word.text} for word in marks],
        columns=(Column("text", t("Gesuchtes Wort auf der Seite")),),
        # Another page is another picture: a selected word must not stay selected.
        key=f"{ctx.manifest.id}_search_{source.run.id}_{number}",
        alt=t(
            "Scan mit {count} umrandeten Wörtern; die Tabelle nennt dieselben Wörter.",
            count=len(marks),
        ),
        t=t,
    )


def _corners(word: IndexedWord) -> tuple[tuple[float, float], ...]:
    """Return an outline a little around a word, so that it hides no letter."""
    left, top, right, bottom = word.box
    space = MARGIN_HEIGHTS * (bottom - top)
    left, top, right, bottom = left - space, top - space, right + space, bottom + space
    return (left, top), (right, top), (right, bottom), (left, bottom)
