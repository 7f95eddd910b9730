"""Made-up shards of scenes as the demo city's command writes them, with dark squares as arrays."""

import json
from pathlib import Path

import cv2
import numpy as np

SIDE_PX = 600
GSD_M = 0.1


def write_shard(folder: Path, split: str, first_seed: int, count: int) -> Path:
    """Write `SPLIT/s_SSSSSS`: bright noise with two dark squares a scene; every third is empty.

    Returns:
        The shard.
    """
    shard = folder / split / f"s_{first_seed:06d}"
    for part in ("images", "solar_masks", "labels"):
        (shard / part).mkdir(parents=True)
    rows = []
    for seed in range(first_seed, first_seed + count):
        stem = f"{split}_{seed:06d}"
        corners = [] if seed % 3 == 2 else [(40 + seed % 50, 60), (400, 420)]
        _write_scene(shard, stem, seed, corners)
        rows.append({"stem": stem, "seed": seed, "split": split, "gsd_m": GSD_M})
    (shard / "scenes.json").write_text(json.dumps(rows), encoding="utf-8")
    return shard


def _write_scene(shard: Path, stem: str, seed: int, corners: list[tuple[int, int]]) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(120, 200, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    mask = np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8)
    lines = []
    for code, (left, top) in enumerate(corners):
        window = (slice(top, top + 100), slice(left, left + 100))
        pixels[window], mask[window] = (50, 25, 20), code + 1
        edges = [(left, top), (left + 100, top), (left + 100, top + 100), (left, top + 100)]
        places = " ".join(f"{value / SIDE_PX:.6f}" for edge in edges for value in edge)
        lines.append(f"{code} {places}\n")
    cv2.imwrite(str(shard / "images" / f"{stem}.png"), pixels)
    cv2.imwrite(str(shard / "solar_masks" / f"{stem}.png"), mask)
    (shard / "labels" / f"{stem}.txt").write_text("".join(lines), encoding="utf-8")
