"""Signs that show in a picture what was decided about a find, so that no colour has to."""

from __future__ import annotations

import math
from typing import Final

from apps.aviary.review import ACCEPTED, REJECTED, UNCLEAR

Point = tuple[float, float]
Line = tuple[Point, ...]

SIGN_SHARE: Final = 0.6
"""Part of the smaller side of a find's box that its sign takes."""
_TICK: Line = ((0.1, 0.55), (0.4, 0.85), (0.9, 0.15))
_CROSS: tuple[Line, ...] = (((0.1, 0.1), (0.9, 0.9)), ((0.9, 0.1), (0.1, 0.9)))
_HOOK: Line = (
    *((0.5 - 0.28 * math.cos(a), 0.3 - 0.25 * math.sin(a)) for a in (0.0, 0.8, 1.57, 2.4, 3.14)),
    (0.62, 0.5),
    (0.5, 0.58),
    (0.5, 0.72),
)
_DOT: Line = ((0.5, 0.86), (0.5, 0.96))
SIGNS: Final[dict[str, tuple[Line, ...]]] = {
    ACCEPTED: (_TICK,),
    REJECTED: _CROSS,
    UNCLEAR: (_HOOK, _DOT),
}
"""Lines of each sign in a square of side 1, x right, y down: tick, cross, question mark."""


def sign_lines(verdict: str | None, box: tuple[float, float, float, float]) -> tuple[Line, ...]:
    """Return the lines of a sign in the middle of a find.

    Args:
        verdict: What was decided; None and other words have no sign.
        box: Left, upper, right, lower edge of the find [px].
    """
    left, upper, right, lower = box
    side = SIGN_SHARE * min(right - left, lower - upper)
    x0, y0 = (left + right - side) / 2, (upper + lower - side) / 2
    return tuple(
        tuple((x0 + x * side, y0 + y * side) for x, y in line)
        for line in SIGNS.get(verdict or "", ())
    )


def sign_rings(verdict: str | None, box: tuple[float, float, float, float]) -> tuple[Line, ...]:
    """Return the same lines there and back: closed rings without any area, for maps of polygons.

    Args:
        verdict: See `sign_lines`.
        box: See `sign_lines`.
    """
    return tuple((*line, *reversed(line[:-1])) for line in sign_lines(verdict, box))
