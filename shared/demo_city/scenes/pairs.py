"""Pairs of roof cut-outs from two flights, with what happened to the roof in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.features import geometry_mask
from shapely import Polygon

from shared.demo_city.labels import LABELS
from shared.demo_city.randomness import stream
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.painting import Painting
from shared.demo_city.render.view import View
from shared.demo_city.render.window import Window, render_alone
from shared.demo_city.scenes.draws import Draw, draw_scene, draw_view
from shared.demo_city.scenes.objects import building_id
from shared.demo_city.scenes.pair_changes import HARD, Change, Label, apply_changes, draw_changes
from shared.demo_city.scenes.scene import (
    build_scene_town,
    compressed,
    flight_facts,
    paint_scene,
    scene_facts,
    scene_pixels,
    shown_materials,
)
from shared.demo_city.settings import SceneSettings
from shared.demo_city.town import Town
from shared.demo_city.trees.vegetation import Trees

COLUMNS: Final = (
    "pair_id", "before", "after", "outline_wkt", "gsd_m", "label", "kind", "hard", "pv_before",
    "pv_after", "building_id", "scene_seed", "recognisable",
)  # fmt: skip
"""Columns of `pairs.csv`."""
RENEWED_SHARE: Final = 0.25
AROUND_M: Final = 4.0
LEAST_ROOF_M2: Final = 18.0
SHIFT_M: Final = 0.6
LEAN_SHARE: Final = 0.6
LEAN_M_PER_M: Final = 0.12
HIGHEST_LEAN_M: Final = 1.2
DISPLACED_M: Final = 0.5
TURNED_DEG: Final = 60.0
HIDDEN_BY_TREES: Final = 0.6
IN_SHADE: Final = 0.7
LEAST_OPEN: Final = 0.5
"""Share of a roof without trees and shade on it that is enough to tell what happened."""
TREE: Final = LABELS.index("tree")


@dataclass(frozen=True, slots=True)
class Pair:
    """A roof on two flights.

    Args:
        pair_id: Name of the pair.
        before: Cut-out of the older image, rows x columns x RGB.
        after: Cut-out of the newer one, of the same size.
        outline_wkt: Outline of the roof in pixels of the cut-outs, x right, y down.
        gsd_m: Ground sampling distance.
        label: What happened.
        kind: The same in more detail.
        hard: Whether it looks like something else.
        pv_before: 1 where the roof carries photovoltaics on the older image, else 0.
        pv_after: The same on the newer one.
        building_id: Id of the building.
        scene_seed: Seed of the scene.
        recognisable: 1 where half of the roof and more lies open in the sun on both images, else 0.
    """

    pair_id: str
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    outline_wkt: str
    gsd_m: float
    label: Label
    kind: str
    hard: int
    pv_before: int
    pv_after: int
    building_id: str
    scene_seed: int
    recognisable: int


def render_pairs(
    settings: SceneSettings, renewed_share: float = RENEWED_SHARE
) -> tuple[dict[str, Any], tuple[Pair, ...]]:
    """Render all roofs of a scene that can be judged, on two flights.

    Args:
        settings: Settings of the scene.
        renewed_share: Share of the roofs that are renewed, 0 to 1.

    Returns:
        What `scenes.json` says about the scene, and the pairs in the order of the buildings.

    Raises:
        InputError: The seed is not one of the split, or the size cannot be rendered.
    """
    draw = draw_scene(settings)
    town = build_scene_town(draw)
    pixels = scene_pixels(draw)
    changes = draw_changes(draw.seed, _whole_roofs(town, pixels), renewed_share)
    before, after, done = apply_changes(town, changes)
    views = _views(draw)
    photos: list[Window] = []
    shown: list[tuple[str, ...]] = []
    for side, view in zip((before, after), views, strict=True):
        painting, trees = paint_scene(side, draw)
        shown.append(shown_materials(painting, pixels))
        photos.append(_photo(painting, trees, draw, _at_most_leaning(view, side)))
    kinds = _Kinds(views, town)
    pairs = [
        pair
        for change in done
        if (pair := _pair(change, draw, (before, after), photos, kinds)) is not None
    ]
    facts = scene_facts(draw, sorted(set().union(*shown)), [pair.building_id for pair in pairs])
    flights = [flight_facts(view, names) for view, names in zip(views, shown, strict=True)]
    return {**facts, "flights": flights}, tuple(pairs)


def _whole_roofs(town: Town, pixels: Pixels) -> list[int]:
    """Return the buildings whose cut-out lies within the image."""
    west, south, east, north = pixels.bounds_m
    inside = shapely.box(west + AROUND_M, south + AROUND_M, east - AROUND_M, north - AROUND_M)
    return [
        roof.building
        for roof in town.roofs
        if roof.outline.area >= LEAST_ROOF_M2 and inside.contains(roof.outline)
    ]


def _views(draw: Draw) -> tuple[View, View]:
    """Return both flights: other sun, season, camera, lean and shift."""
    made = []
    for flight in (0, 1):
        rng = stream(draw.seed, "pair view", flight)
        angle, far = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0, 1, 2)
        lean = far[0] * LEAN_M_PER_M * (rng.random() < LEAN_SHARE)
        shift = far[1] * SHIFT_M / 2
        made.append(
            replace(
                draw_view(draw.seed, draw.split, flight),
                lean=(float(lean * np.cos(angle[0])), float(lean * np.sin(angle[0]))),
                shift_m=(float(shift * np.cos(angle[1])), float(shift * np.sin(angle[1]))),
                ageing=float(flight * rng.uniform(0.0, 0.15)),
            )
        )
    return made[0], made[1]


def _at_most_leaning(view: View, town: Town) -> View:
    """Return a flight on which no building leans further than on usual orthophotos."""
    tallest = max((roof.eaves_m for roof in town.roofs), default=1.0)
    lean = np.array(view.lean)
    lean *= min(1.0, HIGHEST_LEAN_M / max(1e-9, float(np.hypot(*lean)) * tallest))
    return replace(view, lean=(float(lean[0]), float(lean[1])))


def _photo(painting: Painting, trees: Trees, draw: Draw, view: View) -> Window:
    window = render_alone(painting, trees, scene_pixels(draw), view, draw.seed)
    return compressed(window, view.camera.jpeg_quality)


class _Kinds:
    """Names what makes a pair hard although nothing happened to its roof."""

    def __init__(self, views: tuple[View, View], town: Town) -> None:
        first, second = views
        self._shift = np.subtract(second.shift_m, first.shift_m)
        self._lean = np.subtract(second.lean, first.lean)
        turn = abs(second.sun.azimuth_deg - first.sun.azimuth_deg)
        self._is_turned = turn >= TURNED_DEG
        self._is_other_season = first.season != second.season
        self._roofs = town.roofs

    def name(self, change: Change) -> tuple[str, bool]:
        """Return kind and hardness of a pair."""
        if change.kind != "none":
            return change.kind, change.kind in HARD or change.kind == "renewed_same"
        moved = self._shift + self._lean * self._roofs[change.building].eaves_m
        if np.hypot(*moved) >= DISPLACED_M:
            return "displaced", True
        if self._is_turned:
            return "shadow_side", True
        return ("season", False) if self._is_other_season else ("plain", False)


def _pair(
    change: Change,
    draw: Draw,
    towns: tuple[Town, Town],
    photos: Sequence[Window],
    kinds: _Kinds,
) -> Pair | None:
    """Cut a pair out; None where trees or shadows hide the roof."""
    # Registers know the building before an extension, and a new building afterwards.
    outline = towns[0].roofs[change.building].outline
    (placed,) = scene_pixels(draw).to_pixels(np.array([outline], dtype=object))
    margin = AROUND_M / draw.gsd_m
    west, north, east, south = placed.bounds
    rows = slice(max(0, int(north - margin)), min(draw.size_px, int(np.ceil(south + margin))))
    columns = slice(max(0, int(west - margin)), min(draw.size_px, int(np.ceil(east + margin))))
    local: Polygon = shapely.transform(placed, lambda at: at - (columns.start, rows.start))
    seen = [_Sight.of(photo, rows, columns, local) for photo in photos]
    if any(one.trees > HIDDEN_BY_TREES or one.shade > IN_SHADE for one in seen):
        return None
    is_open = all(1 - one.trees - one.shade >= LEAST_OPEN for one in seen)
    kind, is_hard = kinds.name(change)
    name = building_id(draw.seed, change.building)
    cuts = [np.ascontiguousarray(photo.rgbi[rows, columns, :3]) for photo in photos]
    pv = [int(_has_pv(town, change.building)) for town in towns]
    wkt = shapely.to_wkt(local, rounding_precision=2)
    return Pair(
        f"{draw.split}_{name}", cuts[0], cuts[1], wkt, draw.gsd_m, change.label, kind,
        int(is_hard), pv[0], pv[1], name, draw.seed, int(is_open),
    )  # fmt: skip


class _Sight(NamedTuple):
    """Shares of a roof below trees and in the shade; both never hold for one place."""

    trees: float
    shade: float

    @classmethod
    def of(cls, photo: Window, rows: slice, columns: slice, outline: Polygon) -> _Sight:
        labels = photo.labels[rows, columns]
        inside = geometry_mask([outline], labels.shape, Affine.identity(), invert=True)
        trees = float((labels[inside] == TREE).mean())
        return cls(trees, float(photo.shadow[rows, columns][inside].mean()))


def _has_pv(town: Town, building: int) -> bool:
    if building in town.gone:
        return False
    return any(thing.building == building and thing.solar == "pv" for thing in town.things)
