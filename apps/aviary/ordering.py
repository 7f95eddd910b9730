"""What is ordered: a run over an image, and the run of the example."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from apps.aviary.jobs import RUN
from apps.aviary.painted.sample import SAMPLE_GSD_M, SAMPLE_NAME, render_sample, sample_png
from apps.aviary.parameters import IMAGE, PAGE_DECODED_MEGAPIXELS, make_parameters
from apps.aviary.pinned import Catalogue, PinnedModel, pin_model
from apps.aviary.recipes import Recipe, find_recipe
from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import Priority, StoredFile
from shared.geo.raster import OpenOptions, RasterLimits
from shared.registry.manifest import AppManifest
from shared.store import artifacts
from shared.store.run_views import RunOrder
from shared.store.store import Store

RECIPE = "solar"


def page_limits(manifest: AppManifest) -> RasterLimits:
    """Return how large an image may be that a page takes."""
    return RasterLimits(
        decoded_megapixels=PAGE_DECODED_MEGAPIXELS,
        windowed_megapixels=manifest.limits.megapixels,
    )


def make_order(
    image: StoredFile,
    recipe: Recipe,
    model: PinnedModel,
    options: OpenOptions,
    *,
    force: bool = False,
    is_example: bool,
    others: Sequence[tuple[str, StoredFile]] = (),
    recipe_text: str = "",
) -> RunOrder:
    """Return the order of a run.

    Args:
        image: What is looked at.
        recipe: What is looked for.
        model: The model that must answer.
        options: How the image is opened.
        force: Work outside the recipe's resolution range.
        is_example: True for invented data.
        others: Further files with what they are for: "area" or one of `recipe_schema.InputName`.
        recipe_text: Content of the recipe's file; empty for a recipe that comes with the app.
    """
    return RunOrder(
        app=RUN.app,
        job=RUN.name,
        title=image.name,
        inputs=(image, *(file for _, file in others)),
        parameters=make_parameters(
            recipe,
            model,
            options,
            force=force,
            inputs=(IMAGE, *(name for name, _ in others)),
            recipe_text=recipe_text,
        ),
        priority=Priority.INTERACTIVE if is_example else Priority.NORMAL,
        is_example=is_example,
    )


def sample_order(
    principal: Principal, store: Store, models: Catalogue, manifest: AppManifest, now: datetime
) -> RunOrder:
    """Store the example and return the order that the page gives for it.

    Args:
        principal: Who orders.
        store: Where the image is kept.
        models: Names the models of the server.
        manifest: Of this app.
        now: The moment, with zone.

    Raises:
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model.
    """
    recipe = find_recipe(RECIPE)
    model = pin_model(models, recipe)
    image = artifacts.save(
        principal,
        store,
        sample_png(render_sample()),
        name=SAMPLE_NAME,
        media_type="image/png",
        kind="upload",
        is_example=True,
        now=now,
    )
    options = OpenOptions(gsd_m=SAMPLE_GSD_M, limits=page_limits(manifest))
    return make_order(image, recipe, model, options, is_example=True)
