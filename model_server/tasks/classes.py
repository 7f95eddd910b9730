"""A class for every pixel of aerial images, as a map or as probabilities.

Contract for weights (architecture `classes_onnx`): one input, float32, batch x bands x height x
width, normalised by the card. One output, float32, batch x classes x height / s x width / s, with
the card's `output_stride` s and its classes in order; it is named `logits` (softmax is applied
here) or anything else (it already holds probabilities). A further output `features`, batch x n,
gives the distance to the training images. Weights with an input of one fixed size take images up to
that size. The architecture `landcover_rules` keeps the same contract without weights.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.card import Card
from model_server.catalog import MAIN_FILE, ServableModel
from model_server.domain import FEATURES_OUTPUT
from model_server.images import ImageHeader, Valid
from model_server.items import Found, Item
from model_server.runtime import Array, Runtime, load_runtime
from model_server.tasks.aerial import AerialInput, Canvas
from model_server.tasks.landcover_rules import LandcoverRules
from model_server.tasks.probabilities import LOGITS_OUTPUT, as_probabilities
from shared.contracts.model_server import ClassesValue, ProbabilitiesValue, SegmentOptions

NO_DATA = 255
COMPRESSION = 1
"""Level of zlib and of PNG: the answer travels on the machine or a fast net."""


@dataclass(frozen=True, slots=True)
class SeenImage:
    """An image whose header is in order, and what is asked for."""

    item: Item
    header: ImageHeader
    options: SegmentOptions
    output: str


class ClassesModel:
    """Names what every pixel shows.

    Args:
        model: Checked card and files.
        runtime: Runs its weights or rules.

    Raises:
        ValueError: Card and weights do not belong together.
    """

    def __init__(self, model: ServableModel, runtime: Runtime) -> None:
        self.card = model.card
        self.runtime = runtime
        self._stride = model.card.input.output_stride
        self._input = AerialInput(model, runtime, step_px=self._stride)

    @classmethod
    def open(cls, model: ServableModel, threads: int) -> ClassesModel:
        """Load the weights, or the rules that need none."""
        if model.card.architecture == "landcover_rules":
            return cls(model, LandcoverRules(_codes(model.card), model.card.input.output_stride))
        return cls(model, load_runtime(model.card, model.files[MAIN_FILE], threads))

    def inspect(self, item: Item) -> SeenImage:
        """Check header and ground sampling distance."""
        options = cast(SegmentOptions, item.ticket.options)
        self._input.check_resolution(options.gsd_m)
        # A smaller image would have another resolution, so what does not fit is refused.
        most = None if self._input.fixed is None else min(self._input.fixed)
        header = self._input.inspect(item.data, most)
        return SeenImage(item, header, options, options.output or self.card.outputs[0])

    def key(self, seen: SeenImage) -> Hashable:
        """Images of one padded shape, the same bands and the same output run together."""
        return (seen.options.bands, seen.output, *self._input.canvas_size(seen.header))

    def weigh_bytes(self, seen: SeenImage) -> int:
        """Return the bytes of the float input, of its layers and of the probabilities."""
        height, width = self._input.canvas_size(seen.header)
        cells = height * width // self._stride**2
        probabilities = 4 * len(self.card.classes) * cells
        return self._input.weigh_bytes(seen.header, seen.options.bands) + probabilities

    def most(self, key: Hashable) -> int:
        """Return the card's limit."""
        del key
        return self.card.limits.max_batch

    def load(self, seen: SeenImage) -> Canvas:
        """Decode, normalise and pad by reflection."""
        return self._input.load(seen.item.data, seen.header, seen.options.bands)

    def predict(self, key: Hashable, loaded: Sequence[Canvas]) -> list[dict[str, Array]]:
        """Run the model."""
        del key
        return self.runtime.predict([canvas.pixels for canvas in loaded])

    def finish(self, seen: SeenImage, loaded: Canvas, raw: dict[str, Array]) -> Found:
        """Return the map or the probabilities of the image as sent, without its margin."""
        probabilities = self._probabilities(raw, loaded.pixels.shape)
        distance = self._input.distance(raw)
        warnings = self._input.warnings(seen.options.gsd_m, seen.header.frames, distance)
        write = self._map if seen.output == "classes" else self._compressed
        return Found(write(probabilities, seen.header, loaded.valid, distance), tuple(warnings))

    def warm_up(self) -> None:
        """Run one empty image for each set of bands and check what comes back."""
        for bands in self.card.bands:
            blank = self._input.blank(bands)
            raw = self.runtime.predict([blank])[0]
            self._probabilities(raw, blank.shape)
            self._input.distance(raw)

    def _probabilities(self, raw: Mapping[str, Array], canvas: tuple[int, ...]) -> Array:
        outputs = {name: value for name, value in raw.items() if name != FEATURES_OUTPUT}
        if len(outputs) != 1:
            raise ValueError(f"one output beside the features is needed, not {sorted(outputs)}")
        ((name, scores),) = outputs.items()
        height, width = canvas[1] // self._stride, canvas[2] // self._stride
        if scores.shape != (len(self.card.classes), height, width):
            raise ValueError(f"unexpected output shape {scores.shape}")
        return as_probabilities(scores, are_logits=name == LOGITS_OUTPUT)

    def _map(
        self, probabilities: Array, header: ImageHeader, valid: Valid | None, distance: float | None
    ) -> ClassesValue:
        places, best = best_classes(probabilities, self._stride)
        inside = np.s_[: header.height, : header.width]
        codes = np.array(_codes(self.card), dtype=np.uint8)[places[inside]]
        confidence = np.rint(best[inside] * 255).astype(np.uint8)
        if valid is not None:
            codes[~valid] = NO_DATA
            confidence[~valid] = 0
        counts = np.bincount(codes.ravel(), minlength=NO_DATA + 1)[:NO_DATA]
        return ClassesValue(
            width=header.width,
            height=header.height,
            stride=1,
            classes_png=_png(codes),
            confidence_png=_png(confidence),
            pixel_counts={str(code): int(counts[code]) for code in np.flatnonzero(counts)},
            domain_distance=distance,
        )

    def _compressed(
        self, probabilities: Array, header: ImageHeader, valid: Valid | None, distance: float | None
    ) -> ProbabilitiesValue:
        height, width = -(-header.height // self._stride), -(-header.width // self._stride)
        bytes_ = np.rint(probabilities[:, :height, :width] * 255).astype(np.uint8)
        if valid is not None:
            # Nothing is probable where nothing is shown; the map says 255 there.
            bytes_[:, ~_any_in_cell(valid, self._stride)] = 0
        return ProbabilitiesValue(
            width=header.width,
            height=header.height,
            stride=self._stride,
            class_codes=_codes(self.card),
            data=_text(zlib.compress(bytes_.tobytes(), COMPRESSION)),
            domain_distance=distance,
        )


def best_classes(probabilities: Array, stride: int) -> tuple[NDArray[np.uint8], Array]:
    """Return the place of the most probable class of each pixel and its probability.

    The probabilities are interpolated linearly between the centres of the cells; of equal classes
    the first wins. One class is enlarged at a time, so that memory does not grow with the classes.

    Args:
        probabilities: classes x height x width, 0 to 1.
        stride: Pixels per cell.
    """
    _, height, width = probabilities.shape
    size = (width * stride, height * stride)
    best = np.full((size[1], size[0]), -1, dtype=np.float32)
    places = np.zeros(best.shape, dtype=np.uint8)
    for place, layer in enumerate(probabilities):
        full = layer if stride == 1 else cv2.resize(layer, size, interpolation=cv2.INTER_LINEAR)
        better = full > best
        best[better] = full[better]
        places[better] = place
    return places, best


def _any_in_cell(valid: Valid, stride: int) -> Valid:
    """Return for every cell whether one of its pixels is valid."""
    height, width = valid.shape
    padded = np.pad(valid, ((0, -height % stride), (0, -width % stride)))
    cells = padded.reshape(padded.shape[0] // stride, stride, padded.shape[1] // stride, stride)
    return cast(Valid, cells.any(axis=(1, 3)))


def _codes(card: Card) -> list[int]:
    return [entry.code for entry in card.classes]


def _png(values: NDArray[np.uint8]) -> str:
    done, data = cv2.imencode(".png", values, [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION])
    if not done:
        raise ValueError("the map could not be written as PNG")
    return _text(data.tobytes())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
