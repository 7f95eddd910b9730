"""Labelled aerial tiles: read a folder of tiles and lay them out for the training library."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


class TilesUnusable(ValueError):
    """A folder of tiles is missing or broken; the German text says which file."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One aerial image with the boxes a person drew.

    Attributes:
        name: File name without ending.
        image: JPEG file.
        group: Tiles of one group overlap or neighbour each other.
        ground_mounted: The tile shows arrays that stand on the ground.
        boxes: (n, 4) centre x, centre y, width, height, relative to the image (0-1).
    """

    name: str
    image: Path
    group: str
    ground_mounted: bool
    boxes: NDArray[np.float64]

    def boxes_px(self, width_px: int, height_px: int) -> NDArray[np.float64]:
        """Return (n, 4) corners x0, y0, x1, y1 in pixels."""
        centre, size = self.boxes[:, :2], self.boxes[:, 2:]
        corners = np.hstack([centre - size / 2, centre + size / 2])
        return corners * np.array([width_px, height_px, width_px, height_px])


def read_image(tile: Tile) -> NDArray[np.uint8]:
    """Return the pixels of a tile (h, w, 3), RGB.

    Raises:
        TilesUnusable: The image cannot be read.
    """
    pixels = cv2.imread(str(tile.image), cv2.IMREAD_COLOR)
    if pixels is None:
        message = f"Das Bild {tile.image.name} ist nicht lesbar."
        raise TilesUnusable(message)
    return np.ascontiguousarray(pixels[:, :, ::-1])


def read_tiles(folder: Path) -> list[Tile]:
    """Read `tiles.csv`, `images/` and `labels/` of a folder, sorted by name.

    Raises:
        TilesUnusable: The table, an image or a label file is missing or malformed.
    """
    table = folder / "tiles.csv"
    if not table.is_file():
        message = f"Der Ordner {folder} enthält keine Datei tiles.csv."
        raise TilesUnusable(message)
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return sorted((_read_tile(folder, row) for row in rows), key=lambda tile: tile.name)


def _read_tile(folder: Path, row: dict[str, str]) -> Tile:
    try:
        name, group, ground = row["tile"], row["group"], row["ground_mounted"]
    except KeyError as cause:
        message = f"In tiles.csv fehlt die Spalte {cause.args[0]}."
        raise TilesUnusable(message) from cause
    image, label = folder / "images" / f"{name}.jpg", folder / "labels" / f"{name}.txt"
    for file in (image, label):
        if not file.is_file():
            message = f"Die Datei {file.name} der Kachel {name} fehlt."
            raise TilesUnusable(message)
    boxes = parse_labels(label.read_text(encoding="utf-8"), label.name)
    return Tile(name, image, group, ground == "1", boxes)


def parse_labels(text: str, source: str) -> NDArray[np.float64]:
    """Read YOLO lines `class cx cy w h`; every class counts as solar.

    Args:
        text: Content of a label file; may be empty.
        source: File name for the error text.

    Returns:
        (n, 4) relative boxes.

    Raises:
        TilesUnusable: A line has not five numbers, or a box is empty or outside the image.
    """
    boxes = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            _, *box = (float(field) for field in line.split())
        except ValueError as cause:
            message = f"{source}, Zeile {number}: keine Zahl."
            raise TilesUnusable(message) from cause
        if len(box) != 4 or not _is_inside(box):
            message = f"{source}, Zeile {number}: kein gültiges Rechteck."
            raise TilesUnusable(message)
        boxes.append(box)
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _is_inside(box: list[float]) -> bool:
    slack = 0.005  # annotation tools round to the third digit
    centre_x, centre_y, width, height = box
    return (
        width > 0
        and height > 0
        and centre_x - width / 2 >= -slack
        and centre_y - height / 2 >= -slack
        and centre_x + width / 2 <= 1 + slack
        and centre_y + height / 2 <= 1 + slack
    )


def write_dataset(tiles: list[Tile], folder: Path, class_name: str) -> Path:
    """Write tiles and their transposed twins as a data set of the training library.

    With random flips the twins make all eight orientations of a tile equally likely; north and the
    direction of rows then carry no information.

    Args:
        tiles: Tiles to train on.
        folder: Empty or half-written scratch folder outside the data set.
        class_name: Key of the only class.

    Returns:
        The YAML file that describes the data set.
    """
    images, labels = folder / "images", folder / "labels"
    images.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    for tile in tiles:
        (images / f"{tile.name}.jpg").write_bytes(tile.image.read_bytes())
        _write_labels(labels / f"{tile.name}.txt", tile.boxes)
        # PNG, so that the twin is not compressed a second time.
        twin = cv2.transpose(read_image(tile)[:, :, ::-1])
        cv2.imwrite(str(images / f"{tile.name}_t.png"), twin)
        _write_labels(labels / f"{tile.name}_t.txt", tile.boxes[:, [1, 0, 3, 2]])
    description = folder / "data.yaml"
    description.write_text(
        f"path: {folder.resolve()}\ntrain: images\nval: images\nnames:\n  0: {class_name}\n",
        encoding="utf-8",
    )
    return description


def _write_labels(file: Path, boxes: NDArray[np.float64]) -> None:
    lines = (" ".join(["0", *(f"{value:.6f}" for value in box)]) for box in boxes)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
