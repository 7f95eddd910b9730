"""Pictures for the start page of the kiosk, made from the painted example."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from apps.aviary.painted.sample import SampleScene, render_sample
from shared.registry.start_pictures import StartPicture

WIDTH_PX = 1200
JPEG_QUALITY = 80
OUTLINE, OUTLINE_PX = "#ffd400", 3


def start_pictures() -> tuple[StartPicture, ...]:
    """Return the neighbourhood as it is, and with every painted solar installation outlined."""
    scene = render_sample()
    return (
        StartPicture(
            _jpeg(Image.fromarray(scene.rgb)),
            "Luftbild einer erfundenen Nachbarschaft mit Häusern, Straßen und Bäumen",
            "Aerial image of an invented neighbourhood with houses, streets and trees",
        ),
        StartPicture(
            _jpeg(_outlined(scene)),
            "Dieselbe erfundene Nachbarschaft; jede Solaranlage ist gelb umrandet",
            "The same invented neighbourhood; each solar installation has a yellow outline",
        ),
    )


def _outlined(scene: SampleScene) -> Image.Image:
    image = Image.fromarray(scene.rgb)
    draw = ImageDraw.Draw(image)
    for one in scene.objects:
        corners = [(x, y) for x, y in one.polygon.exterior.coords]
        draw.line([*corners, corners[1]], fill=OUTLINE, width=OUTLINE_PX, joint="curve")
    return image


def _jpeg(image: Image.Image) -> bytes:
    height = round(image.height * WIDTH_PX / image.width)
    target = io.BytesIO()
    small = image.resize((WIDTH_PX, height), Image.Resampling.LANCZOS)
    small.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()
