"""Regions of pages: bring the page to the model's size, run, decode, return to the page."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from model_server.catalog import ServableModel
from model_server.images import ImageHeader
from model_server.items import Found
from model_server.runtime import Array, Runtime
from model_server.tasks.picodet import decode_picodet
from model_server.tasks.whole_image import SeenImage, Sheet, WholeImageModel, warn_about_frames
from model_server.tasks.yolo import Detection, decode_detections
from shared.contracts.model_server import LayoutOptions, LayoutRegion, LayoutValue

MIN_PAGE_SIDE_PX = 32
LETTERBOX_GREY = 114
"""The margin that YOLO models are trained with (ultralytics, `LetterBox`)."""


class LayoutModel(WholeImageModel):
    """Finds texts, titles, tables and pictures of a page.

    A PicoDet sees the page stretched to its input, a YOLO with its proportions and a grey margin;
    so they were trained.

    Args:
        model: Checked card and files.
        runtime: Runs its weights.
    """

    min_side_px = MIN_PAGE_SIDE_PX

    def __init__(self, model: ServableModel, runtime: Runtime) -> None:
        super().__init__(model, runtime)
        self._is_yolo = model.card.architecture == "yolo_layout"
        self._decode = decode_detections if self._is_yolo else decode_picodet

    @property
    def turns_upright(self) -> bool:
        """Pages are turned as their EXIF orientation says."""
        return True

    def place(self, pixels: NDArray[np.uint8]) -> Sheet:
        """Bring a page to the model's size."""
        if not self._is_yolo:
            return super().place(pixels)
        height, width = self.size
        scale = min(height / pixels.shape[0], width / pixels.shape[1])
        inner = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        canvas = np.full((height, width, 3), LETTERBOX_GREY, dtype=np.uint8)
        canvas[top : top + inner[1], left : left + inner[0]] = self.resize(pixels, *inner)
        real = inner[0] / pixels.shape[1], inner[1] / pixels.shape[0]
        return Sheet(self.normalise(canvas), real, (left, top))

    def finish(self, seen: SeenImage, loaded: Sheet, raw: dict[str, Array]) -> Found:
        """Decode, drop duplicates and return to the pixels of the page."""
        options = cast(LayoutOptions, seen.item.ticket.options)
        found = self._find(raw, options.min_score)
        regions = [self._region(entry, seen.header, loaded) for entry in found]
        value = LayoutValue(
            width=seen.header.width,
            height=seen.header.height,
            regions=[region for region in regions if _has_area(region)],
        )
        return Found(value, warn_about_frames(seen.header))

    def check(self, raw: dict[str, Array]) -> None:
        """See `WholeImageModel.check`."""
        self._find(raw, self.card.limits.min_score)

    def _find(self, raw: dict[str, Array], min_score: float) -> list[Detection]:
        return self._decode(
            list(raw.values()),
            classes=len(self.card.classes),
            min_score=min_score,
            nms_iou=self.card.limits.nms_iou,
            canvas=self.size,
        )

    def _region(self, found: Detection, header: ImageHeader, sheet: Sheet) -> LayoutRegion:
        corners = np.reshape(found.box, (2, 2))
        on_page = (corners - np.asarray(sheet.offset)) / np.asarray(sheet.scale)
        clipped = np.clip(on_page, 0, [header.width, header.height]).round(2)
        (left, top), (right, bottom) = clipped.tolist()
        return LayoutRegion(
            class_key=self.card.classes[found.class_index].key,
            score=found.score,
            box=(left, top, right, bottom),
        )


def _has_area(region: LayoutRegion) -> bool:
    """Drop what was found in the margin only."""
    left, top, right, bottom = region.box
    return right > left and bottom > top
