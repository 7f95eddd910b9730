"""Text of line crops with an own recogniser of grey lines; such a model reads no whole pages.

Contract for weights (architecture `ctc_lines`): one input, float32, batch x 1 x 40 x width, see
`grey_lines.measure_ink`; one output, log probabilities, batch x columns x symbols. The metadata
hold the alphabet, a JSON list: first the blank, last the symbol for unknown characters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_server.catalog import MAIN_FILE, ServableModel
from model_server.images import ImageHeader, decode_image, inspect_image
from model_server.items import Found, Item, warn
from model_server.runtime import Runtime, load_runtime
from model_server.tasks.grey_lines import (
    HEIGHT_PX,
    GreyLineReader,
    bucket_width,
    prepare_grey_crop,
)
from model_server.tasks.text_lines import LineText
from shared.contracts.model_server import CharScore, ItemWarning, OcrLineValue

MIN_CROP_SIDE_PX = 4
MAX_CROP_SIDE_PX = 8000
_BYTES_PER_PIXEL = 400
"""What the network's feature maps take per pixel of the scaled crop."""


@dataclass(frozen=True, slots=True)
class SeenCrop:
    """A crop whose header is in order."""

    item: Item
    header: ImageHeader


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A crop as read and the milliseconds its share of the batch took."""

    text: LineText
    milliseconds: float


class LineOcrModel:
    """Reads crops of one line.

    Args:
        model: Checked card.
        reader: Runs the recogniser.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        model: ServableModel,
        reader: Runtime,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.card = model.card
        self.runtime = reader
        self._reader = GreyLineReader(reader)
        self._clock = clock

    @classmethod
    def open(cls, model: ServableModel, threads: int) -> LineOcrModel:
        """Load the weights."""
        return cls(model, load_runtime(model.card, model.files[MAIN_FILE], threads))

    def inspect(self, item: Item) -> SeenCrop:
        """Check the header."""
        header = inspect_image(
            item.data,
            min_side_px=MIN_CROP_SIDE_PX,
            max_side_px=MAX_CROP_SIDE_PX,
            apply_orientation=True,
        )
        return SeenCrop(item, header)

    def key(self, seen: SeenCrop) -> Hashable:
        """Crops of one padded width run together."""
        return bucket_width(seen.header.height, seen.header.width)

    def weigh_bytes(self, seen: SeenCrop) -> int:
        """Return the bytes of the decoded crop and of the network's feature maps."""
        decoded = 3 * seen.header.width * seen.header.height
        padded = HEIGHT_PX * bucket_width(seen.header.height, seen.header.width)
        return decoded + padded * _BYTES_PER_PIXEL

    def most(self, key: Hashable) -> int:
        """Return the card's limit."""
        del key
        return self.card.limits.max_batch

    def load(self, seen: SeenCrop) -> NDArray[np.uint8]:
        """Decode."""
        return decode_image(seen.item.data, seen.header, "rgb")

    def predict(self, key: Hashable, loaded: Sequence[NDArray[np.uint8]]) -> Sequence[ReadLine]:
        """Read crops together."""
        del key
        start = self._clock()
        texts = self._reader.read([prepare_grey_crop(crop) for crop in loaded])
        share_ms = (self._clock() - start) * 1000 / len(loaded)
        return [ReadLine(text, share_ms) for text in texts]

    def finish(self, seen: SeenCrop, loaded: NDArray[np.uint8], raw: ReadLine) -> Found:
        """Put a line into the contract's form."""
        del loaded
        return Found(line_value(raw), frame_warnings(seen.header))

    def warm_up(self) -> None:
        """Read one white crop."""
        self._reader.read([prepare_grey_crop(np.full((HEIGHT_PX, 320), 255, dtype=np.uint8))])


def line_value(read: ReadLine) -> OcrLineValue:
    """Return a read crop in the contract's form."""
    return OcrLineValue(
        text=read.text.text,
        score=read.text.score,
        characters=score_characters(read.text),
        ms=round(read.milliseconds, 2),
    )


def score_characters(text: LineText) -> list[CharScore]:
    """Return the characters of a line in the contract's form."""
    return [
        CharScore(char=char, score=score)
        for char, score in zip(text.text, text.scores, strict=True)
    ]


def frame_warnings(header: ImageHeader) -> tuple[ItemWarning, ...]:
    """Return the warning that further frames of a file were not read."""
    return (warn("mehrseitig", frames=header.frames),) if header.frames > 1 else ()
