"""Objects in aerial images: pad, run, decode boxes or outlines."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from model_server.catalog import MAIN_FILE, ServableModel
from model_server.domain import FEATURES_OUTPUT
from model_server.images import ImageHeader
from model_server.items import Found, Item, warn
from model_server.runtime import Array, Runtime, load_runtime
from model_server.tasks.aerial import AerialInput, Canvas
from model_server.tasks.yolo import Detection, decode_detections
from shared.contracts.model_server import Instance, InstancesValue, SegmentOptions


@dataclass(frozen=True, slots=True)
class SeenImage:
    """An image whose header is in order."""

    item: Item
    header: ImageHeader
    options: SegmentOptions


class SegmentModel:
    """Finds objects with a YOLO head.

    Args:
        model: Checked card and files.
        runtime: Runs its weights.
    """

    def __init__(self, model: ServableModel, runtime: Runtime) -> None:
        self.card = model.card
        self.runtime = runtime
        self._input = AerialInput(model, runtime)

    @classmethod
    def open(cls, model: ServableModel, threads: int) -> SegmentModel:
        """Load the weights."""
        return cls(model, load_runtime(model.card, model.files[MAIN_FILE], threads))

    def inspect(self, item: Item) -> SeenImage:
        """Check header and ground sampling distance."""
        options = cast(SegmentOptions, item.ticket.options)
        self._input.check_resolution(options.gsd_m)
        return SeenImage(item, self._input.inspect(item.data), options)

    def key(self, seen: SeenImage) -> Hashable:
        """Images of one padded shape and the same bands run together."""
        return (seen.options.bands, *self._input.canvas_size(seen.header))

    def weigh_bytes(self, seen: SeenImage) -> int:
        """Return the bytes of the float input and of its layers."""
        return self._input.weigh_bytes(seen.header, seen.options.bands)

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
        """Decode, drop duplicates and return to the pixels of the image as sent."""
        options, header = seen.options, seen.header
        found = self._decode(raw, options.min_score, loaded.pixels.shape)
        inside = [entry for entry in found if _has_centre_in(entry, header, loaded.scale)]
        kept = inside[: options.max_instances]
        distance = self._input.distance(raw)
        value = InstancesValue(
            width=header.width,
            height=header.height,
            domain_distance=distance,
            instances=[self._instance(entry, header, loaded.scale) for entry in kept],
        )
        warnings = self._input.warnings(options.gsd_m, header.frames, distance)
        if len(inside) > options.max_instances:
            warnings.append(warn("viele_objekte", limit=options.max_instances))
        return Found(value, tuple(warnings))

    def warm_up(self) -> None:
        """Run one empty image for each set of bands and check what comes back."""
        for bands in self.card.bands:
            blank = self._input.blank(bands)
            raw = self.runtime.predict([blank])[0]
            self._decode(raw, None, blank.shape)
            self._input.distance(raw)

    def _decode(
        self, raw: dict[str, Array], min_score: float | None, canvas: tuple[int, ...]
    ) -> list[Detection]:
        limits = self.card.limits
        return decode_detections(
            [output for name, output in raw.items() if name != FEATURES_OUTPUT],
            classes=len(self.card.classes),
            min_score=limits.min_score if min_score is None else min_score,
            nms_iou=limits.nms_iou,
            canvas=(canvas[1], canvas[2]),
        )

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
