"""Take along the picture, a sheet about it and the layers, each with its origin inside."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from functools import partial

from PIL import Image

from apps.musterstadt.areas import Area
from apps.musterstadt.layer_files import file_layer, layers_report, tables_zip
from apps.musterstadt.layers import LAYERS, TownLayer
from apps.musterstadt.pictures import TownPicture
from apps.musterstadt.report import Shown, build_report
from apps.musterstadt.town import (
    TownFigures,
    day_of_layers,
    town_figures,
    whole_objects_in,
)
from apps.musterstadt.view_choices import Wish, area_title
from apps.musterstadt.words import PICTURES
from shared.contracts.provenance import LOCAL_ZONE, Provenance
from shared.i18n import Translator
from shared.report.document import Report
from shared.report.geo_out import render_geojson, render_gpkg
from shared.report.pdf import render_pdf
from shared.store.provenance import embed_in_png
from shared.themes import Theme, load_theme
from shared.ui import AppContext, Download, export_bar, file_name

GPKG = "application/geopackage+sqlite3"


def show_export(
    ctx: AppContext, wish: Wish, picture: TownPicture, origin: Provenance, run_id: str
) -> None:
    """Offer the shown picture, a sheet about it, and the layers of the shown part.

    Args:
        ctx: Context of the page.
        wish: What is shown.
        picture: The picture.
        origin: Where it comes from.
        run_id: The run that made the images.
    """
    downloads = [*_pictures(ctx, wish, picture, origin), *_layers(ctx, wish, origin)]
    export_bar(ctx, downloads, run_id=run_id, note=ctx.t("Jede Datei nennt ihre Herkunft."))


def _pictures(
    ctx: AppContext, wish: Wish, picture: TownPicture, origin: Provenance
) -> list[Download]:
    t, theme = ctx.t, load_theme(ctx.settings.theme)
    stem = f"{wish.area.key}-{wish.kind}-{wish.vintage}"
    name = partial(file_name, ctx.manifest.id, stem, _day(origin))
    shown = Shown(
        area_title(ctx, wish.area),
        t(PICTURES[wish.kind]),
        wish.vintage,
        picture,
        is_map=wish.kind == "map" or picture.ready < 1,
    )
    sheet = partial(sheet_pdf, shown, town_figures(), origin, theme, t)
    image = partial(picture_png, picture, origin)
    return [
        Download(t("Bild (PNG)"), name("png"), "image/png", image),
        Download(t("Blatt (PDF)"), name("pdf"), "application/pdf", sheet),
    ]


def _layers(ctx: AppContext, wish: Wish, origin: Provenance) -> list[Download]:
    t, area, tenant = ctx.t, wish.area, load_theme(ctx.settings.theme).name
    name = partial(file_name, ctx.manifest.id, area.key, _day(origin))
    report = partial(area_report, area, area_title(ctx, area), origin, tenant, t)
    geodata = Download(
        t("Alle Ebenen (GeoPackage)"), name("gpkg"), GPKG, lambda: render_gpkg(report(LAYERS))
    )
    tables = Download(
        t("Alle Tabellen (CSV im ZIP)"),
        name("zip"),
        "application/zip",
        lambda: tables_zip(report(LAYERS), name("csv")),
    )
    if (layer := wish.layer) is None:
        return [geodata, tables]
    shown = Download(
        t("{layer} (GeoJSON)", layer=t(layer.title)),
        file_name(ctx.manifest.id, f"{area.key}-{layer.name}", _day(origin), "geojson"),
        "application/geo+json",
        lambda: render_geojson(report([layer])),
    )
    return [geodata, tables, shown]


def _day(origin: Provenance) -> date:
    return origin.created_at.astimezone(LOCAL_ZONE).date()


def area_report(
    area: Area,
    title: str,
    origin: Provenance,
    tenant: str,
    t: Translator,
    layers: Sequence[TownLayer],
) -> Report:
    """Return layers of a part of the town as a report.

    Args:
        area: The part.
        title: Its name for people.
        origin: Where they come from.
        tenant: Name of the municipality for people.
        t: Translator of the app.
        layers: Which layers.
    """
    day = day_of_layers()
    made = [file_layer(one, whole_objects_in(one.name, area.bounds_m), day, t) for one in layers]
    return layers_report(title, made, origin, tenant, t)


def sheet_pdf(
    shown: Shown, town: TownFigures, origin: Provenance, theme: Theme, t: Translator
) -> bytes:
    """Return a sheet about a picture as PDF.

    Args:
        shown: The picture with its words.
        town: Figures of the whole town.
        origin: Where the picture comes from.
        theme: Names the municipality.
        t: Translator of the app.
    """
    return render_pdf(build_report(shown, town, origin, theme.name, t), theme).content


def picture_png(picture: TownPicture, origin: Provenance) -> bytes:
    """Return a picture as PNG that names its origin.

    Args:
        picture: The picture.
        origin: Where it comes from.
    """
    target = io.BytesIO()
    Image.open(io.BytesIO(picture.jpeg)).save(target, "PNG")
    return embed_in_png(target.getvalue(), origin)
