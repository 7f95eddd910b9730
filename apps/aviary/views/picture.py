"""The picture with the finds as outlines, and the equal table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from apps.aviary.finds.analysis import Analysis, Result
from apps.aviary.finds.decided import Decided
from apps.aviary.finds.find_kind import find_kind
from apps.aviary.finds.joining import FoundObject
from apps.aviary.finds.overlay import colour_of
from apps.aviary.finds.review_words import decision_word
from apps.aviary.finds.score_words import score_words
from apps.aviary.finds.verdict_marks import sign_rings
from apps.aviary.finds.words import (
    COVER_WORDS,
    FIGURE_WORDS,
    class_title,
    cover_title,
    figure_names,
)
from apps.aviary.recipes import Recipe
from apps.aviary.views.paging import MOST_AT_ONCE, choose_part
from shared.ui import AppContext, Column, ImageBase, LegendEntry, MapSpec, Shape, map_with_table

Verdicts = Mapping[int, str]


def show_picture(
    ctx: AppContext,
    analysis: Analysis,
    overview: bytes,
    result: Result,
    key: str = "aviary_map",
    decided: Decided | None = None,
    steps: Sequence[LegendEntry] = (),
) -> None:
    """Show the finds on the image and, beside it, the same finds as a table.

    Args:
        ctx: Context of the page.
        analysis: The image after the model looked at it.
        overview: The image, shrunk, as JPEG.
        result: What was found with the settings in force; at least one find.
        key: Key of its widgets, prefixed by the slug.
        decided: What people decided about the finds; None where nobody is asked.
        steps: Entries of the legend for what the image itself shows beside the ground.
    """
    t, info = ctx.t, analysis.info
    verdicts: Verdicts = {} if decided is None else decided.by_number
    kept = result.objects if decided is None else decided.kept(result.objects)
    if not kept:
        st.image(overview, width="stretch", alt=t("Luftbild ohne Funde"))
        st.caption(t("Alle Funde sind abgelehnt und ausgeblendet."))
        return
    part = choose_part(ctx, [one.object_id for one in kept], key)
    objects = kept[part.start : part.stop]
    map_with_table(
        MapSpec(
            ImageBase(overview, "image/jpeg", info.width, info.height),
            _shapes(ctx, analysis, objects, verdicts),
            [*_legend(ctx, analysis, objects, verdicts), *steps],
        ),
        [_row(ctx, analysis, one, verdicts) for one in objects],
        columns=_columns(ctx, analysis.recipe, result, decided, len(kept)),
        key=key,
        alt=_alt(ctx, len(objects), is_heated=bool(steps)),
        t=t,
    )


def _alt(ctx: AppContext, count: int, *, is_heated: bool) -> str:
    words = ctx.t.plural(
        "Luftbild mit {count} Fund als Umriss; die Tabelle nennt denselben Fund.",
        "Luftbild mit {count} Funden als Umrissen; die Tabelle nennt dieselben Funde.",
        count,
    )
    if not is_heated:
        return words
    heat = ctx.t("Über dem Luftbild liegt ein Wärmebild: je heller die Farbe, desto ähnlicher.")
    return f"{words} {heat}"


def _columns(
    ctx: AppContext, recipe: Recipe, result: Result, decided: Decided | None, count: int
) -> list[Column]:
    t = ctx.t
    # The table counts its rows from 1, so a part or a selection must name the finds itself.
    is_whole = count == len(result.objects) <= MOST_AT_ONCE
    return [
        *([] if is_whole else [Column("number", t("Fund Nr."), "number")]),
        Column("kind", t("Art")),
        Column("score", t(score_words(recipe).title), "percent"),
        Column("area", t("Fläche"), "number", 1, "m²"),
        *(_column(ctx, name) for name in figure_names(result)),
        Column("check", t("Prüfen")),
        *([] if decided is None else [Column("decision", t("Entscheidung"))]),
        Column("place", t("Mitte im Bild")),
    ]


def _column(ctx: AppContext, name: str) -> Column:
    if name in COVER_WORDS:
        return Column(name, ctx.t(COVER_WORDS[name]))
    title, unit = FIGURE_WORDS.get(name, (name, ""))
    if unit == "%":
        return Column(name, ctx.t(title), "percent")
    return Column(name, ctx.t(title), "number", 1, unit)


def _shapes(
    ctx: AppContext, analysis: Analysis, objects: Sequence[FoundObject], verdicts: Verdicts
) -> list[Shape]:
    return [
        Shape(
            row=row,
            rings=(
                *(
                    tuple((x, y) for x, y in ring.coords)
                    for ring in (one.polygon.exterior, *one.polygon.interiors)
                ),
                *sign_rings(verdicts.get(one.object_id), one.bbox_px),
            ),
            kind=find_kind(one, verdicts.get(one.object_id)).name,
            label=_label(ctx, analysis, one, verdicts.get(one.object_id)),
        )
        for row, one in enumerate(objects)
    ]


def _label(ctx: AppContext, analysis: Analysis, one: FoundObject, verdict: str | None) -> str:
    t = ctx.t
    words = t(
        "Nr. {number}: {kind}, {score}, {area}",
        number=one.object_id,
        kind=class_title(analysis.recipe, one.class_key, t),
        score=t.percent(one.score, 0),
        area=t.number(one.area_m2, 1, "m²"),
    )
    return f"{words}, {decision_word(verdict, t)}" if verdict else words


def _legend(
    ctx: AppContext, analysis: Analysis, objects: Sequence[FoundObject], verdicts: Verdicts
) -> list[LegendEntry]:
    kinds = sorted({find_kind(one, verdicts.get(one.object_id)) for one in objects})
    return [
        LegendEntry(
            kind.name,
            kind.word(analysis.recipe, ctx.t),
            colour_of(analysis.recipe, kind.class_key),
            dashed=kind.dashed,
            # Cells lie side by side over the whole image; filled, they would hide it.
            quiet=analysis.recipe.kind == "similar",
        )
        for kind in kinds
    ]


def _row(
    ctx: AppContext, analysis: Analysis, one: FoundObject, verdicts: Verdicts
) -> dict[str, object]:
    t = ctx.t
    left, upper, right, lower = one.bbox_px
    return {
        "number": one.object_id,
        "kind": class_title(analysis.recipe, one.class_key, t),
        "score": one.score,
        "area": one.area_m2,
        **{
            name: cover_title(value, t) if name in COVER_WORDS else value
            for name, value in one.figures
        },
        "check": t("zuerst") if one.doubtful else t("Stichprobe"),
        "decision": decision_word(verdicts.get(one.object_id), t),
        "place": _place(t.number((left + right) / 2), t.number((upper + lower) / 2)),
    }


def _place(x: str, y: str) -> str:
    """Join a position with spaces that do not break, so that rows stay low on narrow screens."""
    return f"x {x}, y {y}".replace(" ", "\u00a0")
