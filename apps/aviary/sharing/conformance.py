"""Test a shared recipe: it must find in its own image what its file says."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from apps.aviary.commands.headless import Client, look
from apps.aviary.pinned import PinnedModel, pin_model
from apps.aviary.recipes import Recipe, read_recipe
from apps.aviary.sharing.share import (
    MOST_SIDE_PX,
    RECIPE_FILE,
    Expected,
    ProofImage,
    SharedRecipe,
    UsedModel,
    image_name,
)
from shared.errors import N_, RecipeTestFailed
from shared.geo.raster import BandNumbers, OpenOptions, RasterLimits

AREA_TOLERANCE = 0.02
"""Of the expected area of a class: engines and processors round differently, weights do not."""
LEAST_AREA_M2 = 1.0
"""Areas that differ by less are equal."""
COUNT_TOLERANCE = 0.02
"""Of the expected number; up to 49 objects every one of them must be there."""
MODEL_WORDS = N_("Das Modell")
FAILED_TILES, FAILED_TILES_WORDS = "failed_tiles", N_("Die Zahl der Kacheln ohne Ergebnis")
_LIMITS = RasterLimits(
    decoded_megapixels=-(-(MOST_SIDE_PX**2) // 10**6),
    windowed_megapixels=-(-(MOST_SIDE_PX**2) // 10**6),
)
_NEAR_INFRARED_BANDS: BandNumbers = (1, 2, 3, 4)
_SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Figures:
    """What a recipe found in an image.

    Args:
        counts: Number of objects by class; empty for maps.
        area_m2: Ground area by class [m2].
        failed_tiles: Tiles without result.
    """

    counts: Mapping[str, int]
    area_m2: Mapping[str, float]
    failed_tiles: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is another than the file says.

    Args:
        what: Name of the figure, such as "counts.pv".
        found: What it is here.
        wanted: What the file says.
    """

    what: str
    found: float
    wanted: float


def check_conformance(expected: Expected, found: Figures) -> tuple[Difference, ...]:
    """Compare what a recipe found with what it should have found; empty where all is well.

    Args:
        expected: What the file says.
        found: What was measured here.
    """
    return tuple(_differences(expected, found))


def _differences(expected: Expected, found: Figures) -> Iterator[Difference]:
    if found.failed_tiles:
        yield Difference(FAILED_TILES, found.failed_tiles, 0)
    for key in dict.fromkeys((*expected.counts, *found.counts)):
        wanted, seen = expected.counts.get(key, 0), found.counts.get(key, 0)
        if abs(seen - wanted) > int(COUNT_TOLERANCE * wanted):
            yield Difference(f"counts.{key}", seen, wanted)
    for key in dict.fromkeys((*expected.area_m2, *found.area_m2)):
        wanted_m2, seen_m2 = expected.area_m2.get(key, 0.0), found.area_m2.get(key, 0.0)
        if abs(seen_m2 - wanted_m2) > max(LEAST_AREA_M2, AREA_TOLERANCE * wanted_m2):
            yield Difference(f"area_m2.{key}", seen_m2, wanted_m2)


def prove_recipe(shared: SharedRecipe, client: Client) -> Figures:
    """Run a shared recipe over its image and refuse it where it finds something else.

    Args:
        shared: The recipe with its image.
        client: Gives a client of the model server.

    Raises:
        RecipeTestFailed: The model here has other weights, or it finds something else.
        InputError: Its image cannot be used.
        ModelServerError: The model cannot answer.
        ModelMissing: The model is not there.
    """
    wanted = shared.expected.model
    if wanted is not None:
        check_model(wanted, pin_model(client(), shared.recipe))
    found = measure(shared.text, shared.image, shared.expected.image.gsd_m, client)
    for one in check_conformance(shared.expected, found):
        what = _in_words(one.what, shared.recipe)
        raise RecipeTestFailed(what=what, found=one.found, wanted=one.wanted)
    return found


def _in_words(what: str, recipe: Recipe) -> str:
    if what == FAILED_TILES:
        return FAILED_TILES_WORDS
    kind, _, key = what.partition(".")
    unit = "m²" if kind == "area_m2" else "n"
    return f"{recipe.title(key)} ({unit})"


def check_model(wanted: UsedModel, found: PinnedModel) -> None:
    """Refuse a model with other weights than those that a recipe was tested with.

    Raises:
        RecipeTestFailed: Another model, or other weights.
    """
    if (found.name, found.sha256) != (wanted.name, wanted.sha256):
        raise RecipeTestFailed(
            what=MODEL_WORDS,
            wanted=f"{wanted.name} {wanted.version}, {wanted.sha256[:_SHOWN_DIGITS]}",
            found=f"{found.name} {found.version}, {found.sha256[:_SHOWN_DIGITS]}",
        )


def expect(text: str, image: bytes, gsd_m: float, client: Client) -> Expected:
    """Measure what a recipe finds in an image, for a file to be shared.

    Args:
        text: The recipe file.
        image: PNG, or TIFF of four bands for a recipe that needs near infrared.
        gsd_m: Ground sampling distance of the image [m].
        client: Gives a client of the model server.

    Raises:
        RecipeBroken: The text is no recipe.
        RecipeTestFailed: A tile could not be looked at.
        InputError: The image cannot be used.
        ModelServerError: The model cannot answer.
    """
    recipe = read_recipe(text, RECIPE_FILE)
    pinned = None if recipe.task == "none" else pin_model(client(), recipe)
    found = measure(text, image, gsd_m, client)
    if found.failed_tiles:
        raise RecipeTestFailed(what=FAILED_TILES_WORDS, found=found.failed_tiles, wanted=0)
    return Expected(
        model=UsedModel(name=pinned.name, version=pinned.version, sha256=pinned.sha256)
        if pinned
        else None,
        image=ProofImage(sha256=hashlib.sha256(image).hexdigest(), gsd_m=gsd_m),
        counts=dict(found.counts),
        area_m2=dict(found.area_m2),
    )


def measure(text: str, image: bytes, gsd_m: float, client: Client) -> Figures:
    """Run a recipe over a small image; arguments and errors are those of `expect`."""
    recipe = read_recipe(text, RECIPE_FILE)
    bands = _NEAR_INFRARED_BANDS if recipe.bands == "rgbi" else None
    with tempfile.TemporaryDirectory(prefix="urbanki-") as folder:
        path = Path(folder) / image_name(recipe)
        path.write_bytes(image)
        options = OpenOptions(gsd_m=gsd_m, bands=bands, limits=_LIMITS)
        with look(
            path, recipe, client, options, force=True, use_cache=False, recipe_text=text
        ) as result:
            data = result.summary.data
    return Figures(
        counts=data.get("counts", {}),
        area_m2=data["area_m2"],
        failed_tiles=data["failed_tiles"] + data["stopped_tiles"],
    )
