"""Take a huge image through reading, classifying, outlining and measuring; say what it cost.

The image is a sparse GeoTIFF with a few fields of colours; a plain rule by colour stands for the
model, with as many classes and as large answers as a real one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window
from shapely.geometry import box

from shared.geo.nodata import NO_DATA, ValidPixels, find_valid, shrink_valid
from shared.geo.open import open_raster
from shared.geo.raster import Mask, Rgb
from shared.geo.tiling import Tile, Values, blend, most_likely, plan_tiles
from shared.geo.vectorise import polygonise
from shared.geo.windowed import small_cache
from shared.geo.zonal import ClassRaster, count_classes, open_class_raster

SIDE_PX = 20_000
LIMIT_MIB = 1536
GSD_M = 0.2
EAST_M, NORTH_M = 380_000.0, 5_724_000.0
BLOCK_PX, FIELD_PX, FIELD_STEP, FIELD_FIRST = 512, 2048, 4, 2
TILE_PX, OVERLAP_PX, MARGIN_PX = 512, 128, 16
PARCELS_ALONG = 50
CLASSES = 10
STRIP_ROWS = 512
SEED = 2026


def write_image(path: Path, width: int, height: int) -> None:
    """Write a sparse tiled GeoTIFF; every fourth square of 2,048 px shows fields and specks.

    Args:
        path: File to write.
        width: Columns [px].
        height: Rows [px].
    """
    field = _field()
    with (
        small_cache(),
        rasterio.open(path, "w", **_profile(width, height, 3, sparse_ok=True)) as to,
    ):
        for row in range(FIELD_PX, height, FIELD_PX):
            for column in range(FIELD_PX, width, FIELD_PX):
                if (row + column) // FIELD_PX % FIELD_STEP == FIELD_FIRST:
                    piece = field[:, : height - row, : width - column]
                    window = Window(column, row, piece.shape[2], piece.shape[1])
                    to.write(piece, window=window)


def classify(image: Path, result: Path) -> None:
    """Give every pixel with data a class.

    Args:
        image: GeoTIFF with three bands.
        result: GeoTIFF of codes to write.
    """
    with open_raster(image) as source:
        valid = find_valid(source)
        width, height = source.info.width, source.info.height
        plan = plan_tiles(width, height, TILE_PX, OVERLAP_PX)
        with (
            small_cache(),
            rasterio.open(result, "w", **_profile(width, height, 1, nodata=NO_DATA)) as to,
        ):
            for strip in blend(_answers(valid, plan), plan, CLASSES):
                codes = most_likely(strip, NO_DATA)
                codes[~_sure(valid, strip.y0, codes.shape, height)] = NO_DATA
                to.write(codes, 1, window=Window(0, strip.y0, width, len(codes)))


def parcels(width: int, height: int) -> gpd.GeoSeries:
    """Cover an image and a little around it with 50 x 50 slanted parcels.

    Args:
        width: Columns [px].
        height: Rows [px].
    """
    step_x, step_y = (1.2 * side * GSD_M / PARCELS_ALONG for side in (width, height))
    middle_x, middle_y = EAST_M + width * GSD_M / 2, NORTH_M - height * GSD_M / 2
    corners = [
        (middle_x + x * step_x, middle_y + y * step_y)
        for y in range(-PARCELS_ALONG // 2, PARCELS_ALONG // 2)
        for x in range(-PARCELS_ALONG // 2, PARCELS_ALONG // 2)
    ]
    grid = [box(x, y, x + step_x, y + step_y) for x, y in corners]
    return gpd.GeoSeries(grid, crs="EPSG:25832").rotate(3, origin=(middle_x, middle_y))


def measure(folder: Path, width: int, height: int) -> dict[str, object]:
    """Do everything once.

    Args:
        folder: Empty folder for the files.
        width: Columns [px].
        height: Rows [px].

    Returns:
        Figures as they are printed.
    """
    image, codes = folder / "bild.tif", folder / "klassen.tif"
    cpu_s: dict[str, float] = {}
    with _timed(cpu_s, "write"):
        write_image(image, width, height)
    with _timed(cpu_s, "classify"):
        classify(image, codes)
    with open_class_raster(codes) as raster:
        with _timed(cpu_s, "outline"):
            polygons, outlined_m2 = _outline(raster)
        with _timed(cpu_s, "count"):
            table = count_classes(raster, parcels(width, height))
    counted = table.drop(columns="area_m2").sum(axis=1)
    peak_mib = _peak_mib()
    return {
        "width": width,
        "height": height,
        "cpu_s": cpu_s,
        "polygons": polygons,
        "outlined_m2": round(outlined_m2, 1),
        "classes_m2": round(float(table.filter(like="class_").to_numpy().sum()), 1),
        "largest_gap_m2": float((counted - table["area_m2"]).abs().max()),
        "peak_mib": peak_mib,
        "limit_mib": LIMIT_MIB,
        "within_limit": peak_mib <= LIMIT_MIB,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what came out.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog="python -m shared.geo.endurance")
    parser.add_argument("--width", type=int, default=SIDE_PX, help="Spalten des Bildes")
    parser.add_argument("--height", type=int, default=SIDE_PX, help="Zeilen des Bildes")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="urbanki-endurance-") as folder:
        figures = measure(Path(folder), options.width, options.height)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0 if figures["within_limit"] else 1


@contextmanager
def _timed(cpu_s: dict[str, float], step: str) -> Iterator[None]:
    """Note the processor time of a step [s]."""
    start = time.process_time()
    yield
    cpu_s[step] = round(time.process_time() - start, 1)


def _outline(raster: ClassRaster) -> tuple[int, float]:
    """Return how many polygons there are, and their area [m2]."""
    strips = (
        raster.read(0, row, raster.width, min(row + STRIP_ROWS, raster.height))
        for row in range(0, raster.height, STRIP_ROWS)
    )
    areas_m2 = [one.polygon.area for one in polygonise(strips, raster.transform)]
    return len(areas_m2), sum(areas_m2)


def _profile(width: int, height: int, count: int, **options: object) -> dict[str, object]:
    return {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": count,
        "dtype": "uint8",
        "crs": "EPSG:25832",
        "transform": from_origin(EAST_M, NORTH_M, GSD_M, GSD_M),
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "compress": "deflate",
        **options,
    }


def _field() -> Rgb:
    """Return coloured strips with specks, uint8 of shape (3, FIELD_PX, FIELD_PX)."""
    random = np.random.default_rng(SEED)
    rows, columns = np.mgrid[0:FIELD_PX, 0:FIELD_PX]
    codes = (rows + columns // 3) // 37 % CLASSES
    specks = random.random(codes.shape) < 0.01
    codes[specks] = random.integers(0, CLASSES, int(specks.sum()))
    return np.asarray(_colours()[codes].transpose(2, 0, 1))


def _colours() -> Rgb:
    steps = np.arange(1, CLASSES + 1)
    return np.stack([steps * 20, 255 - steps * 20, steps * 53 % 200 + 20], axis=1).astype(np.uint8)


def _answers(valid: ValidPixels, plan: Sequence[Tile]) -> Iterator[tuple[Tile, Values | None]]:
    """Say for each tile how near each pixel is to each class; nothing where there is no data."""
    for tile in plan:
        patch = valid.read(*tile.box)
        yield tile, _nearness(patch.rgb) if patch.valid.any() else None


def _nearness(rgb: Rgb) -> Values:
    pixels = rgb.astype(np.float32)
    answer = np.empty((CLASSES, *rgb.shape[:2]), dtype=np.float32)
    for code, colour in enumerate(_colours().astype(np.float32)):
        answer[code] = -np.abs(pixels - colour).sum(axis=2)
    return answer


def _sure(valid: ValidPixels, y0: int, shape: tuple[int, int], height: int) -> Mask:
    """Tell which pixels of a strip hold data and lie far enough from missing data."""
    first, last = max(0, y0 - MARGIN_PX), min(height, y0 + shape[0] + MARGIN_PX)
    sure = shrink_valid(valid.read(0, first, shape[1], last).valid, MARGIN_PX)
    return sure[y0 - first : y0 - first + shape[0]]


def _peak_mib() -> int:
    """Return the most memory this process ever held [MiB]."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    sys.exit(main())
