"""Ask the model server about tiles; the only module of this app that knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from apps.aviary.objects import TileFinds, read_answer
from apps.aviary.recipes import Recipe
from shared.clients.answers import SegmentResult
from shared.clients.checking import error_from_text
from shared.clients.model_server import ModelServerClient
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.contracts.model_server import ItemFailed
from shared.contracts.provenance import ModelUse
from shared.errors import ModelChanged, ModelMissing, RecipeBroken
from shared.geo.tiling import Tile

OUTPUT: Final = "instances"
LOWEST_SCORE = 0.01
MOST_OBJECTS_PER_TILE = 500


@dataclass(frozen=True, slots=True)
class PinnedModel:
    """The one model that a run asks, so that no tile is seen by another.

    Args:
        name: Name in the catalogue.
        version: Its version.
        sha256: Hash of its weights.
        gsd_m: Ground sampling distance it sees best [m]; None takes the recipe's.
        threshold: Calibrated least score of a find; None takes the recipe's.
    """

    name: str
    version: str
    sha256: str
    gsd_m: float | None = None
    threshold: float | None = None


class Catalogue(Protocol):
    """Whatever can name the models of the server."""

    def models(self) -> Catalog:
        """Return the catalogue of all models."""
        ...


def pin_model(client: Catalogue, recipe: Recipe) -> PinnedModel:
    """Choose the newest version of a recipe's model that the server can use.

    Args:
        client: Client of the model server.
        recipe: Names the model.

    Raises:
        ModelServerError: The model server cannot answer.
        ModelMissing: It has no such model.
        RecipeBroken: The model finds no objects.
    """
    entry = find_entry(client.models(), recipe.model)
    if entry is None or not entry.available:
        raise ModelMissing(model=recipe.model)
    if OUTPUT not in entry.outputs:
        raise RecipeBroken(name=recipe.recipe_id, reason="model.name")
    return PinnedModel(
        entry.name, entry.version, entry.sha256, gsd_m=entry.gsd_best_m, threshold=entry.min_score
    )


def look_at_tile(
    client: ModelServerClient,
    model: PinnedModel,
    tile: Tile,
    png: bytes,
    *,
    gsd_m: float,
    least_score: float,
) -> tuple[TileFinds, ModelUse]:
    """Send one tile and return what the model found, and which model that was.

    Args:
        client: Client of the model server.
        model: The model that must answer.
        tile: Place and size of the tile.
        png: Its pixels.
        gsd_m: Ground sampling distance of the tile [m].
        least_score: Objects below it are left out, 0 to 1.

    Raises:
        ItemError: This tile alone cannot be looked at.
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model any more.
        ModelChanged: The weights of the model are others now.
    """
    (result,) = client.segment(
        [png],
        output=OUTPUT,
        model=model.name,
        version=model.version,
        gsd_m=gsd_m,
        min_score=least_score,
        max_instances=MOST_OBJECTS_PER_TILE,
    )
    if isinstance(result, ItemFailed):
        raise error_from_text(result.error)
    if result.model.sha256 != model.sha256:
        raise ModelChanged()
    finds = read_answer(tile, result.value, [warning.code for warning in result.warnings])
    return finds, _use(result)


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


def _use(result: SegmentResult) -> ModelUse:
    model = result.model
    return ModelUse(model.name, model.version, model.sha256, model.runtime, model.device)
