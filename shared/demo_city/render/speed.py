"""Measure how fast windows are rendered: `python -m shared.demo_city.render.speed`."""

from __future__ import annotations

from time import process_time
from typing import Final

import cv2

from shared.command_line import print_json
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.painted import Painted
from shared.demo_city.render.view import city_view
from shared.demo_city.render.window import render_alone
from shared.demo_city.settings import CitySettings
from shared.demo_city.town import build_town
from shared.demo_city.vectors.musterstadt import plan_musterstadt

SIDE_PX: Final = 2_000
CORNERS_M: Final = ((800.0, 800.0), (1_800.0, 1_800.0), (2_800.0, 2_400.0))
"""North-west corners of a suburb, the old town and the edge of the town."""


def measure(settings: CitySettings) -> dict[str, float]:
    """Return the speed of one core with labels and camera [million pixels per CPU second].

    Args:
        settings: The city.
    """
    cv2.setNumThreads(1)
    town = build_town(plan_musterstadt(settings))
    painted, view = Painted.of(town), city_view(settings.flights[-1])
    speeds = {}
    for gsd_m in (settings.gsd_m, settings.core_gsd_m):
        seconds = 0.0
        for east, north in ((0.0, 0.0), *CORNERS_M):
            column, row = round(east / gsd_m), round((settings.size_m - north) / gsd_m)
            pixels = Pixels(gsd_m, settings.size_m, column, row, SIDE_PX, SIDE_PX)
            start = process_time()
            render_alone(painted.painting, painted.trees, pixels, view, settings.seed)
            # The first window makes the noise, which all later ones share.
            seconds += (process_time() - start) * (east > 0)
        speeds[f"mpx_per_cpu_s_at_{gsd_m}_m"] = round(
            len(CORNERS_M) * SIDE_PX**2 / 1e6 / seconds, 2
        )
    return speeds


if __name__ == "__main__":
    print_json(measure(CitySettings()))
