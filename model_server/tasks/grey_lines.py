"""Read grey line crops with the own recogniser for Fraktur; imports no training library."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.runtime import Array, Runtime
from model_server.tasks.text_lines import LineText

HEIGHT_PX = 40
WIDTH_BUCKET_PX = 64
MIN_WIDTH_PX = 128
MAX_WIDTH_PX = 3072
ALPHABET_KEY = "alphabet"
"""Entry of the file's metadata: JSON list of symbols, first the blank, last the unknown one."""
BLANK = 0
_PAPER_PERCENT, _INK_PERCENT = 90, 1
_LEAST_CONTRAST = 40.0


def scaled_width(height: int, width: int) -> int:
    """Return the width in pixels of a crop that was scaled to `HEIGHT_PX`, at most the limit."""
    return min(max(1, round(HEIGHT_PX * width / height)), MAX_WIDTH_PX)


def bucket_width(height: int, width: int) -> int:
    """Return the padded width in pixels of a crop that was scaled to `HEIGHT_PX`."""
    padded = math.ceil(scaled_width(height, width) / WIDTH_BUCKET_PX) * WIDTH_BUCKET_PX
    return max(padded, MIN_WIDTH_PX)


def measure_ink(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much ink each pixel shows: about 0 is paper, about 1 full ink.

    Args:
        grey: Height x width. Faint print is stretched to full ink; an empty crop stays empty.
    """
    paper = float(np.percentile(grey, _PAPER_PERCENT))
    ink = float(np.percentile(grey, _INK_PERCENT))
    found = (paper - grey.astype(np.float32)) / max(paper - ink, _LEAST_CONTRAST)
    inked: NDArray[np.float32] = np.clip(found, -0.3, 1.3).astype(np.float32)
    return inked


def prepare_grey_crop(crop: NDArray[np.uint8]) -> Array:
    """Scale a crop to the reader's height and pad it with paper on the right.

    Args:
        crop: Height x width x 3, RGB, or height x width, grey.

    Returns:
        float32, 1 x 40 x bucket width; see `measure_ink`.
    """
    grey = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    size = (scaled_width(height, width), HEIGHT_PX)
    # Averaging keeps thin strokes when a crop is made smaller.
    way = cv2.INTER_AREA if height > HEIGHT_PX else cv2.INTER_CUBIC
    scaled = cv2.resize(grey, size, interpolation=way).astype(np.uint8)
    canvas = np.zeros((1, HEIGHT_PX, bucket_width(height, width)), dtype=np.float32)
    canvas[0, :, : size[0]] = measure_ink(scaled)
    return canvas


class GreyLineReader:
    """The recogniser with its alphabet.

    Args:
        runtime: Runs the weights; one output with log probabilities, columns x symbols.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._alphabet: list[str] = json.loads(runtime.metadata[ALPHABET_KEY])

    def read(self, crops: Sequence[Array]) -> list[LineText]:
        """Read prepared crops of one width."""
        raws = self._runtime.predict(crops)
        return [decode(next(iter(raw.values())), self._alphabet) for raw in raws]


def decode(logs: Array, alphabet: Sequence[str]) -> LineText:
    """Keep the best symbol per column, join repeats, drop blanks (greedy CTC decoding).

    A character's score is the highest probability within its run of columns. The unknown symbol,
    the last one, is never written.

    Args:
        logs: Log probabilities, columns x symbols.
        alphabet: Symbols in the order of the columns.
    """
    known = logs[:, : len(alphabet) - 1]
    best = known.argmax(axis=1)
    tops = known.max(axis=1)
    starts = np.flatnonzero(np.r_[True, best[1:] != best[:-1]]) if len(best) else np.zeros(0, int)
    peaks = np.maximum.reduceat(tops, starts) if len(starts) else tops
    letters: list[str] = []
    scores: list[float] = []
    for start, peak in zip(starts, peaks, strict=True):
        if best[start] != BLANK:
            letters.append(alphabet[best[start]])
            scores.append(round(min(1.0, math.exp(float(peak))), 5))
    return trim(letters, scores)


def trim(letters: Sequence[str], scores: Sequence[float]) -> LineText:
    """Return a line without spaces at its ends; each letter is one character."""
    text = "".join(letters)
    left = len(text) - len(text.lstrip())
    right = len(text.rstrip())
    return LineText(text.strip(), tuple(scores[left:right]))
