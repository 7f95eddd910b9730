"""Ask the model server about tiles; the only module of this app that knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from apps.aviary.kinds import land_cover
from apps.aviary.kinds.cells import TileCells
from apps.aviary.objects import DOMAIN_WARNING, TileFinds, read_answer
from apps.aviary.recipe_book.schema import Kind
from apps.aviary.recipes import Recipe
from shared.clients.answers import EmbedResult, ProbabilitiesResult, SegmentResult
from shared.clients.catalog import first_available
from shared.clients.checking import error_from_text
from shared.clients.model_server import ModelServerClient
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.contracts.model_server import ItemFailed
from shared.contracts.provenance import ModelUse
from shared.errors import AnswerMismatch, ModelChanged, ModelMissing, RecipeBroken
from shared.geo.tiling import Tile

OUTPUTS: Final[Mapping[Kind, str]] = {
    "objects": "instances",
    "semantic": "probabilities",
    "surfaces": "probabilities",
    "change": "probabilities",
    "similar": "vector",
}
"""What a model must be able to answer; kinds that do not stand here need no pixel answers."""
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
        codes: Its class codes in the order of its answers; empty for a model of objects.
        stride: Pixels per side of the cells on which it answers; 0 for a model of objects.
        reach_px: How far a pixel's answer looks [px].
        near_infrared: True where it takes near infrared as a fourth band.
        fusion: Code, a and b of each class that near infrared speaks about afterwards.
    """

    name: str
    version: str
    sha256: str
    gsd_m: float | None = None
    threshold: float | None = None
    codes: tuple[int, ...] = ()
    stride: int = 0
    reach_px: int = 0
    near_infrared: bool = False
    fusion: tuple[tuple[int, float, float], ...] = ()

    def asked(self, output: str, gsd_m: float) -> dict[str, object]:
        """Return what changes its answer beside pixels and weights, for the key of the cache.

        Name and version stand for its card: the same weights under another card answer in other
        classes, with another calibration or another limit of duplicates.

        Args:
            output: What it is asked for.
            gsd_m: Ground sampling distance of the tile [m].
        """
        return {
            "output": output,
            "gsd_m": round(gsd_m, 6),
            "model": self.name,
            "version": self.version,
        }


NO_MODEL = PinnedModel("", "", "")
"""For recipes that ask none."""


class Catalogue(Protocol):
    """Whatever can name the models of the server."""

    def models(self) -> Catalog:
        """Return the catalogue of all models."""
        ...


def pin_model(client: Catalogue, recipe: Recipe) -> PinnedModel:
    """Choose the newest version of a recipe's model that the server can use.

    Where the recipe's own model is not there, the first of its fallbacks that is stands in; whose
    answer it was stands in every result.

    Args:
        client: Client of the model server.
        recipe: Names the model.

    Raises:
        ModelServerError: The model server cannot answer.
        ModelMissing: It has no such model.
        RecipeBroken: The model does not answer as the recipe's kind needs it.
    """
    entry = first_available(client.models(), (recipe.model, *recipe.fallbacks))
    if entry is None:
        raise ModelMissing(model=recipe.model)
    if OUTPUTS.get(recipe.kind, "") not in ("", *entry.outputs):
        raise RecipeBroken(name=recipe.recipe_id, reason="model.name")
    pinned = PinnedModel(
        entry.name, entry.version, entry.sha256, gsd_m=entry.gsd_best_m, threshold=entry.min_score
    )
    return _with_cells(pinned, entry, recipe) if recipe.on_cells else pinned


def _with_cells(pinned: PinnedModel, entry: CatalogEntry, recipe: Recipe) -> PinnedModel:
    codes = {one.key: one.code for one in entry.classes}
    if recipe.kind == "semantic":
        wanted = {code for group in recipe.groups.values() for code in group}
        fits = wanted <= set(codes.values())
    else:
        fits = land_cover.CODES.items() <= codes.items()
    if entry.output_stride is None or not fits:
        raise RecipeBroken(name=recipe.recipe_id, reason="model.name")
    return replace(
        pinned,
        threshold=None,
        codes=tuple(codes.values()),
        stride=entry.output_stride,
        reach_px=entry.reach_px or 0,
        near_infrared="rgbi" in entry.bands,
        fusion=tuple((codes[key], a, b) for key, (a, b) in sorted(entry.fusion_ndvi.items())),
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
        output="instances",
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


def look_at_cells(
    client: ModelServerClient,
    model: PinnedModel,
    tile: Tile,
    png: bytes,
    *,
    gsd_m: float,
    near_infrared: bool,
) -> tuple[TileCells, ModelUse]:
    """Send one tile and return what the model says about its cells, and which model that was.

    Args:
        client: Client of the model server.
        model: The model that must answer.
        tile: Place and size of the tile.
        png: Its pixels, red, green, blue and perhaps near infrared.
        gsd_m: Ground sampling distance of the tile [m].
        near_infrared: True where the fourth band is near infrared.

    Raises:
        ItemError: This tile alone cannot be looked at.
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model any more.
        ModelChanged: The weights of the model are others now.
        AnswerMismatch: The answer is about other classes, or about an image of another size.
    """
    (result,) = client.segment(
        [png],
        output="probabilities",
        model=model.name,
        version=model.version,
        gsd_m=gsd_m,
        bands="rgbi" if near_infrared else "rgb",
    )
    if isinstance(result, ItemFailed):
        raise error_from_text(result.error)
    if result.model.sha256 != model.sha256:
        raise ModelChanged()
    value, size = result.value, (tile.width, tile.height)
    told = (value.width, value.height), tuple(value.class_codes), value.stride
    if told != (size, model.codes, model.stride):
        raise AnswerMismatch()
    unusual = any(warning.code == DOMAIN_WARNING for warning in result.warnings)
    cells = TileCells(result.probabilities, unusual, value.domain_distance)
    return cells, _use(result)


def look_at_places(
    client: ModelServerClient, model: PinnedModel, pngs: Sequence[bytes]
) -> tuple[NDArray[np.float32], ModelUse]:
    """Send pictures of places and return their vectors, and which model that was.

    Args:
        client: Client of the model server.
        model: The model that must answer.
        pngs: Their pixels, at least one.

    Returns:
        Vectors, shape (places, n).

    Raises:
        ItemError: One of them cannot be looked at.
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model any more.
        ModelChanged: The weights of the model are others now.
    """
    results = client.embed_images(pngs, model=model.name, version=model.version)
    good: list[EmbedResult] = []
    for result in results:
        if isinstance(result, ItemFailed):
            raise error_from_text(result.error)
        if result.model.sha256 != model.sha256:
            raise ModelChanged()
        good.append(result)
    return np.stack([result.vector for result in good]), _use(good[0])


def _use(result: SegmentResult | ProbabilitiesResult | EmbedResult) -> ModelUse:
    model = result.model
    return ModelUse(model.name, model.version, model.sha256, model.runtime, model.device)
