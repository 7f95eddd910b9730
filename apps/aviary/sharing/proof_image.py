"""Cut out of an image what a shared recipe is tested with."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from apps.aviary.inputs.image_check import to_tiff
from apps.aviary.objects import Box
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions, read_resampled

LONGEST_ANSWER_BYTES = 16 * 2**20
"""See `shared.limited_reader`: room for one picture without loss, in base 64."""
SIDE_PX = 1024
MOST_PLACES = 200


def choose_box(width: int, height: int, finds: Sequence[Box]) -> Box:
    """Return the part of an image that shows most finds; without any its middle.

    Args:
        width: Columns of the image [px].
        height: Rows of the image [px].
        finds: Boxes of what was found [px]; the first ones are tried as middle.

    Returns:
        Left, upper, right, lower edge, whole pixels.
    """
    middles = [((one[0] + one[2]) / 2, (one[1] + one[3]) / 2) for one in finds[:MOST_PLACES]]
    places = [_around(x, y, width, height) for x, y in (*middles, (width / 2, height / 2))]
    # `max` takes the first of equals: the best find, and without any the middle of the image.
    return max(places, key=lambda place: sum(_holds(place, one) for one in finds))


def cut_proof_image(
    content: bytes, path: str, options: OpenOptions, box: Box, near_infrared: bool
) -> str:
    """Return a part of an image in base 64, in its own resolution and without its place.

    It is a PNG, or a TIFF where near infrared is kept.

    Args:
        content: All bytes of the image; empty where it lies on disk.
        path: Where it lies; empty where its bytes are given.
        options: How it is opened.
        box: The part [px].
        near_infrared: Keep near infrared as a fourth band.

    Raises:
        InputError: The image cannot be used; see `open_raster`.
    """
    options = replace(options, near_infrared=near_infrared)
    with open_raster(Path(path) if path else content, options=options) as source:
        left, upper, right, lower = box
        gsd_m, info = source.info.gsd_m, source.info
        scale_x = (info.pixel_width_m or 1.0) / (gsd_m or 1.0)
        scale_y = (info.pixel_height_m or 1.0) / (gsd_m or 1.0)
        size = round((right - left) * scale_x), round((lower - upper) * scale_y)
        patch = read_resampled(source, box, (max(1, size[0]), max(1, size[1])))
    if near_infrared:
        return base64.b64encode(to_tiff(patch)).decode("ascii")
    target = io.BytesIO()
    Image.fromarray(patch.rgb).save(target, "PNG")
    return base64.b64encode(target.getvalue()).decode("ascii")


def _around(x: float, y: float, width: int, height: int) -> Box:
    columns, rows = min(SIDE_PX, width), min(SIDE_PX, height)
    left = min(max(0, round(x - columns / 2)), width - columns)
    upper = min(max(0, round(y - rows / 2)), height - rows)
    return float(left), float(upper), float(left + columns), float(upper + rows)


def _holds(place: Box, find: Box) -> bool:
    return (
        place[0] <= find[0] and place[1] <= find[1] and find[2] <= place[2] and find[3] <= place[3]
    )
