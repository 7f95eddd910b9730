"""Which way up a page lies: lying or standing lines first, then what reads better."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from apps.archivair.clean import Gray
from apps.archivair.lines import TextBox
from apps.archivair.recognise import Candidate

STANDING_RATIO = 1.5
MIN_STANDING_SHARE = 0.6
PROBES = 5
MORE_PROBES = 10
SURE_UPRIGHT = 0.93
CLEAR_MARGIN = 0.1
PROBE_WIDTH_HEIGHTS = 14

Read = Callable[[Sequence[Gray]], list[Candidate]]


def stands_on_side(polygons: Sequence[tuple[NDArray[np.float64], float]]) -> bool:
    """Say whether most of the text's area runs from top to bottom.

    Args:
        polygons: Corners and score of each piece of text.
    """
    standing = total = 0.0
    for polygon, _ in polygons:
        width, height = np.ptp(polygon[:, 0]), np.ptp(polygon[:, 1])
        total += float(width * height)
        if height > STANDING_RATIO * width:
            standing += float(width * height)
    return total > 0 and standing / total >= MIN_STANDING_SHARE


def is_upside_down(boxes: Sequence[TextBox], cut: Callable[[TextBox], Gray], read: Read) -> bool:
    """Read parts of a few lines both ways up and keep the way that reads better.

    A page that reads surely as it lies costs no second reading.

    Args:
        boxes: Pieces of text.
        cut: Cuts a piece out of the page.
        read: Reads crops.
    """
    ranked = sorted(boxes, key=_worth, reverse=True)[:MORE_PROBES]
    crops = [cut(_shortened(box)) for box in ranked]
    upright = turned = 0.0
    count = 0
    for part in (crops[:PROBES], crops[PROBES:]):
        if not part:
            break
        upright += sum(_legibility(one) for one in read(part))
        count += len(part)
        if upright >= SURE_UPRIGHT * count:
            return False
        turned += sum(
            _legibility(one)
            for one in read([np.ascontiguousarray(crop[::-1, ::-1]) for crop in part])
        )
        if abs(upright - turned) >= CLEAR_MARGIN * count:
            break
    return turned > upright


def _legibility(candidate: Candidate) -> float:
    """Return the mean score, counting letters and digits only: noise reads as signs."""
    letters = sum(char.isalnum() for char in candidate.text)
    return candidate.score if letters >= 3 else 0.0


def _worth(box: TextBox) -> float:
    """Rank pieces for probing: sure and long."""
    return box.score * min(box.width / max(box.height, 1.0), PROBE_WIDTH_HEIGHTS)


def _shortened(box: TextBox) -> TextBox:
    """Return the first part of a long piece; that is enough to see which way up it is."""
    right = min(box.right, box.left + PROBE_WIDTH_HEIGHTS * box.height)
    part = (right - box.left) / max(box.width, 1.0)
    shift = box.slope * box.width * (part - 1) / 2
    return TextBox(box.left, box.top + shift, right, box.bottom + shift, box.slope, box.score)
