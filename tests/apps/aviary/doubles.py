"""Predictors for tests, named after what they do."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image

from apps.aviary.objects import ModelFacts, TileAnswer, TileImage
from shared.contracts.model_server import (
    ErrorText,
    Instance,
    InstancesValue,
    ModelIdentity,
)

BLUE = (20, 40, 200)
IDENTITY = ModelIdentity(
    name="solar", version="9.9.9", sha256="ab" * 32, runtime="double", device="cpu"
)


Look = Callable[[Iterable[TileImage]], Iterator[TileAnswer]]


@dataclass(frozen=True)
class Double:
    """A predictor made of a function that looks at tiles."""

    look: Look
    known: ModelFacts = field(default_factory=ModelFacts)

    def facts(self) -> ModelFacts:
        return self.known

    def predict(self, tiles: Iterable[TileImage], gsd_m: float) -> Iterator[TileAnswer]:
        assert gsd_m == (self.known.gsd_m or 0.1)
        return self.look(tiles)


@Double
def finds_blue(tiles: Iterable[TileImage]) -> Iterator[TileAnswer]:
    """Report every strongly blue region, score by its size; really looks at the pixels."""
    yield from _look(tiles, 90)


@Double
def finds_bluish(tiles: Iterable[TileImage]) -> Iterator[TileAnswer]:
    """Report slightly blue regions too, as solar modules and blue roofs are."""
    yield from _look(tiles, 25)


@Double
def finds_blue_backwards(tiles: Iterable[TileImage]) -> Iterator[TileAnswer]:
    """Answer in reverse order."""
    yield from reversed(list(finds_blue.look(tiles)))


@Double
def finds_nothing(tiles: Iterable[TileImage]) -> Iterator[TileAnswer]:
    for tile in tiles:
        width, height = Image.open(io.BytesIO(tile.png)).size
        yield TileAnswer(
            tile.tile_id,
            value=InstancesValue(width=width, height=height, instances=[]),
            model=IDENTITY,
        )


@Double
def fails_on_first_tile(tiles: Iterable[TileImage]) -> Iterator[TileAnswer]:
    for answer in finds_blue.look(tiles):
        if answer.tile_id == 0:
            error = ErrorText(code="vorhersage_gescheitert", message="Kachel gescheitert.")
            yield TileAnswer(0, error=error)
        else:
            yield answer


@Double
def loses_a_tile(tiles: Iterable[TileImage]) -> Iterator[TileAnswer]:
    yield from list(finds_blue.look(tiles))[1:]


@Double
def answers_twice(tiles: Iterable[TileImage]) -> Iterator[TileAnswer]:
    for answer in finds_blue.look(tiles):
        yield answer
        yield answer


@Double
def knows_no_such_image(tiles: Iterable[TileImage]) -> Iterator[TileAnswer]:
    """Find blue things, but call every tile unlike the training data."""
    for answer in finds_blue.look(tiles):
        assert answer.value is not None
        value = answer.value.model_copy(update={"domain_distance": 7.5})
        yield TileAnswer(answer.tile_id, value, IDENTITY, warnings=("domain_shift",))


@Double
def must_not_be_asked(tiles: Iterable[TileImage]) -> Iterator[TileAnswer]:
    raise AssertionError("the model was asked")
    yield


def _look(tiles: Iterable[TileImage], least_blue: int) -> Iterator[TileAnswer]:
    for tile in tiles:
        rgb = np.asarray(Image.open(io.BytesIO(tile.png)).convert("RGB")).astype(int)
        blue = (rgb[..., 2] - rgb[..., 0] > least_blue).astype(np.uint8)
        yield TileAnswer(tile.tile_id, value=_value(blue), model=IDENTITY)


def _value(mask: np.ndarray) -> InstancesValue:
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
    return InstancesValue(width=mask.shape[1], height=mask.shape[0], instances=found)
