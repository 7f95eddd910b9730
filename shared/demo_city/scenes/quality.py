"""How real the scenes look: figures per split, and their distance to real roofs and real images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.demo_city.ground_objects.lookalikes import LOOK_ALIKES, ROOF_LOOK_ALIKES
from shared.demo_city.labels import SOLAR
from shared.demo_city.roofs.samples import draw_homes
from shared.demo_city.roofs.statistics import FOLDER, kolmogorov_distances
from shared.demo_city.scenes.picture_measures import picture_measures
from shared.demo_city.scenes.scene import render_scene
from shared.demo_city.scenes.tally import INDEX, Tally
from shared.demo_city.settings import SceneSettings, Split, split_ranges

TILES: Final = "solar_tiles_train"
BAND: Final = (5.0, 95.0)
BANDS: Final = ("red", "green", "blue", "near_infrared")
SIZE_PERCENTS: Final = (5, 25, 50, 75, 95)
DRAWN_HOMES: Final = 1_500
HOMES_SEED: Final = 2026
GREEN: Final = ("grass", "tree")
SEALED: Final = ("roof_pitched", "roof_flat", "asphalt", "paved")
LIMITS: Final = {
    "spectrum_slope": (-3.2, -1.8),
    "saturated": (0.0, 0.01),
    "shadow": (0.05, 0.25),
    "class_share": (0.01, 1.0),
    "solar_share": (0.0003, 0.01),
    "ndvi_green": (0.2, 0.45),
    "ndvi_sealed": (-1.0, 0.0),
    "kolmogorov": (0.0, 0.15),
    "real_inside_band": (0.8, 1.0),
}
"""What the figures should keep to, each of them for itself, in scenes of training and test."""


def measure_split(
    split: Split, count: int, data: Path | None, size_px: int = 640
) -> dict[str, Any]:
    """Render scenes of a split and measure them.

    Args:
        split: Which side.
        count: Number of scenes, from the first seed of the split.
        data: Folder with development data; what is missing there is reported as None.
        size_px: Width and height of the scenes [px].

    Returns:
        Figures as JSON can hold them.
    """
    first = split_ranges(split).seeds[0]
    tally = Tally()
    for seed in range(first, first + count):
        tally.add(render_scene(SceneSettings(seed, split, None, size_px)))
    made = {
        "scenes": count,
        "seeds": [first, first + count - 1],
        "pictures": _bands_of(tally.pictures),
        "near_infrared": _near_infrared(tally),
        "ndvi": {label: round(float(tally.means(label)[INDEX]), 3) for label in tally.shown()},
        "shadow": _spread(tally.shadow),
        "class_shares": tally.class_shares(),
        "solar_shares": tally.solar_shares(),
        "look_alikes": {
            kind: round(tally.look_alikes[kind] / count, 3)
            for kind in (*LOOK_ALIKES, *ROOF_LOOK_ALIKES)
        },
        "object_area_m2": _sizes(tally.areas),
        "kolmogorov": _roof_distances(data),
        "real_images": compare_with_real(tally.pictures, data),
    }
    made["within_limits"] = within_limits(made)
    return made


def compare_with_real(
    rendered: Sequence[dict[str, float]], data: Path | None
) -> dict[str, Any] | None:
    """Compare rendered images with real tiles.

    Args:
        rendered: Measures of rendered images.
        data: Folder with development data.

    Returns:
        Share of the measures of the real tiles that lie within the rendered 5 to 95 % band, in all
        and per measure, with the distance of the medians; None where there are no tiles.
    """
    folder = data / TILES / "images" if data is not None else None
    if folder is None or not folder.is_dir():
        return None
    files = sorted(file for file in folder.iterdir() if file.suffix in {".jpg", ".png"})
    real = [picture_measures(_read(file)) for file in files]
    inside, distance = {}, {}
    for name in rendered[0]:
        made = np.array([one[name] for one in rendered])
        seen = np.array([one[name] for one in real])
        low, high = np.percentile(made, BAND)
        inside[name] = round(float(((seen >= low) & (seen <= high)).mean()), 3)
        distance[name] = round(float(np.median(made) - np.median(seen)), 4)
    return {
        "tiles": len(real),
        "inside_band": round(float(np.mean(list(inside.values()))), 3),
        "inside_band_per_measure": inside,
        "median_rendered_less_real": distance,
        "real": _bands_of(real),
    }


def _read(file: Path) -> NDArray[np.uint8]:
    stored = np.frombuffer(file.read_bytes(), np.uint8)
    picture = cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return np.asarray(picture, np.uint8)


def _bands_of(measures: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: _spread([one[name] for one in measures]) for name in measures[0]}


def _spread(values: Iterable[float]) -> dict[str, float]:
    known = np.array(list(values))
    low, middle, high = np.percentile(known, (BAND[0], 50.0, BAND[1]))
    return {
        "mean": round(float(known.mean()), 4),
        "p5": round(float(low), 4),
        "p50": round(float(middle), 4),
        "p95": round(float(high), 4),
    }


def _near_infrared(tally: Tally) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of the fourth band, and of all bands per class."""
    means, spreads = zip(*tally.infrared, strict=True)
    made = {"mean": _spread(means), "sd": _spread(spreads)}
    for label in tally.shown():
        made[label] = {
            f"{what}_{band}": round(float(value), 1)
            for what, row in (("mean", tally.means(label)), ("sd", tally.spreads(label)))
            for band, value in zip(BANDS, row[:INDEX], strict=True)
        }
    return made


def _sizes(areas: dict[str, list[float]]) -> dict[str, Any]:
    """Return quantiles of areas by kind [m2]."""
    return {
        kind: {
            "count": len(values),
            **{f"p{p}": round(float(np.percentile(values, p)), 2) for p in SIZE_PERCENTS},
        }
        for kind, values in areas.items()
        if values
    }


def _roof_distances(data: Path | None) -> dict[str, float] | None:
    if data is None or not (data / FOLDER).is_dir():
        return None
    return kolmogorov_distances(*draw_homes(HOMES_SEED, DRAWN_HOMES), data / FOLDER)


def within_limits(made: dict[str, Any]) -> dict[str, bool | None]:
    """Tell which figures keep to `LIMITS`; None for those without comparison data.

    Args:
        made: What `measure_split` has measured so far.
    """
    figures: dict[str, list[float] | None] = {
        "spectrum_slope": [made["pictures"]["spectrum_slope"]["p50"]],
        "saturated": [made["pictures"]["saturated"]["mean"]],
        "shadow": [made["shadow"]["mean"]],
        "class_share": list(made["class_shares"].values()),
        "solar_share": [made["solar_shares"][kind] for kind in SOLAR if kind != "none"],
        "ndvi_green": [made["ndvi"][label] for label in GREEN if label in made["ndvi"]],
        "ndvi_sealed": [made["ndvi"][label] for label in SEALED if label in made["ndvi"]],
        "kolmogorov": list(made["kolmogorov"].values()) if made["kolmogorov"] else None,
        "real_inside_band": [made["real_images"]["inside_band"]] if made["real_images"] else None,
    }
    return {
        name: None if values is None else all(low <= value <= high for value in values)
        for (name, values), (low, high) in zip(figures.items(), LIMITS.values(), strict=True)
    }
