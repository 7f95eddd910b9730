"""The part of a page where a value stands, upright, with the value outlined."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from apps.archivair.batch.contents import BoxPx
from apps.archivair.kept_page import KeptPage
from apps.archivair.upright import JPEG_QUALITY, upright_corners, upright_size

MARK = (194, 65, 12)
_LEAST_WIDTH_SHARE = 0.55
_LINES_AROUND = 4.0
_GAP_LINES = 0.35
_LEAST_AROUND_PX = 40.0
SHOWN_WIDTH_PX = 1_100
_MOST_ENLARGED = 2.5
FULL_DEG = 360


def draw_field(page: KeptPage, box: BoxPx, turn_deg: int = 0) -> bytes:
    """Cut out the surroundings of a value and outline it.

    Args:
        page: The page; its picture is upright by its reading.
        box: Place of the value in pixels of the delivered page image.
        turn_deg: Clockwise turn that a person added: 0, 90, 180 or 270.

    Returns:
        JPEG, at most `SHOWN_WIDTH_PX` pixels wide unless the part itself is wider.
    """
    with Image.open(io.BytesIO(page.picture)) as opened:
        picture = opened.convert("RGB")
    place = _on_picture(page, box, picture.size)
    left, top, right, bottom = _around(place, picture.size)
    part = picture.crop((left, top, right, bottom))
    scale = max(1.0, min(_MOST_ENLARGED, SHOWN_WIDTH_PX / part.width))
    part = part.resize(
        (round(part.width * scale), round(part.height * scale)), Image.Resampling.LANCZOS
    )
    gap = _GAP_LINES * min(place[3] - place[1], place[2] - place[0])
    outline = (
        max(0.0, (place[0] - left - gap) * scale),
        max(0.0, (place[1] - top - gap) * scale),
        min(part.width - 1.0, (place[2] - left + gap) * scale),
        min(part.height - 1.0, (place[3] - top + gap) * scale),
    )
    ImageDraw.Draw(part).rectangle(outline, outline=MARK, width=3)
    if turn_deg % FULL_DEG:
        part = part.rotate(-turn_deg, expand=True)
    target = io.BytesIO()
    part.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def _on_picture(page: KeptPage, box: BoxPx, size: tuple[int, int]) -> BoxPx:
    """Carry a box from the delivered page to its upright picture; never thinner than a pixel."""
    x0, y0, x1, y1 = box
    corners = upright_corners(((x0, y0), (x1, y1)), page.reading)
    width, height = upright_size(page.reading)
    across = sorted(x * size[0] / width for x, _ in corners)
    down = sorted(y * size[1] / height for _, y in corners)
    left = min(max(across[0], 0.0), size[0] - 1.0)
    top = min(max(down[0], 0.0), size[1] - 1.0)
    right = min(max(across[1], left + 1), float(size[0]))
    bottom = min(max(down[1], top + 1), float(size[1]))
    return left, top, right, bottom


def _around(place: BoxPx, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the part to cut out: some lines above and below, and much of the width."""
    left, top, right, bottom = place
    more = max(_LINES_AROUND * min(bottom - top, right - left), _LEAST_AROUND_PX)
    missing = max(0.0, _LEAST_WIDTH_SHARE * size[0] - (right - left) - 2 * more) / 2
    start = left - more - missing
    # A value at the edge gets its surroundings from the other side.
    start = max(0.0, min(start, size[0] - (right - left) - 2 * (more + missing)))
    end = start + (right - left) + 2 * (more + missing)
    return (
        int(start),
        int(max(0.0, top - more)),
        min(size[0], round(end)),
        min(size[1], round(bottom + more)),
    )
