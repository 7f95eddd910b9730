"""Read line crops with a recogniser that scores each column (CTC)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.runtime import Array, Runtime

CROP_HEIGHT_PX = 48
WIDTH_BUCKET_PX = 64
MIN_WIDTH_PX = 320
MAX_WIDTH_PX = 4096
_BLANK = 0


@dataclass(frozen=True, slots=True)
class LineText:
    """What was read.

    Args:
        text: Characters in order; empty when nothing was read.
        scores: One score 0-1 per character.
    """

    text: str
    scores: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean score of the characters, 0 for an empty line."""
        return sum(self.scores) / len(self.scores) if self.scores else 0.0


def bucket_width(height: int, width: int) -> int:
    """Return the padded width of a crop in pixels after it was scaled to the reader's height."""
    scaled = math.ceil(CROP_HEIGHT_PX * width / height)
    padded = math.ceil(scaled / WIDTH_BUCKET_PX) * WIDTH_BUCKET_PX
    return min(max(padded, MIN_WIDTH_PX), MAX_WIDTH_PX)


def prepare_crop(crop: NDArray[np.uint8]) -> Array:
    """Scale a crop to the reader's height and pad it on the right.

    Args:
        crop: Height x width x 3, RGB.

    Returns:
        float32, 3 x 48 x bucket width, in -1 to 1; the margin is 0 as in training.
    """
    width = bucket_width(crop.shape[0], crop.shape[1])
    scaled_width = min(math.ceil(CROP_HEIGHT_PX * crop.shape[1] / crop.shape[0]), width)
    scaled = cv2.resize(crop, (scaled_width, CROP_HEIGHT_PX))
    canvas = np.zeros((3, CROP_HEIGHT_PX, width), dtype=np.float32)
    # The reader was trained on blue-green-red images.
    canvas[:, :, :scaled_width] = scaled[:, :, ::-1].transpose(2, 0, 1) / 127.5 - 1
    return canvas


class LineReader:
    """A recogniser with its alphabet.

    Args:
        runtime: Runs the weights; the alphabet stands in their metadata.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._alphabet = ["", *runtime.metadata["character"].splitlines(), " "]

    def read(self, crops: Sequence[Array]) -> list[LineText]:
        """Read prepared crops of one width."""
        raws = self._runtime.predict(crops)
        return [self._decode(next(iter(raw.values()))) for raw in raws]

    def read_each(self, crops: Sequence[NDArray[np.uint8]]) -> list[LineText]:
        """Read crops of any size one by one, so that no crop changes a neighbour's reading."""
        return [self.read([prepare_crop(crop)])[0] for crop in crops]

    def _decode(self, columns: Array) -> LineText:
        """Keep the best class per column, join repeats, drop blanks (greedy CTC decoding)."""
        best = columns.argmax(axis=1)
        scores = columns.max(axis=1)
        starts = np.ones(len(best), dtype=bool)
        starts[1:] = best[1:] != best[:-1]
        kept = np.flatnonzero(starts & (best != _BLANK))
        text = "".join(self._alphabet[best[column]] for column in kept)
        return LineText(text, tuple(round(float(min(1, scores[column])), 5) for column in kept))
