"""Measure layout and tile features on real images: `python -m model_server.evaluate_packages`.

Layout: pages of old books with regions that people drew (data set `ocrd_pages`). Tile features:
how often the nearest of all aerial tiles comes from the same neighbourhood (`solar_tiles_train`),
beside the same share for plain small copies of the tiles. Both sets belong to the development
data; where one is missing, the figures of the last time stay and a line says so. The figures stand
in `evaluation_packages.json` and on the cards.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.batching import Good
from model_server.catalog import BUILT_IN, load_catalog
from model_server.engine import Engine
from model_server.items import Item, Options, Ticket
from shared.contracts.model_server import EmbedValue, ImageEmbedOptions, LayoutOptions, LayoutValue
from shared.settings import get_settings

RESULT = Path(__file__).with_name("evaluation_packages.json")
COMMAND = "python -m model_server.evaluate_packages"
LAYOUT_MODELS = ("layout_cdla", "layout_doclaynet")
FEATURES_MODEL = "tile_features"
PAGES = "ocrd_pages"
TILES = "solar_tiles_train"
MIN_IOU = 0.5
GRID_PX = 8
"""Side of the squares in which covered areas are counted."""
THUMBNAIL_PX = 16
KINDS = {
    "TextRegion": "text",
    "MathsRegion": "text",
    "ImageRegion": "picture",
    "GraphicRegion": "picture",
    "TableRegion": "table",
    "figure": "picture",
    "picture": "picture",
    "table": "table",
}
"""Kinds of regions in PAGE XML and classes of the models; every other class is text."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a page: "text", "table" or "picture", and left, top, right, bottom in pixels."""

    kind: str
    box: Box


def read_regions(file: Path) -> list[Region]:
    """Return the bounding boxes of the regions in a PAGE XML file.

    Format: https://ocr-d.de/en/spec/page. Separators are left out.
    """
    root = ElementTree.parse(file).getroot()  # noqa: S314  # a file of the development folder
    regions = []
    for element in root.iter():
        kind = KINDS.get(element.tag.rsplit("}", 1)[-1])
        if kind is None:
            continue
        (coords,) = [child for child in element if child.tag.endswith("}Coords")]
        points = np.array([pair.split(",") for pair in coords.get("points", "").split()], float)
        left, top = points.min(axis=0)
        right, bottom = points.max(axis=0)
        regions.append(Region(kind, (float(left), float(top), float(right), float(bottom))))
    return regions


def as_regions(value: LayoutValue) -> list[Region]:
    """Return what a model found, most certain first."""
    return [Region(KINDS.get(found.class_key, "text"), found.box) for found in value.regions]


def count_hits(found: Sequence[Region], wanted: Sequence[Region]) -> int:
    """Count found regions that cover a region of their kind, each at most once.

    Args:
        found: Most certain first.
        wanted: Regions that people drew.
    """
    free = list(wanted)
    hits = 0
    for region in found:
        fitting = [other for other in free if other.kind == region.kind]
        best = max(fitting, key=lambda other: overlap(region.box, other.box), default=None)
        if best is not None and overlap(region.box, best.box) >= MIN_IOU:
            free.remove(best)
            hits += 1
    return hits


