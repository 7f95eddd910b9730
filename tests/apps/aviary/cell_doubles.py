"""Clients of the model server that say what lies on the ground, for tests."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from shared.clients.answers import ProbabilitiesResult
from shared.contracts.model_catalog import Catalog, CatalogClass, CatalogEntry
from shared.contracts.model_server import (
    ErrorText,
    ItemFailed,
    ItemWarning,
    ModelIdentity,
    ProbabilitiesValue,
)
from shared.errors import PredictionFailed

KEYS = [
    "roof_pitched",
    "roof_flat",
    "roof_green",
    "asphalt",
    "paved",
    "gravel_rail",
    "water",
    "grass",
    "tree",
    "bare_soil",
]
STRIDE = 4
SURE = 230
"""Probability times 255 of the class of a cell."""
MARK = (250, 240, 10)

Look = Callable[[np.ndarray], np.ndarray]


class CellDouble:
    """A client whose model knows the class of a cell by the first pixel in it.

    The class is the tens of its red value: 0 to 9 is class 0, 10 to 19 class 1, and so on.

    Args:
        name: Name in the catalogue.
        near_infrared: True where the model takes near infrared itself.
        fusion: See `CatalogEntry.fusion_ndvi`.
        distance: Distance to the training data that every tile gets; None states none.
    """

    def __init__(
        self,
        name: str = "landcover",
        *,
        near_infrared: bool = False,
        fusion: dict[str, tuple[float, float]] | None = None,
        distance: float | None = None,
        stride: int | None = STRIDE,
    ) -> None:
        self.identity = ModelIdentity(
            name=name, version="9.9.9", sha256="ef" * 32, runtime="double", device="cpu"
        )
        self.near_infrared, self.fusion, self.distance = near_infrared, fusion or {}, distance
        self.stride = stride
        self.asked: list[tuple[int, int, str]] = []

    def models(self) -> Catalog:
        entry = CatalogEntry(
            name=self.identity.name,
            version=self.identity.version,
            sha256=self.identity.sha256,
            available=True,
            state="available",
            outputs=["classes", "probabilities"],
            classes=[
                CatalogClass(code=code, key=key, title_de=key) for code, key in enumerate(KEYS)
            ],
            gsd_best_m=0.2,
            bands=["rgb", "rgbi"] if self.near_infrared else ["rgb"],
            output_stride=self.stride,
            fusion_ndvi=self.fusion,
        )
        return Catalog(models=[entry])

    def counted(self, count):
        return self

    def segment(self, images, *, output, model, version, gsd_m, bands):
        assert (output, model, version) == ("probabilities", self.identity.name, "9.9.9")
        assert gsd_m == 0.2
        return [self._answer(png, bands) for png in images]

    def _answer(self, png: bytes, bands: str) -> ProbabilitiesResult | ItemFailed:
        digest = hashlib.sha256(png).hexdigest()
        pixels = np.asarray(Image.open(io.BytesIO(png)))
        assert pixels.shape[2] == (4 if bands == "rgbi" else 3)
        height, width = pixels.shape[:2]
        self.asked.append((width, height, bands))
        if (pixels[..., :3] == MARK).all(axis=2).any():
            error = PredictionFailed()
            text = ErrorText(code=error.code, message=str(error), what_to_do=error.remedy)
            return ItemFailed(index=0, error=text, input_sha256=digest)
        value = ProbabilitiesValue(
            width=width,
            height=height,
            stride=STRIDE,
            class_codes=list(range(len(KEYS))),
            data=base64.b64encode(zlib.compress(self.look(pixels).tobytes())).decode(),
            domain_distance=self.distance,
        )
        warnings = (ItemWarning(code="domain_shift", message=""),) if self.distance else ()
        return ProbabilitiesResult(0, value, self.identity, warnings, digest)

    def look(self, pixels: np.ndarray) -> np.ndarray:
        first = pixels[::STRIDE, ::STRIDE, 0] // 10
        cells = np.full((len(KEYS), *first.shape), (255 - SURE) // 9, dtype=np.uint8)
        np.put_along_axis(cells, first[None].astype(np.intp), SURE, axis=0)
        return cells


class AnswersOtherClasses(CellDouble):
    """Name ten classes in the catalogue and answer about three."""

    def _answer(self, png, bands):
        answer = super()._answer(png, bands)
        answer.value.class_codes[:] = [*range(1, 10), 0]
        return answer
