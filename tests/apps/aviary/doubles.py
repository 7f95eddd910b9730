"""Clients of the model server for tests, named after what they do."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from apps.aviary.commands import headless
from apps.aviary.finds.analysis import Analysis
from apps.aviary.recipes import find_recipe
from shared.clients.answers import SegmentResult
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.contracts.model_server import (
    ErrorText,
    Instance,
    InstancesValue,
    ItemFailed,
    ItemWarning,
    ModelIdentity,
)
from shared.errors import PredictionFailed
from shared.geo.raster import OpenOptions

BLUE = (20, 40, 200)
MARK = (250, 240, 10)
IDENTITY = ModelIdentity(
    name="solar", version="9.9.9", sha256="ab" * 32, runtime="double", device="cpu"
)

Rgb = np.ndarray
Look = Callable[[Rgb], InstancesValue]


class Double:
    """A client made of a function that looks at one tile."""

    def __init__(
        self,
        look: Look,
        *,
        gsd_m: float | None = None,
        threshold: float | None = None,
        warnings: tuple[str, ...] = (),
        identity: ModelIdentity = IDENTITY,
    ) -> None:
        self.look = look
        self.gsd_m, self.threshold = gsd_m, threshold
        self.warnings, self.identity = warnings, identity
        self.asked: list[str] = []

    def models(self) -> Catalog:
        entry = CatalogEntry(
            name=IDENTITY.name,
            version=IDENTITY.version,
            sha256=IDENTITY.sha256,
            available=True,
            state="available",
            outputs=["instances"],
            gsd_best_m=self.gsd_m,
            min_score=self.threshold,
        )
        return Catalog(models=[entry])

    def counted(self, count):
        return self

    def segment(self, images, *, output, model, version, gsd_m, min_score, max_instances):
        assert (output, model, version) == ("instances", "solar", "9.9.9")
        assert gsd_m == (self.gsd_m or 0.1)
        assert min_score <= 0.01
        return [self._answer(png) for png in images]

    def _answer(self, png: bytes) -> SegmentResult | ItemFailed:
        digest = hashlib.sha256(png).hexdigest()
        self.asked.append(digest)
        rgb = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
        try:
            value = self.look(rgb)
        except PredictionFailed as error:
            text = ErrorText(code=error.code, message=str(error), what_to_do=error.remedy)
            return ItemFailed(index=0, error=text, input_sha256=digest)
        found = tuple(ItemWarning(code=code, message="") for code in self.warnings)
        return SegmentResult(0, value, self.identity, found, digest)


def finds_blue() -> Double:
    """Report every strongly blue region, score by its size; really looks at the pixels."""
    return Double(lambda rgb: _regions(rgb, 90))


def finds_bluish(**options) -> Double:
    """Report slightly blue regions too, as solar modules and blue roofs are."""
    return Double(lambda rgb: _regions(rgb, 25), **options)


def finds_nothing() -> Double:
    return Double(lambda rgb: _value(rgb, []))


def finds_very_much() -> Double:
    """Report as many outlines with as many corners as a row of the database cannot hold."""

    def look(rgb: Rgb) -> InstancesValue:
        turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = np.stack([40 + 9.87 * np.cos(turns), 40 + 9.87 * np.sin(turns)], axis=1).round(2)
        points = [(float(x), float(y)) for x, y in ring.tolist()]
        one = Instance(
            class_key="pv", score=0.5, box=(30.13, 30.13, 49.87, 49.87), polygon=points, area_px=300
        )
        return _value(rgb, [one] * 500)

    return Double(look)


def fails_on_the_mark() -> Double:
    """Fail on every tile that shows a pixel of the colour MARK."""

    def look(rgb: Rgb) -> InstancesValue:
        if (rgb == MARK).all(axis=2).any():
            raise PredictionFailed()
        return _regions(rgb, 90)

    return Double(look)


def fails_once() -> Double:
    """Fail on whichever tile comes first."""

    def look(rgb: Rgb) -> InstancesValue:
        if len(double.asked) == 1:
            raise PredictionFailed()
        return _regions(rgb, 25)

    double = Double(look)
    return double


def answers_about_another_image() -> Double:
    return Double(lambda rgb: InstancesValue(width=7, height=7, instances=[]))


def answers_with_other_weights() -> Double:
    """Answer under the right name and version, but with another hash."""
    other = IDENTITY.model_copy(update={"sha256": "cd" * 32})
    return Double(lambda rgb: _regions(rgb, 90), identity=other)


def knows_no_such_image() -> Double:
    """Find blue things, but call every tile unlike the training data."""

    def look(rgb: Rgb) -> InstancesValue:
        return _regions(rgb, 90).model_copy(update={"domain_distance": 7.5})

    return Double(look, warnings=("domain_shift",))


def must_not_be_asked() -> Double:
    class Untouchable(Double):
        def models(self) -> Catalog:
            raise AssertionError("the model was asked")

    return Untouchable(finds_nothing().look)


def analyse(path: Path, client: Double, **options) -> Analysis:
    """Run the recipe `solar` over an image in this process."""
    words = {name: options.pop(name) for name in ("area", "force", "threshold") if name in options}
    return headless.analyse(
        path, find_recipe("solar"), lambda: client, OpenOptions(**options), **words
    )


def _regions(rgb: Rgb, least_blue: int) -> InstancesValue:
    pixels = rgb.astype(int)
    mask = (pixels[..., 2] - pixels[..., 0] > least_blue).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for outline in outlines:
        x, y, width, height = cv2.boundingRect(outline)
        if width < 3 or height < 3:
            continue
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        found.append(
            Instance(
                class_key="pv",
                score=min(0.99, 0.3 + width * height / 20000),
                box=(x, y, x + width, y + height),
                polygon=corners,
                area_px=width * height,
            )
        )
    return _value(rgb, found)


def _value(rgb: Rgb, found: list[Instance]) -> InstancesValue:
    return InstancesValue(width=rgb.shape[1], height=rgb.shape[0], instances=found)
