"""The image of a run: opened once per process, read tile by tile, checked like on the page."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock

from PIL import Image

from apps.aviary.inputs.world_file import check_world_file
from apps.aviary.preflight import check_image
from apps.aviary.recipes import Recipe
from shared.contracts.finding import Finding
from shared.geo.nodata import ValidPixels, find_valid, without_collar
from shared.geo.open import open_raster
from shared.geo.raster import (
    Mask,
    OpenOptions,
    Patch,
    RasterInfo,
    RasterSource,
    Rgb,
    read_resampled,
)

OVERVIEW_PX = 2000
MOST_IMAGES = 2
MOST_HELD_MEGAPIXELS = 30
"""Other images stay open beside a new one while they hold no more decoded pixels than this."""

Key = tuple[Path, str, str, OpenOptions]


class RunImage:
    """An open image that several threads may read.

    Args:
        source: The open image.
        path: The file, where it lies among others that belong to it; None where it lies alone.
    """

    def __init__(self, source: RasterSource, path: Path | None = None) -> None:
        self._source = source
        self._path = path
        self._lock = Lock()
        self._valid: ValidPixels | None = None

    @property
    def info(self) -> RasterInfo:
        """What is known about the image."""
        return self._source.info

    @property
    def held_megapixels(self) -> float:
        """Decoded pixels in memory, in millions."""
        return self._source.info.megapixels if self._source.decoded else 0.0

    @cached_property
    def overview(self) -> Patch:
        """The whole image, shrunk; its black or white collar counts as missing data.

        Raises:
            DamagedImage: The file breaks off or is broken.
        """
        with self._lock:
            return without_collar(self._source.overview(OVERVIEW_PX))

    def read(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> Patch:
        """Read a window on another pixel grid; see `read_resampled`.

        Raises:
            DamagedImage: The file breaks off or is broken there.
        """
        with self._lock:
            return read_resampled(self._source, box, size)

    def valid_rows(self, y0: int, y1: int) -> Mask:
        """Tell which pixels of some rows hold data, without black or white collars.

        Raises:
            DamagedImage: The file breaks off or is broken there.
        """
        with self._lock:
            if self._valid is None:
                self._valid = find_valid(self._source)
            return self._valid.read(0, y0, self.info.width, y1).valid

    def check(self, recipe: Recipe, *, force: bool) -> tuple[Finding, ...]:
        """Compare the image with what a recipe needs; see `check_image`."""
        found = tuple(check_image(self.info, self.overview, recipe, force=force))
        return found if self._path is None else (*found, *check_world_file(self._path, self.info))


class OpenImages:
    """The images that are open in this process; the least used are let go.

    What another thread still reads from such an image stays readable until it is done.
    """

    def __init__(self) -> None:
        self._images: OrderedDict[Key, RunImage] = OrderedDict()
        self._lock = Lock()

    def get(self, path: Path, name: str, sha256: str, options: OpenOptions) -> RunImage:
        """Return an image, opened now or before.

        Args:
            path: Where it lies.
            name: File name for people.
            sha256: Hash of its content.
            options: How it is opened.

        Raises:
            InputError: It cannot be used; see `open_raster`.
        """
        key = (path, name, sha256, options)
        with self._lock:
            known = self._images.get(key)
            if known is None:
                self._make_room()
                source = open_raster(path, name=name, options=options, sha256=sha256)
                known = self._images[key] = RunImage(source, path)
            self._images.move_to_end(key)
            return known

    def forget(self, image: RunImage) -> None:
        """Let go of an image that is not needed any more.

        Args:
            image: What `get` returned.
        """
        with self._lock:
            for key in [key for key, held in self._images.items() if held is image]:
                del self._images[key]

    def _make_room(self) -> None:
        while self._images and (
            len(self._images) >= MOST_IMAGES
            or sum(one.held_megapixels for one in self._images.values()) > MOST_HELD_MEGAPIXELS
        ):
            self._images.popitem(last=False)


OPEN_IMAGES = OpenImages()


def inspect_image(
    file: Path | bytes, recipe: Recipe, options: OpenOptions, *, name: str = "", force: bool = False
) -> tuple[RasterInfo, tuple[Finding, ...]]:
    """Open an image, check it and close it.

    Args:
        file: Path or content.
        recipe: What is looked for.
        options: How it is opened.
        name: File name for people; the path's own by default.
        force: A resolution outside the recipe's range is only a hint.

    Raises:
        InputError: It cannot be used; see `open_raster`.
    """
    options = replace(options, near_infrared=recipe.bands != "rgb", grey=recipe.takes_grey)
    with open_raster(file, name=name, options=options) as source:
        image = RunImage(source, file if isinstance(file, Path) else None)
        return image.info, image.check(recipe, force=force)


def encode_png(rgb: Rgb) -> bytes:
    """Write pixels as PNG; the fastest level, since the bytes travel only inside the machine."""
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, "PNG", compress_level=1)
    return target.getvalue()
