"""Print hashes of a small town and of six of its pictures, for a second process to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields
from datetime import date

import numpy as np
import shapely

from shared.command_line import print_json
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.painted import Painted
from shared.demo_city.render.painting import Painting
from shared.demo_city.render.view import city_view
from shared.demo_city.render.window import LAYERS, render_alone
from shared.demo_city.town import build_town
from tests.demo_city.small_towns import small_town

SIZE_M = 240.0
DAYS = (date(2023, 9, 5), date(2026, 5, 9))
PLACES = ((0.2, 300, 500), (0.2, 700, 600), (0.1, 1_100, 1_200))
SIDE_PX = 200


def hashes() -> dict[str, str]:
    """Return the hash of everything that is painted and of three pictures of either flight."""
    town = build_town(small_town(7, 3, SIZE_M, 0.3, 8.0, "kita", has_rail=True))
    painted = Painted.of(town)
    painting, trees = painted.painting, painted.trees
    made = {
        "vectors": _hash([*_values(painting), *(getattr(trees, one.name) for one in fields(trees))])
    }
    for day in DAYS:
        for gsd_m, column, row in PLACES:
            pixels = Pixels(gsd_m, SIZE_M, column, row, SIDE_PX, SIDE_PX)
            window = render_alone(painting, trees, pixels, city_view(day), 7)
            layers = [getattr(window, layer) for layer in LAYERS]
            made[f"{day} {gsd_m} {column} {row}"] = _hash(layers)
    return made


def _values(painting: Painting) -> Iterable[np.ndarray]:
    for one in fields(painting):
        if one.name == "areas":
            yield shapely.get_coordinates(painting.areas)
        elif one.name != "index":
            yield getattr(painting, one.name)


def _hash(arrays: Iterable[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    print_json(hashes())
