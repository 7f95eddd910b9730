"""The picture of a part of the town with one layer on it, and the same objects as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import geopandas as gpd
import streamlit as st

from apps.musterstadt.layers import TownLayer, rings_of
from apps.musterstadt.pictures import PALETTE, TownPicture
from apps.musterstadt.town import day_of_layers, objects_in, picture_of, vintages
from apps.musterstadt.view_choices import Wish, area_title
from apps.musterstadt.words import COVERS, PICTURES, cell_of
from shared.report.blocks import Column as LayerColumn
from shared.ui import (
    AppContext,
    Column,
    ImageBase,
    LegendEntry,
    MapSpec,
    Shape,
    map_with_table,
)


def take_picture_of(ctx: AppContext, wish: Wish) -> TownPicture:
    """Return the wished picture; the first one takes seconds.

    Args:
        ctx: Context of the page.
        wish: What is wanted.
    """
    with st.spinner(ctx.t("Das Bild wird zusammengesetzt.")):
        return picture_of(wish.kind, wish.vintage, wish.area.bounds_m)


def show_town(ctx: AppContext, wish: Wish, picture: TownPicture) -> None:
    """Show what is wanted: the picture with outlines, and the same objects as a table.

    Args:
        ctx: Context of the page.
        wish: What is wanted.
        picture: The picture.
    """
    t, layer = ctx.t, wish.layer
    legend = _palette(ctx) if wish.kind == "map" or picture.ready < 1 else ()
    alt = t("{picture}: {area}", picture=t(PICTURES[wish.kind]), area=area_title(ctx, wish.area))
    rows: list[dict[str, object]] = []
    shapes: list[Shape] = []
    if layer is not None:
        objects = objects_in(layer.name, wish.area.bounds_m)
        rows = _rows(ctx, layer, objects)
        shapes = _shapes(ctx, layer, objects, rows, picture)
        outline = LegendEntry(layer.name, t(layer.title), layer.colour, quiet=True)
        legend = (outline, *legend)
        alt = t("{picture}. Die Tabelle nennt dieselben Objekte.", picture=alt)
        _say_day(ctx, wish)
    base = ImageBase(picture.jpeg, "image/jpeg", picture.width_px, picture.height_px)
    map_with_table(
        MapSpec(base, shapes, legend),
        rows,
        columns=() if layer is None else _columns(ctx, layer.columns),
        key="musterstadt_map",
        alt=alt,
        t=t,
    )


def _say_day(ctx: AppContext, wish: Wish) -> None:
    if wish.vintage != vintages()[-1]:
        day = ctx.t.date(day_of_layers())
        st.caption(ctx.t("Die Umrisse und die Tabelle zeigen den Stand vom {day}.", day=day))


def _columns(ctx: AppContext, columns: Sequence[LayerColumn]) -> tuple[Column, ...]:
    return tuple(
        Column(
            one.key,
            ctx.t(one.title),
            "number" if one.kind == "number" else "text",
            one.digits,
            one.unit,
        )
        for one in columns
    )


def _rows(ctx: AppContext, layer: TownLayer, objects: gpd.GeoDataFrame) -> list[dict[str, object]]:
    return [
        {one.key: _cell(ctx, layer.name, one, row[one.key]) for one in layer.columns}
        for row in objects.to_dict("records")
    ]


def _cell(ctx: AppContext, layer: str, column: LayerColumn, value: object) -> object:
    cell = cell_of(layer, column, value, ctx.t)
    return ctx.t.date(cell) if isinstance(cell, date) else cell


def _shapes(
    ctx: AppContext,
    layer: TownLayer,
    objects: gpd.GeoDataFrame,
    rows: Sequence[dict[str, object]],
    picture: TownPicture,
) -> list[Shape]:
    made = []
    for number, (row, geometry) in enumerate(zip(rows, objects.geometry, strict=True)):
        rings = tuple(
            tuple(picture.to_pixels(x, y) for x, y in ring) for ring in rings_of(geometry)
        )
        if rings:
            made.append(Shape(number, rings, layer.name, _label(ctx, layer, row)))
    return made


def _label(ctx: AppContext, layer: TownLayer, row: dict[str, object]) -> str:
    words = []
    for column in layer.columns:
        value = row[column.key]
        if isinstance(value, int | float):
            value = f"{ctx.t(column.title)} {ctx.t.number(value, column.digits, column.unit)}"
        if value is not None:
            words.append(str(value))
    return ", ".join(words)


def _palette(ctx: AppContext) -> tuple[LegendEntry, ...]:
    return tuple(
        LegendEntry(key, ctx.t(COVERS[key]), colour, filled=True) for key, colour in PALETTE.items()
    )
