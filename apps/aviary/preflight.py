"""Check an image against a recipe before any work starts."""

from __future__ import annotations

import numpy as np
from rasterio.features import rasterize
from shapely import MultiPolygon, affinity

from apps.aviary.recipes import Recipe
from apps.aviary.season import check_season
from shared.contracts.finding import Finding, Level
from shared.errors import N_, ResolutionMissing
from shared.geo.false_colour import check_false_colour
from shared.geo.raster import Patch, RasterInfo, Rgb

LEAST_SIDE_PX = 32
GREY_CHROMA = 2.0
DARK_MEAN = 30.0
BLEACHED_SHARE = 0.25
NO_DATA_HINT_SHARE = 0.05
LONG_RUN_TILES = 400
BLEACHED_VALUE = 250


def check_image(
    info: RasterInfo, overview: Patch, recipe: Recipe, *, force: bool = False
) -> list[Finding]:
    """Compare an image with what a recipe needs.

    Args:
        info: The image.
        overview: The image, shrunk.
        recipe: What is looked for.
        force: A resolution outside the recipe's range is only a hint.

    Returns:
        Findings in the order resolution, size, bands, season, coordinates, content, notes of
        opening.
    """
    return [
        *_check_resolution(info, recipe, force),
        *_check_size(info, recipe),
        *_check_bands(info, recipe),
        *check_season(info.taken_on, recipe.season),
        _check_coordinates(info),
        *_check_content(overview),
        *info.notes,
    ]


def outside_checked_range(info: RasterInfo, recipe: Recipe) -> bool:
    """Tell whether the resolution lies outside the range the recipe was made for."""
    gsd_m = info.gsd_m
    return gsd_m is not None and not recipe.gsd_min_m <= round(gsd_m, 4) <= recipe.gsd_max_m


def _check_resolution(info: RasterInfo, recipe: Recipe, force: bool) -> list[Finding]:
    gsd_m = info.gsd_m
    if gsd_m is None:
        return [
            Finding(
                "stop",
                ResolutionMissing.code,
                N_("Die Bodenauflösung des Bildes ist nicht bekannt."),
                N_("Bitte geben Sie an, wie viele Zentimeter ein Bildpunkt am Boden misst."),
            )
        ]
    details = {
        "found": gsd_m * 100,
        "minimum": recipe.gsd_min_m * 100,
        "maximum": recipe.gsd_max_m * 100,
    }
    if not outside_checked_range(info, recipe):
        text = N_("Das Bild hat {found} cm je Bildpunkt. Das passt zum Rezept.")
        return [Finding("ok", "aufloesung", text, details=details)]
    level: Level = "hint" if force else "stop"
    if gsd_m > recipe.gsd_max_m:
        text = N_(
            "Das Bild hat {found} cm je Bildpunkt. Das Rezept braucht höchstens {maximum} cm."
        )
        remedy = N_("Sie können trotzdem starten; Kleines wird fehlen.")
    else:
        text = N_("Das Bild hat {found} cm je Bildpunkt. Geprüft ist das Rezept ab {minimum} cm.")
        remedy = N_("Sie können trotzdem starten; die Güte ist dann nicht gemessen.")
    return [Finding(level, "aufloesung_ungeeignet", text, remedy, details)]


def _check_size(info: RasterInfo, recipe: Recipe) -> list[Finding]:
    details: dict[str, object] = {"width": info.width, "height": info.height}
    sides_m = (
        info.width * (info.pixel_width_m or recipe.gsd_native_m),
        info.height * (info.pixel_height_m or recipe.gsd_native_m),
    )
    least_m = LEAST_SIDE_PX * recipe.gsd_native_m
    if min(sides_m) < least_m:
        return [
            Finding(
                "stop",
                "bild_zu_klein",
                N_("Das Bild ist mit {width} x {height} Bildpunkten zu klein."),
                N_("Jede Seite muss am Boden mindestens {least} m lang sein."),
                {**details, "least": least_m},
            )
        ]
    text = N_("Das Bild hat {width} x {height} Bildpunkte.")
    step = recipe.tile_px - recipe.overlap_px
    tiles = sides_m[0] * sides_m[1] / (step * recipe.gsd_native_m) ** 2
    if tiles > LONG_RUN_TILES:
        remedy = N_("Die Auswertung in etwa {tiles} Kacheln dauert mehrere Minuten.")
        return [Finding("hint", "lange_dauer", text, remedy, {**details, "tiles": round(tiles)})]
    return [Finding("ok", "groesse", text, details=details)]


