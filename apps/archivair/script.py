"""Tell typewriter from print by the one thing a typewriter cannot do: change its pitch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

Script = Literal["antiqua", "typewriter"]
ScriptChoice = Literal["auto", "antiqua", "typewriter"]

MIN_CHARACTERS = 15
MIN_LINES = 3
MAX_PITCH_SPREAD = 0.022


def detect_script(widths_px: Sequence[float], texts: Sequence[str]) -> Script:
    """Decide between print (antiqua) and typewriter.

    On a typewriter every character advances the carriage by the same step, so width divided by
    number of characters is the same in all lines, whatever the text; in print it varies with the
    letters by some per cent.

    Args:
        widths_px: Width of the ink of each line piece in pixels.
        texts: What was read in it.

    Returns:
        "antiqua" also when there is too little text to tell.
    """
    return "typewriter" if pitch_spread(widths_px, texts) <= MAX_PITCH_SPREAD else "antiqua"


def pitch_spread(widths_px: Sequence[float], texts: Sequence[str]) -> float:
    """Return the spread of the character pitch between lines as a share of the pitch.

    Args:
        widths_px: Width of the ink of each line piece in pixels.
        texts: What was read in it.

    Returns:
        1.4826 times the median absolute deviation over the median; 1 when fewer than three lines
        are long enough.
    """
    pitches = np.array(
        [
            # The last character has no blank after it: about a quarter of a step is missing.
            width / (len(text) - 0.25)
            for width, text in zip(widths_px, texts, strict=True)
            if len(text) >= MIN_CHARACTERS
        ]
    )
    if len(pitches) < MIN_LINES:
        return 1.0
    middle = float(np.median(pitches))
    return float(1.4826 * np.median(np.abs(pitches - middle)) / middle)
