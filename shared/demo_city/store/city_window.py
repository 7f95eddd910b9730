"""Images of any part of the demo city, rendered on demand."""

from __future__ import annotations

from shared.demo_city.city import DemoCity
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.view import city_view
from shared.demo_city.render.window import Window, render_pixels


def render_window(
    city: DemoCity, vintage: str, bounds_m: tuple[float, float, float, float], gsd_m: float
) -> Window:
    """Render a part of the city; every window shows the same as any larger one.

    Args:
        city: The city.
        vintage: Year of the flight, for example "2026".
        bounds_m: West, south, east and north, whole pixels from the corner of the city
            [m, EPSG:25832].
        gsd_m: Ground sampling distance [m].

    Returns:
        Image and truth, placed in EPSG:25832.

    Raises:
        KeyError: There was no flight in that year.
        ValueError: The bounds are empty or end within a pixel.
    """
    east, north = city.settings.origin_m
    west_m, south_m, east_m, north_m = bounds_m
    local = west_m - east, south_m - north, east_m - east, north_m - north
    pixels = Pixels.over(local, gsd_m, city.settings.size_m)
    painted = city.painted(vintage)
    view = city_view(city.flight(vintage))
    window = render_pixels(painted.painting, painted.trees, pixels, view, city.settings.seed)
    return window.moved(east, north)
