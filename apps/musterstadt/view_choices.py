"""What somebody wants to see of the town: part, picture, year, and what lies on it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from apps.musterstadt.areas import Area
from apps.musterstadt.layers import LAYERS, TownLayer
from apps.musterstadt.pictures import Kind
from apps.musterstadt.town import town_areas, vintages
from apps.musterstadt.words import PICTURES
from shared.ui import AppContext

PICTURE_KINDS: tuple[Kind, ...] = ("image", "infrared", "map")
NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see.

    Args:
        area: Which part of the town.
        kind: Which kind of picture.
        vintage: Year of the flight.
        layer: What is shown on it; None for nothing.
    """

    area: Area
    kind: Kind
    vintage: str
    layer: TownLayer | None


def choose_view(ctx: AppContext) -> Wish:
    """Show the choices and return what is wanted.

    Args:
        ctx: Context of the page.
    """
    t = ctx.t
    found = {area.key: area for area in town_areas()}
    years = vintages()
    with st.container(horizontal=True, vertical_alignment="bottom", key="musterstadt_choices"):
        key = st.selectbox(
            t("Ausschnitt"),
            list(found),
            format_func=lambda one: area_title(ctx, found[one]),
            key="musterstadt_area",
        )
        kind: Kind = st.selectbox(
            t("Bild"),
            PICTURE_KINDS,
            format_func=lambda one: t(PICTURES[one]),
            key="musterstadt_picture",
        )
        # A segmented control would be the usual widget, but its colours fail the contrast.
        vintage = st.selectbox(t("Jahr"), years, index=len(years) - 1, key="musterstadt_year")
        layer = _choose_layer(ctx, found[key])
    return Wish(found[key], kind, vintage, layer)


def _choose_layer(ctx: AppContext, area: Area) -> TownLayer | None:
    width = area.bounds_m[2] - area.bounds_m[0]
    offered = {layer.name: layer for layer in LAYERS if width <= layer.most_m}
    names = [*offered, NOTHING]
    if st.session_state.get("musterstadt_layer") not in names:
        st.session_state["musterstadt_layer"] = names[0]
    name = st.selectbox(
        ctx.t("Darauf zeigen"),
        names,
        format_func=lambda one: ctx.t(offered[one].title) if one in offered else ctx.t("nichts"),
        key="musterstadt_layer",
    )
    return offered.get(name)


def area_title(ctx: AppContext, area: Area) -> str:
    """Return the name of a part of the town in the language of the page."""
    return area.title if area.is_name else ctx.t(area.title)
