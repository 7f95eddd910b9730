"""Recipes: data files that say what is looked for, how, and at which resolution."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from shared.errors import RecipeBroken, RecipeUnknown

FOLDER = Path(__file__).resolve().parent / "recipe_files"

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Metres = Annotated[float, Field(gt=0, le=5, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
Kind = Literal["objects", "semantic"]
Bands = Literal["rgb", "rgbi", "any"]
"""Colours alone, colours and near infrared, or near infrared only where the image has it."""


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


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Head(_Part):
    id: Key
    version: str = Field(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}$")
    kind: Kind
    title_de: Text
    title_en: Text
    summary_de: Text
    summary_en: Text
    author: Text
    licence: Text


class _Needs(_Part):
    bands: Bands
    gsd_min_m: Metres
    gsd_native_m: Metres
    gsd_max_m: Metres

    @model_validator(mode="after")
    def _ordered(self) -> _Needs:
        if not self.gsd_min_m <= self.gsd_native_m <= self.gsd_max_m:
            raise ValueError("gsd_min_m <= gsd_native_m <= gsd_max_m")
        return self


class _Model(_Part):
    task: Literal["segment"]
    name: Key
    fallbacks: tuple[Key, ...] = ()


class _Tiles(_Part):
    size_px: int = Field(ge=64, le=1280)
    overlap_px: int = Field(ge=0)

    @model_validator(mode="after")
    def _overlap_fits(self) -> _Tiles:
        if self.overlap_px * 2 >= self.size_px:
            raise ValueError("overlap_px < size_px / 2")
        return self


class _MapPost(_Part):
    doubtful_below: Share
    min_area_m2: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    simplify_px: float = Field(ge=0, le=10, allow_inf_nan=False)


class _Post(_MapPost):
    threshold: Share
    duplicate_iou: Share
    rectangle_iou: Share


class _Class(_Part):
    code: int = Field(ge=0, le=254)
    key: Key
    title_de: Text
    title_en: Text
    sources: tuple[int, ...] = Field(default=(), max_length=0)


class _MapClass(_Class):
    colour: Colour
    sources: tuple[Annotated[int, Field(ge=0, le=254)], ...] = Field(default=(), alias="from")


_Kind = TypeVar("_Kind", bound=_Class)


class _Estimate(_Part):
    classes: tuple[Key, ...]
    low_kwp_per_m2: float = Field(gt=0, le=1, allow_inf_nan=False)
    high_kwp_per_m2: float = Field(gt=0, le=1, allow_inf_nan=False)
    status: Literal["ungeprueft", "geprueft"]
    source: Text
    checked_on: date


def _each_once(classes: tuple[_Kind, ...]) -> tuple[_Kind, ...]:
    for values in (
        [one.code for one in classes],
        [one.key for one in classes],
        [code for one in classes for code in one.sources or (one.code,)],
    ):
        if len(set(values)) < len(values):
            raise ValueError("each code and key once")
    return classes


class _File(_Part):
    recipe: _Head
    needs: _Needs
    model: _Model
    tiles: _Tiles
    estimate: _Estimate | None = None


class _ObjectsFile(_File):
    post: _Post
    classes: Annotated[tuple[_Class, ...], Field(min_length=1), AfterValidator(_each_once)]


class _MapFile(_File):
    post: _MapPost
    classes: Annotated[tuple[_MapClass, ...], Field(min_length=1), AfterValidator(_each_once)]


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe file.

    Raises:
        RecipeBroken: The file is missing, no TOML, or a key is missing, unknown or wrong.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        head = table.get("recipe")
        kind = head.get("kind") if isinstance(head, dict) else None
        content = (_MapFile if kind == "semantic" else _ObjectsFile).model_validate(table)
    except ValidationError as cause:
        where = ".".join(str(part) for part in cause.errors()[0]["loc"])
        raise RecipeBroken(name=path.name, reason=where) from cause
    except (OSError, ValueError) as cause:
        raise RecipeBroken(name=path.name, reason="TOML") from cause
    head, needs = content.recipe, content.needs
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
    )


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
        nearest = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.0)
        raise RecipeUnknown(name=name[:40], nearest=nearest[0] if nearest else "–")
    return load_recipe(folder / f"{name}.toml")
