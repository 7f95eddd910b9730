"""The picture with the finds as outlines, and the equal table."""

from __future__ import annotations

from apps.aviary.finds.analysis import Analysis, Result
from apps.aviary.finds.joining import FoundObject
from apps.aviary.finds.overlay import colour_of
from apps.aviary.finds.words import FIGURE_WORDS, class_title, figure_names, kind_word
from shared.ui import AppContext, Column, ImageBase, LegendEntry, MapSpec, Shape, map_with_table


def show_picture(
    ctx: AppContext, analysis: Analysis, overview: bytes, result: Result, key: str = "aviary_map"
) -> None:
    """Show the finds on the image and, beside it, the same finds as a table.

    Args:
        ctx: Context of the page.
        analysis: The image after the model looked at it.
        overview: The image, shrunk, as JPEG.
        result: What was found with the settings in force; at least one find.
        key: Key of its widgets, prefixed by the slug.
    """
    t, info = ctx.t, analysis.info
    more = figure_names(result)
    columns = (
        Column("kind", t("Art")),
        Column("score", t("Sicherheit"), "percent"),
        Column("area", t("Fläche"), "number", 1, "m²"),
        *(_column(ctx, name) for name in more),
        Column("check", t("Prüfen")),
        Column("place", t("Mitte im Bild")),
    )
    map_with_table(
        MapSpec(
            ImageBase(overview, "image/jpeg", info.width, info.height),
            _shapes(ctx, analysis, result),
            _legend(ctx, analysis, result),
        ),
        [_row(ctx, analysis, one) for one in result.objects],
        columns=columns,
        key=key,
        alt=t.plural(
            "Luftbild mit {count} Fund als Umriss; die Tabelle nennt denselben Fund.",
            "Luftbild mit {count} Funden als Umrissen; die Tabelle nennt dieselben Funde.",
            len(result.objects),
        ),
        t=t,
    )


def _column(ctx: AppContext, name: str) -> Column:
    title, unit = FIGURE_WORDS.get(name, (name, ""))
    if unit == "%":
        return Column(name, ctx.t(title), "percent")
    return Column(name, ctx.t(title), "number", 1, unit)


def _shapes(ctx: AppContext, analysis: Analysis, result: Result) -> list[Shape]:
    t = ctx.t
    return [
        Shape(
            row=row,
            rings=tuple(
                tuple((x, y) for x, y in ring.coords)
                for ring in (one.polygon.exterior, *one.polygon.interiors)
            ),
            kind=_kind(one),
            label=t(
                "Nr. {number}: {kind}, {score}, {area}",
                number=one.object_id,
                kind=class_title(analysis.recipe, one.class_key, t),
                score=t.percent(one.score, 0),
                area=t.number(one.area_m2, 1, "m²"),
            ),
        )
        for row, one in enumerate(result.objects)
    ]


def _legend(ctx: AppContext, analysis: Analysis, result: Result) -> list[LegendEntry]:
    kinds = {(one.class_key, one.doubtful) for one in result.objects}
    return [
        LegendEntry(
            f"{key}_doubtful" if doubtful else key,
            kind_word(analysis, key, doubtful, ctx.t),
            colour_of(analysis.recipe, key),
            dashed=doubtful,
        )
        for key, doubtful in sorted(kinds)
    ]


def _kind(one: FoundObject) -> str:
    return f"{one.class_key}_doubtful" if one.doubtful else one.class_key


def _row(ctx: AppContext, analysis: Analysis, one: FoundObject) -> dict[str, object]:
    t = ctx.t
    left, upper, right, lower = one.bbox_px
    return {
        "kind": class_title(analysis.recipe, one.class_key, t),
        "score": one.score,
        "area": one.area_m2,
        **dict(one.figures),
        "check": t("zuerst") if one.doubtful else t("Stichprobe"),
        "place": _place(t.number((left + right) / 2), t.number((upper + lower) / 2)),
    }


def _place(x: str, y: str) -> str:
    """Join a position with spaces that do not break, so that rows stay low on narrow screens."""
    return f"x {x}, y {y}".replace(" ", "\u00a0")