def overlap(first: Box, second: Box) -> float:
    """Return intersection over union (0-1) of two boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / max(sum(sizes) - shared, 1e-9)


def text_squares(regions: Iterable[Region], width: int, height: int) -> NDArray[np.bool_]:
    """Return which squares of a page lie in a region with text.

    Args:
        regions: Regions of the page.
        width: Of the page in pixels.
        height: Of the page in pixels.
    """
    squares = np.zeros((height // GRID_PX + 1, width // GRID_PX + 1), dtype=bool)
    for region in regions:
        if region.kind == "text":
            left, top, right, bottom = (round(side / GRID_PX) for side in region.box)
            squares[top:bottom, left:right] = True
    return squares


def measure_layout(engine: Engine, name: str, folder: Path) -> dict[str, Any]:
    """Return precision, recall and covered text area over all pages, pooled.

    Args:
        engine: Has the model.
        name: Of the model.
        folder: Data set with `*/*.tif` and `*/*.xml`.
    """
    sums: Counter[str] = Counter()
    pages = sorted(folder.glob("*/*.tif"))
    for page in pages:
        wanted = read_regions(page.with_suffix(".xml"))
        value = _run(engine, "layout", LayoutOptions(model=name), page.read_bytes())
        if not isinstance(value, LayoutValue):
            raise TypeError(type(value))
        found = as_regions(value)
        sums["found"] += len(found)
        sums["wanted"] += len(wanted)
        sums["hits"] += count_hits(found, wanted)
        drawn = text_squares(wanted, value.width, value.height)
        covered = text_squares(found, value.width, value.height)
        sums["text"] += int(drawn.sum())
        sums["text_covered"] += int((drawn & covered).sum())
    return {
        "precision": round(sums["hits"] / max(1, sums["found"]), 4),
        "recall": round(sums["hits"] / sums["wanted"], 4),
        "text_area_covered": round(sums["text_covered"] / sums["text"], 4),
        "pages": len(pages),
        "regions": sums["wanted"],
    }


def measure_features(engine: Engine, folder: Path) -> dict[str, Any]:
    """Return how often the nearest tile is of the same group, for features and small copies.

    Args:
        engine: Has the model.
        folder: Data set with `tiles.csv` and `images/*.jpg`.
    """
    with (folder / "tiles.csv").open(encoding="utf-8", newline="") as table:
        groups = {row["tile"]: row["group"] for row in csv.DictReader(table)}
    images = [(folder / "images" / f"{tile}.jpg").read_bytes() for tile in groups]
    vectors = [_embed(engine, image) for image in images]
    thumbnails = [_thumbnail(image) for image in images]
    labels = list(groups.values())
    return {
        "same_group_share": same_group_share(np.stack(vectors), labels),
        "same_group_share_of_thumbnails": same_group_share(np.stack(thumbnails), labels),
        "same_group_share_by_chance": round(_chance(labels), 4),
        "tiles": len(labels),
        "groups": len(set(labels)),
    }


def same_group_share(vectors: NDArray[Any], labels: Sequence[str]) -> float:
    """Return the share of rows whose nearest other row has their label; lonely labels are left out.

    Args:
        vectors: (n, m) of length 1.
        labels: n labels.
    """
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -np.inf)
    nearest = likeness.argmax(axis=1)
    counts = Counter(labels)
    same = [labels[nearest[row]] == label for row, label in enumerate(labels) if counts[label] > 1]
    return round(float(np.mean(same)), 4)


def _chance(labels: Sequence[str]) -> float:
    counts = Counter(labels)
    shares = [(counts[label] - 1) / (len(labels) - 1) for label in labels if counts[label] > 1]
    return float(np.mean(shares))


def _embed(engine: Engine, image: bytes) -> NDArray[np.float32]:
    value = _run(engine, "embed", ImageEmbedOptions(model=FEATURES_MODEL), image)
    if not isinstance(value, EmbedValue):
        raise TypeError(type(value))
    return np.frombuffer(base64.b64decode(value.vector), "<f4")


def _thumbnail(image: bytes) -> NDArray[np.float64]:
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    small = cv2.resize(pixels, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float64).ravel()
    values -= values.mean()
    return np.asarray(values / np.linalg.norm(values))


def _run(engine: Engine, task: str, options: Options, content: bytes) -> object:
    model = engine.catalog.resolve(task, options.model, None)
    ticket = Ticket("evaluate", options, model, time.monotonic(), 1)
    (outcome,) = engine.run(task, [Item(ticket, 0, content)])
    if not isinstance(outcome.result, Good):
        raise outcome.result.error
    return outcome.result.value.value


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what there are data and models for, write `evaluation_packages.json`, print it."""
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--data", type=Path, default=get_settings().development_data_dir)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args(arguments)
    engine = Engine(load_catalog([BUILT_IN]), [], time.monotonic)
    figures: dict[str, Any] = {}
    jobs = [(name, PAGES) for name in LAYOUT_MODELS] + [(FEATURES_MODEL, TILES)]
    for name, data in jobs:
        folder: Path = options.data / data
        if not folder.is_dir():
            sys.stderr.write(f"{name}: Die Daten {data} fehlen; die alten Werte bleiben.\n")
        elif engine.catalog.find(name) is None:
            sys.stderr.write(f"{name}: Das Modell fehlt; die alten Werte bleiben.\n")
        elif name == FEATURES_MODEL:
            figures[name] = measure_features(engine, folder)
        else:
            figures[name] = measure_layout(engine, name, folder)
    if not figures:
        return 2
    before = json.loads(options.out.read_text(encoding="utf-8")) if options.out.is_file() else {}
    complete = {**before, "command": COMMAND, **figures}
    content = json.dumps(complete, indent=2, ensure_ascii=False) + "\n"
    options.out.write_text(content, encoding="utf-8")
    sys.stdout.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
