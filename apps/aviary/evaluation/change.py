"""The recipe `change` on squares of Musterstadt: events found, areas right, false alarms."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from apps.aviary.evaluation.scenes import read_model, run_recipe
from apps.aviary.evaluation.squares import EXPECTED, GSD_M, TownSquare, drawn, write_squares
from apps.aviary.kinds.change import Codes, Mask, number_areas
from apps.aviary.kinds.change_method import changes_of_maps, read_settings
from apps.aviary.recipes import Recipe, find_recipe
from shared.demo_city import NO_DATA
from shared.geo.metrics import wilson_interval
from shared.settings import Settings

PIXEL_M2 = GSD_M**2
FOUND_SHARE = 0.5
"""Of what changed by an event, reported as the right kind."""
NOTICED_SHARE = 0.1
"""Of what changed by an event, reported as any kind."""
TRUE_SHARE = 0.5
"""Of a reported area that changed in truth; below it is a false alarm."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What was reported for a square.

    Args:
        objects: Number of the reported area on each pixel, from 1; 0 for none.
        codes: Kind of change of each number; the first stands for none.
    """

    objects: NDArray[np.int32]
    codes: Codes

    @property
    def kinds(self) -> Codes:
        """Kind of change of each pixel, `NO_DATA` where none is reported."""
        return self.codes[self.objects]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What changed in a square.

    Args:
        exact: Kind of change of each pixel by the true land cover as seen from above.
        ground: The same below the crowns of trees.
        ruled: What the rule of the recipe leaves of `exact`: moved edges and small areas do not
            count.
    """

    exact: Codes
    ground: Codes
    ruled: Report


@dataclass(slots=True)
class EventCount:
    """Events of one kind: all, those to be seen in both images, those of them in the report."""

    events: int = 0
    visible: int = 0
    noticed: int = 0
    found: int = 0


@dataclass(slots=True)
class ChangeFigures:
    """What was measured on a number of squares.

    Args:
        events: Counts of events by their kind.
        reported_px: Reported pixels.
        right_px: Those of them that changed in truth as reported.
        changed_px: Those of them that changed in truth, in whatever way.
        true_px: Pixels that the rule reports when it is told the true land cover.
        found_px: Those of them that were reported as the same kind.
        false_alarms: Reported areas on quiet parcels most of which did not change.
        quiet_px: Pixels of parcels on which nothing happened.
    """

    events: dict[str, EventCount] = field(
        default_factory=lambda: {kind: EventCount() for kind in EXPECTED}
    )
    reported_px: int = 0
    right_px: int = 0
    changed_px: int = 0
    true_px: int = 0
    found_px: int = 0
    false_alarms: int = 0
    quiet_px: int = 0

    def summary(self) -> dict[str, Any]:
        """Return the figures for `evaluation.json`."""
        kinds = self.events.items()
        visible = sum(one.visible for one in self.events.values())
        found = sum(one.found for one in self.events.values())
        noticed = sum(one.noticed for one in self.events.values())
        hectares = self.quiet_px * PIXEL_M2 / 10_000
        return {
            "events": {
                kind: {
                    "events": one.events,
                    "visible": one.visible,
                    "noticed": one.noticed,
                    "found": one.found,
                }
                for kind, one in kinds
            },
            "visible": visible,
            "recall": _share(found, visible),
            "recall_interval_95": wilson_interval(found, visible),
            "noticed": _share(noticed, visible),
            "reported_m2": round(self.reported_px * PIXEL_M2, 1),
            "precision_by_area": _share(self.right_px, self.reported_px),
            "changed_by_area": _share(self.changed_px, self.reported_px),
            "recall_by_area": _share(self.found_px, self.true_px),
            "hectares_without_event": round(hectares, 2),
            "false_per_hectare_without_event": (
                round(self.false_alarms / hectares, 3) if hectares else None
            ),
        }


def measure_change(settings: Settings, count: int) -> dict[str, Any]:
    """Compare both flights of squares of the town with the recipe `change`.

    Args:
        settings: Lead to a model server that answers, and to a data folder.
        count: Number of squares.

    Returns:
        Figures of the recipe, and below `with_true_labels` what its rule would find if both maps
        of land cover were true.

    Raises:
        RuntimeError: The command failed.
    """
    recipe = find_recipe("change")
    figures, bound, model, squares = ChangeFigures(), ChangeFigures(), "", 0
    with tempfile.TemporaryDirectory(prefix="urbanki-") as name:
        for square in write_squares(Path(name), count):
            out = Path(name) / f"out-{squares}"
            words = ["--image", str(square.after), "--image-before", str(square.before)]
            run_recipe(
                settings, ["--recipe", recipe.recipe_id, *words, "--out", str(out), "--no-cache"]
            )
            model, truth = read_model(out), find_truth(recipe, square)
            add_square(figures, recipe, square, truth, read_report(out, recipe, square))
            add_square(bound, recipe, square, truth, truth.ruled)
            squares += 1
    return {
        "model": model,
        "squares": squares,
        "gsd_m": GSD_M,
        "near_infrared": True,
        **figures.summary(),
        "with_true_labels": bound.summary(),
    }


