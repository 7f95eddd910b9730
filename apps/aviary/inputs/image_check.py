"""Open an image once: what is known about it, what the checks say, and how it looks."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from apps.aviary.inputs.image_folder import bytes_or_place
from apps.aviary.inputs.run_image import RunImage
from apps.aviary.objects import Box
from apps.aviary.preflight import check_image
from apps.aviary.recipes import Recipe
from shared.contracts.finding import Finding
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions, Patch, RasterInfo

LONGEST_ANSWER_BYTES = 32 * 2**20
"""See `shared.limited_reader`: room for some tiles without loss."""
SHOWN_PX = 1200
JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image that was opened.

    Args:
        info: What is known about it.
        findings: What the checks say.
        picture: It, shrunk, as JPEG in base 64.
    """

    info: RasterInfo
    findings: tuple[Finding, ...]
    picture: str

    @property
    def jpeg(self) -> bytes:
        """It, shrunk, as JPEG."""
        return base64.b64decode(self.picture)


def look_over(
    content: bytes,
    recipe: Recipe,
    options: OpenOptions,
    *,
    name: str,
    force: bool,
    path: str = "",
) -> CheckedImage:
    """Open an image, check it against a recipe and shrink it.

    Args:
        content: All bytes; empty where it lies on disk.
        recipe: What is looked for.
        options: How it is opened.
        name: File name for people.
        path: Where it lies; empty where its bytes are given.
        force: A resolution outside the recipe's range is only a hint.

    Raises:
        InputError: It cannot be used; see `open_raster`.
    """
    options = _as_read(options, recipe)
    with (
        bytes_or_place(content, path) as file,
        open_raster(file, name=name, options=options) as source,
    ):
        image = RunImage(source)
        findings = tuple(check_image(image.info, image.overview, recipe, force=force))
        return CheckedImage(image.info, findings, _shrunk(image.overview))


def cut_out_tiff(
    content: bytes,
    recipe: Recipe,
    options: OpenOptions,
    *,
    name: str,
    box: Box,
    path: str = "",
) -> str:
    """Cut a part out of an image, without loss and with its place on the map.

    Args:
        content: All bytes; empty where it lies on disk.
        recipe: What is looked for.
        options: How it is opened.
        name: File name for people.
        path: Where it lies; empty where its bytes are given.
        box: Left, upper, right, lower edge; whole pixels of the image.

    Returns:
        GeoTIFF in base 64: red, green, blue and, where the recipe reads it, near infrared.

    Raises:
        InputError: It cannot be used; see `open_raster`.
    """
    left, upper, right, lower = box
    options = _as_read(options, recipe)
    with (
        bytes_or_place(content, path) as file,
        open_raster(file, name=name, options=options) as source,
    ):
        image = RunImage(source)
        patch = image.read(box, (round(right - left), round(lower - upper)))
        return base64.b64encode(to_tiff(patch, image.info, (left, upper))).decode("ascii")


def _as_read(options: OpenOptions, recipe: Recipe) -> OpenOptions:
    """Return how a run of the recipe opens an image."""
    return replace(options, near_infrared=recipe.bands != "rgb", grey=recipe.takes_grey)


def _shrunk(overview: Patch) -> str:
    picture = Image.fromarray(overview.rgb)
    picture.thumbnail((SHOWN_PX, SHOWN_PX), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=JPEG_QUALITY)
    return base64.b64encode(target.getvalue()).decode("ascii")


def to_tiff(
    patch: Patch, info: RasterInfo | None = None, corner: tuple[float, float] = (0.0, 0.0)
) -> bytes:
    """Write pixels as GeoTIFF: red, green, blue and near infrared, if there is one.

    Args:
        patch: The pixels.
        info: The image that they are from, for their place on the map; None leaves it out.
        corner: Their upper left corner in it [px].
    """
    height, width = patch.rgb.shape[:2]
    bands = patch.rgb if patch.nir is None else np.dstack([patch.rgb, patch.nir])
    kinds = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined)
    place: dict[str, object] = {}
    if info is not None and info.transform is not None and info.crs is not None:
        a, b, c, d, e, f = info.transform
        place = {
            "crs": info.crs,
            "transform": Affine(a, b, c, d, e, f) * Affine.translation(*corner),
        }
    with MemoryFile() as memory, warnings.catch_warnings():
        # A part of an image without a place on the map has none either.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(
            driver="GTiff",
            width=width,
            height=height,
            count=bands.shape[2],
            dtype="uint8",
            photometric="RGB",
            compress="DEFLATE",
            **place,
        ) as target:
            target.write(np.moveaxis(bands, 2, 0))
            target.colorinterp = kinds[: bands.shape[2]]
            target.write_mask(patch.valid)
        content: bytes = memory.read()
    return content
