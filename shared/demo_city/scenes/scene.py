"""Scenes: small town cut-outs with image, labels and objects, for training and tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import geopandas as gpd
import numpy as np

from shared.demo_city.labels import FINE
from shared.demo_city.materials import materials
from shared.demo_city.randomness import stream
from shared.demo_city.render.camera import jpeg
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.painting import Painting, paint_town
from shared.demo_city.render.view import View
from shared.demo_city.render.window import Window, render_alone
from shared.demo_city.scenes.draws import Draw, draw_scene
from shared.demo_city.scenes.layouts import AROUND_M, plan_scene
from shared.demo_city.scenes.objects import building_id, scene_objects, visible_shares
from shared.demo_city.scenes.roofs import with_flat_roofs, with_solar_units
from shared.demo_city.settings import SceneSettings
from shared.demo_city.town import Town, build_town
from shared.demo_city.trees.vegetation import Trees, plant_trees

SEEN_INSTEAD: Final = {
    "tile_glazed": "tile_anthracite",
    "fibre_cement": "slate",
    "dry_roof": "sedum_roof",
    "open_paving": "paving_grey",
    "clinker": "paving_red",
    "rapeseed": "crop_green",
    "tree_copper": "tree_broad",
    "pv_violet": "pv_blue",
}
"""What training shows in place of the materials that it must not show."""
UNSEEN_SHARE: Final = 0.22
"""Share of the things of the other materials that test scenes show in an unseen one."""
NUMBERS: Final = 9_973
"""A prime: things with neighbouring numbers get independent draws."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A rendered cut-out of a town of its own.

    Args:
        draw: What it was made from.
        window: Image, heights and label images.
        objects: Polygons in pixels, see `scene_objects`.
        materials: Keys of the materials it shows, sorted.
        roof_ids: Ids of the buildings whose roofs it shows.
    """

    draw: Draw
    window: Window
    objects: gpd.GeoDataFrame
    materials: tuple[str, ...]
    roof_ids: tuple[str, ...]


def render_scene(settings: SceneSettings) -> Scene:
    """Render a scene; equal settings give equal arrays.

    Args:
        settings: Settings of the scene.

    Raises:
        InputError: The seed is not one of the split, or the size cannot be rendered.
    """
    draw = draw_scene(settings)
    town = build_scene_town(draw)
    pixels = scene_pixels(draw)
    painting, trees = paint_scene(town, draw)
    window = render_alone(painting, trees, pixels, draw.view, draw.seed)
    window = compressed(window, draw.view.camera.jpeg_quality)
    roofs = tuple(
        building_id(draw.seed, roof.building)
        for roof in town.roofs
        if roof.outline.intersects(pixels.area())
    )
    objects = scene_objects(town, trees, pixels, draw.seed)
    objects["visible"] = visible_shares(objects, window)
    return Scene(draw, window, objects, shown_materials(painting, pixels), roofs)


def scene_facts(draw: Draw, shown: Iterable[str], roof_ids: Iterable[str]) -> dict[str, Any]:
    """Return what `scenes.json` says about a scene.

    Args:
        draw: What the scene was made from.
        shown: Keys of the materials it shows.
        roof_ids: Ids of the buildings whose roofs it shows.
    """
    return {
        "stem": stem_of(draw),
        "seed": draw.seed,
        "split": draw.split,
        "gsd_m": draw.gsd_m,
        **flight_facts(draw.view, shown),
        "layout": draw.layout,
        "roof_ids": list(roof_ids),
    }


def flight_facts(view: View, shown: Iterable[str]) -> dict[str, Any]:
    """Return what `scenes.json` says about one flight.

    Args:
        view: How the flight saw the town.
        shown: Keys of the materials that its image shows.
    """
    camera = view.camera
    return {
        "sun": {
            "azimuth_deg": round(view.sun.azimuth_deg, 3),
            "elevation_deg": round(view.sun.elevation_deg, 3),
        },
        "season": view.season,
        "camera": {
            "blur_px": round(camera.blur_px, 4),
            "jpeg_quality": camera.jpeg_quality,
            "gamma": round(camera.gamma, 4),
        },
        "materials": list(shown),
    }


def stem_of(draw: Draw) -> str:
    """Return the name of the files of a scene, without ending."""
    return f"{draw.split}_{draw.seed:06d}"


def compressed(window: Window, quality: int) -> Window:
    """Return a window whose image went through a JPEG file.

    Args:
        window: As the camera saw it.
        quality: Quality of the compression, 1 to 100.
    """
    colour = jpeg(window.rgbi[..., :3], quality)
    infrared = jpeg(window.rgbi[..., 3], quality)
    return replace(window, rgbi=np.dstack([colour, infrared]))


def shown_materials(painting: Painting, pixels: Pixels) -> tuple[str, ...]:
    """Return the keys of the materials that lie within an image, sorted."""
    names = list(materials())
    shown = painting.material[painting.index.query(pixels.area(), predicate="intersects")]
    return tuple(sorted(names[number] for number in np.unique(shown)))


def scene_pixels(draw: Draw) -> Pixels:
    """Return where the image of a scene lies within its town."""
    first = int(np.ceil(AROUND_M / draw.gsd_m))
    return Pixels(draw.gsd_m, side_m(draw), first, first, draw.size_px, draw.size_px)


def side_m(draw: Draw) -> float:
    """Return the width of the town of a scene [m]: its image and the ground that shades it."""
    return (draw.size_px + 2 * int(np.ceil(AROUND_M / draw.gsd_m))) * draw.gsd_m


def build_scene_town(draw: Draw) -> Town:
    """Build the town of a scene with the roofs and the solar units that it is to have."""
    town = build_town(plan_scene(draw.layout, draw.seed, side_m(draw), draw.features))
    return with_solar_units(with_flat_roofs(town, draw), draw)


def paint_scene(town: Town, draw: Draw) -> tuple[Painting, Trees]:
    """Return what is painted of a town and its trees, in the materials of the split."""
    painting = paint_town(town)
    trees = plant_trees(town, has_unseen=draw.has_unseen)
    swaps = _swaps(draw.has_unseen)
    chosen = _is_chosen(painting.thing, draw)
    material = np.where(chosen, swaps[painting.material], painting.material).astype(np.uint8)
    # A cover that its material tells follows the new material.
    told = np.array([FINE.index(one.fine) for one in materials().values()], np.uint8)
    follows = painting.fine == told[painting.material]
    fine = np.where(follows, told[material], painting.fine)
    return replace(painting, material=material, fine=fine), trees


def _swaps(has_unseen: bool) -> np.ndarray:
    names = list(materials())
    swaps = np.arange(len(names), dtype=np.uint8)
    for unseen, seen in SEEN_INSTEAD.items():
        if has_unseen:
            swaps[names.index(seen)] = names.index(unseen)
        else:
            swaps[names.index(unseen)] = names.index(seen)
    return swaps


def _is_chosen(things: np.ndarray, draw: Draw) -> np.ndarray:
    """Return which painted things are swapped: all in training, a drawn share in tests."""
    if not draw.has_unseen:
        return np.ones(len(things), dtype=bool)
    drawn = stream(draw.seed, "unseen materials").random(NUMBERS)
    chosen: np.ndarray = drawn[things % NUMBERS] < UNSEEN_SHARE
    return chosen
