"""Write scenes as files for training and for tests of models that know nothing of this package."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count as count_from
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.transform import from_origin

from shared.demo_city.labels import LABELS, NO_DATA, SOLAR
from shared.demo_city.scenes.objects import LEAST_VISIBLE
from shared.demo_city.scenes.pairs import COLUMNS, RENEWED_SHARE, Pair, render_pairs
from shared.demo_city.scenes.scene import Scene, render_scene, scene_facts, stem_of
from shared.demo_city.settings import SceneSettings, Split, split_ranges
from shared.demo_city.whole_folders import whole_folder
from shared.errors import InputError

Format = Literal["semantic", "solar", "all", "pairs"]
"""Classes with heights, solar units, classes with solar units (rendered once), pairs of roofs."""
FORMATS: Final[tuple[Format, ...]] = ("semantic", "solar", "all", "pairs")
ENTRIES: Final = frozenset(
    {"images", "images_nir", "masks", "solar_masks", "ndsm", "labels", "objects", "before", "after",
     "data.yaml", "pairs.csv", "scenes.json"}
)  # fmt: skip
"""Everything that this module puts into a folder."""
MOST_PAIRS: Final = 60
"""More pairs than a scene of the usual size ever gives."""
PNG: Final = [cv2.IMWRITE_PNG_COMPRESSION, 4]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class SceneOrder:
    """What is to be written.

    Args:
        out: Folder; missing, empty, or one that this module wrote earlier, which is replaced.
        form: Which files.
        split: Which side.
        count: Number of scenes, or of pairs.
        seed: First seed; None takes the first of the split.
        gsd_m: Ground sampling distance [m]; None draws it for each scene.
        size_px: Width and height of the scenes [px].
        renewed_share: Share of the roofs of pairs that are renewed, 0 to 1.
    """

    out: Path
    form: Format
    split: Split
    count: int
    seed: int | None = None
    gsd_m: float | None = None
    size_px: int = 640
    renewed_share: float = RENEWED_SHARE

    @property
    def first(self) -> int:
        """First seed."""
        return split_ranges(self.split).seeds[0] if self.seed is None else self.seed

    def scene(self, seed: int) -> SceneSettings:
        """Return the settings of the scene with a seed."""
        return SceneSettings(seed, self.split, self.gsd_m, self.size_px)


@dataclass(slots=True)
class Written:
    """What was written.

    Args:
        count: Number of scenes or pairs.
        seeds: First and last seed.
        pixels: Pixels, or pairs, of each class.
    """

    count: int = 0
    seeds: list[int] = field(default_factory=list)
    pixels: Counter[str] = field(default_factory=Counter)

    def summary(self, order: SceneOrder) -> dict[str, Any]:
        """Return counts, seeds, split and class shares for people and programs."""
        total = max(1, sum(self.pixels.values()))
        return {
            "count": self.count,
            "scenes": len(self.seeds),
            "seeds": [self.seeds[0], self.seeds[-1]],
            "split": order.split,
            "format": order.form,
            "class_shares": {
                name: round(number / total, 5) for name, number in sorted(self.pixels.items())
            },
        }


def write_scenes(order: SceneOrder, progress: Progress = lambda done: None) -> dict[str, Any]:
    """Write scenes; the folder appears when all of them are complete.

    Args:
        order: What is to be written.
        progress: Called with the number of scenes or pairs that are done.

    Returns:
        Count, seeds, split and class shares.

    Raises:
        InputError: A value is beyond what can be rendered, or the folder holds other files.
        OSError: The folder cannot be written.
    """
    check_seeds(order)
    _check_folder(order)
    write = _write_pairs if order.form == "pairs" else _write_images
    with whole_folder(order.out) as made:
        written = write(made, order, progress)
    return written.summary(order)


def check_seeds(order: SceneOrder) -> None:
    """Refuse counts and seeds that do not belong to the split.

    Args:
        order: What is to be written.

    Raises:
        InputError: They do not.
    """
    low, high = split_ranges(order.split).seeds
    if order.count < 1:
        raise InputError(reason="Die Anzahl muss mindestens 1 sein.")
    per_scene = MOST_PAIRS if order.form == "pairs" else 1
    last = order.first + (order.count - 1) // per_scene
    if not low <= order.first <= last < high:
        reason = (
            f"Die Startwerte {order.first} bis {last} gehören nicht alle zu {order.split}: "
            f"erlaubt sind {low} bis {high - 1}."
        )
        raise InputError(reason=reason)
    if not 0 <= order.renewed_share <= 1:
        raise InputError(reason="Der Anteil erneuerter Dächer liegt zwischen 0 und 1.")


def _check_folder(order: SceneOrder) -> None:
    if order.out.exists() and not _is_replaceable(order.out):
        reason = f"Der Ordner {order.out} enthält schon andere Dateien."
        raise InputError(reason=reason)


def _is_replaceable(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    names = {entry.name for entry in folder.iterdir()}
    return not names or ("scenes.json" in names and names <= ENTRIES)


def _write_images(folder: Path, order: SceneOrder, progress: Progress) -> Written:
    written, facts = Written(), []
    write = IMAGE_WRITERS[order.form]
    names = SOLAR if order.form == "solar" else LABELS
    for seed in range(order.first, order.first + order.count):
        scene = render_scene(order.scene(seed))
        codes = write(folder, stem_of(scene.draw), scene)
        for code, number in enumerate(np.bincount(codes.ravel(), minlength=256)[: len(names)]):
            written.pixels[names[code]] += int(number)
        facts.append(scene_facts(scene.draw, scene.materials, scene.roof_ids))
        written.count += 1
        written.seeds.append(seed)
        progress(written.count)
    if order.form != "solar":
        _write_text(folder / "data.yaml", _data_yaml())
    _write_json(folder / "scenes.json", facts)
    return written


def _write_semantic(folder: Path, stem: str, scene: Scene) -> NDArray[np.uint8]:
    _write_heights(folder / "ndsm" / f"{stem}.tif", scene.window.ndsm, scene.draw.gsd_m)
    return _write_classes(folder, stem, scene)


def _write_classes(folder: Path, stem: str, scene: Scene) -> NDArray[np.uint8]:
    labels = _with_holes(scene.window.labels, scene)
    _write_png(folder / "images" / f"{stem}.png", scene.window.rgbi[..., :3])
    _write_png(folder / "images_nir" / f"{stem}.png", scene.window.rgbi[..., 3])
    _write_png(folder / "masks" / f"{stem}.png", labels)
    return labels


def _write_solar(folder: Path, stem: str, scene: Scene) -> NDArray[np.uint8]:
    solar = _with_holes(scene.window.solar, scene)
    _write_png(folder / "images" / f"{stem}.png", scene.window.rgbi[..., :3])
    _write_png(folder / "masks" / f"{stem}.png", solar)
    _write_objects(folder, stem, scene)
    return solar


def _write_all(folder: Path, stem: str, scene: Scene) -> NDArray[np.uint8]:
    _write_png(folder / "solar_masks" / f"{stem}.png", _with_holes(scene.window.solar, scene))
    _write_objects(folder, stem, scene)
    return _write_classes(folder, stem, scene)


IMAGE_WRITERS: Final = {"semantic": _write_semantic, "solar": _write_solar, "all": _write_all}


def _with_holes(codes: NDArray[np.uint8], scene: Scene) -> NDArray[np.uint8]:
    return np.where(scene.window.valid, codes, np.uint8(NO_DATA)).astype(np.uint8)


def _write_objects(folder: Path, stem: str, scene: Scene) -> None:
    _write_text(folder / "labels" / f"{stem}.txt", "".join(_yolo_lines(scene)))
    _write_json(folder / "objects" / f"{stem}.geojson", _collection(scene))


def _yolo_lines(scene: Scene) -> Iterator[str]:
    """Yield the arrays that can be seen: class and outline as shares of width and height."""
    table = scene.objects
    seen = table[(table["solar"] != "none") & (table["visible"] >= LEAST_VISIBLE)]
    for solar, outline in zip(seen["solar"], seen.geometry, strict=True):
        places = shapely.get_coordinates(outline.exterior)[:-1] / scene.draw.size_px
        values = " ".join(f"{value:.6f}" for value in np.clip(places, 0, 1).ravel())
        yield f"{SOLAR.index(solar) - 1} {values}\n"


def _collection(scene: Scene) -> dict[str, Any]:
    columns = [name for name in scene.objects.columns if name != "geometry"]
    rounded = shapely.set_precision(scene.objects.geometry.to_numpy(), 0.01, mode="pointwise")
    features = [
        {
            "type": "Feature",
            "properties": {name: _plain(value) for name, value in zip(columns, row, strict=True)},
            "geometry": shapely.geometry.mapping(outline),
        }
        for row, outline in zip(
            scene.objects[columns].itertuples(index=False), rounded, strict=True
        )
    ]
    return {"type": "FeatureCollection", "features": features}


def _plain(value: object) -> object:
    return None if isinstance(value, float) and np.isnan(value) else value


def _write_pairs(folder: Path, order: SceneOrder, progress: Progress) -> Written:
    written, facts, rows = Written(), [], [",".join(COLUMNS)]
    for seed in count_from(order.first):
        scene, pairs = render_pairs(order.scene(seed), order.renewed_share)
        for pair in pairs[: order.count - written.count]:
            _write_png(folder / "before" / f"{pair.pair_id}.png", pair.before)
            _write_png(folder / "after" / f"{pair.pair_id}.png", pair.after)
            rows.append(_pair_row(pair))
            written.pixels[pair.label] += 1
            written.count += 1
        facts.append(scene)
        written.seeds.append(seed)
        progress(written.count)
        if written.count >= order.count:
            break
    _write_text(folder / "pairs.csv", "\n".join(rows) + "\n")
    _write_json(folder / "scenes.json", facts)
    return written


def _pair_row(pair: Pair) -> str:
    names = {"before": f"before/{pair.pair_id}.png", "after": f"after/{pair.pair_id}.png"}
    values = [str(names.get(name, getattr(pair, name))) for name in COLUMNS]
    return ",".join(f'"{value}"' if "," in value else value for value in values)


def _data_yaml() -> str:
    names = "".join(f"  {code}: {name}\n" for code, name in enumerate(LABELS))
    return f"path: .\ntrain: images\nval: images\nmasks_dir: masks\nnames:\n{names}"


def _write_png(file: Path, pixels: NDArray[np.uint8]) -> None:
    flipped = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    _, content = cv2.imencode(".png", np.ascontiguousarray(flipped), PNG)
    _write(file, content.tobytes())


def _write_heights(file: Path, heights: NDArray[np.float32], gsd_m: float) -> None:
    rows, columns = heights.shape
    place = from_origin(0, rows * gsd_m, gsd_m, gsd_m)
    file.parent.mkdir(exist_ok=True)
    with rasterio.open(
        file, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32",
        transform=place, compress="deflate", predictor=3,
    ) as raster:  # fmt: skip
        raster.write(np.round(heights, 2).astype(np.float32), 1)


def _write_json(file: Path, content: list[dict[str, Any]] | Mapping[str, Any]) -> None:
    _write_text(file, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def _write_text(file: Path, text: str) -> None:
    _write(file, text.encode())


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
