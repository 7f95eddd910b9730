"""What models share that see each image whole, at one size: guard, resizing, normalising."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.catalog import MAIN_FILE, ServableModel
from model_server.images import ImageHeader, decode_image, inspect_image
from model_server.items import Found, Item, warn
from model_server.runtime import Array, Runtime, load_runtime
from shared.contracts.model_server import ItemWarning

BYTES_PER_INPUT_PIXEL = 8 * 4 * 3
"""Bytes of the float input; layers need about eight times as much."""


@dataclass(frozen=True, slots=True)
class SeenImage:
    """An image whose header is in order."""

    item: Item
    header: ImageHeader


@dataclass(frozen=True, slots=True)
class Sheet:
    """An image at the size of the model.

    Args:
        pixels: float32, 3 x height x width, normalised.
        scale: Model pixels per image pixel, horizontal and vertical.
        offset: Model pixels left of and above the image.
    """

    pixels: Array
    scale: tuple[float, float]
    offset: tuple[float, float] = (0.0, 0.0)


class WholeImageModel:
    """Base of models that see each image whole; the subclass knows what the outputs mean.

    Args:
        model: Checked card and files.
        runtime: Runs its weights; its input is batch x 3 x height x width.

    Raises:
        ValueError: Neither the file nor the card says the size of the input.
    """

    min_side_px: ClassVar[int]
    enlarge_with: ClassVar[int] = cv2.INTER_LINEAR
    shrink_with: ClassVar[int] = cv2.INTER_AREA

    def __init__(self, model: ServableModel, runtime: Runtime) -> None:
        self.card = model.card
        self.runtime = runtime
        self.size = _input_size(runtime, model.card.input.size_px)

    @classmethod
    def open(cls, model: ServableModel, threads: int) -> Self:
        """Load the weights."""
        return cls(model, load_runtime(model.card, model.files[MAIN_FILE], threads))

    @property
    def turns_upright(self) -> bool:
        """Say whether the EXIF orientation is applied: to pages, never to aerial images."""
        return self.card.input.gsd_best_m is None

    def inspect(self, item: Item) -> SeenImage:
        """Check the header."""
        header = inspect_image(
            item.data,
            min_side_px=self.min_side_px,
            max_side_px=self.card.input.max_side_px,
            apply_orientation=self.turns_upright,
        )
        return SeenImage(item, header)

    def key(self, seen: SeenImage) -> Hashable:
        """All images have the same size in the end."""
        del seen
        return self.size

    def weigh_bytes(self, seen: SeenImage) -> int:
        """Return the bytes of the decoded image and of the run."""
        height, width = self.size
        return 3 * seen.header.width * seen.header.height + BYTES_PER_INPUT_PIXEL * height * width

    def most(self, key: Hashable) -> int:
        """Return the card's limit."""
        del key
        return self.card.limits.max_batch

    def load(self, seen: SeenImage) -> Sheet:
        """Decode, bring to size and normalise."""
        return self.place(decode_image(seen.item.data, seen.header, "rgb"))

    def place(self, pixels: NDArray[np.uint8]) -> Sheet:
        """Stretch an image to the size of the model.

        Args:
            pixels: height x width x 3.
        """
        height, width = self.size
        scale = (width / pixels.shape[1], height / pixels.shape[0])
        return Sheet(self.normalise(self.resize(pixels, width, height)), scale)

    def resize(self, pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
        """Return an image at another size."""
        shrinks = width * height < pixels.shape[0] * pixels.shape[1]
        interpolation = self.shrink_with if shrinks else self.enlarge_with
        resized = cv2.resize(pixels, (width, height), interpolation=interpolation)
        return np.asarray(resized, dtype=np.uint8)

    def normalise(self, pixels: NDArray[np.uint8]) -> Array:
        """Return `(pixel / 255 - mean) / std` as 3 x height x width."""
        mean = np.asarray(self.card.input.mean[:3], dtype=np.float32)
        std = np.asarray(self.card.input.std[:3], dtype=np.float32)
        scaled = (pixels.astype(np.float32) / 255 - mean) / std
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))

    def predict(self, key: Hashable, loaded: Sequence[Sheet]) -> list[dict[str, Array]]:
        """Run the model."""
        del key
        return self.runtime.predict([sheet.pixels for sheet in loaded])

    def finish(self, seen: SeenImage, loaded: Sheet, raw: dict[str, Array]) -> Found:
        """Put the outputs into the contract's form."""
        raise NotImplementedError

    def warm_up(self) -> None:
        """Run one empty image and check what comes back."""
        self.check(self.runtime.predict([np.zeros((3, *self.size), dtype=np.float32)])[0])

    def check(self, raw: dict[str, Array]) -> None:
        """Refuse outputs that the contract does not know; an empty image says no more than that.

        Raises:
            ValueError: Names or shapes are wrong.
        """
        raise NotImplementedError


def warn_about_frames(header: ImageHeader) -> tuple[ItemWarning, ...]:
    """Return a warning when only the first of several images in a file was looked at."""
    return (warn("mehrseitig", frames=header.frames),) if header.frames > 1 else ()


def _input_size(runtime: Runtime, size_px: int | None) -> tuple[int, int]:
    height, width = runtime.input_shape[2:]
    if height is not None and width is not None:
        return height, width
    if size_px is None:
        raise ValueError("neither the file nor the card says the size of the input")
    return size_px, size_px
