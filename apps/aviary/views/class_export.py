"""Take a class map along: picture, report, tables, rasters and geodata."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePath

from apps.aviary.class_maps.area_uncertainty import sample_facts
from apps.aviary.class_maps.map_file import CODES_FILE, CONFIDENCE_FILE, VALUES_FILE
from apps.aviary.class_maps.outputs import as_pictures, class_geojson, class_summary
from apps.aviary.class_maps.picture import MapStyle, as_png, draw_classes
from apps.aviary.class_maps.report import build_class_report
from apps.aviary.result_files import to_json
from apps.aviary.views.export import GPKG, XLSX
from apps.aviary.views.run import ShownMap, origin_of, read_outlines
from apps.aviary.views.sample import checked_points
from shared.contracts.provenance import LOCAL_ZONE, Provenance
from shared.i18n import Translator
from shared.report.csv_out import pack, render_csv
from shared.report.document import Report
from shared.report.excel import render_xlsx
from shared.report.geo_out import render_gpkg
from shared.report.pdf import render_pdf
from shared.store import artifacts
from shared.store.provenance import embed_in_json, embed_in_png
from shared.themes import load_theme
from shared.ui import AppContext, Download, export_bar, file_name

Offer = tuple[str, str, str, str, Callable[[], bytes]]
"""Label, what the name says beside the image, ending, content type, content."""


def show_class_export(ctx: AppContext, shown: ShownMap) -> None:
    """Offer a class map in all formats; each file is made when somebody asks for it.

    Args:
        ctx: Context of the page.
        shown: The run with its class map.
    """
    origin = origin_of(shown, ctx.tenant)
    day = origin.created_at.astimezone(LOCAL_ZONE).date()
    stem = PurePath(shown.run.title).stem
    export_bar(
        ctx,
        [
            Download(
                label, file_name(ctx.manifest.id, f"{part} {stem}".strip(), day, ending), mime, make
            )
            for label, part, ending, mime, make in (
                *_papers(ctx, shown, origin),
                *_rasters(ctx, shown),
                *_geodata(ctx, shown, origin),
            )
        ],
        run_id=shown.run.id,
    )


def class_report(ctx: AppContext, shown: ShownMap, origin: Provenance, t: Translator) -> Report:
    """Return the report of a class map.

    Args:
        ctx: Context of the page.
        shown: The run with its class map.
        origin: Where it comes from.
        t: Translator of the app.
    """
    outlines = read_outlines(ctx, shown)
    theme = load_theme(ctx.settings.theme)
    checked = checked_points(ctx, shown)
    return build_class_report(
        shown.content,
        shown.reduced,
        shown.overview,
        outlines,
        origin,
        theme.name,
        t,
        None if checked is None else checked.told,
    )


def _papers(ctx: AppContext, shown: ShownMap, origin: Provenance) -> list[Offer]:
    t = ctx.t
    report = partial(class_report, ctx, shown, origin, t)
    theme = load_theme(ctx.settings.theme)
    csv_name = file_name(
        ctx.manifest.id, "klassen", origin.created_at.astimezone(LOCAL_ZONE).date(), "csv"
    )
    return [
        (t("Karte (PNG)"), "", "png", "image/png", partial(_png, shown, origin)),
        (
            t("Bericht (PDF)"),
            "",
            "pdf",
            "application/pdf",
            lambda: render_pdf(report(), theme).content,
        ),
        (t("Tabelle (Excel)"), "", "xlsx", XLSX, lambda: render_xlsx(report())),
        (
            t("Tabelle mit Herkunft (CSV im ZIP)"),
            "",
            "zip",
            "application/zip",
            lambda: pack(render_csv(report(), csv_name), origin.created_at),
        ),
    ]


def _rasters(ctx: AppContext, shown: ShownMap) -> list[Offer]:
    t, placed = ctx.t, shown.content.info.crs is not None
    ending, mime = ("tif", "image/tiff") if placed else ("png", "image/png")
    offers: list[Offer] = [
        (
            t("Klassen als Raster"),
            "klassen",
            ending,
            mime,
            partial(_raster, ctx, shown, CODES_FILE),
        ),
        (
            t("Sicherheit als Raster"),
            "sicherheit",
            ending,
            mime,
            partial(_raster, ctx, shown, CONFIDENCE_FILE),
        ),
    ]
    if VALUES_FILE in shown.files:
        make = partial(_stored, ctx, shown, VALUES_FILE)
        offers.append((t("Werte als Raster"), "werte", "tif", "image/tiff", make))
    return offers


def _stored(ctx: AppContext, shown: ShownMap, name: str) -> bytes:
    return artifacts.read(ctx.principal, ctx.store, shown.files[name])


def _raster(ctx: AppContext, shown: ShownMap, name: str) -> bytes:
    (picture,) = as_pictures(shown.content, {name: _stored(ctx, shown, name)}).values()
    return picture


def _geodata(ctx: AppContext, shown: ShownMap, origin: Provenance) -> list[Offer]:
    t = ctx.t
    offers: list[Offer] = [
        (
            t("Geodaten (GeoJSON)"),
            "",
            "geojson",
            "application/geo+json",
            lambda: class_geojson(shown.content, read_outlines(ctx, shown)).encode(),
        ),
        (
            t("Protokoll (JSON)"),
            "",
            "json",
            "application/json",
            partial(_protocol, ctx, shown, origin),
        ),
    ]
    if shown.content.info.crs is not None:
        report = partial(class_report, ctx, shown, origin, t)
        gpkg = (t("Geodaten (GeoPackage)"), "", "gpkg", GPKG, lambda: render_gpkg(report()))
        offers.insert(1, gpkg)
    return offers


def _png(shown: ShownMap, origin: Provenance) -> bytes:
    style = MapStyle({one.code: one.colour for one in shown.content.recipe.classes})
    return embed_in_png(as_png(draw_classes(shown.reduced, style, shown.overview)), origin)


def _protocol(ctx: AppContext, shown: ShownMap, origin: Provenance) -> bytes:
    facts = class_summary(
        shown.content,
        read_outlines(ctx, shown),
        path=shown.content.info.name,
        min_area_m2=shown.content.recipe.min_area_m2,
        seconds=origin.duration_s,
    )
    checked = checked_points(ctx, shown)
    if checked is not None:
        facts["sample"] = sample_facts(shown.content, checked.points, checked.truths, checked.told)
    return to_json(embed_in_json(facts, origin)).encode()
