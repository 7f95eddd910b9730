"""The job `import`: a shared recipe is tested before anybody can choose it.

Input 0 is the `.urbanki-recipe` file. Only a recipe that finds in its own image what its file says
leaves `recipe.toml` as a result; `apps.aviary.recipe_book.imported` lists those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apps.aviary.sharing.share import RECIPE_FILE, SharedRecipe, unpack_recipe
from shared.contracts.provenance import ModelUse
from shared.errors import N_
from shared.jobs.definition import (
    JobContext,
    JobDefinition,
    ResultSummary,
    UnitOutcome,
    UnitResult,
)

UNIT = "test"
TEST_TIMEOUT_S = 300


def split(ctx: JobContext) -> Sequence[str]:
    """Look through the file; the test is one unit.

    Args:
        ctx: The run.

    Raises:
        InputError: The file is damaged, dangerous, or no recipe.
    """
    _read(ctx)
    return (UNIT,)


def process(key: str, ctx: JobContext) -> UnitResult:
    """Let the recipe find what is in its own image.

    Args:
        key: The only unit.
        ctx: The run.

    Raises:
        RecipeTestFailed: The model here has other weights, or it finds something else.
        ModelServerError: The model cannot answer.
    """
    # Here, because it leads to the job that looks at images, and so to the list of all jobs.
    from apps.aviary.sharing.conformance import prove_recipe

    del key
    shared = _read(ctx)
    found = prove_recipe(shared, lambda: ctx.models)
    model = shared.expected.model
    used = () if model is None else (ModelUse(model.name, model.version, model.sha256),)
    figures = {"counts": dict(found.counts), "area_m2": dict(found.area_m2)}
    return UnitResult(figures, models=used)


def finish(outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
    """Keep the recipe if it has passed.

    Args:
        outcomes: What became of the test.
        ctx: The run.
    """
    passed = [one.data for one in outcomes if one.data is not None]
    shared = _read(ctx)
    model = shared.expected.model
    told = {
        "recipe": shared.recipe.recipe_id,
        "version": shared.recipe.version,
        "model": None if model is None else model.model_dump(),
        "passed": bool(passed),
    }
    if not passed:
        return ResultSummary(told)
    file = ctx.write(RECIPE_FILE, shared.text.encode(), "application/toml")
    return ResultSummary({**told, **passed[0]}, (file,))


def _read(ctx: JobContext) -> SharedRecipe:
    return unpack_recipe(ctx.input_path(0).read_bytes(), ctx.inputs[0].name)


IMPORT = JobDefinition(
    name="import",
    app="aviary",
    split=split,
    process=process,
    finish=finish,
    unit_timeout_s=TEST_TIMEOUT_S,
    unit_word=(N_("Prüfung"), N_("Prüfungen")),
)
