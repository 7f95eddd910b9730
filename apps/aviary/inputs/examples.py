"""Read the places that a person marked as examples and counter-examples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely import Point
from shapely.errors import ShapelyError
from shapely.geometry import shape

from apps.aviary.inputs.area import load_geojson, system_of, to_pixels
from shared.errors import N_, AreaInvalid, AreaOutside, ExamplesInvalid
from shared.geo.raster import RasterInfo

LEAST_EXAMPLES, MOST_EXAMPLES = 3, 20
COUNTER = "counter"

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Examples:
    """Marked places [px].

    Args:
        wanted: Places that show what is looked for.
        unwanted: Places that look similar and are something else.
    """

    wanted: tuple[Place, ...]
    unwanted: tuple[Place, ...]

    @property
    def all(self) -> tuple[Place, ...]:
        """All places, those that are wanted first."""
        return self.wanted + self.unwanted


def read_examples(path: Path, info: RasterInfo) -> Examples:
    """Read GeoJSON points; features with `"counter": true` are counter-examples.

    Of other geometries a point inside counts. Coordinates are those of `read_area`.

    Args:
        path: A feature collection.
        info: The image.

    Raises:
        FileMissing: The file cannot be read.
        ExamplesInvalid: No such file, too few or too many places, or one outside the image.
    """
    try:
        content = load_geojson(path)
        system = system_of(content)
        features = _features(content)
        places = [_place(one, system, info) for one in features]
    except (AreaInvalid, AreaOutside) as cause:
        raise ExamplesInvalid(reason=_UNREADABLE) from cause
    marks = [_is_counter(one) for one in features]
    wanted = tuple(place for place, counter in zip(places, marks, strict=True) if not counter)
    unwanted = tuple(place for place, counter in zip(places, marks, strict=True) if counter)
    if not LEAST_EXAMPLES <= len(wanted) <= MOST_EXAMPLES or len(unwanted) > MOST_EXAMPLES:
        raise ExamplesInvalid(reason=_OTHER_NUMBER)
    return Examples(wanted, unwanted)


_UNREADABLE = N_("Die Datei ist kein GeoJSON, das zum Bild passt.")
_OTHER_NUMBER = N_("Es sind zu wenige oder zu viele Beispiele.")
_OUTSIDE = N_("Ein Beispiel liegt nicht im Bild.")


def _features(content: dict[str, Any]) -> list[dict[str, Any]]:
    features = content.get("features")
    if not isinstance(features, list) or not all(isinstance(one, dict) for one in features):
        raise AreaInvalid()
    return features


def _is_counter(feature: dict[str, Any]) -> bool:
    properties = feature.get("properties")
    return isinstance(properties, dict) and properties.get(COUNTER) is True


def _place(feature: dict[str, Any], system: str, info: RasterInfo) -> Place:
    try:
        point = shape(feature.get("geometry") or {}).representative_point()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ShapelyError) as cause:
        raise AreaInvalid() from cause
    if system != "pixel":
        point = to_pixels(point, system, info)
    if not isinstance(point, Point) or point.is_empty:
        raise AreaInvalid()
    if not (0 <= point.x <= info.width and 0 <= point.y <= info.height):
        raise ExamplesInvalid(reason=_OUTSIDE)
    return point.x, point.y
