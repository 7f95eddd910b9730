"""Ask the model server about tiles; the only module of this app that knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from apps.aviary.objects import ModelFacts, TileAnswer, TileImage
from apps.aviary.recipes import Recipe
from shared.clients.answers import SegmentResult
from shared.clients.flow import TileInput
from shared.clients.model_server import ModelServerClient
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.contracts.model_server import ItemFailed
from shared.errors import ModelMissing, RecipeBroken

OUTPUT: Final = "instances"
LOWEST_SCORE = 0.01
MOST_OBJECTS_PER_TILE = 500
TILES_IN_FLIGHT = 4


class ServerPredictor:
    """Looks at tiles through the model server.

    Objects come back from a score of 0.01 on, so that a moved threshold needs no second look.

    Args:
        client: Gives an open client; asked when the first image passed its checks.
        recipe: Names the model.
        threshold: Asked for even below 0.01 where a person wants that.
    """

    def __init__(
        self,
        client: Callable[[], ModelServerClient],
        recipe: Recipe,
        threshold: float | None = None,
    ) -> None:
        self._client = client
        self._recipe = recipe
        self._min_score = LOWEST_SCORE if threshold is None else min(LOWEST_SCORE, threshold)

    def facts(self) -> ModelFacts:
        """Return resolution and threshold of the newest version in the catalogue.

        Raises:
            ModelServerError: The model server cannot answer.
            ModelMissing: It has no such model.
            RecipeBroken: The model finds no objects.
        """
        entry = find_entry(self._client().models(), self._recipe.model)
        if entry is None or not entry.available:
            raise ModelMissing(model=self._recipe.model)
        if OUTPUT not in entry.outputs:
            raise RecipeBroken(name=self._recipe.recipe_id, reason="model.name")
        return ModelFacts(gsd_m=entry.gsd_best_m, threshold=entry.min_score)

    def predict(self, tiles: Iterable[TileImage], gsd_m: float) -> Iterator[TileAnswer]:
        """Send tiles as many small requests and yield answers as they come.

        Args:
            tiles: Read lazily.
            gsd_m: Ground sampling distance of the tiles [m].

        Raises:
            ModelServerError: The model server cannot answer.
            ModelMissing: It has no such model.
        """
        results = self._client().map_segment(
            (TileInput(str(tile.tile_id), tile.png) for tile in tiles),
            model=self._recipe.model,
            output=OUTPUT,
            gsd_m=gsd_m,
            min_score=self._min_score,
            max_instances=MOST_OBJECTS_PER_TILE,
            in_flight=TILES_IN_FLIGHT,
        )
        for one in results:
            yield _to_answer(int(one.tile_id), one.result)


def find_entry(catalog: Catalog, model: str) -> CatalogEntry | None:
    """Return the version of a model that the server would use; None where it knows none at all.

    Args:
        catalog: All models. A newer version that failed is passed over, as the server does.
        model: Name in the catalogue.
    """
    versions = [entry for entry in catalog.models if entry.name == model]
    return max(versions, key=lambda one: (one.available, _version(one.version)), default=None)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _to_answer(tile_id: int, result: SegmentResult | ItemFailed) -> TileAnswer:
    if isinstance(result, ItemFailed):
        return TileAnswer(tile_id, error=result.error)
    return TileAnswer(
        tile_id,
        value=result.value,
        model=result.model,
        warnings=tuple(warning.code for warning in result.warnings),
    )