def _check_bands(info: RasterInfo, recipe: Recipe) -> list[Finding]:
    if recipe.bands != "rgbi" or info.has_near_infrared:
        return []
    return [
        Finding(
            "stop",
            "nahes_infrarot_fehlt",
            N_("Das Rezept braucht nahes Infrarot, das Bild hat keines."),
            N_("Bitte wählen Sie ein Bild mit vier Kanälen (RGBI)."),
        )
    ]


def _check_coordinates(info: RasterInfo) -> Finding:
    if info.crs is not None:
        text = N_("Das Bild liegt in {crs}. Ergebnisse kommen in Kartenkoordinaten.")
        return Finding("ok", "koordinaten", text, details={"crs": info.crs})
    text = N_("Das Bild hat keine Lage auf der Karte. Ergebnisse kommen in Bildpunkten.")
    return Finding("ok", "ohne_koordinaten", text)


def _check_content(overview: Patch) -> list[Finding]:
    share = no_data_share(overview)
    if share >= 1:
        return [
            Finding(
                "stop",
                "bild_leer",
                N_("Das Bild enthält keine Bilddaten."),
                N_("Bitte wählen Sie ein anderes Bild."),
            )
        ]
    findings = []
    if share > NO_DATA_HINT_SHARE:
        text = N_("{percent} % des Bildes enthalten keine Bilddaten. Dort wird nicht gesucht.")
        findings.append(
            Finding("hint", "luecken", text, details={"percent": round(share * 100, 1)})
        )
    colours = _check_colours(overview.rgb[overview.valid])
    return [*findings, *colours, *check_false_colour(overview)]


def _check_colours(pixels: Rgb) -> list[Finding]:
    red, green, blue = pixels[:, 0], pixels[:, 1], pixels[:, 2]
    brightest = np.maximum(np.maximum(red, green), blue)
    darkest = np.minimum(np.minimum(red, green), blue)
    findings = []
    if float(np.median(brightest - darkest)) < GREY_CHROMA:
        findings.append(
            Finding(
                "hint",
                "kaum_farbe",
                N_("Das Bild enthält kaum Farbe. Das Ergebnis ist unsicher."),
                N_("Besser ist ein Farbluftbild."),
            )
        )
    if float(pixels.mean()) < DARK_MEAN:
        findings.append(
            Finding("hint", "dunkel", N_("Das Bild ist sehr dunkel. Das Ergebnis ist unsicher."))
        )
    if float((darkest >= BLEACHED_VALUE).mean()) > BLEACHED_SHARE:
        findings.append(
            Finding(
                "hint",
                "ueberbelichtet",
                N_("Große Teile des Bildes sind überbelichtet. Das Ergebnis ist unsicher."),
            )
        )
    return findings


def no_data_share(
    overview: Patch, info: RasterInfo | None = None, area_px: MultiPolygon | None = None
) -> float:
    """Return the share of what counts without data, 0 to 1, sampled on the image's overview.

    Args:
        overview: The image, shrunk.
        info: The image; needed for an area.
        area_px: Part of the image that counts [px]; None for all of it.
    """
    if info is None or area_px is None:
        return float(1 - overview.valid.mean())
    rows, columns = overview.valid.shape
    shrunk = affinity.scale(area_px, columns / info.width, rows / info.height, origin=(0, 0))
    inside = rasterize([shrunk], (rows, columns), all_touched=True, dtype=np.uint8).astype(bool)
    return float(1 - overview.valid[inside].mean())
