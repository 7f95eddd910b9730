"""The sample image: an invented neighbourhood that the project paints itself."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from shapely import Polygon

from apps.aviary.painted.scene_layout import Building, before_building, lay_out, without_arrays
from apps.aviary.painted.scene_paint import FINE_PX_PER_M, Canvas, Painter
from shared.geo.raster import Rgb

SAMPLE_GSD_M = 0.10
SAMPLE_SEED = 7
SAMPLE_NAME = "beispiel_kuenstlich.png"
EARLIER_NAME = "beispiel_kuenstlich_vorher.png"
NOTE = "Beispieldaten, künstlich erzeugt: kein echtes Luftbild, kein echter Ort."
BLUR_PX = 0.6
NOISE = 0.012
PX_PER_M = 1 / SAMPLE_GSD_M


@dataclass(frozen=True, slots=True)
class TrueObject:
    """A solar array that was painted: kind and outline in pixels."""

    class_key: str
    polygon: Polygon


@dataclass(frozen=True, slots=True)
class SampleScene:
    """A painted aerial image with the truth about it.

    Args:
        rgb: Colours, uint8 of shape (height, width, 3).
        objects: Every solar array in it.
        seed: The same seed gives the same image.
    """

    rgb: Rgb
    objects: tuple[TrueObject, ...]
    seed: int


@lru_cache(maxsize=2)
def render_sample(
    seed: int = SAMPLE_SEED, *, with_solar: bool = True, earlier: bool = False
) -> SampleScene:
    """Paint a scene of 160 x 112 m at 0.10 m per pixel; the latest two are kept, unchanged.

    Args:
        seed: Seed of layout and texture.
        with_solar: False leaves every solar array out, to count false alarms.
        earlier: True shows the same place some years before, when fewer houses stood there.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    layout = lay_out(rng)
    if not with_solar:
        layout = without_arrays(layout)
    if earlier:
        layout = before_building(layout)
    rgb = _photograph(Painter(rng).paint(layout), rng)
    objects = tuple(one for building in layout.buildings for one in _true_objects(building))
    rgb.setflags(write=False)
    return SampleScene(rgb, objects, seed)


def sample_png(scene: SampleScene) -> bytes:
    """Write a scene as PNG that names itself artificial in its metadata."""
    note = PngInfo()
    note.add_itxt("Description", NOTE)
    target = io.BytesIO()
    Image.fromarray(scene.rgb).save(target, "PNG", pnginfo=note)
    return target.getvalue()


def _photograph(canvas: Canvas, rng: np.random.Generator) -> Rgb:
    """Imitate lens, haze and sensor."""
    factor = round(FINE_PX_PER_M / PX_PER_M)
    size = (canvas.shape[1] // factor, canvas.shape[0] // factor)
    image = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
    image = cv2.GaussianBlur(image, (0, 0), BLUR_PX)
    image = 0.97 * image + 0.03 * np.array((0.62, 0.68, 0.75), np.float32)
    image = image + NOISE * rng.standard_normal(image.shape).astype(np.float32)
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8))


def _true_objects(building: Building) -> list[TrueObject]:
    return [
        TrueObject(array.class_key, _outline(building, extent))
        for array in building.arrays
        for extent in array.pieces
    ]


def _outline(building: Building, extent: tuple[float, float, float, float]) -> Polygon:
    u0, v0, u1, v1 = extent
    corners = [building.to_ground(u, v) for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))]
    return Polygon([(x * PX_PER_M, y * PX_PER_M) for x, y in corners])
