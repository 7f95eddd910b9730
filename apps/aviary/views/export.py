"""Step 4 of the page: picture, report, tables and geodata to take along."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePath

from apps.aviary.finds.analysis import Result
from apps.aviary.finds.overlay import overlay_png
from apps.aviary.finds.report import build_report
from apps.aviary.outputs import objects_geojson, summary, to_json
from apps.aviary.painted.sample import NOTE
from apps.aviary.views.run import ShownRun, origin_of
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
    theme = load_theme(ctx.settings.theme)
    report = partial(build_report, shown.analysis, result, shown.overview, origin, theme.name, t)
    day = origin.created_at.astimezone(LOCAL_ZONE).date()
    name = partial(file_name, ctx.manifest.id, PurePath(shown.run.title).stem, day)
    formats: list[tuple[str, str, str, Callable[[], bytes]]] = [
        (t("Bild mit Umrissen (PNG)"), "png", "image/png", partial(_png, shown, result, origin)),
        (t("Bericht (PDF)"), "pdf", "application/pdf", partial(_pdf, report, theme)),
        (t("Tabelle (Excel)"), "xlsx", XLSX, lambda: render_xlsx(report(on_paper=False))),
        (
            t("Tabelle mit Herkunft (CSV im ZIP)"),
            "zip",
            "application/zip",
            lambda: _csv(report(on_paper=False), name("csv")),
        ),
        (
            t("Geodaten (GeoJSON)"),
            "geojson",
            "application/geo+json",
            partial(_geojson, shown, result, threshold, origin),
        ),
        (
            t("Protokoll (JSON)"),
            "json",
            "application/json",
            partial(_protocol, shown, result, threshold, min_area_m2, origin),
        ),
    ]
    if shown.analysis.info.crs is not None:
        label = t("Geodaten (GeoPackage)")
        formats.insert(5, (label, "gpkg", GPKG, lambda: render_gpkg(report(on_paper=False))))
    export_bar(
        ctx,
        [Download(label, name(ending), mime, make) for label, ending, mime, make in formats],
        run_id=shown.run.id,
    )


def _png(shown: ShownRun, result: Result, origin: Provenance) -> bytes:
    note = NOTE if origin.sample_data else f"Hinweise zur Prüfung. {DECISION}."
    picture = overlay_png(shown.overview, shown.analysis, result.objects, note)
    return embed_in_png(picture, origin)


def _pdf(report: Callable[..., Report], theme: Theme) -> bytes:
    return render_pdf(report(on_paper=True), theme).content


def _csv(report: Report, name: str) -> bytes:
    return pack(render_csv(report, name), report.created_at)


def _geojson(shown: ShownRun, result: Result, threshold: float, origin: Provenance) -> bytes:
    return objects_geojson(shown.analysis, result, threshold=threshold, origin=origin).encode()


def _protocol(
    shown: ShownRun, result: Result, threshold: float, min_area_m2: float, origin: Provenance
) -> bytes:
    facts = summary(
        shown.analysis,
        result,
        path=shown.analysis.info.name,
        threshold=threshold,
        min_area_m2=min_area_m2,
        seconds=origin.duration_s,
    )
    return to_json(embed_in_json(facts, origin)).encode()
