"""True areas of a class map as far as points are checked, and the same to take along."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePath

import streamlit as st

from apps.aviary.class_maps.area_uncertainty import Sample, evaluate_points, sample_facts
from apps.aviary.class_maps.map_file import ClassMap
from apps.aviary.class_maps.words import sample_sentences
from apps.aviary.views.run import ShownMap, origin_of
from shared.contracts.provenance import LOCAL_ZONE
from shared.geo.sampling import SamplePoint
from shared.store.decisions import current
from shared.store.provenance import embed_in_json
from shared.ui import AppContext, Column, Download, escape_markdown, export_bar, file_name, table

NAME = "aviary_sample"

Points = tuple[SamplePoint, ...]


def show_estimates(
    ctx: AppContext,
    shown: ShownMap,
    sample: Sample,
) -> None:
    """Show what the checked points say about the areas.

    Args:
        ctx: Context of the page.
        shown: The run with its class map.
        sample: What follows from them.
    """
    t, content = ctx.t, shown.content
    st.markdown(escape_markdown(" ".join(sample_sentences(content, sample, t))))
    table(
        [_row(ctx, content, sample, place) for place in range(len(sample.rows))],
        columns=(
            Column("class", t("Klasse")),
            Column("mapped", t("Laut Karte"), "number", 0, "m²"),
            Column("true", t("Berichtigt"), "number", 0, "m²"),
            Column("low", t("mindestens"), "number", 0, "m²"),
            Column("high", t("höchstens"), "number", 0, "m²"),
            Column("points", t("Punkte"), "number"),
            Column("correct", t("davon richtig"), "number"),
        ),
        key=f"{NAME}_areas",
        alt=t("Flächen der Klassen laut Karte und berichtigt, mit 95-Prozent-Bereich"),
        t=t,
    )
    if sample.shares is not None:
        _confusion(ctx, content, sample)


def _row(ctx: AppContext, content: ClassMap, sample: Sample, place: int) -> dict[str, object]:
    row = sample.rows[place]
    low, high = row.estimate.interval_m2 if row.estimate is not None else (None, None)
    return {
        "class": content.recipe.title(row.key, ctx.language),
        "mapped": row.mapped_m2,
        "true": None if row.estimate is None else row.estimate.area_m2,
        "low": low,
        "high": high,
        "points": row.points,
        "correct": row.correct,
    }


def _confusion(ctx: AppContext, content: ClassMap, sample: Sample) -> None:
    t, recipe = ctx.t, content.recipe
    if sample.shares is None:
        return
    # Keys of classes are anything that somebody's recipe says, so no column is called like one.
    titles = [recipe.title(one.key, ctx.language) for one in recipe.classes]
    rows = [
        {"mapped": title} | {f"true_{place}": float(share) for place, share in enumerate(shares)}
        for title, row, shares in zip(titles, sample.rows, sample.shares, strict=True)
        if row.mapped_m2
    ]
    with st.expander(t("Verwechslungen, als Anteile der Fläche"), key=f"{NAME}_confusion"):
        st.caption(t("Zeilen: was die Karte zeigt. Spalten: was die Prüfung ergab."))
        table(
            rows,
            columns=[
                Column("mapped", t("Karte")),
                *(
                    Column(f"true_{place}", escape_markdown(title), "percent", 1)
                    for place, title in enumerate(titles)
                ),
            ],
            key=f"{NAME}_shares",
            alt=t("Verwechslungen der Klassen als Anteile der Fläche"),
            t=t,
        )


def show_sample_export(ctx: AppContext, shown: ShownMap, draw: Callable[[], Points]) -> None:
    """Offer the checked points; the file holds what is decided when somebody asks for it.

    To be called outside of what runs again after each decision: a download that is made anew while
    somebody asks for it is lost.

    Args:
        ctx: Context of the page.
        shown: The run with its class map.
        draw: Draws the points.
    """
    origin = origin_of(shown, ctx.tenant)

    def make() -> bytes:
        decided = current(ctx.principal, ctx.store, shown.run.id)
        truths = {key: one.value for key, one in decided.items()}
        points = draw()
        sample = evaluate_points(shown.content, points, truths)
        told = embed_in_json(sample_facts(shown.content, points, truths, sample), origin)
        return json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"

    day = origin.created_at.astimezone(LOCAL_ZONE).date()
    name = file_name(ctx.manifest.id, f"stichprobe-{PurePath(shown.run.title).stem}", day, "json")
    label = ctx.t("Stichprobe mit Flächen (JSON)")
    export_bar(ctx, [Download(label, name, "application/json", make)], run_id=shown.run.id)
