"""What is counted while scenes are measured one after the other: no scene is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.ground_objects.lookalikes import look_alikes_of
from shared.demo_city.labels import LABELS, SOLAR
from shared.demo_city.scenes.picture_measures import picture_measures
from shared.demo_city.scenes.scene import Scene

SIZED: Final = (
    "building",
    "pv",
    "solar_thermal",
    "chimney",
    "roof_window",
    "dormer",
    "car",
    "tree",
)
"""Kinds of objects whose sizes are reported."""
CODES: Final = 256
INDEX: Final = 4
"""Column of the vegetation index, behind the four bands."""


def _table(*shape: int) -> NDArray[np.float64]:
    return np.zeros(shape)


@dataclass(slots=True)
class Tally:
    """Sums over scenes.

    Args:
        pictures: Measures of each image.
        infrared: Mean and standard deviation of the near infrared of each.
        shadow: Share of each image in the shade.
        areas: Areas of the objects that lie wholly within their image, by kind [m2].
        look_alikes: Number of scenes that show each look-alike.
        labels: Pixels of each land cover code.
        solar: Pixels of each code of solar units.
        bare: Pixels of each land cover that no solar unit hides.
        sums: Their sums of the four bands and of the vegetation index, land covers x 5.
        squares: The same of the squares.
    """

    pictures: list[dict[str, float]] = field(default_factory=list)
    infrared: list[tuple[float, float]] = field(default_factory=list)
    shadow: list[float] = field(default_factory=list)
    areas: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in SIZED})
    look_alikes: Counter[str] = field(default_factory=Counter)
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CODES, np.int64))
    solar: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CODES, np.int64))
    bare: NDArray[np.float64] = field(default_factory=lambda: _table(len(LABELS)))
    sums: NDArray[np.float64] = field(default_factory=lambda: _table(len(LABELS), 5))
    squares: NDArray[np.float64] = field(default_factory=lambda: _table(len(LABELS), 5))

    def add(self, scene: Scene) -> None:
        """Count a scene."""
        window = scene.window
        self.pictures.append(picture_measures(window.rgbi[..., :3]))
        infrared = window.rgbi[..., 3]
        self.infrared.append((float(infrared.mean()), float(infrared.std())))
        self.shadow.append(float(window.shadow.mean()))
        self.labels += np.bincount(window.labels.ravel(), minlength=CODES)
        self.solar += np.bincount(window.solar.ravel(), minlength=CODES)
        self.look_alikes.update(look_alikes_of(scene.objects["kind"], scene.materials))
        self._add_colours(scene)
        self._add_sizes(scene)

    def _add_colours(self, scene: Scene) -> None:
        # Modules lie above a land cover and hide its colour.
        bare = scene.window.solar == 0
        for code in range(len(LABELS)):
            pixels = scene.window.rgbi[bare & (scene.window.labels == code)].astype(np.float64)
            red, infrared = pixels[:, 0], pixels[:, 3]
            index = (infrared - red) / np.maximum(infrared + red, 1)
            values = np.column_stack([pixels, index])
            self.bare[code] += len(values)
            self.sums[code] += values.sum(axis=0)
            self.squares[code] += (values**2).sum(axis=0)

    def _add_sizes(self, scene: Scene) -> None:
        edge = scene.draw.size_px
        for kind, outline in zip(scene.objects["kind"], scene.objects.geometry, strict=True):
            west, north, east, south = outline.bounds
            if kind in self.areas and min(west, north) > 0 and max(east, south) < edge:
                self.areas[kind].append(outline.area * scene.draw.gsd_m**2)

    def means(self, label: str) -> NDArray[np.float64]:
        """Return the means of the bands and of the vegetation index of a land cover, 5."""
        code = LABELS.index(label)
        means: NDArray[np.float64] = self.sums[code] / max(1.0, self.bare[code])
        return means

    def spreads(self, label: str) -> NDArray[np.float64]:
        """Return the standard deviations of the same, 5."""
        code = LABELS.index(label)
        squares = self.squares[code] / max(1.0, self.bare[code]) - self.means(label) ** 2
        spreads: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0))
        return spreads

    def shown(self) -> list[str]:
        """Return the land covers that any scene shows."""
        return [label for label, count in zip(LABELS, self.bare, strict=True) if count]

    def class_shares(self) -> dict[str, float]:
        """Return the share of each land cover among all pixels with data."""
        return _shares(LABELS, self.labels)

    def solar_shares(self) -> dict[str, float]:
        """Return the share of each kind of solar unit among all pixels."""
        return _shares(SOLAR, self.solar)


def _shares(names: tuple[str, ...], counts: NDArray[np.int64]) -> dict[str, float]:
    known = counts[: len(names)]
    return {
        name: round(float(number / max(1, known.sum())), 5)
        for name, number in zip(names, known, strict=True)
    }
