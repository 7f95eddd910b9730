"""Green roofs: roofs that are covered by plants to a good part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from shapely import Polygon

from apps.aviary.finds.joining import FoundObject
from apps.aviary.semantic import ndvi
from apps.aviary.surfaces.buildings import BuildingSettings, outline_roofs
from apps.aviary.surfaces.class_map import ClassMap, Look, Planes
from apps.aviary.surfaces.given_outlines import read_outlines
from apps.aviary.surfaces.settings import Classes, Share, SquareMetres

LEAST_REFERENCE_PX = 200
"""So many pixels of the overview must show roofs, and plants, to compare with."""


class GreenRoofSettings(BuildingSettings):
    """Which roofs are green; without outlines a roof is where `classes` lie side by side.

    Args:
        green: Codes of green roofs.
        bare: Codes of other roofs.
        plants: Codes of low plants on the ground.
        least_green_m2: Least green area on a roof [m2].
        least_share: Least share of it in the roof, 0 to 1.
        least_evidence: With less evidence of plants in near infrared a roof is doubtful: 0 is as
            other roofs of the image, 1 as its lawns.
    """

    classes: Classes
    green: Classes
    bare: Classes
    plants: Classes
    least_green_m2: SquareMetres
    least_share: Share
    least_evidence: Share


def find_green_roofs(
    ground: ClassMap, settings: GreenRoofSettings, inputs: Mapping[str, Path]
) -> Iterator[FoundObject]:
    """See `Derivation.derive`."""
    with ground.open() as planes:
        reference = _reference(ground, planes, settings)
        for roof in _roofs(ground, planes, settings, inputs.get("buildings")):
            look = planes.look(roof)
            green_m2 = look.count(settings.green) * ground.pixel_m2
            roof_px = look.count((*settings.green, *settings.bare))
            share = look.count(settings.green) / roof_px if roof_px else 0.0
            if green_m2 < settings.least_green_m2 or share < settings.least_share:
                continue
            figures = [("green_m2", round(green_m2, 1)), ("green_share", round(share, 3))]
            evidence = None if reference is None else _evidence(ground, look, settings, reference)
            if evidence is not None:
                figures.append(("ndvi_evidence", round(evidence, 3)))
            yield from ground.found(
                "green_roof",
                roof,
                look.score(settings.green),
                doubtful=evidence is not None and evidence < settings.least_evidence,
                figures=figures,
            )


def _roofs(
    ground: ClassMap, planes: Planes, settings: GreenRoofSettings, outlines: Path | None
) -> Iterator[Polygon]:
    if outlines is None:
        yield from outline_roofs(ground, planes, settings)
        return
    for one in read_outlines(outlines, "buildings", ground.info):
        yield from one.polygon.geoms


@dataclass(frozen=True, slots=True)
class _Reference:
    """Mean NDVI of the image.

    Args:
        roofs: Of roofs without plants.
        plants: Of low plants.
    """

    roofs: float
    plants: float


def _reference(ground: ClassMap, planes: Planes, settings: GreenRoofSettings) -> _Reference | None:
    """Measure what roofs and plants look like; None without near infrared or without both."""
    overview = ground.image.overview
    if overview.nir is None:
        return None
    index = ndvi(overview.nir, overview.rgb[..., 0])
    codes = planes.shrunk(index.shape)
    means = []
    for classes in (settings.bare, settings.plants):
        pixels = index[np.isin(codes, classes) & overview.valid]
        if pixels.size < LEAST_REFERENCE_PX:
            return None
        means.append(float(np.median(pixels)))
    return _Reference(*means) if means[1] > means[0] else None


def _evidence(
    ground: ClassMap, look: Look, settings: GreenRoofSettings, reference: _Reference
) -> float | None:
    """Return where the green of a roof lies between roofs (0) and plants (1)."""
    rows, columns = look.codes.shape
    patch = ground.image.read(look.box, (columns, rows))
    green = look.mask(settings.green) & patch.valid
    if patch.nir is None or not green.any():
        return None
    index = float(np.median(ndvi(patch.nir, patch.rgb[..., 0])[green]))
    return (index - reference.roofs) / (reference.plants - reference.roofs)
