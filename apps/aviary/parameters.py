"""What a run is told beside its files, as plain JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import TypeAdapter, ValidationError

from apps.aviary.pinned import LOWEST_SCORE, PinnedModel
from apps.aviary.recipes import Recipe, find_recipe, read_recipe
from shared.contracts.jobs import JsonObject
from shared.errors import InputError, RecipeBroken
from shared.geo.raster import BandNumbers, OpenOptions, RasterLimits

IMAGE, AREA = "image", "area"
"""Names of the first files of a run; the others are `recipe_schema.InputName`."""
PAGE_DECODED_MEGAPIXELS = 50
"""Largest JPEG, PNG or WEBP of the page, which the gallery too decodes as a whole."""


@dataclass(frozen=True, slots=True)
class RunParameters:
    """What a run is told; flat, because its origin lists every entry.

    Args:
        recipe: Name of the recipe.
        recipe_version: Its version when the run was ordered.
        model: Name of the model in the catalogue.
        model_version: Version that must answer.
        model_sha256: Weights that must answer.
        model_gsd_m: Ground sampling distance that the model sees best [m]; None takes the recipe's.
        model_threshold: Calibrated least score of a find; None takes the recipe's.
        least_score: Objects below it are not kept, 0 to 1.
        gsd_m: Stated ground sampling distance [m].
        crs: Stated coordinate system.
        bands: Band numbers from 1 for red, green and blue, then near infrared if there is a fourth.
        force: Work outside the recipe's resolution range.
        decoded_megapixels: Limit of images that are decoded as a whole.
        windowed_megapixels: Limit of images that are read in windows.
        near_infrared: Read near infrared where the image has it.
        use_cache: Take what the model has said before about the same pixels.
        model_codes: See `PinnedModel`, as the next four.
        model_stride: See there [px].
        model_reach_px: See there [px].
        model_near_infrared: See there.
        model_fusion: See there.
        inputs: Names of the files of the run in their order: "image", "area" or what a recipe
            names as its inputs.
        recipe_text: Content of the recipe's file; empty for the built-in recipe of that name.
        seed: Start of what is drawn by chance.
        grey: Take grey images too.
        taken_on: Day on which the image was taken, as somebody stated it: YYYY-MM-DD.
    """

    recipe: str
    recipe_version: str
    model: str
    model_version: str
    model_sha256: str
    model_gsd_m: float | None
    model_threshold: float | None
    least_score: float
    gsd_m: float | None
    crs: str | None
    bands: BandNumbers | None
    force: bool
    decoded_megapixels: int
    windowed_megapixels: int
    near_infrared: bool = False
    use_cache: bool = True
    model_codes: tuple[int, ...] = ()
    model_stride: int = 0
    model_reach_px: int = 0
    model_near_infrared: bool = False
    model_fusion: tuple[tuple[int, float, float], ...] = ()
    inputs: tuple[str, ...] = (IMAGE, AREA)
    recipe_text: str = ""
    seed: int = 0
    grey: bool = False
    taken_on: date | None = None

    @property
    def options(self) -> OpenOptions:
        """How the image is opened."""
        limits = RasterLimits(
            decoded_megapixels=self.decoded_megapixels,
            windowed_megapixels=self.windowed_megapixels,
        )
        return OpenOptions(
            gsd_m=self.gsd_m,
            crs=self.crs,
            bands=self.bands,
            limits=limits,
            near_infrared=self.near_infrared,
            grey=self.grey,
            taken_on=self.taken_on,
        )

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return dict(_ADAPTER.dump_python(self, mode="json"))

    @property
    def pinned_model(self) -> PinnedModel:
        """The model that must answer."""
        return PinnedModel(
            self.model,
            self.model_version,
            self.model_sha256,
            gsd_m=self.model_gsd_m,
            threshold=self.model_threshold,
            codes=self.model_codes,
            stride=self.model_stride,
            reach_px=self.model_reach_px,
            near_infrared=self.model_near_infrared,
            fusion=self.model_fusion,
        )


_ADAPTER = TypeAdapter(RunParameters)


def make_parameters(
    recipe: Recipe,
    model: PinnedModel,
    options: OpenOptions,
    *,
    force: bool,
    threshold: float | None = None,
    use_cache: bool = True,
    inputs: Sequence[str] = (IMAGE, AREA),
    recipe_text: str = "",
    seed: int = 0,
) -> dict[str, Any]:
    """Return what a run is told.

    Args:
        recipe: What is looked for.
        model: The model that must answer.
        options: How the image is opened.
        force: Work outside the recipe's resolution range.
        threshold: Least score that somebody wants to see; objects from 0.01 on are kept anyway, so
            that a moved threshold needs no second look.
        use_cache: Take what the model has said before about the same pixels.
        inputs: Names of the files of the run in their order; more names than files do no harm.
        recipe_text: Content of the recipe's file; empty for the built-in recipe of that name.
        seed: Start of what is drawn by chance.
    """
    return RunParameters(
        recipe=recipe.recipe_id,
        recipe_version=recipe.version,
        model=model.name,
        model_version=model.version,
        model_sha256=model.sha256,
        model_gsd_m=model.gsd_m,
        model_threshold=model.threshold,
        least_score=LOWEST_SCORE if threshold is None else min(LOWEST_SCORE, threshold),
        gsd_m=options.gsd_m,
        crs=options.crs,
        bands=options.bands,
        force=force,
        decoded_megapixels=options.limits.decoded_megapixels,
        windowed_megapixels=options.limits.windowed_megapixels,
        near_infrared=recipe.bands != "rgb",
        use_cache=use_cache,
        model_codes=model.codes,
        model_stride=model.stride,
        model_reach_px=model.reach_px,
        model_near_infrared=model.near_infrared,
        model_fusion=model.fusion,
        inputs=tuple(inputs),
        recipe_text=recipe_text,
        seed=seed,
        grey=recipe.takes_grey,
        taken_on=options.taken_on,
    ).plain


def read_parameters(values: JsonObject) -> tuple[RunParameters, Recipe]:
    """Return the parameters of a run and its recipe.

    Args:
        values: What `make_parameters` returned.

    Raises:
        InputError: They are not the parameters of such a run.
        RecipeUnknown: There is no such recipe any more.
        RecipeBroken: The recipe is damaged, or another one than when the run was ordered.
    """
    try:
        parameters = _ADAPTER.validate_python(dict(values))
    except ValidationError as cause:
        where = ".".join(str(part) for part in cause.errors()[0]["loc"])
        raise InputError(reason=f"Die Auswertung hat keine gültige Angabe „{where}“.") from cause
    if parameters.recipe_text:
        recipe = read_recipe(parameters.recipe_text, parameters.recipe)
    else:
        recipe = find_recipe(parameters.recipe)
    if recipe.version != parameters.recipe_version:
        raise RecipeBroken(name=recipe.recipe_id, reason="recipe.version")
    return parameters, recipe
