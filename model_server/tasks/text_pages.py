"""Find the lines of a page, its orientation and its reading order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr.ch_ppocr_det.utils import DBPostProcess
from rapidocr.utils.process_img import get_rotate_crop_image

from model_server.runtime import Array, Runtime
from model_server.tasks.ink import ink_patches
from model_server.tasks.reading_order import LineBox, in_reading_order
from model_server.tasks.text_lines import LineText

MAX_SIDE_PX = 2000
MIN_SIDE_PX = 736
DETECTOR_STEP_PX = 32
PROBES = 3
MORE_PROBES = 9
CLEAR_MARGIN = 0.15
STANDING_RATIO = 1.5
MIN_STANDING_SHARE = 0.6
_CORNERS = 4

Read = Callable[[Sequence[NDArray[np.uint8]]], list[LineText]]


@dataclass(frozen=True, slots=True)
class PageLine:
    """One line as found.

    Args:
        polygon: 4 x 2 corners in pixels of the page as looked at, clockwise from the upper left.
        score: Score of the detector, 0 to 1.
    """

    polygon: Array
    score: float


class LineFinder:
    """A detector with the settings and the box building of the rapidocr package.

    Args:
        runtime: Runs the detector's weights.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._boxes = DBPostProcess(
            thresh=0.3, box_thresh=0.5, max_candidates=1000, unclip_ratio=1.6, use_dilation=True
        )

    def find(self, page: NDArray[np.uint8]) -> list[PageLine]:
        """Return the lines of a page (height x width x 3, RGB) in no particular order.

        On an almost empty page the detector overlooks single lines, because it weighs the whole
        page. If it finds nothing, it looks at each patch of ink by itself.
        """
        lines = self._look(page)
        if lines:
            return lines
        for left, top, right, bottom in ink_patches(page):
            offset = np.array([left, top])
            lines += [
                PageLine(line.polygon + offset, line.score)
                for line in self._look(np.ascontiguousarray(page[top:bottom, left:right]))
            ]
        return lines

    def _look(self, page: NDArray[np.uint8]) -> list[PageLine]:
        canvas = _detector_input(page)
        heat = next(iter(self._runtime.predict([canvas])[0].values()))
        boxes, scores = self._boxes(heat[np.newaxis], page.shape[:2])
        return [
            PageLine(np.asarray(box, dtype=np.float64).reshape(_CORNERS, 2), float(score))
            for box, score in zip(boxes, scores, strict=True)
        ]


def cut_line(page: NDArray[np.uint8], line: PageLine) -> NDArray[np.uint8]:
    """Return the crop of a line, straightened."""
    crop = get_rotate_crop_image(page, line.polygon.astype(np.float32))
    return np.ascontiguousarray(crop, dtype=np.uint8)


def stands_on_side(lines: Sequence[PageLine]) -> bool:
    """Say whether most of the text's area runs from top to bottom."""
    standing = total = 0.0
    for line in lines:
        width, height = _sides(line)
        total += width * height
        if height > STANDING_RATIO * width:
            standing += width * height
    return total > 0 and standing / total >= MIN_STANDING_SHARE


def is_upside_down(page: NDArray[np.uint8], lines: Sequence[PageLine], read: Read) -> bool:
    """Read a few sure lines both ways up and keep the way that reads better.

    Args:
        page: The page as looked at, lines lying.
        lines: Its lines.
        read: Reads crops.
    """
    crops = [cut_line(page, line) for line in sorted(lines, key=_worth, reverse=True)[:MORE_PROBES]]
    upright = turned = 0.0
    for start, end in ((0, PROBES), (PROBES, MORE_PROBES)):
        for crop in crops[start:end]:
            upside_down = np.ascontiguousarray(np.rot90(crop, 2))
            upright += read([crop])[0].score
            turned += read([upside_down])[0].score
        if abs(upright - turned) >= CLEAR_MARGIN * min(end, len(crops)):
            break
    return turned > upright


def turn_points(points: Array, turns: int, width: int, height: int) -> Array:
    """Return where points lie after the page was turned clockwise.

    Args:
        points: n x 2 in pixels of the page before turning.
        turns: Number of quarter turns clockwise.
        width: Width of the page before turning, in pixels.
        height: Height of the page before turning, in pixels.
    """
    for _ in range(turns % 4):
        points = np.stack([height - points[:, 1], points[:, 0]], axis=1)
        width, height = height, width
    return points


def order_lines(lines: Sequence[PageLine]) -> list[PageLine]:
    """Return lines in reading order."""
    boxes = [
        LineBox(place, *line.polygon.min(axis=0).tolist(), *line.polygon.max(axis=0).tolist())
        for place, line in enumerate(lines)
    ]
    return [lines[place] for place in in_reading_order(boxes)]


def turn_page(
    page: NDArray[np.uint8], lines: Sequence[PageLine]
) -> tuple[NDArray[np.uint8], list[PageLine]]:
    """Turn a page and its lines upside down."""
    height, width = page.shape[:2]
    turned = [
        # The corner that was lower right is the upper left one now.
        PageLine(np.roll(turn_points(line.polygon, 2, width, height), 2, axis=0), line.score)
        for line in lines
    ]
    return np.ascontiguousarray(np.rot90(page, 2)), turned


def _sides(line: PageLine) -> tuple[float, float]:
    corners = line.polygon
    width = float(np.linalg.norm(corners[1] - corners[0]))
    height = float(np.linalg.norm(corners[3] - corners[0]))
    return width, height


def _worth(line: PageLine) -> float:
    """Rank lines for probing: sure and long, so that a stroke or stamp does not decide."""
    width, height = _sides(line)
    return line.score * min(width / max(height, 1.0), 12.0)


def _detector_input(page: NDArray[np.uint8]) -> Array:
    """Scale a page for the detector: float32, 3 x height x width, -1 to 1."""
    height, width = page.shape[:2]
    ratio = max(1.0, MIN_SIDE_PX / min(height, width))
    ratio = min(ratio, MAX_SIDE_PX / max(height, width))
    size = [
        max(1, round(side * ratio / DETECTOR_STEP_PX)) * DETECTOR_STEP_PX
        for side in (width, height)
    ]
    smooth = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    small = cv2.resize(page, (size[0], size[1]), interpolation=smooth)
    # The detector was trained on blue-green-red images.
    canvas: Array = small[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    canvas /= 127.5
    canvas -= 1
    return canvas
