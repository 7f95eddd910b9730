"""`python -m apps.aviary.evaluate_similar` measures how well `similar` finds solar roofs.

A square of Musterstadt; several sets of five clicks on roofs with solar units, drawn by chance. A
cell is right if at least 4 m2 of solar units on roofs lie in it. Afterwards the wrong ones of the
first 20 are given as counter-examples, as a person would, and the next 20 are counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry import box

from apps.aviary.commands.headless import look, result_file
from apps.aviary.evaluation.runtime import GSD_M, write_square
from apps.aviary.finds.analysis import count
from apps.aviary.finds.detection_file import DETECTION_FILE, read_detection
from apps.aviary.inputs.examples import COUNTER, Place
from apps.aviary.recipes import find_recipe
from apps.aviary.result_files import to_json
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.demo_city import CitySettings, DemoCity, build_city
from shared.errors import ModelMissing, ModelServerError
from shared.geo.raster import OpenOptions
from shared.settings import get_settings

COMMAND = "python -m apps.aviary.evaluate_similar"
SIDE_M, SETS = 800, 20
CLICKS, TOP = 5, 20
LEAST_CLICKED_M2, LEAST_HIT_M2 = 8.0, 4.0
GOAL = 0.7
CELL_M, STEP_M = 32.0, 16.0
NO_SERVER = 3
GROUND_MOUNTED = "ground"

Json = dict[str, Any]
Boxes = list[tuple[float, float, float, float]]


@dataclass(frozen=True, slots=True)
class SolarRoofs:
    """Solar units on roofs in a square.

    Args:
        outlines: Their outlines [px].
        tree: The same, to search in.
    """

    outlines: NDArray[np.object_]
    tree: STRtree

    @classmethod
    def of(cls, city: DemoCity, side_m: int) -> SolarRoofs:
        """Take them from the tables of the city."""
        units = city.layer("solar_units")
        outlines = units[units.kind != GROUND_MOUNTED].geometry.to_numpy()
        offset = (city.settings.size_m - side_m) / 2
        west, north = city.settings.origin_m[0] + offset, city.settings.origin_m[1] + offset
        north += side_m
        moved = shapely.transform(outlines, lambda xy: (xy - (west, north)) / (GSD_M, -GSD_M))
        return cls(moved, STRtree(moved))

    def places(self, side_px: int) -> list[Place]:
        """Return a place inside each that a person could click [px]."""
        whole = box(0, 0, side_px, side_px)
        large = shapely.area(self.outlines) * GSD_M**2 >= LEAST_CLICKED_M2
        points = shapely.point_on_surface(
            self.outlines[large & shapely.within(self.outlines, whole)]
        )
        return [(float(point.x), float(point.y)) for point in points]

    def right(self, boxes: Boxes) -> NDArray[np.bool_]:
        """Tell which cells [px] show solar units on roofs."""
        if not boxes:
            return np.zeros(0, dtype=bool)
        cells = shapely.box(*np.array(boxes).T)
        cell, unit = self.tree.query(cells, predicate="intersects")
        shared = shapely.area(shapely.intersection(cells[cell], self.outlines[unit]))
        return np.bincount(cell, shared, len(boxes)) * GSD_M**2 >= LEAST_HIT_M2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--sets", type=int, default=SETS, help="Zahl der Sätze von Klicks")
    parser.add_argument("--side", type=int, default=SIDE_M, help="Seite des Quadrats in m")
    options = parser.parse_args(arguments)
    try:
        with (
            ensure_model_server(get_settings()) as server,
            ModelServerClient(server.settings) as client,
        ):
            content = measure_similar(client, options.side, options.sets)
    except (ModelServerError, ModelMissing) as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    sys.stdout.write(to_json(content))
    return 0


def measure_similar(client: ModelServerClient, side_m: int = SIDE_M, sets: int = SETS) -> Json:
    """Rank the cells of a square for several sets of clicks.

    Args:
        client: Open client of the model server.
        side_m: Length of the side of the square [m], whole blocks of 100 m.
        sets: Number of sets.

    Raises:
        ModelServerError: The model server cannot answer.
        ModelMissing: It has no model for the recipe.
    """
    city = build_city(CitySettings())
    roofs, side_px = SolarRoofs.of(city, side_m), round(side_m / GSD_M)
    places = roofs.places(side_px)
    first: list[float] = []
    second: list[float] = []
    with tempfile.TemporaryDirectory(prefix="urbanki-") as name:
        folder = Path(name)
        image = folder / "square.tif"
        write_square(city, image, side_m)
        for seed in range(sets):
            numbers = np.random.default_rng(seed).choice(len(places), CLICKS, replace=False)
            clicks = [places[one] for one in numbers]
            shown = _top(client, image, folder, clicks, [])
            right = roofs.right(shown)
            first.append(float(right.mean()))
            wrong = [_centre(one) for one, good in zip(shown, right, strict=True) if not good]
            again = _top(client, image, folder, clicks, wrong)
            second.append(float(roofs.right(again).mean()))
    return {
        "side_m": side_m,
        "clicks": CLICKS,
        "top": TOP,
        "sets": sets,
        "clickable_roofs": len(places),
        "by_chance": round(float(roofs.right(_all_cells(side_px)).mean()), 3),
        "first_round": _spread(first),
        "after_counter_examples": _spread(second),
    }


def _top(
    client: ModelServerClient, image: Path, folder: Path, wanted: list[Place], wrong: list[Place]
) -> Boxes:
    path = folder / "examples.geojson"
    features = [
        {
            "type": "Feature",
            "properties": {COUNTER: counter},
            "geometry": {"type": "Point", "coordinates": list(place)},
        }
        for places, counter in ((wanted, False), (wrong, True))
        for place in places
    ]
    content = {"type": "FeatureCollection", "coordinates": "pixel", "features": features}
    path.write_text(json.dumps(content), encoding="utf-8")
    recipe = find_recipe("similar")
    with look(image, recipe, lambda: client, OpenOptions(), files={"examples": path}) as result:
        analysis = read_detection(result_file(result, DETECTION_FILE))
    found = count(analysis, threshold=0.0, min_area_m2=0.0)
    return [one.bbox_px for one in found.objects[:TOP]]


def _centre(box_px: tuple[float, float, float, float]) -> Place:
    return (box_px[0] + box_px[2]) / 2, (box_px[1] + box_px[3]) / 2


def _all_cells(side_px: int) -> Boxes:
    cell, step = CELL_M / GSD_M, STEP_M / GSD_M
    edges = np.arange(0, side_px - cell + 1, step)
    return [(x, y, x + cell, y + cell) for y in edges for x in edges]


def _spread(values: list[float]) -> Json:
    shares = np.array(values)
    return {
        "mean": round(float(shares.mean()), 3),
        "median": round(float(np.median(shares)), 3),
        "lowest": round(float(shares.min()), 3),
        "share_of_sets_that_reach_the_goal": round(float((shares >= GOAL).mean()), 3),
        "each": [round(one, 2) for one in values],
    }


if __name__ == "__main__":
    sys.exit(main())
