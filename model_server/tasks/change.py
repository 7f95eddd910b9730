"""What happened between two aerial images of one building.

Contract for weights (architecture `pair_onnx`): one input, float32, batch x 2 * bands x height x
width, the image before and the image after stacked along the channels, both normalised by the card.
One output, batch x classes, in the order of the card's classes, named `logits` (softmax is applied
here) or anything else (it already holds probabilities). Further outputs `attribute_<key>`, batch or
batch x 1, each 0 to 1, become attributes; `features`, batch x n, gives the distance to the training
images.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from model_server.catalog import MAIN_FILE, ServableModel
from model_server.domain import FEATURES_OUTPUT
from model_server.images import Bands, ImageHeader, Pixels, decode_image
from model_server.items import Found, Item
from model_server.runtime import Array, Runtime, load_runtime
from model_server.tasks.aerial import AerialInput
from model_server.tasks.probabilities import LOGITS_OUTPUT, as_probabilities, as_unit
from shared.contracts.model_server import ChangeOptions, ChangeValue
from shared.errors import MaskInvalid, PairUnequal

MAX_SIDE_PX = 640
ATTRIBUTE_PREFIX = "attribute_"
MASK = 3
"""Place of the mask among the bands `rgbm`."""
OUTSIDE, INSIDE = 0, 255
DECIMALS = 6


@dataclass(frozen=True, slots=True)
class SeenPair:
    """Two images of one size whose headers are in order."""

    before: bytes
    after: bytes
    headers: tuple[ImageHeader, ImageHeader]
    options: ChangeOptions


class ChangeModel:
    """Compares pairs of images.

    Args:
        model: Checked card and files.
        runtime: Runs its weights.

    Raises:
        ValueError: Card and weights do not belong together.
    """

    def __init__(self, model: ServableModel, runtime: Runtime) -> None:
        self.card = model.card
        self.runtime = runtime
        self._input = AerialInput(model, runtime, images=2)
        if not self.card.classes:
            raise ValueError("a model for changes needs classes")

    @classmethod
    def open(cls, model: ServableModel, threads: int) -> ChangeModel:
        """Load the weights."""
        return cls(model, load_runtime(model.card, model.files[MAIN_FILE], threads))

    def inspect(self, item: Item) -> SeenPair:
        """Check headers, their equality and the ground sampling distance."""
        options = cast(ChangeOptions, item.ticket.options)
        self._input.check_resolution(options.gsd_m)
        if item.after is None:
            raise ValueError("an item of this task is a pair")
        first, second = (self._input.inspect(data, MAX_SIDE_PX) for data in (item.data, item.after))
        if (first.width, first.height) != (second.width, second.height):
            before, after = (f"{header.width} × {header.height}" for header in (first, second))
            raise PairUnequal(before=before, after=after)
        return SeenPair(item.data, item.after, (first, second), options)

    def key(self, seen: SeenPair) -> Hashable:
        """Pairs of one padded shape and the same bands run together."""
        return (seen.options.bands, *self._input.canvas_size(seen.headers[0]))

    def weigh_bytes(self, seen: SeenPair) -> int:
        """Return the bytes of the float input and of its layers."""
        return self._input.weigh_bytes(seen.headers[0], seen.options.bands)

    def most(self, key: Hashable) -> int:
        """Return the card's limit."""
        del key
        return self.card.limits.max_batch

    def load(self, seen: SeenPair) -> Array:
        """Return the pair as the model takes it, 2 * bands x height x width."""
        images = zip((seen.before, seen.after), seen.headers, strict=True)
        halves = [self._half(data, header, seen.options.bands) for data, header in images]
        return np.concatenate(halves)

    def predict(self, key: Hashable, loaded: Sequence[Array]) -> list[dict[str, Array]]:
        """Run the model."""
        del key
        return self.runtime.predict(loaded)

    def finish(self, seen: SeenPair, loaded: Array, raw: dict[str, Array]) -> Found:
        """Name the most probable change; of equal ones the first of the card."""
        del loaded
        probabilities, attributes = self._read(raw)
        distance = self._input.distance(raw)
        value = ChangeValue(
            label=max(probabilities, key=lambda label: probabilities[label]),
            probabilities=probabilities,
            attributes=attributes,
            domain_distance=distance,
        )
        frames = max(header.frames for header in seen.headers)
        return Found(value, tuple(self._input.warnings(seen.options.gsd_m, frames, distance)))

    def warm_up(self) -> None:
        """Run one empty pair for each set of bands and check what comes back."""
        for bands in self.card.bands:
            raw = self.runtime.predict([self._input.blank(bands)])[0]
            self._read(raw)
            self._input.distance(raw)

    def _half(self, data: bytes, header: ImageHeader, bands: Bands) -> Array:
        pixels = decode_image(data, header, bands)
        if bands == "rgbm":
            check_mask(pixels[..., MASK])
        padded, _ = self._input.lay_out(pixels, header)
        if bands == "rgbm":
            padded[..., MASK] = self._outline(pixels[..., MASK], padded.shape[:2])
        return self._input.normalise(padded)

    def _outline(self, mask: Pixels, canvas: tuple[int, ...]) -> Pixels:
        """Lay the mask onto the canvas: two values stay two, and no building in the margin."""
        height, width = mask.shape
        scale = min(1.0, canvas[0] / height, canvas[1] / width)
        size = (round(width * scale), round(height * scale))
        shrunk = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        outline = np.full(canvas, OUTSIDE, dtype=np.uint8)
        outline[: size[1], : size[0]] = shrunk
        return outline

    def _read(self, raw: Mapping[str, Array]) -> tuple[dict[str, float], dict[str, float]]:
        attributes = {
            name.removeprefix(ATTRIBUTE_PREFIX): round(as_unit(value), DECIMALS)
            for name, value in raw.items()
            if name.startswith(ATTRIBUTE_PREFIX)
        }
        scores = {
            name: value
            for name, value in raw.items()
            if name != FEATURES_OUTPUT and not name.startswith(ATTRIBUTE_PREFIX)
        }
        if len(scores) != 1:
            raise ValueError(f"one output with classes is needed, not {sorted(scores)}")
        ((name, values),) = scores.items()
        if values.shape != (len(self.card.classes),):
            raise ValueError(f"unexpected output shape {values.shape}")
        shares = as_probabilities(values, are_logits=name == LOGITS_OUTPUT).tolist()
        probabilities = {
            entry.key: round(share, DECIMALS)
            for entry, share in zip(self.card.classes, shares, strict=True)
        }
        return probabilities, attributes


def check_mask(mask: Pixels) -> None:
    """Refuse a mask with other values than 0 and 255.

    Raises:
        ItemError: With the number of such pixels.
    """
    wrong = int(((mask != OUTSIDE) & (mask != INSIDE)).sum())
    if wrong:
        raise MaskInvalid(pixels=wrong)
