"""The one model that a run asks: which one, and what its card says that a run works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from apps.aviary.kinds import land_cover
from apps.aviary.recipe_book.schema import Kind
from apps.aviary.recipes import Recipe
from shared.clients.catalog import first_available
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.errors import ModelMissing, RecipeBroken

OUTPUTS: Final[Mapping[Kind, str]] = {
    "objects": "instances",
    "semantic": "probabilities",
    "surfaces": "probabilities",
    "change": "probabilities",
    "similar": "vector",
}
"""What a model must be able to answer; kinds that do not stand here need no pixel answers."""
LOWEST_SCORE = 0.01


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
