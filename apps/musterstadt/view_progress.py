"""Show the town as it comes into being: the page looks again while tiles are rendered."""

from __future__ import annotations

import streamlit as st

from apps.musterstadt.town import is_built, rendered_share
from apps.musterstadt.view_choices import Wish
from shared.ui import AppContext

LOOK_EVERY_S = 2


def wait_for_town(ctx: AppContext) -> None:
    """Say that the vectors are being built, and show the page anew when they are there.

    Args:
        ctx: Context of the page.
    """
    st.info(
        ctx.t(
            "Straßen, Häuser und Gärten werden gerade gerechnet. Das dauert meist unter einer "
            "Minute, nur beim ersten Mal."
        )
    )

    def look() -> None:
        if is_built():
            st.rerun()

    st.fragment(look, run_every=LOOK_EVERY_S)()


def follow_images(ctx: AppContext, wish: Wish, shown: float) -> None:
    """Say how much of the picture is rendered, and show it anew when there is more.

    Args:
        ctx: Context of the page.
        wish: What is shown.
        shown: Share of the picture that shows the aerial image, 0 to 1.
    """
    if shown >= 1:
        return
    st.caption(
        ctx.t(
            "Das Luftbild entsteht gerade: {share} dieses Ausschnitts sind fertig, der Rest zeigt "
            "die Karte.",
            share=ctx.t.percent(shown, 0),
        )
    )

    def look() -> None:
        if rendered_share(wish.vintage, wish.area.bounds_m) > shown:
            st.rerun()

    st.fragment(look, run_every=LOOK_EVERY_S)()


def say_share(ctx: AppContext, shown: float) -> None:
    """Say how much of the picture is the map because nobody renders its aerial image.

    Args:
        ctx: Context of the page.
        shown: Share of the picture that shows the aerial image, 0 to 1.
    """
    if shown >= 1:
        return
    st.caption(
        ctx.t(
            "Ein Luftbild gibt es hier von {share} des Ausschnitts, der Rest zeigt die Karte.",
            share=ctx.t.percent(shown, 0),
        )
    )
