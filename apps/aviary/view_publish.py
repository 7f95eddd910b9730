"""Hand the finds over to the other apps of the house, as a layer of the data space."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import PurePath

import streamlit as st

from apps.aviary.analysis import Result
from apps.aviary.report import SCHEMA, build_report
from apps.aviary.view_run import ShownRun, origin_of
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import LOCAL_ZONE
from shared.i18n import get_translator
from shared.report.geo_out import render_gpkg
from shared.report.names import file_name
from shared.store import artifacts
from shared.store.layer_files import GEOPACKAGE
from shared.store.layers import LONGEST_TEXT, Publication
from shared.themes import load_theme
from shared.ui import AppContext, is_kiosk, publish_button

LONGEST_AREA = 34
Ready = tuple[tuple[str, float, float], StoredFile]


def show_publication(
    ctx: AppContext, shown: ShownRun, result: Result, threshold: float, min_area_m2: float
) -> None:
    """Offer to publish the finds as they are shown; needs a place on the map.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        result: What was found with the settings in force.
        threshold: Least score in force.
        min_area_m2: Least ground area in force [m2].
    """
    if is_kiosk():
        return
    t, recipe = ctx.t, shown.analysis.recipe
    if shown.analysis.info.crs is None:
        st.caption(t("Ohne Lage auf der Karte kann das Ergebnis nicht in den Datenraum."))
        return
    with st.expander(t("Für andere Anwendungen freigeben"), key="aviary_publication"):
        licence = _text(ctx, t("Lizenz des Luftbilds"), "licence", "dl-de/zero-2-0")
        credit = _text(ctx, t("Quellenangabe zum Luftbild"), "credit", "Geobasis NRW 2026")
        if not (licence and credit):
            st.caption(t("Bitte nennen Sie zuerst Lizenz und Quelle des Luftbilds."))
            return
        settings = (shown.run.id, threshold, min_area_m2)
        ready: Ready | None = st.session_state.get("aviary_layer")
        if ready is None or ready[0] != settings:
            if not st.button(
                t("Funde so vorbereiten, wie sie angezeigt werden"), key="aviary_make"
            ):
                return
            file = _store_layer(ctx, shown, result, threshold, min_area_m2)
            ready = st.session_state["aviary_layer"] = (settings, file)
        title = recipe.title_en if ctx.language == "en" else recipe.title_de
        publication = Publication(
            name=f"{ctx.manifest.id}/{recipe.recipe_id}/{_area_name(shown.run.title)}",
            title_de=f"{title}: {shown.run.title}"[:LONGEST_TEXT],
            file=ready[1],
            schema=SCHEMA,
            licence=licence,
            credit_line=credit,
        )
        publish_button(ctx, shown.run, publication)


def _text(ctx: AppContext, label: str, key: str, example: str) -> str:
    return st.text_input(
        label,
        key=f"aviary_{key}",
        max_chars=LONGEST_TEXT,
        placeholder=ctx.t("zum Beispiel {example}", example=example),
    ).strip()


def _store_layer(
    ctx: AppContext, shown: ShownRun, result: Result, threshold: float, min_area_m2: float
) -> StoredFile:
    """Keep the finds as GeoPackage; unless somebody publishes it, it is removed after a day."""
    origin = origin_of(shown, ctx.tenant, threshold, min_area_m2)
    report = build_report(
        shown.analysis,
        result,
        shown.overview,
        origin,
        load_theme(ctx.settings.theme).name,
        get_translator("de"),
        on_paper=False,
    )
    subject, day = PurePath(shown.run.title).stem, origin.created_at.astimezone(LOCAL_ZONE).date()
    return artifacts.save(
        ctx.principal,
        ctx.store,
        render_gpkg(report),
        name=file_name(ctx.manifest.id, subject, day, "gpkg"),
        media_type=GEOPACKAGE,
        kind="result",
        is_example=shown.run.is_example,
        now=datetime.now(UTC),
    )


def _area_name(title: str) -> str:
    """Return the name of an image as the last part of a layer's name."""
    _, subject, _ = file_name("x", PurePath(title).stem, date.min, "x").split("_")
    return subject.replace("-", "_")[:LONGEST_AREA].strip("_") or "bild"
