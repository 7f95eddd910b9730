"""Gravel in front gardens, as a list for people to check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from rasterio.features import rasterize, shapes
from rasterio.transform import Affine
from shapely import MultiPolygon, Polygon, STRtree
from shapely.geometry import shape

from apps.aviary.finds.joining import FoundObject
from apps.aviary.inputs.input_files import TITLES
from apps.aviary.surfaces.class_map import ClassMap, Look, Planes
from apps.aviary.surfaces.given_outlines import GivenOutline, read_outlines
from apps.aviary.surfaces.settings import Classes, MethodSettings, Metres, SquareMetres
from shared.errors import N_, InputUnusable
from shared.geo.polygons import largest_part

_NO_HOMES = N_("Keines der Flurstücke im Bild dient nach seiner Spalte zur Nutzung dem Wohnen.")

Mask = NDArray[np.bool_]
Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class GravelGardenSettings(MethodSettings):
    """What counts as gravel in a front garden.

    Args:
        classes: Codes of gravel.
        roofs: Codes of roofs.
        streets: Codes of streets and pavements.
        least_m2: Least area of gravel [m2].
        most_m2: Largest area of gravel [m2].
        use_columns: Columns of the parcels that may name their use; the first that is there counts.
        residential: A use that begins with one of these is residential; in a file without such a
            column every parcel is.
        street_m: A street adjoins a parcel within this distance [m].
        house_m2: Least roof of a house, in contrast to garages and sheds [m2].
        most_depth_m: A front garden is at most so deep, however far back the house stands [m].
        depth_m: Depth of the front garden where there is no house [m].
        tolerance_m: Largest deviation when outlines are simplified [m].
    """

    classes: Classes
    roofs: Classes
    streets: Classes
    least_m2: SquareMetres
    most_m2: SquareMetres
    use_columns: Names
    residential: Names
    street_m: Metres
    house_m2: SquareMetres
    most_depth_m: Metres
    depth_m: Metres
    tolerance_m: Metres


def find_gravel_gardens(
    ground: ClassMap, settings: GravelGardenSettings, inputs: Mapping[str, Path]
) -> Iterator[FoundObject]:
    """See `Derivation.derive`; each is doubtful: people check whether it is a gravel garden."""
    given = read_outlines(inputs["parcels"], "parcels", ground.info)
    parcels = [one.polygon for one in _residential(given, settings)]
    if not parcels:
        raise InputUnusable(what=TITLES["parcels"], reason=_NO_HOMES)
    tree, margin_px = STRtree(parcels), settings.street_m / ground.gsd_m
    with ground.open() as planes:
        for place in sorted(range(len(parcels)), key=lambda one: parcels[one].bounds[1]):
            parcel = parcels[place]
            look = planes.look(parcel, margin_px)
            around = tree.query(parcel, predicate="dwithin", distance=margin_px)
            near = [parcels[other] for other in around if other != place]
            plot = _Plot(look, _drawn(near, look), ground.gsd_m * look.step, settings)
            yield from _gravel(ground, planes, plot, settings)


def _residential(
    given: Sequence[GivenOutline], settings: GravelGardenSettings
) -> Iterator[GivenOutline]:
    for one in given:
        names = {str(name).casefold(): name for name in one.columns}
        column = next((names[known] for known in settings.use_columns if known in names), None)
        use = "" if column is None else str(one.columns[column]).casefold()
        if column is None or use.startswith(settings.residential):
            yield one


def _drawn(polygons: Sequence[MultiPolygon], look: Look) -> Mask:
    if not polygons:
        return np.zeros(look.codes.shape, dtype=bool)
    place = Affine(look.step, 0, look.box[0], 0, look.step, look.box[1])
    drawn = rasterize(polygons, look.codes.shape, transform=place, dtype=np.uint8)
    return np.asarray(drawn, dtype=bool)


@dataclass(frozen=True, slots=True)
class _Plot:
    """A parcel with what lies around it.

    Args:
        look: Its pixels.
        others: Pixels of other residential parcels.
        pixel_m: Side of a pixel [m].
        settings: What counts.
    """

    look: Look
    others: Mask
    pixel_m: float
    settings: GravelGardenSettings

    def front(self) -> Mask:
        """Return the pixels between the street and the front of the house."""
        inside, codes = self.look.inside, self.look.codes
        street = np.isin(codes, self.settings.streets) & ~inside & ~self.others
        if not street.any():
            return np.zeros_like(inside)
        away_px = cv2.distanceTransform(
            (~street).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
        )
        house = self._house()
        depth_m = self.settings.depth_m
        if house.any():
            depth_m = min(float(away_px[house].min()) * self.pixel_m, self.settings.most_depth_m)
        return np.asarray(inside & (away_px * self.pixel_m <= depth_m))

    def _house(self) -> Mask:
        """Return the pixels of the largest roof; none where it is smaller than a house."""
        roofs = self.look.mask(self.settings.roofs)
        count, labels = cv2.connectedComponents(roofs.astype(np.uint8), connectivity=4)
        sizes = np.bincount(labels[roofs], minlength=count)
        largest = int(sizes.argmax())
        is_house = sizes[largest] * self.pixel_m**2 >= self.settings.house_m2
        return np.asarray(roofs & (labels == largest) & bool(is_house))


def _gravel(
    ground: ClassMap, planes: Planes, plot: _Plot, settings: GravelGardenSettings
) -> Iterator[FoundObject]:
    gravel = plot.look.mask(settings.classes)
    if gravel.sum() * plot.pixel_m**2 < settings.least_m2:
        return
    front = plot.front()
    for polygon in _outlines(gravel & front, plot.look, settings.tolerance_m / ground.gsd_m):
        if settings.least_m2 <= polygon.area * ground.pixel_m2 <= settings.most_m2:
            score = planes.look(polygon).score(settings.classes)
            front_m2 = float(front.sum()) * plot.pixel_m**2
            figures = (
                ("front_garden_m2", round(front_m2, 1)),
                ("front_garden_share", round(polygon.area * ground.pixel_m2 / front_m2, 3)),
            )
            yield from ground.found("gravel_garden", polygon, score, doubtful=True, figures=figures)


def _outlines(mask: Mask, look: Look, tolerance_px: float) -> Iterator[Polygon]:
    place = Affine(look.step, 0, look.box[0], 0, look.step, look.box[1])
    found = shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=place)
    for outline, _ in found:
        polygon = shape(outline)
        yield largest_part(polygon.simplify(tolerance_px)) or polygon
