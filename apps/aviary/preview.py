"""Try a recipe out on a small part of an image, and measure how long the whole will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Final

from shapely import MultiPolygon

from apps.aviary.class_maps.map_file import (
    CLASS_MAP_FILE,
    CODES_FILE,
    CONFIDENCE_FILE,
    ClassMap,
    read_class_map,
)
from apps.aviary.class_maps.picture import ReducedMap, reduce_map
from apps.aviary.commands.headless import result_file
from apps.aviary.finds.analysis import Analysis
from apps.aviary.finds.detection_file import DETECTION_FILE, read_detection
from apps.aviary.finds.tile_marks import TileMarks, hatch
from apps.aviary.jobs import RUN
from apps.aviary.objects import Box
from apps.aviary.plan import plan_run
from apps.aviary.recipes import Recipe
from apps.aviary.work import OVERVIEW_FILE
from shared.clients.model_server import ModelServerClient
from shared.contracts.jobs import JsonObject
from shared.geo.raster import RasterInfo
from shared.jobs.definition import JobContext, ResultSummary, UnitOutcome, UnitResult
from shared.jobs.inline import InlineFile, InlineResult, run_inline

TILES: Final = 2
"""So many tiles lie beside each other in a preview."""
WITHOUT: Final = frozenset(("before", "examples"))
"""What a part of an image cannot be compared with."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What a preview measured.

    Args:
        tile_s: Seconds for a tile, as many at once as a run works on.
        finish_s: Seconds for joining a million pixels.
    """

    tile_s: float
    finish_s: float

    def forecast_s(self, tiles: int, megapixels: float) -> float:
        """Return how long a run takes [s].

        Args:
            tiles: Its tiles.
            megapixels: Pixels of the image, in millions.
        """
        return tiles * self.tile_s + megapixels * self.finish_s


@dataclass(frozen=True, slots=True)
class Preview:
    """A part of an image after a recipe worked on it.

    Args:
        overview: The part, as JPEG; tiles without result and unusual ones are hatched.
        pace: How long it took.
        tiles: Tiles of the part.
        analysis: What was found; None for a recipe that makes a map.
        content: The class map; None for a recipe that finds objects.
        reduced: Its pixels.
    """

    overview: bytes
    pace: Pace
    tiles: int
    analysis: Analysis | None = None
    content: ClassMap | None = None
    reduced: ReducedMap | None = None

    @property
    def marks(self) -> TileMarks:
        """Tiles that are hatched in the picture."""
        known = self.content or self.analysis
        return TileMarks() if known is None else known.marks


def has_preview(recipe: Recipe) -> bool:
    """Say whether a recipe can be tried out on a part of an image."""
    return not WITHOUT & set(recipe.inputs)


def preview_box(
    info: RasterInfo, recipe: Recipe, gsd_m: float | None, area_px: MultiPolygon | None
) -> Box:
    """Return the part that is tried out: two tiles of the run around the middle of what counts.

    The run will look at the very same tiles, so what they show here they show there too.

    Args:
        info: The image; its resolution is known.
        recipe: What is looked for.
        gsd_m: Ground sampling distance of the tiles [m]; None takes the recipe's.
        area_px: Part of the image that counts [px]; None for all of it.

    Returns:
        Left, upper, right, lower edge, whole pixels of the image.

    Raises:
        ResolutionMissing: The ground sampling distance is unknown.
    """
    plan = plan_run(info, recipe, gsd_m=gsd_m)
    middle = (
        (info.width / 2, info.height / 2)
        if area_px is None
        else area_px.representative_point().coords[0]
    )
    sides = plan.tiles[0].width, plan.tiles[0].height
    columns = _nearest([one.x0 for one in plan.tiles], sides[0], middle[0] / plan.scale_x, TILES)
    rows = _nearest([one.y0 for one in plan.tiles], sides[1], middle[1] / plan.scale_y, 1)
    left, right = (round(edge * plan.scale_x) for edge in columns)
    upper, lower = (round(edge * plan.scale_y) for edge in rows)
    return float(left), float(upper), float(min(right, info.width)), float(min(lower, info.height))


def _nearest(starts: list[int], side_px: int, middle: float, tiles: int) -> tuple[int, int]:
    """Return from where to where neighbouring tiles reach whose middle lies nearest to a place."""
    known = sorted(set(starts))
    last = [known[min(place + tiles, len(known)) - 1] + side_px for place in range(len(known))]
    ends = list(zip(known, last, strict=True))[: max(1, len(known) - tiles + 1)]
    return min(ends, key=lambda one: (abs(sum(one) / 2 - middle), one))


def try_out(
    image: Path,
    files: Mapping[str, Path],
    parameters: JsonObject,
    models: ModelServerClient | None,
    *,
    at_once: int,
    clock: Callable[[], float],
) -> Preview:
    """Work on a part of an image twice: the first time loads the model, the second is measured.

    Args:
        image: The part.
        files: What the recipe works with beside the image, by name.
        parameters: As `make_parameters` gives them for "image" and these files in their order,
            without the cache.
        models: Client of the model server; None for a recipe without a model.
        at_once: Tiles that a run works on at the same time.
        clock: Seconds.

    Raises:
        InputError: A check says stop, or a file cannot be used.
        ModelServerError: The model cannot answer.
    """
    paths = (image, *files.values())
    given = [InlineFile(one, one.name, "application/octet-stream") for one in paths]
    with run_inline(RUN, given, parameters, models=models, units_at_once=at_once):
        pass
    watch = _Watch(clock)
    definition = replace(RUN, process=watch.process, finish=watch.finish)
    with run_inline(definition, given, parameters, models=models, units_at_once=at_once) as result:
        return _preview(result, watch)


class _Watch:
    """Measures the steps of a run."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._times: list[float] = []
        self.finish_s = 0.0

    def process(self, key: str, ctx: JobContext) -> UnitResult:
        began = self._clock()
        try:
            return RUN.process(key, ctx)
        finally:
            with self._lock:
                self._times += [began, self._clock()]

    def finish(self, outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
        began = self._clock()
        summary = RUN.finish(outcomes, ctx)
        self.finish_s = self._clock() - began
        return summary

    @property
    def wall_s(self) -> float:
        return max(self._times) - min(self._times) if self._times else 0.0


def _preview(result: InlineResult, watch: _Watch) -> Preview:
    tiles = result.units_total
    overview = result_file(result, OVERVIEW_FILE)
    names = {file.name for file in result.summary.files}
    if CLASS_MAP_FILE in names:
        content = read_class_map(result_file(result, CLASS_MAP_FILE))
        rasters = (result_file(result, name) for name in (CODES_FILE, CONFIDENCE_FILE))
        pace = _pace(watch, tiles, content.info)
        picture = hatch(overview, content.info, content.marks)
        return Preview(picture, pace, tiles, content=content, reduced=reduce_map(*rasters))
    analysis = read_detection(result_file(result, DETECTION_FILE))
    picture = hatch(overview, analysis.info, analysis.marks)
    return Preview(picture, _pace(watch, tiles, analysis.info), tiles, analysis=analysis)


def _pace(watch: _Watch, tiles: int, info: RasterInfo) -> Pace:
    return Pace(watch.wall_s / max(1, tiles), watch.finish_s / max(info.megapixels, 0.01))
