"""What all tasks on aerial images share: guard, resolution, canvas, domain distance, warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from model_server.catalog import DOMAIN_FILE, ServableModel
from model_server.domain import FEATURES_OUTPUT, Domain
from model_server.images import (
    BAND_COUNT,
    Bands,
    ImageHeader,
    Pixels,
    Valid,
    decode_with_gaps,
    inspect_image,
)
from model_server.items import warn
from model_server.runtime import Array, Runtime
from shared.contracts.model_server import ItemWarning
from shared.errors import ResolutionMissing, ResolutionUnsuitable

MIN_SIDE_PX = 32
SHAPE_BUCKET_PX = 64
GSD_TOLERANCE = 0.25
_LAYERS = 8
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Canvas:
    """An image laid onto the model's input.

    Args:
        pixels: float32, bands x height x width, normalised; the image lies at the top left.
        scale: Model pixels per image pixel; 1 unless the model's input is smaller than the image.
        valid: height x width of the image, False where it is transparent; None when that is
            nowhere.
    """

    pixels: Array
    scale: float = 1.0
    valid: Valid | None = None


class AerialInput:
    """Brings images of any allowed size to the input of one model.

    Args:
        model: Checked card and files.
        runtime: Runs its weights; their input is batch x channels x height x width.
        images: Images that are stacked along the channels, 2 for pairs.
        step_px: The sides of the canvas are multiples of this, of 64 and of the card's
            `size_multiple`, unless the weights want one size only.

    Raises:
        ValueError: The card names other bands than the weights take, or no mean and std for them.
    """

    def __init__(
        self, model: ServableModel, runtime: Runtime, *, images: int = 1, step_px: int = 1
    ) -> None:
        self._card = model.card
        self._images = images
        self._step = math.lcm(SHAPE_BUCKET_PX, model.card.input.size_multiple, step_px)
        shape = runtime.input_shape
        self.fixed = _fixed_size(shape)
        statistics = model.files.get(DOMAIN_FILE)
        self._domain = None if statistics is None else Domain.load(statistics)
        for bands in model.card.bands:
            count = BAND_COUNT[bands]
            if shape[1] not in (None, images * count):
                raise ValueError(f"the weights take {shape[1]} channels, not {images * count}")
            if min(len(model.card.input.mean), len(model.card.input.std)) < count:
                raise ValueError(f"the card names no mean and std for all of {bands}")

    def check_resolution(self, gsd_m: float | None) -> None:
        """Compare the ground sampling distance with the card's limits, if it has any.

        Args:
            gsd_m: Metres per pixel.

        Raises:
            ItemError: Missing or outside.
        """
        limits = self._card.input
        if limits.gsd_min_m is None or limits.gsd_max_m is None:
            return
        if gsd_m is None:
            raise ResolutionMissing()
        if not limits.gsd_min_m <= gsd_m <= limits.gsd_max_m:
            raise ResolutionUnsuitable(
                found=gsd_m, minimum=limits.gsd_min_m, maximum=limits.gsd_max_m
            )

    def inspect(self, data: bytes, max_side_px: int | None = None) -> ImageHeader:
        """Read and check the header of an image; its grid is kept whatever its EXIF tags say.

        Args:
            data: Encoded image.
            max_side_px: A limit below the card's.

        Raises:
            ItemError: See `inspect_image`.
        """
        most = self._card.input.max_side_px
        return inspect_image(
            data,
            min_side_px=MIN_SIDE_PX,
            max_side_px=most if max_side_px is None else min(most, max_side_px),
            apply_orientation=False,
        )

    def canvas_size(self, header: ImageHeader) -> tuple[int, int]:
        """Return height and width of the canvas in pixels."""
        if self.fixed is not None:
            return self.fixed
        return _ceil_to(header.height, self._step), _ceil_to(header.width, self._step)

    def blank(self, bands: Bands) -> Array:
        """Return the smallest canvas, all zero, to warm the model up."""
        height, width = self.fixed or (self._step, self._step)
        return np.zeros((self._images * BAND_COUNT[bands], height, width), dtype=np.float32)

    def weigh_bytes(self, header: ImageHeader, bands: Bands) -> int:
        """Return the bytes of the float canvas and of the layers behind it, about eight times it.

        The factor is that of the shipped detector, which needs 45 MiB more for each further image
        of 640 x 640 pixels.
        """
        height, width = self.canvas_size(header)
        count = self._images * BAND_COUNT[bands]
        return _LAYERS * _FLOAT_BYTES * count * height * width

    def load(self, data: bytes, header: ImageHeader, bands: Bands) -> Canvas:
        """Decode an image, shrink it if the canvas is smaller, normalise and pad by reflection.

        Raises:
            ItemError: See `decode_image`.
        """
        pixels, valid = decode_with_gaps(data, header, bands)
        padded, scale = self.lay_out(pixels, header)
        return Canvas(self.normalise(padded), scale, valid)

    def lay_out(self, pixels: Pixels, header: ImageHeader) -> tuple[Pixels, float]:
        """Return height x width x bands of the canvas and its pixels per image pixel."""
        height, width = self.canvas_size(header)
        scale = min(1.0, height / pixels.shape[0], width / pixels.shape[1])
        if scale < 1:
            size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        missing = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
        return np.pad(pixels, missing, mode="reflect"), scale

    def normalise(self, pixels: Pixels) -> Array:
        """Return float32 bands x height x width as the card asks for it."""
        count = pixels.shape[2]
        mean = np.asarray(self._card.input.mean[:count], dtype=np.float32)
        std = np.asarray(self._card.input.std[:count], dtype=np.float32)
        # One pass over the pixels into the layout of the model; copies would cost twice as much.
        scaled = np.empty((count, *pixels.shape[:2]), dtype=np.float32)
        np.divide(pixels.transpose(2, 0, 1), (255 * std)[:, None, None], out=scaled)
        if mean.any():
            scaled -= (mean / std)[:, None, None]
        return scaled

    def distance(self, raw: Mapping[str, Array]) -> float | None:
        """Return the distance of an image to the training images; None when nobody measures it.

        Args:
            raw: Outputs of the model for the image; `features` are looked at.
        """
        features = raw.get(FEATURES_OUTPUT)
        if self._domain is None or features is None:
            return None
        return self._domain.distance(features)

    def warnings(
        self, gsd_m: float | None, frames: int, distance: float | None
    ) -> list[ItemWarning]:
        """Return what a person should know about any result of this image.

        Args:
            gsd_m: Metres per pixel.
            frames: Images in the file.
            distance: Result of `distance`.
        """
        warnings = []
        best = self._card.input.gsd_best_m
        if best is not None and gsd_m is not None and abs(gsd_m / best - 1) > GSD_TOLERANCE:
            warnings.append(warn("aufloesung_abweichend", found=gsd_m, best=best))
        if frames > 1:
            warnings.append(warn("mehrseitig", frames=frames))
        domain = self._card.domain
        if domain is not None and distance is not None and distance > domain.distance_p99:
            shown = {"distance": round(distance, 1), "usual": round(domain.distance_p99, 1)}
            warnings.append(warn("domain_shift", **shown))
        return warnings


def _fixed_size(shape: tuple[int | None, ...]) -> tuple[int, int] | None:
    height, width = shape[2], shape[3]
    return None if height is None or width is None else (height, width)


def _ceil_to(value: int, step: int) -> int:
    return -(-value // step) * step
