"""`classes.json`: a class map with its totals; its pixels and outlines lie in files beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from apps.aviary.finds.detection_file import Rings
from apps.aviary.finds.tile_marks import TileMarks, find_marks
from apps.aviary.objects import FailedTile
from apps.aviary.recipes import Recipe
from apps.aviary.semantic import Totals
from shared.contracts.finding import Finding
from shared.contracts.provenance import ModelUse
from shared.errors import FileDamaged
from shared.geo.raster import RasterInfo

CLASS_MAP_FILE = "classes.json"
CODES_FILE = "classes.tif"
CONFIDENCE_FILE = "confidence.tif"
OUTLINES_FILE = "outlines.jsonl"
VALUES_FILE = "values.tif"
"""Numbers behind the result; recipes of the kinds `index` and `similar` have them."""
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class ClassMap:
    """Content of the file.

    Args:
        format: Version of this format.
        info: The image.
        recipe: What was looked for, whole: a later version of the recipe changes no old result.
        findings: Result of the checks.
        model: The model that was asked; None where the recipe has none.
        model_gsd_m: Ground sampling distance of the tiles [m].
        near_infrared: True where near infrared took part.
        area_px: Polygons that count, each its outer ring and its holes [px]; None for all.
        totals: Pixels of the map.
        tiles: Number of tiles that were to be looked at.
        empty_tiles: Those without image data, not sent.
        unusual_tiles: Those unlike the training data; None where the model does not say.
        failed: Those without a result.
    """

    format: Literal[1]
    info: RasterInfo
    recipe: Recipe
    findings: tuple[Finding, ...]
    model: ModelUse | None
    model_gsd_m: float
    near_infrared: bool
    area_px: tuple[Rings, ...] | None
    totals: Totals
    tiles: int
    empty_tiles: int
    unusual_tiles: tuple[int, ...] | None
    failed: tuple[FailedTile, ...]

    @property
    def pixel_m2(self) -> float:
        """Ground area of a pixel [m2]."""
        return (self.info.pixel_width_m or 0.0) * (self.info.pixel_height_m or 0.0)

    @property
    def area_m2(self) -> dict[str, float]:
        """Ground area of each class of the recipe [m2]."""
        pixels = self.totals.pixels
        return {one.key: pixels.get(one.code, 0) * self.pixel_m2 for one in self.recipe.classes}

    @property
    def share(self) -> dict[str, float]:
        """Share of each class in the classified pixels, 0 to 1; all 0 without any."""
        pixels, total = self.totals.pixels, self.totals.classified
        return {
            one.key: pixels.get(one.code, 0) / total if total else 0.0
            for one in self.recipe.classes
        }

    @property
    def marks(self) -> TileMarks:
        """Tiles that are hatched in pictures."""
        return find_marks(self.info, self.recipe, self.model_gsd_m, self.failed, self.unusual_tiles)

    @property
    def no_data_share(self) -> float:
        """Share of the pixels that count about which nothing is known, 0 to 1."""
        counted = self.totals.classified + self.totals.no_data
        return self.totals.no_data / counted if counted else 1.0


def write_class_map(content: ClassMap) -> bytes:
    """Write the file; the same content gives the same bytes."""
    return _adapter().dump_json(content) + b"\n"


def read_class_map(content: bytes) -> ClassMap:
    """Read the file.

    Args:
        content: All bytes.

    Raises:
        FileDamaged: It is no such file, or one of another version.
    """
    try:
        return _adapter().validate_json(content)
    except ValidationError as cause:
        raise FileDamaged(name=CLASS_MAP_FILE) from cause


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[ClassMap]:
    return TypeAdapter(ClassMap)
