"""Pictures for the start page of the kiosk: a rendered scene, and what lies there."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from apps.musterstadt.pictures import colours
from shared.demo_city import SceneSettings, render_scene
from shared.registry.start_pictures import StartPicture

SEED = 950_021
GSD_M = 0.15
SIZE_PX = 900
SHOWN_PX = (900, 600)
JPEG_QUALITY = 78


def start_pictures() -> tuple[StartPicture, ...]:
    """Return a piece of an invented town as an aerial image, and as a map of the ground."""
    scene = render_scene(SceneSettings(SEED, "test", GSD_M, SIZE_PX))
    window = scene.window
    return (
        StartPicture(
            _jpeg(window.rgbi[..., :3]),
            "Luftbild einer erfundenen Siedlung mit Häusern, Straßen und Gärten",
            "Aerial image of an invented settlement with houses, streets and gardens",
        ),
        StartPicture(
            _jpeg(colours()[window.labels]),
            "Dieselbe Siedlung als Karte; jede Farbe steht für eine Bodenbedeckung",
            "The same settlement as a map; each colour stands for a land cover",
        ),
    )


def _jpeg(rgb: np.ndarray) -> bytes:
    width, height = SHOWN_PX
    top = (rgb.shape[0] - height) // 2
    target = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(rgb[top : top + height, :width]))
    image.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()
