"""Hand a result over to the other apps of the house, as a layer of the data space."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import PurePath

import streamlit as st

from apps.aviary.class_maps.map_file import CLASS_MAP_FILE
from apps.aviary.class_maps.report import CLASS_SCHEMA
from apps.aviary.finds.analysis import Result
from apps.aviary.finds.decided import LEFT_OUT
from apps.aviary.finds.report import build_report, layer_schema
from apps.aviary.finds.words import title_of
from apps.aviary.recipes import Recipe, layer_topic
from apps.aviary.views.class_export import class_report
from apps.aviary.views.decided import decided_now, hides_rejected, list_once
from apps.aviary.views.run import ShownMap, ShownRun, origin_of
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import LOCAL_ZONE, Provenance
from shared.errors import N_
from shared.i18n import get_translator
from shared.report.document import Report
from shared.report.geo_out import render_gpkg
from shared.report.names import file_name
from shared.store import artifacts
from shared.store.layer_files import GEOPACKAGE, Schema
from shared.store.layers import LONGEST_TEXT, Publication
from shared.store.run_views import RunView
from shared.themes import load_theme
from shared.ui import AppContext, is_kiosk, publish_button

LONGEST_AREA = 34
INCOMPLETE = N_("unvollständig")
Settings = tuple[Hashable, ...]
Ready = tuple[Settings, StoredFile]


@dataclass(frozen=True, slots=True)
class Offer:
    """What would be published.

    Args:
        run: The run that made it.
        recipe: What was looked for.
        settings: Run, its result, the settings in force and the decisions; others need another
            file. A run that was tried again has another result.
        schema: Columns of the layer.
        origin: Where it comes from.
        report: Makes the report that holds the layer, in German.
        complete: False where tiles have no result.
    """

    run: RunView
    recipe: Recipe
    settings: Settings
    schema: Schema
    origin: Provenance
    report: Callable[[], Report]
    complete: bool

    @property
    def title_de(self) -> str:
        """Title for readers in other applications, who do not see the run."""
        german = get_translator("de")
        mark = "" if self.complete else f"{german(INCOMPLETE)}: "
        return f"{mark}{title_of(self.recipe, german)}: {self.run.title}"[:LONGEST_TEXT]


def publish_finds(
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
    analysis, hides = shown.analysis, hides_rejected()
    origin = origin_of(shown, ctx.tenant, threshold, min_area_m2)
    if hides:
        origin = replace(origin, parameters={**origin.parameters, LEFT_OUT: True})
    listed = list_once(ctx, shown, result, threshold, min_area_m2)
    decided = decided_now(ctx, shown, listed, leave_out_rejected=hides)

    def report() -> Report:
        tenant, german = load_theme(ctx.settings.theme).name, get_translator("de")
        return build_report(
            analysis,
            result,
            shown.overview,
            origin,
            tenant,
            german,
            on_paper=False,
            decided=decided,
        )

    said = tuple(sorted(decided.by_number.items()))
    settings = (shown.run.id, shown.sha256, threshold, min_area_m2, hides, said)
    schema, complete = layer_schema(analysis.recipe), analysis.complete
    offer = Offer(shown.run, analysis.recipe, settings, schema, origin, report, complete)
    _show(ctx, offer, analysis.info.crs)


def publish_classes(ctx: AppContext, shown: ShownMap) -> None:
    """Offer to publish the areas of a class map; needs a place on the map.

    Args:
        ctx: Context of the page.
        shown: The run with its class map.
    """
    content, origin = shown.content, origin_of(shown, ctx.tenant)
    offer = Offer(
        shown.run,
        content.recipe,
        (shown.run.id, shown.files[CLASS_MAP_FILE].sha256, 0.0, content.recipe.min_area_m2),
        CLASS_SCHEMA,
        origin,
        lambda: class_report(ctx, shown, origin, get_translator("de")),
        complete=not content.failed,
    )
    _show(ctx, offer, content.info.crs)


def _show(ctx: AppContext, offer: Offer, crs: str | None) -> None:
    if is_kiosk():
        return
    t = ctx.t
    if crs is None:
        st.caption(t("Ohne Lage auf der Karte kann das Ergebnis nicht in den Datenraum."))
        return
    with st.expander(t("Für andere Anwendungen freigeben"), key="aviary_publication"):
        if not offer.complete:
            st.warning(
                t(
                    "Kacheln ohne Ergebnis fehlen auch im Datenraum. "
                    "Der Titel nennt das Ergebnis unvollständig."
                )
            )
        licence = _text(ctx, t("Lizenz des Luftbilds"), "licence", "dl-de/zero-2-0")
        credit = _text(ctx, t("Quellenangabe zum Luftbild"), "credit", "Geobasis NRW 2026")
        if not (licence and credit):
            st.caption(t("Bitte nennen Sie zuerst Lizenz und Quelle des Luftbilds."))
            return
        ready: Ready | None = st.session_state.get("aviary_layer")
        if ready is None or ready[0] != offer.settings:
            if not st.button(
                t("Ergebnis so vorbereiten, wie es angezeigt wird"), key="aviary_make"
            ):
                return
            st.session_state["aviary_layer"] = (offer.settings, _store_layer(ctx, offer))
            st.rerun()  # without the button, which has done its work
        topic = layer_topic(offer.recipe, str(offer.run.parameters.get("recipe_text", "")))
        publication = Publication(
            name=f"{ctx.manifest.id}/{topic}/{_area_name(offer.run.title)}",
            title_de=offer.title_de,
            file=ready[1],
            schema=offer.schema,
            licence=licence,
            credit_line=credit,
        )
        publish_button(ctx, offer.run, publication)


def _text(ctx: AppContext, label: str, key: str, example: str) -> str:
    return st.text_input(
        label,
        key=f"aviary_{key}",
        max_chars=LONGEST_TEXT,
        placeholder=ctx.t("zum Beispiel {example}", example=example),
    ).strip()


def _store_layer(ctx: AppContext, offer: Offer) -> StoredFile:
    """Keep the layer as GeoPackage; unless somebody publishes it, it is removed after a day."""
    subject = PurePath(offer.run.title).stem
    day = offer.origin.created_at.astimezone(LOCAL_ZONE).date()
    return artifacts.save(
        ctx.principal,
        ctx.store,
        render_gpkg(offer.report()),
        name=file_name(ctx.manifest.id, subject, day, "gpkg"),
        media_type=GEOPACKAGE,
        kind="result",
        is_example=offer.run.is_example,
        now=datetime.now(UTC),
    )


def _area_name(title: str) -> str:
    """Return the name of an image as the last part of a layer's name."""
    _, subject, _ = file_name("x", PurePath(title).stem, date.min, "x").split("_")
    return subject.replace("-", "_")[:LONGEST_AREA].strip("_") or "bild"
