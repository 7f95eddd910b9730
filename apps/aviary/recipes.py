"""Recipes: data files that say what is looked for, how, and at which resolution."""

from __future__ import annotations

import contextlib
import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from apps.aviary.recipe_book.schema import (
    CELL_STEP_PX,
    FORMS,
    Bands,
    InputName,
    Kind,
    ObjectsFile,
    RecipeFile,
    Task,
)
from shared.errors import RecipeBroken, RecipeUnknown

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
OTHERS = "eigen_"
"""Begins the names of layers of recipes that do not come with the app."""
FOLDER = Path(__file__).resolve().parent / "recipe_files"

ON_CELLS: frozenset[Kind] = frozenset({"semantic", "surfaces", "change"})
"""Kinds whose model answers on cells, so that tiles begin and end on them."""
MAKING_MAPS: frozenset[Kind] = frozenset({"semantic", "index"})


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """One kind of object that a recipe finds, or one class of its map.

    Args:
        code: Its number, 0 to 254.
        key: Its name in files.
        title_de: Its name.
        title_en: Its English name.
        colour: "#rrggbb" on maps; empty where the recipe makes no map.
        sources: Codes of the model that are counted as this class; empty: its own code.
    """

    code: int
    key: str
    title_de: str
    title_en: str
    colour: str = ""
    sources: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PowerEstimate:
    """Rated power per ground area, as a range.

    Args:
        classes: Keys of the classes it holds for.
        low_kwp_per_m2: Lower end [kWp/m2].
        high_kwp_per_m2: Upper end [kWp/m2].
        status: "ungeprueft" until an expert confirmed it.
        source: Where the range comes from, in German.
        checked_on: Day of the last look at the source.
    """

    classes: tuple[str, ...]
    low_kwp_per_m2: float
    high_kwp_per_m2: float
    status: str
    source: str
    checked_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is looked for and how.

    Args:
        recipe_id: Name on the command line.
        version: Semantic version.
        title_de: Title.
        title_en: English title.
        summary_de: One sentence.
        summary_en: The same in English.
        gsd_min_m: Finest ground sampling distance the recipe was made for [m].
        gsd_native_m: Ground sampling distance at which the model sees the image [m].
        gsd_max_m: Coarsest ground sampling distance the recipe was made for [m].
        model: Name in the model catalogue.
        tile_px: Side of a tile [px of the native resolution].
        overlap_px: Least overlap of neighbouring tiles [px].
        threshold: Least score of a reported object, 0 to 1.
        doubtful_below: Objects with a lower score are marked doubtful.
        min_area_m2: Least ground area of a reported object [m2].
        duplicate_iou: Two reported objects overlap at most by this IoU.
        simplify_px: Largest deviation when outlines are simplified [px].
        rectangle_iou: Outlines this close to their smallest rectangle become it.
        classes: Kinds of objects.
        estimate: Rated power per area; None where it makes no sense.
        kind: How the work is done and what comes out.
        bands: Whether near infrared is used.
        fallbacks: Names of models that stand in where the first is not there, the best first.
        task: What the model is asked for; "none" without a model.
        method: Name of the method that makes the result; empty where the kind says it all.
        settings: What the method is told; it checks them itself.
        inputs: Files that the recipe needs beside the image.
        optional_inputs: Files that it uses where they are given.
        season: Months for which it was made, 1 to 12 and in their order; empty where it says none.
    """

    recipe_id: str
    version: str
    title_de: str
    title_en: str
    summary_de: str
    summary_en: str
    gsd_min_m: float
    gsd_native_m: float
    gsd_max_m: float
    model: str
    tile_px: int
    overlap_px: int
    threshold: float = 0.0
    doubtful_below: float
    min_area_m2: float
    duplicate_iou: float = 1.0
    simplify_px: float
    rectangle_iou: float = 1.0
    classes: tuple[ObjectClass, ...]
    estimate: PowerEstimate | None
    kind: Kind = "objects"
    bands: Bands = "rgb"
    fallbacks: tuple[str, ...] = ()
    task: Task = "segment"
    method: str = ""
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)
    inputs: tuple[InputName, ...] = ()
    optional_inputs: tuple[InputName, ...] = ()
    season: tuple[int, ...] = ()

    @property
    def on_cells(self) -> bool:
        """True where the model answers on cells."""
        return self.kind in ON_CELLS

    @property
    def makes_map(self) -> bool:
        """True where the result holds a map of the whole image beside outlines."""
        return self.kind in MAKING_MAPS

    @property
    def takes_grey(self) -> bool:
        """True where grey images can be used: a formula asks no model that knows colours."""
        return self.kind == "index"

    @property
    def all_inputs(self) -> tuple[InputName, ...]:
        """Files that it needs, then those that it uses where they are given."""
        return (*self.inputs, *self.optional_inputs)

    @property
    def groups(self) -> dict[int, tuple[int, ...]]:
        """For each class code the codes of the model in it."""
        return {one.code: one.sources or (one.code,) for one in self.classes}

    def title(self, key: str, language: str = "de") -> str:
        """Return the title of a class; a class unknown to the recipe keeps its key."""
        for known in self.classes:
            if known.key == key:
                return known.title_en if language == "en" else known.title_de
        return key


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe file.

    Raises:
        RecipeBroken: The file is missing, no TOML, or a key is missing, unknown or wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as cause:
        raise RecipeBroken(name=path.name, reason="TOML") from cause
    return read_recipe(text, path.name)


def read_recipe(text: str, name: str) -> Recipe:
    """Check the content of a recipe file.

    Args:
        text: All of it.
        name: File name for people.

    Raises:
        RecipeBroken: It is no TOML, or a key is missing, unknown or wrong.
    """
    try:
        table = tomllib.loads(text)
        head = table.get("recipe")
        kind = head.get("kind") if isinstance(head, dict) else None
        form = FORMS.get(kind, ObjectsFile) if isinstance(kind, str) else ObjectsFile
        recipe = _to_recipe(form.model_validate(table))
    except ValidationError as cause:
        where = ".".join(_shown(str(part)) for part in cause.errors()[0]["loc"])
        raise RecipeBroken(name=name, reason=where) from cause
    except (ValueError, RecursionError) as cause:
        raise RecipeBroken(name=name, reason="TOML") from cause
    if recipe.on_cells and (recipe.tile_px % CELL_STEP_PX or recipe.overlap_px % CELL_STEP_PX):
        raise RecipeBroken(name=name, reason=f"tiles: n x {CELL_STEP_PX} px")
    return recipe


def _shown(key: str) -> str:
    """Return a key of a recipe of others for a message, which may show links and pictures."""
    return key if _PLAIN_KEY.fullmatch(key) else "?"


def _to_recipe(content: RecipeFile) -> Recipe:
    head, needs, method = content.recipe, content.needs, content.method
    return Recipe(
        recipe_id=head.id,
        version=head.version,
        title_de=head.title_de,
        title_en=head.title_en,
        summary_de=head.summary_de,
        summary_en=head.summary_en,
        gsd_min_m=needs.gsd_min_m,
        gsd_native_m=needs.gsd_native_m,
        gsd_max_m=needs.gsd_max_m,
        model=content.model.name,
        tile_px=content.tiles.size_px,
        overlap_px=content.tiles.overlap_px,
        **dict(content.post),
        classes=tuple(ObjectClass(**dict(one)) for one in content.classes),
        estimate=PowerEstimate(**dict(content.estimate)) if content.estimate else None,
        kind=head.kind,
        bands=needs.bands,
        fallbacks=content.model.fallbacks,
        task=content.model.task,
        method=method.name if method else "",
        settings=method.settings if method else {},
        inputs=needs.inputs,
        optional_inputs=needs.optional_inputs,
        season=needs.season,
    )


def layer_topic(recipe: Recipe, text: str) -> str:
    """Return under which name the results of a recipe stand in the data space.

    Whoever reads the layer of a recipe of the app must not get that of others: what was taken over
    or made from a model has names of its own, also where its file is the same.

    Args:
        recipe: What was looked for.
        text: Content of its file; empty for a recipe that comes with the app.
    """
    return f"{OTHERS}{recipe.recipe_id}" if text else recipe.recipe_id


def recipe_names(folder: Path = FOLDER) -> list[str]:
    """Return the names of all recipes in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def find_recipe(name: str, folder: Path = FOLDER) -> Recipe:
    """Return a recipe by its name.

    Raises:
        RecipeUnknown: There is no such recipe; names the nearest one.
        RecipeBroken: Its file is damaged.
    """
    names = recipe_names(folder)
    if name not in names:
        raise RecipeUnknown(name=name[:40], nearest=_nearest(name, names, folder))
    return load_recipe(folder / f"{name}.toml")


def built_in_text(name: str, folder: Path = FOLDER) -> str:
    """Return the file of a recipe that comes with the app; errors are those of `find_recipe`."""
    find_recipe(name, folder)
    return (folder / f"{name}.toml").read_text(encoding="utf-8")


def _nearest(name: str, names: Sequence[str], folder: Path) -> str:
    """Return the recipe whose name, title or kind of object is most like a word."""
    words = {one: one for one in names}
    for one in names:
        with contextlib.suppress(RecipeBroken):
            recipe = load_recipe(folder / f"{one}.toml")
            for title in (recipe.title_de, *(known.title_de for known in recipe.classes)):
                words.setdefault(title.casefold(), one)
    nearest = difflib.get_close_matches(name.casefold(), words, n=1, cutoff=0.0)
    return words[nearest[0]] if nearest else "–"
