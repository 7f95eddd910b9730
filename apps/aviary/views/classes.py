"""Result of a class map: map and image, the equal table of areas, the four answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from apps.aviary.class_maps import words as class_words
from apps.aviary.class_maps.map_file import ClassMap
from apps.aviary.class_maps.picture import (
    MapStyle,
    ReducedMap,
    as_jpeg,
    as_png,
    confidence_picture,
    draw_classes,
)
from apps.aviary.class_maps.words import ClassRow
from apps.aviary.views.marks import explain_marks
from apps.aviary.views.run import ShownMap, origin_of
from shared.errors import N_
from shared.ui import (
    AppContext,
    Column,
    Figure,
    ImageBase,
    LegendEntry,
    MapSpec,
    answer_panel,
    figures,
    map_with_table,
)
from shared.ui.result import selected_row

BOTH, CLASSES, PHOTO, CONFIDENCE = "both", "classes", "photo", "confidence"
VIEWS = {
    BOTH: N_("Klassen über dem Luftbild"),
    CLASSES: N_("Nur Klassen"),
    PHOTO: N_("Nur Luftbild"),
    CONFIDENCE: N_("Sicherheit"),
}
PICTURES_HELD = 24
MAP_KEY = "aviary_classes"


def show_class_result(ctx: AppContext, shown: ShownMap) -> None:
    """Show a class map with everything that belongs to it.

    Args:
        ctx: Context of the page.
        shown: The run with its class map.
    """
    t, content = ctx.t, shown.content
    for remark in class_words.remarks(content, t):
        st.warning(remark)
    figures(
        [
            Figure(one.label, one.value, one.unit, note=one.note or None)
            for one in class_words.class_figures(content, t)
        ],
        t,
    )
    explain_marks(ctx, content.marks)
    show_class_picture(ctx, content, shown.reduced, shown.overview, MAP_KEY)
    with st.container(key="aviary_answers"):
        answer_panel(
            what=class_words.what_came_out(content, t),
            how_sure=class_words.how_sure(content, t),
            origin=origin_of(shown, ctx.tenant),
            next_step=class_words.next_step(t),
            t=t,
        )


def show_class_picture(
    ctx: AppContext, content: ClassMap, reduced: ReducedMap, overview: bytes, key: str
) -> None:
    """Show a class map over or beside its image, and its classes as a table.

    Args:
        ctx: Context of the page.
        content: The map with its totals.
        reduced: Its pixels, reduced.
        overview: The image, shrunk, as JPEG.
        key: Key of its widgets, prefixed by the slug.
    """
    t = ctx.t
    view, least = _choices(ctx, content, key)
    rows = class_words.class_rows(content, t)
    number = selected_row(f"{key}_rows")
    chosen = rows[number].code if number is not None and number < len(rows) else None
    if least:
        unsure = t.percent(reduced.unsure_share(least), 0)
        st.caption(t("{share} der Karte sind weniger sicher und ausgeblendet.", share=unsure))
    if view == CONFIDENCE:
        st.caption(t("Im Bild: hell ist sicher, dunkel ist unsicher, blau ist ohne Daten."))
    style = MapStyle({row.code: row.colour for row in rows}, least, chosen)
    base = _picture(ctx, content, reduced, overview, view, style)
    map_with_table(
        MapSpec(base, (), _legend(rows, view), pixelated=view == CLASSES),
        [{"title": row.title, "area": row.area_m2, "share": row.share} for row in rows],
        columns=(
            Column("title", t("Klasse")),
            Column("area", t("Fläche"), "number", 0, "m²"),
            Column("share", t("Anteil"), "percent", 1),
        ),
        key=key,
        alt=t("Karte der Klassen; die Tabelle nennt Fläche und Anteil jeder Klasse."),
        t=t,
    )


def _choices(ctx: AppContext, content: ClassMap, key: str) -> tuple[str, float]:
    t = ctx.t
    with st.container(key=f"{key}_choices"):
        left, right = st.columns(2)
    views = [one for one in VIEWS if one != CONFIDENCE or content.model is not None]
    view = left.radio(
        t("Was soll das Bild zeigen?"),
        views,
        format_func=lambda one: t(VIEWS[one]),
        key=f"{key}_view",
    )
    if content.model is None:
        return view, 0.0
    percent = right.slider(
        t("Kleinste Sicherheit in Prozent"),
        0,
        95,
        0,
        5,
        key=f"{key}_least",
        help=t("Weniger sichere Bildpunkte werden ausgeblendet. Die Auswertung läuft nicht neu."),
    )
    return view, percent / 100


def _picture(
    ctx: AppContext,
    content: ClassMap,
    reduced: ReducedMap,
    overview: bytes,
    view: str,
    style: MapStyle,
) -> ImageBase:
    info = content.info
    if view == PHOTO:
        return ImageBase(overview, "image/jpeg", info.width, info.height)
    key = "-".join([reduced.sha256, view, str(style.least), str(style.chosen)])

    def make() -> bytes:
        if view == CONFIDENCE:
            return as_jpeg(confidence_picture(reduced))
        if view == CLASSES:
            return as_png(draw_classes(reduced, style))
        return as_jpeg(draw_classes(reduced, style, overview))

    picture = _pictures()(ctx.tenant, key, make)
    if view == CLASSES:
        return ImageBase(picture, "image/png", info.width, info.height)
    return ImageBase(picture, "image/jpeg", info.width, info.height)


def _legend(rows: list[ClassRow], view: str) -> list[LegendEntry]:
    if view in (PHOTO, CONFIDENCE):
        return []
    return [LegendEntry(row.key, row.title, row.colour, filled=True) for row in rows if row.area_m2]


@lru_cache(maxsize=1)
def _pictures() -> Callable[[str, str, Callable[[], bytes]], bytes]:
    """Return the cache of drawn maps; made late, because it needs a running server."""

    def load(tenant: str, key: str, _make: Callable[[], bytes]) -> bytes:
        return _make()

    return st.cache_data(max_entries=PICTURES_HELD, show_spinner=False)(load)
