"""Step 4 of the page: picture, report, tables and geodata to take along."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import PurePath

from apps.aviary.finds.analysis import Result
from apps.aviary.finds.decided import LEFT_OUT, Decided, review_facts
from apps.aviary.finds.overlay import overlay_png
from apps.aviary.finds.report import build_report
from apps.aviary.outputs import geojson_text, objects_geojson, summary
from apps.aviary.painted.sample import NOTE
from apps.aviary.result_files import compact, to_json
from apps.aviary.views.decided import decided_now, hides_rejected, list_once
from apps.aviary.views.run import ShownRun, origin_of
from apps.aviary.views.similar_heat import ShownHeat, draw_stored_heat, step_words
from shared.contracts.provenance import LOCAL_ZONE, Provenance
from shared.report.csv_out import pack, render_csv
from shared.report.document import Report
from shared.report.excel import render_xlsx
from shared.report.geo_out import render_gpkg
from shared.report.pdf import render_pdf
from shared.store.provenance import DECISION, embed_in_json, embed_in_png
from shared.themes import Theme, load_theme
from shared.ui import AppContext, Download, export_bar, file_name

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GPKG = "application/geopackage+sqlite3"
PNG = "image/png"
Offer = tuple[str, str, str, Callable[[], bytes]]
"""Label, ending, content type, content."""


def show_export(
    ctx: AppContext, shown: ShownRun, result: Result, threshold: float, min_area_m2: float
) -> None:
    """Offer the result in all formats; each file is made when somebody asks for it.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        result: What was found with the settings in force.
        threshold: Least score in force.
        min_area_m2: Least ground area in force [m2].
    """
    t = ctx.t
    origin = origin_of(shown, ctx.tenant, threshold, min_area_m2)
    listed = list_once(ctx, shown, result, threshold, min_area_m2)
    hides = hides_rejected()
    if hides:
        origin = replace(origin, parameters={**origin.parameters, LEFT_OUT: True})
    # What is decided when somebody asks for a file, not when it was offered.
    now = partial(decided_now, ctx, shown, listed, leave_out_rejected=hides)
    day = origin.created_at.astimezone(LOCAL_ZONE).date()
    name = partial(file_name, ctx.manifest.id, PurePath(shown.run.title).stem, day)
    formats = [
        (
            t("Bild mit Umrissen (PNG)"),
            "png",
            PNG,
            lambda: _png(draw_stored_heat(ctx, shown), shown, result, origin, now()),
        ),
        *_reports(ctx, shown, result, origin, now, name("csv")),
        (
            t("Geodaten (GeoJSON)"),
            "geojson",
            "application/geo+json",
            lambda: _geojson(shown, result, threshold, origin, now()),
        ),
        (
            t("Protokoll (JSON)"),
            "json",
            "application/json",
            lambda: _protocol(shown, result, (threshold, min_area_m2), origin, now()),
        ),
    ]
    export_bar(
        ctx,
        [Download(label, name(ending), mime, make) for label, ending, mime, make in formats],
        run_id=shown.run.id,
    )


def _reports(
    ctx: AppContext,
    shown: ShownRun,
    result: Result,
    origin: Provenance,
    now: Callable[[], Decided],
    csv_name: str,
) -> list[Offer]:
    """Offer what is made of the report: paper, tables and, with a place on the map, a layer."""
    t, theme = ctx.t, load_theme(ctx.settings.theme)

    def report(*, on_paper: bool) -> Report:
        heat = draw_stored_heat(ctx, shown)
        return build_report(
            shown.analysis,
            result,
            heat.picture,
            origin,
            theme.name,
            t,
            on_paper=on_paper,
            decided=now(),
            scale=tuple((one.colour, step_words(one, t)) for one in heat.steps),
        )

    offers: list[Offer] = [
        (t("Bericht (PDF)"), "pdf", "application/pdf", partial(_pdf, report, theme)),
        (t("Tabelle (Excel)"), "xlsx", XLSX, lambda: render_xlsx(report(on_paper=False))),
        (
            t("Tabelle mit Herkunft (CSV im ZIP)"),
            "zip",
            "application/zip",
            lambda: _csv(report(on_paper=False), csv_name),
        ),
    ]
    if shown.analysis.info.crs is not None:
        label = t("Geodaten (GeoPackage)")
        offers.append((label, "gpkg", GPKG, lambda: render_gpkg(report(on_paper=False))))
    return offers


def _png(
    heat: ShownHeat, shown: ShownRun, result: Result, origin: Provenance, decided: Decided
) -> bytes:
    note = NOTE if origin.sample_data else f"Hinweise zur Prüfung. {DECISION}."
    picture = overlay_png(heat.picture, shown.analysis, result.objects, note, decided)
    return embed_in_png(picture, origin)


def _pdf(report: Callable[..., Report], theme: Theme) -> bytes:
    return render_pdf(report(on_paper=True), theme).content


def _csv(report: Report, name: str) -> bytes:
    return pack(render_csv(report, name), report.created_at)


def _geojson(
    shown: ShownRun, result: Result, threshold: float, origin: Provenance, decided: Decided
) -> bytes:
    """Write the finds with the decision about each; null where nobody has decided."""
    kept = replace(result, objects=decided.kept(result.objects))
    head = json.loads(objects_geojson(shown.analysis, kept, threshold=threshold, origin=origin))
    features = head.pop("features")
    for one, feature in zip(kept.objects, features, strict=True):
        feature["properties"]["decision"] = decided.by_number.get(one.object_id)
    head["review"] = review_facts(decided)
    return geojson_text(head, [compact(one) for one in features]).encode()


def _protocol(
    shown: ShownRun,
    result: Result,
    settings: tuple[float, float],
    origin: Provenance,
    decided: Decided,
) -> bytes:
    threshold, min_area_m2 = settings
    facts = summary(
        shown.analysis,
        result,
        path=shown.analysis.info.name,
        threshold=threshold,
        min_area_m2=min_area_m2,
        seconds=origin.duration_s,
    )
    facts["review"] = review_facts(decided)
    return to_json(embed_in_json(facts, origin)).encode()