def find_truth(recipe: Recipe, square: TownSquare) -> Truth:
    """Say what changed in a square by its true land cover.

    Args:
        recipe: Names the kinds of change, the tolerance of edges and the least area.
        square: The square.
    """
    table, ruled = read_settings(recipe).table(recipe), changes_of_maps(recipe, *square.labels)
    return Truth(
        exact=table[square.labels[0], square.labels[1]],
        ground=table[square.ground[0], square.ground[1]],
        ruled=Report(*number_areas(ruled, recipe.min_area_m2 / PIXEL_M2)),
    )


def read_report(folder: Path, recipe: Recipe, square: TownSquare) -> Report:
    """Draw the areas of a result folder on the pixels of a square.

    Args:
        folder: Holds `objects.geojson` in the coordinates of the square.
        recipe: Names the kinds of change.
        square: The square.
    """
    content = json.loads((folder / "objects.geojson").read_text(encoding="utf-8"))
    features, shape = content["features"], square.quiet.shape
    if not features:
        return Report(np.zeros(shape, np.int32), np.array([NO_DATA], np.uint8))
    kinds = {one.key: one.code for one in recipe.classes}
    outlines = [shapely.geometry.shape(one["geometry"]) for one in features]
    objects = rasterize(
        list(zip(outlines, range(1, len(outlines) + 1), strict=True)),
        shape,
        transform=square.transform,
        dtype=np.int32,
    )
    codes = [NO_DATA, *(kinds[one["properties"]["class"]] for one in features)]
    return Report(objects, np.array(codes, np.uint8))


def add_square(
    figures: ChangeFigures, recipe: Recipe, square: TownSquare, truth: Truth, report: Report
) -> None:
    """Count one square.

    Args:
        figures: Where it is added.
        recipe: Names the kinds of change and the least area.
        square: The square.
        truth: What changed there.
        report: What was reported.
    """
    kinds, changed = report.kinds, truth.exact != NO_DATA
    reported, wanted = kinds != NO_DATA, truth.ruled.kinds
    figures.reported_px += int(reported.sum())
    figures.right_px += int((reported & (kinds == truth.exact)).sum())
    figures.changed_px += int((reported & changed).sum())
    figures.true_px += int((wanted != NO_DATA).sum())
    figures.found_px += int(((wanted != NO_DATA) & (wanted == kinds)).sum())
    figures.quiet_px += int(square.quiet.sum())
    figures.false_alarms += _false_alarms(report, changed, square.quiet)
    codes = {one.key: one.code for one in recipe.classes}
    for event in square.events:
        told = [codes[key] for key in EXPECTED[event.kind]]
        inside = drawn([event.parcel], square.quiet.shape, square.transform)
        _count_event(figures.events[event.kind], recipe, truth, kinds, (inside, told))


def _false_alarms(report: Report, changed: Mask, quiet: Mask) -> int:
    numbers, count = report.objects.ravel(), len(report.codes)
    sizes = np.bincount(numbers, minlength=count)
    right = np.bincount(numbers, weights=changed.ravel(), minlength=count)
    there = np.bincount(numbers, weights=quiet.ravel(), minlength=count)
    false = (right < TRUE_SHARE * sizes) & (there > sizes / 2)
    return int(false[1:].sum())


def _count_event(
    count: EventCount, recipe: Recipe, truth: Truth, kinds: Codes, place: tuple[Mask, Sequence[int]]
) -> None:
    """Count an event; what grew over a parcel meanwhile is not taken for it."""
    inside, told = place
    count.events += 1
    both = inside & np.isin(truth.exact, told) & np.isin(truth.ground, told)
    one_kind = np.where(both, np.uint8(0), np.uint8(NO_DATA)).astype(np.uint8)
    area = number_areas(one_kind, recipe.min_area_m2 / PIXEL_M2)[0] > 0
    if not area.any():
        return
    count.visible += 1
    count.noticed += bool((kinds[area] != NO_DATA).mean() >= NOTICED_SHARE)
    count.found += bool(np.isin(kinds[area], told).mean() >= FOUND_SHARE)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
