"""Figures on rendered scenes, where every pixel is known: area, objects, kinds, false alarms.

Arrays count from `LEAST_M2` on as objects to find; smaller ones and finds that lie mostly on them
are left out. Pixels count whatever the size. A find is right when its outline overlaps an array by
`MATCH_IOU`; each array is taken once, by the best find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model_server.training.mask_prediction import Find, draw
from model_server.training.rendered import Outline
from model_server.training.scoring import MATCH_IOU

LEAST_M2 = 5.0
PV, THERMAL = 0, 1


@dataclass
class MaskFigures:
    """Sums over scenes.

    Attributes:
        shared_m2: Area that is array and found.
        union_m2: Area that is array or found.
        found_m2: Found area.
        true_m2: Area of arrays.
        hits: Finds that are right.
        false: Finds that are wrong.
        missed: Arrays that no find took.
        kinds: Pairs (true kind, found kind) of the hits.
        empty_hectares: Area of scenes without any array.
        false_on_empty: Finds on them.
        scenes: Number of scenes.
    """

    shared_m2: float = 0.0
    union_m2: float = 0.0
    found_m2: float = 0.0
    true_m2: float = 0.0
    hits: int = 0
    false: int = 0
    missed: int = 0
    kinds: list[tuple[int, int]] = field(default_factory=list)
    empty_hectares: float = 0.0
    false_on_empty: int = 0
    scenes: int = 0

    def add(
        self,
        found: Sequence[Find],
        outlines: Sequence[Outline],
        mask: NDArray[np.bool_],
        gsd_m: float,
    ) -> None:
        """Count one scene.

        Args:
            found: Finds at the chosen threshold, in pixels of the scene.
            outlines: True arrays, in pixels of the scene.
            mask: (h, w), True where there is an array.
            gsd_m: Metres per pixel.
        """
        height, width = mask.shape
        pixel_m2 = gsd_m**2
        drawn = [draw(find.corners, height, width) for find in found]
        seen = np.any(drawn, axis=0) if drawn else np.zeros_like(mask)
        self.shared_m2 += float((seen & mask).sum()) * pixel_m2
        self.union_m2 += float((seen | mask).sum()) * pixel_m2
        self.found_m2 += float(seen.sum()) * pixel_m2
        self.true_m2 += float(mask.sum()) * pixel_m2
        self.scenes += 1
        if not mask.any():
            self.empty_hectares += height * width * pixel_m2 / 10_000
            self.false_on_empty += len(found)
        truth = [draw(outline.corners, height, width) for outline in outlines]
        self._match(found, drawn, outlines, truth, LEAST_M2 / pixel_m2)

    def _match(
        self,
        found: Sequence[Find],
        drawn: Sequence[NDArray[np.bool_]],
        outlines: Sequence[Outline],
        truth: Sequence[NDArray[np.bool_]],
        least_px: float,
    ) -> None:
        counted = [bool(one.sum() >= least_px) for one in truth]
        free = set(range(len(truth)))
        for find, one in zip(found, drawn, strict=True):
            overlaps = {place: _overlap(one, truth[place]) for place in free}
            best = max(overlaps, key=lambda place: overlaps[place], default=None)
            if best is not None and overlaps[best] >= MATCH_IOU:
                free.discard(best)
                if counted[best]:
                    self.hits += 1
                    self.kinds.append((outlines[best].code, find.code))
            elif one.sum() >= least_px and not _is_on_small(one, truth, counted):
                self.false += 1
        self.missed += sum(counted[place] for place in free)

    def summary(self) -> dict[str, object]:
        """Return the figures by name."""
        reported, wanted = self.hits + self.false, self.hits + self.missed
        both = reported + wanted
        return {
            "scenes": self.scenes,
            "pixel_iou": _ratio(self.shared_m2, self.union_m2),
            "area_error": _ratio(self.found_m2 - self.true_m2, self.true_m2),
            "least_m2": LEAST_M2,
            "arrays": wanted,
            "precision": _ratio(self.hits, reported),
            "recall": _ratio(self.hits, wanted),
            "f1": _ratio(2 * self.hits, both),
            "pv_as_thermal": self._confusion(PV, THERMAL),
            "thermal_as_pv": self._confusion(THERMAL, PV),
            "empty_hectares": round(self.empty_hectares, 2),
            "false_per_hectare": _ratio(self.false_on_empty, self.empty_hectares),
        }

    def _confusion(self, true: int, found: int) -> float | None:
        of_kind = [pair for pair in self.kinds if pair[0] == true]
        return _ratio(sum(pair[1] == found for pair in of_kind), len(of_kind))


def _overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    shared = float((first & second).sum())
    return shared / max(float((first | second).sum()), 1.0)


def _is_on_small(
    find: NDArray[np.bool_], truth: Sequence[NDArray[np.bool_]], counted: Sequence[bool]
) -> bool:
    small = [one for one, counts in zip(truth, counted, strict=True) if not counts]
    return bool(small) and float((find & np.any(small, axis=0)).sum()) > 0.5 * float(find.sum())


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
