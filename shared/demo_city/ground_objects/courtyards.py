"""Things in the courtyards of blocks and between slabs and towers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import shapely

from shared.demo_city.ground_objects.gardens import GARDEN
from shared.demo_city.ground_objects.outlines import BOX, Batch, Layer, disc, left_of, only, put
from shared.demo_city.ground_objects.spots import Spots, ThingKind, one_of, spread
from shared.demo_city.ground_objects.yard_things import YARD
from shared.demo_city.ground_objects.yards import YARD_COVERS, Ground

USES: Final = frozenset({"block", "slab", "tower"})
LEAST_M2: Final = 30.0
LEAST_WIDE_M: Final = 3.5
"""Nothing stands on narrow paths."""


def _bins(spots: Spots) -> Batch:
    """Return a row of large rubbish bins, some of them behind a fence."""
    fence = only(spots.draws[:, 1] < 0.4, spots.put(BOX, (1.08, 1.35)))
    layers = [Layer(fence, "sand", 0.0, (0.6, 0.58, 0.55, 0.7))]
    for number in range(4):
        at = spots.at + spots.along * spots.size[:, :1] * ((number + 0.5) / 4 - 0.5)
        box = put(BOX, at, spots.along, spots.size * (0.22, 0.9))
        tint = one_of(
            (spots.draws[:, 0] + number * 0.29) % 1,
            (0.36, 0.37, 0.38, 0.36),
            (0.28, 0.42, 0.7, 0.6),
            (1.15, 0.95, 0.3, 1.1),
            (0.45, 0.34, 0.26, 0.6),
            (0.36, 0.37, 0.38, 0.36),
        )
        layers.append(Layer(box, "sheet_grey", 1.4, tint))
    return spots.batch("bins", *layers, outline=spots.put(BOX, (1.08, 1.35)))


def _shelter(spots: Spots) -> Batch:
    """Return a flat roof over bicycles."""
    roof = spots.put()
    tint = one_of(
        spots.draws[:, 0], (0.7, 0.7, 0.72, 0.6), (1.05, 1.06, 1.08, 1.0), (0.5, 0.56, 0.5, 0.6)
    )
    edge = spots.put(BOX, (1.04, 1.08))
    dark = tint * 0.7
    return spots.batch(
        "shelter", Layer(edge, "sheet_grey", 2.2, dark),
        Layer(roof, "sheet_grey", 2.25, tint, direction=spots.along),
    )  # fmt: skip


def _drying(spots: Spots) -> Batch:
    """Return two frames with lines and some washing."""
    posts = [
        put(BOX, spots.at + spots.along * share * spots.size[:, :1], spots.along,
            spots.size * (0, 1) + (0.2, 0))
        for share in (-0.5, 0.5)
    ]  # fmt: skip
    layers = [Layer(one, "sheet_grey", 1.6, (0.8, 0.8, 0.8, 0.8)) for one in posts]
    for number in range(3):
        aside = left_of(spots.along) * spots.size[:, 1:] * (number - 1) * 0.4
        along = spots.along * spots.size[:, :1] * (spots.draws[:, :1] - 0.5) * 0.5
        sheet = put(BOX, spots.at + aside + along, spots.along, spots.size * (0.5, 0) + (0, 0.25))
        hangs = (spots.draws[:, 1] + number * 0.37) % 1 < 0.55
        tint = one_of(
            (spots.draws[:, 0] + number * 0.41) % 1,
            (1.15, 1.15, 1.15, 1.1),
            (0.6, 0.7, 1.0, 0.9),
            (1.1, 0.6, 0.55, 1.0),
        )
        layers.append(Layer(only(hangs, sheet), "membrane_light", 1.5, tint))
    return spots.batch("drying_place", *layers, outline=spots.put())


def _table(spots: Spots) -> Batch:
    """Return a table with two benches."""
    wood = one_of(spots.draws[:, 0], (0.72, 0.58, 0.44, 0.8), (0.56, 0.54, 0.52, 0.6))
    parts = [
        put(BOX, spots.at + left_of(spots.along) * aside, spots.along, (1.9, width))
        for aside, width in ((0.0, 0.8), (-0.85, 0.35), (0.85, 0.35))
    ]
    layers = [
        Layer(one, "sand", rise, wood) for one, rise in zip(parts, (0.75, 0.45, 0.45), strict=True)
    ]
    return spots.batch("garden_furniture", *layers, outline=spots.put())


def _tree_bed(spots: Spots) -> Batch:
    """Return a round bed with shrubs."""
    size = np.repeat(spots.size[:, :1], 2, axis=1)
    rim, bed = (put(disc(12), spots.at, spots.along, size * by) for by in (1.0, 0.86))
    return spots.batch(
        "flower_bed", Layer(rim, "slabs", 0.1), Layer(bed, "bed", 0.3, label="grass")
    )


ON_GREEN: Final[Mapping[str, ThingKind]] = MappingProxyType(
    {
        "playground": ThingKind(0.2, (3.4, 4.8), (2.2, 2.8), GARDEN["playground"].build),
        "sandpit": ThingKind(0.22, (2.5, 4.5), (2.4, 4.0), GARDEN["sandpit"].build),
        "drying place": ThingKind(0.3, (4.0, 7.0), (1.8, 2.4), _drying),
        "table": ThingKind(0.35, (2.0, 2.1), (2.1, 2.2), _table),
        "shelter": ThingKind(0.2, (4.0, 9.0), (2.0, 2.6), _shelter),
        "vegetable bed": ThingKind(0.12, (3.0, 5.0), (1.6, 2.6), GARDEN["vegetable bed"].build),
    }
)
ON_PAVED: Final[Mapping[str, ThingKind]] = MappingProxyType(
    {
        "bins": ThingKind(0.55, (4.5, 6.5), (1.2, 1.4), _bins),
        "shelter": ThingKind(0.3, (4.0, 9.0), (2.0, 2.6), _shelter),
        "glass roof": ThingKind(0.1, (4.0, 7.0), (2.0, 2.6), YARD["glass roof"].build),
        "flower bed": ThingKind(0.35, (1.6, 3.4), (1.6, 3.4), _tree_bed),
        "table": ThingKind(0.2, (2.0, 2.1), (2.1, 2.2), _table),
        "second bins": ThingKind(0.2, (3.0, 4.5), (1.2, 1.4), _bins),
    }
)
"""Kinds with the share of pieces of green and of paved yards that have one. New kinds follow at the
end, so that they shift no other."""


def furnish_courtyards(ground: Ground) -> list[Batch]:
    """Return the things around the houses of several flats.

    Args:
        ground: The surfaces.
    """
    made = []
    for stage, covers, kinds in (
        ("courtyard green", ("lawn", "meadow"), ON_GREEN),
        ("courtyards", YARD_COVERS, ON_PAVED),
    ):
        chosen = ground.chosen(covers, USES)
        wide = 2 * ground.size_m2[chosen] / shapely.length(ground.area[chosen])
        chosen = chosen[(ground.size_m2[chosen] > LEAST_M2) & (wide > LEAST_WIDE_M / 2)]
        made += spread(ground.seed, stage, ground.area[chosen], ground.parcel[chosen], kinds)
    return made
