"""Recipe `own_model`: made from what the model server says about a model that no recipe names."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.aviary.recipe_book.schema import CELL_STEP_PX, FINEST_GSD_M, Kind
from apps.aviary.recipe_book.toml_text import to_toml
from shared.clients.catalog import find_entry
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.errors import N_, ModelMissing, OwnModelRefused

OWN_MODEL: Final = "own_model"
TITLE_DE, TITLE_EN = "Eigenes Modell", "Own model"
SUMMARY_DE = "Wertet ein Luftbild mit Ihrem eigenen ONNX-Modell aus."
SUMMARY_EN = "Looks at an aerial image with your own ONNX model."
USUAL_TILE_PX = 640
LEAST_TILE_PX, MOST_TILE_PX = 64, 1280
USUAL_OVERLAP_PERCENT: Mapping[Kind, float] = {"objects": 30, "semantic": 20}
USUAL_THRESHOLD = 0.25
DOUBTFUL_MARGIN = 0.2
"""Objects at most this much surer than the threshold are marked; nobody has calibrated them."""
DOUBTFUL_CONFIDENCE = 0.6
LONGEST_KEY, LONGEST_TITLE = 32, 150
_TURN = 0.618034
"""Part of a turn of hue between two classes: neighbours look different, however many there are."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a model's file wants images to be cut and answers to be cleaned; None: it does not say.

    Args:
        overlap_percent: Overlap of neighbouring tiles in percent of their side.
        small_segment_px: Side of the smallest segment that counts [px].
    """

    overlap_percent: float | None = None
    small_segment_px: float | None = None


UNKNOWN_TILING = Tiling()


def find_own_model(catalog: Catalog, name: str) -> CatalogEntry:
    """Return a model of the server that can look at aerial images.

    Args:
        catalog: All models.
        name: Name in the catalogue.

    Raises:
        ModelMissing: The server has no such model.
        OwnModelRefused: It cannot be used.
    """
    entry = find_entry(catalog, name)
    if entry is None:
        raise ModelMissing(model=name)
    if not entry.available:
        raise OwnModelRefused(name=name, reason=entry.reason)
    return entry


def recipe_text(entry: CatalogEntry, tiling: Tiling = UNKNOWN_TILING) -> str:
    """Return the recipe file that runs a model.

    Args:
        entry: What the server says about the model.
        tiling: What its file says beside that.

    Raises:
        OwnModelRefused: The model is not one for aerial images, or does not say enough.
    """
    kind = _kind(entry)
    best, low, high = entry.gsd_best_m, entry.gsd_min_m, entry.gsd_max_m
    if best is None or low is None or high is None:
        raise OwnModelRefused(name=entry.name, reason=N_("Es fehlt die Angabe resolution."))
    tile_px = entry.size_px or USUAL_TILE_PX
    if not LEAST_TILE_PX <= tile_px <= MOST_TILE_PX:
        reason = N_("Seine Kacheln müssen 64 bis 1280 Bildpunkte Seite haben.")
        raise OwnModelRefused(name=entry.name, reason=reason)
    content = {
        "recipe": _head(entry, kind),
        "needs": {
            "bands": "rgbi"
            if entry.bands == ["rgbi"]
            else "any"
            if "rgbi" in entry.bands
            else "rgb",
            "gsd_min_m": max(low, min(best, FINEST_GSD_M)),
            "gsd_native_m": best,
            "gsd_max_m": high,
        },
        "model": {"task": "segment", "name": entry.name},
        "tiles": _tiles(kind, tile_px, tiling),
        "post": _post(entry, kind, round(((tiling.small_segment_px or 0) * best) ** 2, 6)),
        "classes": _classes(entry, kind),
    }
    return to_toml(content)


def _kind(entry: CatalogEntry) -> Kind:
    if entry.task != "segment" or not entry.classes:
        raise OwnModelRefused(name=entry.name, reason=N_("Es ist kein Modell für Luftbilder."))
    if "instances" in entry.outputs:
        if "rgb" not in entry.bands:
            reason = N_("Modelle für Objekte bekommen hier drei Kanäle: Rot, Grün und Blau.")
            raise OwnModelRefused(name=entry.name, reason=reason)
        return "objects"
    stride = entry.output_stride
    if stride is None or CELL_STEP_PX % stride:
        reason = N_("Eine Zelle seiner Antwort muss 1, 2, 4 oder 8 Bildpunkte Seite haben.")
        raise OwnModelRefused(name=entry.name, reason=reason)
    return "semantic"


def _head(entry: CatalogEntry, kind: Kind) -> dict[str, Any]:
    title = entry.title_de[:LONGEST_TITLE] or entry.name
    return {
        "id": OWN_MODEL,
        "version": entry.version,
        "kind": kind,
        "title_de": f"{TITLE_DE}: {title}",
        "title_en": f"{TITLE_EN}: {title}",
        "summary_de": SUMMARY_DE,
        "summary_en": SUMMARY_EN,
        "author": "unbekannt",
        "licence": entry.licence[:LONGEST_TITLE] or "unbekannt",
    }


def _tiles(kind: Kind, size_px: int, tiling: Tiling) -> dict[str, int]:
    """Return side and overlap; those of maps begin and end on the cells of all tiles."""
    percent = tiling.overlap_percent
    wanted = size_px * (USUAL_OVERLAP_PERCENT[kind] if percent is None else percent) / 100
    step = CELL_STEP_PX if kind == "semantic" else 1
    most = (size_px // step - 1) // 2
    return {
        "size_px": size_px // step * step,
        "overlap_px": min(math.ceil(wanted / step), most) * step,
    }


def _post(entry: CatalogEntry, kind: Kind, min_area_m2: float) -> dict[str, Any]:
    if kind == "semantic":
        least = {"min_area_m2": min_area_m2, "simplify_px": 1.0}
        return {"doubtful_below": DOUBTFUL_CONFIDENCE, **least}
    threshold = USUAL_THRESHOLD if entry.min_score is None else entry.min_score
    return {
        "threshold": threshold,
        "doubtful_below": round(min(1.0, threshold + DOUBTFUL_MARGIN), 6),
        "min_area_m2": min_area_m2,
        "duplicate_iou": 0.5,
        "simplify_px": 0.5,
        "rectangle_iou": 1.0,
    }


def _classes(entry: CatalogEntry, kind: Kind) -> list[dict[str, Any]]:
    found = []
    for place, one in enumerate(entry.classes):
        title = one.title_de[:LONGEST_TITLE]
        found.append({"code": one.code, "key": one.key, "title_de": title, "title_en": title})
        if kind == "semantic":
            found[-1]["colour"] = colour_of(place)
    return found


def colour_of(place: int) -> str:
    """Return the colour "#rrggbb" of a class by its place in the list."""
    hue = place * _TURN % 1
    lightness = (0.40, 0.55, 0.70)[place % 3]
    channels = colorsys.hls_to_rgb(hue, lightness, 0.6)
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)
