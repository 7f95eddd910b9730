"""Objects in aerial images: pad, run, decode boxes or outlines."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.catalog import DOMAIN_FILE, MAIN_FILE, ServableModel
from model_server.domain import FEATURES_OUTPUT, Domain
from model_server.images import Bands, ImageHeader, decode_image, inspect_image
from model_server.items import Found, Item, warn
from model_server.runtime import Array, OnnxRuntime, Runtime
from model_server.tasks.yolo import Detection, decode_detections
from shared.contracts.model_server import (
    Instance,
    InstancesValue,
    ItemWarning,
    SegmentOptions,
)
from shared.errors import ResolutionMissing, ResolutionUnsuitable

MIN_SIDE_PX = 32
SHAPE_BUCKET_PX = 64
GSD_TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class SeenImage:
    """An image whose header is in order."""

    item: Item
    header: ImageHeader
    options: SegmentOptions


@dataclass(frozen=True, slots=True)
class Canvas:
    """An image laid onto the model's input.

    Args:
        pixels: float32, bands x height x width, normalised.
        scale: Model pixels per image pixel; 1 unless the model's input is smaller than the image.
    """

    pixels: Array
    scale: float


class SegmentModel:
    """Finds objects with a YOLO head.

    Args:
        model: Checked card and files.
        runtime: Runs its weights.
    """

    def __init__(self, model: ServableModel, runtime: Runtime) -> None:
        self.card = model.card
        self.runtime = runtime
        self._fixed = _fixed_size(runtime.input_shape)
        statistics = model.files.get(DOMAIN_FILE)
        self._domain = None if statistics is None else Domain.load(statistics)

    @classmethod
    def open(cls, model: ServableModel, threads: int) -> SegmentModel:
        """Load the weights."""
        return cls(model, OnnxRuntime.load(model.files[MAIN_FILE], threads))

    def inspect(self, item: Item) -> SeenImage:
        """Check header and ground sampling distance."""
        options = cast(SegmentOptions, item.ticket.options)
        self._check_resolution(options.gsd_m)
        header = inspect_image(
            item.data,
            min_side_px=MIN_SIDE_PX,
            max_side_px=self.card.input.max_side_px,
            apply_orientation=False,
        )
        return SeenImage(item, header, options)

    def key(self, seen: SeenImage) -> Hashable:
        """Images of one padded shape and the same bands run together."""
        return (seen.options.bands, *self._canvas_size(seen.header))

    def weigh_bytes(self, seen: SeenImage) -> int:
        """Return the bytes of the float input; layers need about eight times as much."""
        height, width = self._canvas_size(seen.header)
        return 8 * 4 * 3 * height * width

    def most(self, key: Hashable) -> int:
        """Return the card's limit."""
        del key
        return self.card.limits.max_batch

    def load(self, seen: SeenImage) -> Canvas:
        """Decode, normalise and pad by reflection."""
        bands: Bands = seen.options.bands
        pixels = decode_image(seen.item.data, seen.header, bands)
        height, width = self._canvas_size(seen.header)
        scale = min(1.0, height / pixels.shape[0], width / pixels.shape[1])
        if scale < 1:
            size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        missing = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
        padded = np.pad(pixels, missing, mode="reflect")
        return Canvas(self._normalise(padded), scale)

    def predict(self, key: Hashable, loaded: Sequence[Canvas]) -> list[dict[str, Array]]:
        """Run the model."""
        del key
        return self.runtime.predict([canvas.pixels for canvas in loaded])

    def finish(self, seen: SeenImage, loaded: Canvas, raw: dict[str, Array]) -> Found:
        """Decode, drop duplicates and return to the pixels of the image as sent."""
        options, header, limits = seen.options, seen.header, self.card.limits
        features = raw.get(FEATURES_OUTPUT)
        found = decode_detections(
            [output for name, output in raw.items() if name != FEATURES_OUTPUT],
            classes=len(self.card.classes),
            min_score=limits.min_score if options.min_score is None else options.min_score,
            nms_iou=limits.nms_iou,
            canvas=(loaded.pixels.shape[1], loaded.pixels.shape[2]),
        )
        inside = [entry for entry in found if _has_centre_in(entry, header, loaded.scale)]
        kept = inside[: options.max_instances]
        distance = None
        if self._domain is not None and features is not None:
            distance = self._domain.distance(features)
        value = InstancesValue(
            width=header.width,
            height=header.height,
            domain_distance=distance,
            instances=[self._instance(entry, header, loaded.scale) for entry in kept],
        )
        return Found(value, self._warnings(seen, len(inside), distance))

    def warm_up(self) -> None:
        """Run one empty image."""
        height, width = self._fixed or (64, 64)
        self.runtime.predict([np.zeros((3, height, width), dtype=np.float32)])

    def _check_resolution(self, gsd_m: float | None) -> None:
        limits = self.card.input
        if limits.gsd_min_m is None or limits.gsd_max_m is None:
            return
        if gsd_m is None:
            raise ResolutionMissing()
        if not limits.gsd_min_m <= gsd_m <= limits.gsd_max_m:
            raise ResolutionUnsuitable(
                found=gsd_m, minimum=limits.gsd_min_m, maximum=limits.gsd_max_m
            )

    def _canvas_size(self, header: ImageHeader) -> tuple[int, int]:
        if self._fixed is not None:
            return self._fixed
        step = math.lcm(SHAPE_BUCKET_PX, self.card.input.size_multiple)
        return _ceil_to(header.height, step), _ceil_to(header.width, step)

    def _normalise(self, pixels: NDArray[np.uint8]) -> Array:
        mean = np.asarray(self.card.input.mean, dtype=np.float32)
        std = np.asarray(self.card.input.std, dtype=np.float32)
        scaled = (pixels.astype(np.float32) / 255 - mean) / std
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))

    def _instance(self, found: Detection, header: ImageHeader, scale: float) -> Instance:
        box = _clip(np.asarray(found.box).reshape(2, 2) / scale, header)
        (left, top), (right, bottom) = box.tolist()
        polygon = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        if found.outline is not None:
            polygon = _clip(found.outline / scale, header)
        points = [(float(x), float(y)) for x, y in polygon.tolist()]
        return Instance(
            class_key=self.card.classes[found.class_index].key,
            score=found.score,
            box=(left, top, right, bottom),
            polygon=points,
            area_px=_area(polygon),
        )

    def _warnings(
        self, seen: SeenImage, found: int, distance: float | None
    ) -> tuple[ItemWarning, ...]:
        warnings = []
        best, gsd_m = self.card.input.gsd_best_m, seen.options.gsd_m
        if best is not None and gsd_m is not None and abs(gsd_m / best - 1) > GSD_TOLERANCE:
            warnings.append(warn("aufloesung_abweichend", found=gsd_m, best=best))
        if seen.header.frames > 1:
            warnings.append(warn("mehrseitig", frames=seen.header.frames))
        domain = self.card.domain
        if domain is not None and distance is not None and distance > domain.distance_p99:
            warnings.append(
                warn(
                    "domain_shift", distance=round(distance, 1), usual=round(domain.distance_p99, 1)
                )
            )
        if found > seen.options.max_instances:
            warnings.append(warn("viele_objekte", limit=seen.options.max_instances))
        return tuple(warnings)


def _fixed_size(shape: tuple[int | None, ...]) -> tuple[int, int] | None:
    height, width = shape[2], shape[3]
    return None if height is None or width is None else (height, width)


def _ceil_to(value: int, step: int) -> int:
    return -(-value // step) * step


def _has_centre_in(found: Detection, header: ImageHeader, scale: float) -> bool:
    """Drop what was found in the mirrored margin only."""
    left, top, right, bottom = found.box
    x, y = (left + right) / 2 / scale, (top + bottom) / 2 / scale
    return 0 <= x < header.width and 0 <= y < header.height


def _clip(points: Array, header: ImageHeader) -> Array:
    return np.clip(points, 0, [header.width, header.height]).round(2)


def _area(polygon: Array) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
