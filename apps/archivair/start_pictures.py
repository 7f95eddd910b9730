"""Picture for the start page of the kiosk, made from the sample page."""

from __future__ import annotations

import io

from PIL import Image

from apps.archivair.sample import render_sample
from shared.registry.start_pictures import StartPicture

WIDTH_PX, HEIGHT_PX = 1200, 840
JPEG_QUALITY = 80


def start_pictures() -> tuple[StartPicture, ...]:
    """Return the upper part of the invented building permit."""
    page = Image.fromarray(render_sample().image)
    height = round(page.width * HEIGHT_PX / WIDTH_PX)
    target = io.BytesIO()
    upper = page.crop((0, 0, page.width, height))
    upper.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.LANCZOS).save(
        target, "JPEG", quality=JPEG_QUALITY
    )
    return (
        StartPicture(
            target.getvalue(),
            "Oberer Teil eines erfundenen Bauscheins von 1958, mit der Maschine geschrieben",
            "Upper part of an invented building permit of 1958, typewritten",
        ),
    )
