"""The form of recipe files, strictly checked; `recipes` turns them into `Recipe`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
FINEST_GSD_M, COARSEST_GSD_M = 0.01, 100.0
"""From images of single leaves to those of satellites; beyond, a unit was mistaken."""
Metres = Annotated[float, Field(ge=FINEST_GSD_M, le=COARSEST_GSD_M, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
Code = Annotated[int, Field(ge=0, le=254)]
MONTHS_OF_YEAR = 12
Month = Annotated[int, Field(ge=1, le=MONTHS_OF_YEAR)]

Kind = Literal["objects", "semantic", "surfaces", "index", "change", "similar"]
"""How a recipe works: objects or classes of a model; objects derived from classes; a formula over
the bands; what changed between two images; what looks like chosen places."""
Bands = Literal["rgb", "rgbi", "any"]
"""Colours alone, colours and near infrared, or near infrared only where the image has it."""
InputName = Literal["parcels", "buildings", "ndsm", "before", "examples"]
"""A file beside the image: parcels, outlines of buildings, heights above ground, the older image,
or marked examples."""
Task = Literal["segment", "embed", "none"]
TASKS: Mapping[Kind, Task] = {
    "objects": "segment",
    "semantic": "segment",
    "surfaces": "segment",
    "index": "none",
    "change": "segment",
    "similar": "embed",
}
"""What each kind asks of its model."""
CELL_STEP_PX = 8
"""Tiles of class maps begin and end here, so that the cells of neighbours are the same."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(_Part):
    """Table `[recipe]`."""

    id: Key
    version: str = Field(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}$")
    kind: Kind
    title_de: Text
    title_en: Text
    summary_de: Text
    summary_en: Text
    author: Text
    licence: Text


class Needs(_Part):
    """Table `[needs]`."""

    bands: Bands
    gsd_min_m: Metres
    gsd_native_m: Metres
    gsd_max_m: Metres
    inputs: tuple[InputName, ...] = ()
    optional_inputs: tuple[InputName, ...] = ()
    season: tuple[Month, ...] = ()

    @model_validator(mode="after")
    def _one_stretch(self) -> Needs:
        """Check that each month follows the one before, also across the turn of the year."""
        following = [month % MONTHS_OF_YEAR + 1 for month in self.season[:-1]]
        if following != list(self.season[1:]) or len(self.season) > MONTHS_OF_YEAR:
            raise ValueError("season: neighbouring months")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Needs:
        if not self.gsd_min_m <= self.gsd_native_m <= self.gsd_max_m:
            raise ValueError("gsd_min_m <= gsd_native_m <= gsd_max_m")
        return self

    @model_validator(mode="after")
    def _named_once(self) -> Needs:
        named = (*self.inputs, *self.optional_inputs)
        if len(set(named)) < len(named):
            raise ValueError("each input once")
        return self


class Model(_Part):
    """Table `[model]`; the task "none" needs no model."""

    task: Task
    name: Key | Literal[""] = ""
    fallbacks: tuple[Key, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Model:
        if (self.task == "none") != (self.name == ""):
            raise ValueError("task and name")
        return self


class Tiles(_Part):
    """Table `[tiles]`."""

    size_px: int = Field(ge=64, le=1280)
    overlap_px: int = Field(ge=0)

    @model_validator(mode="after")
    def _overlap_fits(self) -> Tiles:
        if self.overlap_px * 2 >= self.size_px:
            raise ValueError("overlap_px < size_px / 2")
        return self


class MapPost(_Part):
    """Table `[post]` of a recipe that makes a map."""

    doubtful_below: Share
    min_area_m2: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    simplify_px: float = Field(ge=0, le=10, allow_inf_nan=False)


class DerivedPost(MapPost):
    """Table `[post]` of a recipe whose objects are whole before they are counted."""

    threshold: Share


class ObjectsPost(DerivedPost):
    """Table `[post]` of a recipe whose objects come tile by tile from a model."""

    duplicate_iou: Share
    rectangle_iou: Share


class Method(_Part):
    """Table `[method]`: its name; the method itself checks its own keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Key

    @property
    def settings(self) -> dict[str, Any]:
        """All other keys."""
        return dict(self.model_extra or {})


class Class(_Part):
    """One `[[classes]]` of objects."""

    code: Code
    key: Key
    title_de: Text
    title_en: Text
    sources: tuple[int, ...] = Field(default=(), max_length=0)


class MapClass(Class):
    """One `[[classes]]` of a map."""

    colour: Colour
    sources: tuple[Code, ...] = Field(default=(), alias="from")


class Estimate(_Part):
    """Table `[estimate]`."""

    classes: tuple[Key, ...]
    low_kwp_per_m2: float = Field(gt=0, le=1, allow_inf_nan=False)
    high_kwp_per_m2: float = Field(gt=0, le=1, allow_inf_nan=False)
    status: Literal["ungeprueft", "geprueft"]
    source: Text
    checked_on: date


_Class = TypeVar("_Class", bound=Class)


def _each_once(classes: tuple[_Class, ...]) -> tuple[_Class, ...]:
    for values in (
        [one.code for one in classes],
        [one.key for one in classes],
        [code for one in classes for code in one.sources or (one.code,)],
    ):
        if len(set(values)) < len(values):
            raise ValueError("each code and key once")
    return classes


class _File(_Part):
    recipe: Head
    needs: Needs
    model: Model
    tiles: Tiles
    method: Method | None = None
    estimate: Estimate | None = None

    @model_validator(mode="after")
    def _task_fits(self) -> Self:
        if self.model.task != TASKS[self.recipe.kind]:
            raise ValueError("task of the kind")
        return self


class ObjectsFile(_File):
    """A recipe of objects of a model."""

    post: ObjectsPost
    classes: Annotated[tuple[Class, ...], Field(min_length=1), AfterValidator(_each_once)]


class MapFile(_File):
    """A recipe of a map."""

    post: MapPost
    classes: Annotated[tuple[MapClass, ...], Field(min_length=1), AfterValidator(_each_once)]


class DerivedFile(_File):
    """A recipe of objects that a method derives."""

    method: Method
    post: DerivedPost
    classes: Annotated[tuple[Class, ...], Field(min_length=1), AfterValidator(_each_once)]


class IndexFile(MapFile):
    """A recipe of a map that a formula gives."""

    method: Method


RecipeFile = ObjectsFile | MapFile | DerivedFile | IndexFile
FORMS: Mapping[str, type[ObjectsFile] | type[MapFile] | type[DerivedFile] | type[IndexFile]] = {
    "objects": ObjectsFile,
    "semantic": MapFile,
    "surfaces": DerivedFile,
    "index": IndexFile,
    "change": DerivedFile,
    "similar": DerivedFile,
}
"""The form of each kind."""
