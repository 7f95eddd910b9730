"""Steps 2 and 3 of the page: choose image and area, state the resolution, see the checks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from apps.aviary.inputs.area_choice import ChosenArea
from apps.aviary.inputs.image_check import CheckedImage
from apps.aviary.inputs.town_example import (
    TownExample,
    example_tiff,
    has_both_flights,
    ready_examples,
)
from apps.aviary.ordering import page_limits
from apps.aviary.painted.sample import SAMPLE_GSD_M, SAMPLE_NAME, render_sample, sample_png
from apps.aviary.recipes import Recipe
from apps.aviary.views.area import choose_area
from apps.aviary.views.check import check_image_of, open_checked, passes, stated_day, stated_gsd_m
from apps.aviary.views.files import (
    PAINTED,
    GivenFile,
    choose_files,
    files_of_example,
    what_is_missing,
)
from apps.aviary.views.folder import choose_in_folder, path_of
from apps.aviary.views.waiting import is_waiting
from shared.contracts.finding import Finding
from shared.contracts.identity.policy import UPLOAD, decide
from shared.demo_city import CitySettings
from shared.errors import InputError
from shared.geo.raster import OpenOptions, RasterInfo, RasterLimits
from shared.ui import (
    AppContext,
    ChosenData,
    SampleFile,
    choose_data,
    is_kiosk,
    step,
)
from shared.ui.failures import show_failure
from shared.ui.shell import SAMPLE_PARAMETER


@dataclass(frozen=True, slots=True)
class ReadyImage:
    """An image that may be evaluated.

    Args:
        chosen: The file.
        checked: What is known about it, and how it looks.
        options: How it is opened.
        force: Work outside the recipe's resolution range.
        area: The part that counts; None for all of it.
        files: What the recipe works with beside it.
    """

    chosen: ChosenData
    checked: CheckedImage
    options: OpenOptions
    force: bool
    area: ChosenArea | None
    files: tuple[GivenFile, ...]

    @property
    def info(self) -> RasterInfo:
        """What is known about the image."""
        return self.checked.info


def choose_image(ctx: AppContext, recipe: Recipe) -> ReadyImage | None:
    """Show both steps; None until there is an image that may be evaluated.

    Args:
        ctx: Context of the page.
        recipe: What is looked for.
    """
    t = ctx.t
    examples = _examples(recipe)
    example = examples.get(_wanted_example(examples))
    with step(ctx, 2, t("Bild und Gebiet"), done=not is_waiting(recipe, example)):
        placed, chosen = choose_in_folder(ctx)
        if not placed:
            chosen = choose_data(
                ctx, kinds=("jpeg", "png", "tiff", "webp"), sample=_sample(ctx, example)
            )
        if chosen is None:
            st.session_state.pop("aviary_checked", None)
            return None
        chosen, brought = _by_the_short_way(ctx, recipe, chosen, example)
        if chosen.is_sample and len(examples) > 1 and not chosen.run_at_once:
            _choose_example(ctx, examples)
        options = _open_options(ctx, chosen, example if chosen.is_sample else None)
        checked = open_checked(chosen, options, recipe, force=False)
        if not isinstance(checked, InputError) and not chosen.run_at_once:
            try:
                area, files, missing = _choose_more(ctx, recipe, checked, chosen, example)
            except InputError as error:
                show_failure(error, t, ctx.manifest.id)
                return None
        else:
            area, files, missing = None, brought, ()
    with step(ctx, 3, t("Prüfen"), done=passes(chosen, options, recipe, missing)):
        passed = check_image_of(ctx, recipe, chosen, options, missing)
        if passed is None:
            return None
        return ReadyImage(chosen, passed[0], options, passed[1], area, files)


def _by_the_short_way(
    ctx: AppContext, recipe: Recipe, chosen: ChosenData, example: TownExample | None
) -> tuple[ChosenData, tuple[GivenFile, ...]]:
    """Return what the example brings along for a run that starts at once.

    What it lacks is asked for, as without this short way.
    """
    if not chosen.run_at_once:
        return chosen, ()
    brought, lacking = files_of_example(ctx, recipe, example or PAINTED)
    return replace(chosen, run_at_once=not lacking), brought


def _examples(recipe: Recipe) -> dict[str, TownExample | None]:
    """Return what can be tried out by name, the painted neighbourhood among it.

    Whoever comes for the example, and every visitor, gets the painted one: its truth is known, and
    its result is there already.
    """
    painted: dict[str, TownExample | None] = {PAINTED: None}
    if is_kiosk() or st.query_params.get(SAMPLE_PARAMETER) == "1":
        return painted
    ready = ready_examples()
    if "before" in recipe.inputs:
        ready = tuple(one for one in ready if has_both_flights(one))
    fitting = sorted(ready, key=lambda one: recipe.recipe_id not in one.recipes)
    town: dict[str, TownExample | None] = {one.key: one for one in fitting}
    return {**painted, **town} if recipe.kind == "objects" else {**town, **painted}


def _wanted_example(examples: dict[str, TownExample | None]) -> str:
    wanted = st.session_state.get("aviary_example")
    return wanted if wanted in examples else next(iter(examples))


def _choose_example(ctx: AppContext, examples: dict[str, TownExample | None]) -> None:
    t = ctx.t
    titles = {
        key: ctx.manifest.sample_title(ctx.language) if one is None else t(one.title)
        for key, one in examples.items()
    }
    st.selectbox(
        t("Beispielbild"), list(titles), format_func=lambda key: titles[key], key="aviary_example"
    )


def _sample(ctx: AppContext, example: TownExample | None) -> SampleFile:
    if example is None:
        return SampleFile(SAMPLE_NAME, _painted_bytes)
    return SampleFile(example.file_name, lambda: example_tiff(example), ctx.t(example.title))


def _choose_more(
    ctx: AppContext,
    recipe: Recipe,
    checked: CheckedImage,
    chosen: ChosenData,
    example: TownExample | None,
) -> tuple[ChosenArea | None, tuple[GivenFile, ...], tuple[Finding, ...]]:
    """Ask for area and further files; what is missing comes as findings that stop."""
    files, missing = choose_files(
        ctx, recipe, checked, (example or PAINTED) if chosen.is_sample else None
    )
    may_upload = decide(ctx.principal, UPLOAD).allowed
    area = choose_area(ctx, checked, may_upload=may_upload)
    return area, files, tuple(what_is_missing(ctx, one) for one in missing)


def _open_options(ctx: AppContext, chosen: ChosenData, example: TownExample | None) -> OpenOptions:
    limits = page_limits(ctx.manifest)
    if path_of(chosen.file):
        # Nothing is uploaded, so what the command takes can be taken here too.
        most = RasterLimits().windowed_megapixels
        limits = replace(limits, windowed_megapixels=most)
    if chosen.is_sample and example is None:
        return OpenOptions(gsd_m=SAMPLE_GSD_M, limits=limits)
    if chosen.is_sample:
        return OpenOptions(taken_on=CitySettings().flights[-1], limits=limits)
    return OpenOptions(gsd_m=stated_gsd_m(ctx), taken_on=stated_day(ctx), limits=limits)


def _painted_bytes() -> bytes:
    return sample_png(render_sample())
