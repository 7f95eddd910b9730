"""The picture of a part of the town with one layer on it, and the same objects as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import streamlit as st

from apps.musterstadt.areas import Area
from apps.musterstadt.layers import LAYERS, TownColumn, TownLayer, rings_of
from apps.musterstadt.pictures import PALETTE, Kind, TownPicture
from apps.musterstadt.town import objects_in, picture_of, town_areas, vintages
from apps.musterstadt.words import COVERS, PICTURES, WORDS
from shared.ui import (
    AppContext,
    Column,
    ImageBase,
    LegendEntry,
    MapSpec,
    Shape,
    map_with_table,
)
from shared.ui.maps import legend

MOST_SHAPES = 1_500
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


def show_town(ctx: AppContext, wish: Wish) -> TownPicture:
    """Show what is wanted.

    Args:
        ctx: Context of the page.
        wish: What is wanted.
    """
    t = ctx.t
    picture = picture_of(wish.kind, wish.vintage, wish.area.bounds_m)
    layer = wish.layer
    objects = objects_in(layer.name, wish.area.bounds_m) if layer is not None else None
    rows = [] if layer is None or objects is None else _rows(ctx, layer, objects)
    base = ImageBase(picture.jpeg, "image/jpeg", picture.width_px, picture.height_px)
    if layer is None or objects is None:
        spec = MapSpec(base, (), ())
    else:
        legend = LegendEntry(layer.name, t(layer.title), layer.colour, quiet=True)
        spec = MapSpec(base, _shapes(layer, objects, rows, picture), (legend,))
    map_with_table(
        spec,
        rows,
        columns=_columns(ctx, layer.columns) if layer is not None else (),
        key="musterstadt_map",
        alt=t(
            "{picture}: {area}. Die Tabelle nennt dieselben Objekte.",
            picture=t(PICTURES[wish.kind]),
            area=area_title(ctx, wish.area),
        ),
        t=t,
    )
    if wish.kind == "map" or picture.ready < 1:
        _show_palette(ctx)
    return picture


def _columns(ctx: AppContext, columns: Sequence[TownColumn]) -> tuple[Column, ...]:
    return tuple(
        Column(one.key, ctx.t(one.title))
        if one.digits is None
        else Column(one.key, ctx.t(one.title), "number", one.digits, one.unit)
        for one in columns
    )


def _rows(ctx: AppContext, layer: TownLayer, objects: gpd.GeoDataFrame) -> list[dict[str, object]]:
    return [
        {one.key: _cell(ctx, layer.name, one, row[one.key]) for one in layer.columns}
        for row in objects.head(MOST_SHAPES).to_dict("records")
    ]


def _cell(ctx: AppContext, layer: str, column: TownColumn, value: object) -> object:
    if value is None or value != value:  # a missing number is not equal to itself
        return None
    words = WORDS.get((layer, column.key))
    if words is not None:
        return ctx.t(words[str(value)])
    if isinstance(value, date):
        return ctx.t.date(value)
    return value if column.digits is not None else str(value)


def _shapes(
    layer: TownLayer,
    objects: gpd.GeoDataFrame,
    rows: Sequence[dict[str, object]],
    picture: TownPicture,
) -> list[Shape]:
    made = []
    for number, (row, geometry) in enumerate(zip(rows, objects.geometry, strict=False)):
        rings = tuple(
            tuple(picture.to_pixels(x, y) for x, y in ring) for ring in rings_of(geometry)
        )
        if rings:
            label = ", ".join(str(value) for value in row.values() if value is not None)
            made.append(Shape(number, rings, layer.name, label))
    return made


def _show_palette(ctx: AppContext) -> None:
    swatches = [LegendEntry(key, ctx.t(COVERS[key]), colour) for key, colour in PALETTE.items()]
    legend(swatches)
