"""What the model server says about its models."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.contracts.model_server import Quality, Task, Wire


class CatalogClass(Wire):
    """A class of a model."""

    code: int = Field(ge=0, le=254)
    key: str
    title_de: str


class CatalogTrainingData(Wire):
    """A data set a model was trained on."""

    name: str
    licence: str
    origin: str
    items: int = Field(ge=0)


class CatalogMetric(Wire):
    """A measured figure with what is needed to repeat it."""

    name: str
    value: float
    interval_95: tuple[float, float] | None = None
    data: str
    items: int
    command: str
    measured_on: str


class CatalogEntry(Wire):
    """One row of `GET /models`.

    `output_stride` is the side of a cell of `probabilities` in pixels, None for models without that
    output. `reach_px` says how far a cell's answer looks beyond the cell; above a
    `domain_distance` of `domain_p99` an image counts as unusual; `size_px` is the side of images
    that the model was made for. None where the card is silent.
    `fusion_ndvi` holds a and b by class key for images with near infrared:
    `log(probability) + a + b * NDVI`, then all classes are made to add up to 1 again.
    """

    name: str
    version: str
    task: Task | None = None
    title_de: str = ""
    sha256: str = ""
    available: bool
    state: Literal["loaded", "available", "failed"]
    reason: str = ""
    runtime: str = ""
    device: str = ""
    quality: Quality | None = None
    classes: list[CatalogClass] = Field(default_factory=list)
    outputs: list[str] = Field(default_factory=list)
    bands: list[str] = Field(default_factory=list)
    output_stride: int | None = None
    reach_px: int | None = None
    size_px: int | None = None
    gsd_best_m: float | None = None
    gsd_min_m: float | None = None
    gsd_max_m: float | None = None
    min_score: float | None = None
    domain_p99: float | None = None
    fusion_ndvi: dict[str, tuple[float, float]] = Field(default_factory=dict)
    licence: str = ""
    credit: str = ""
    training_data: list[CatalogTrainingData] = Field(default_factory=list)
    synthetic_training: bool = False
    metrics: list[CatalogMetric] = Field(default_factory=list)
    limits_de: str = ""


class ModelDetail(CatalogEntry):
    """Answer of `GET /models/{name}`."""

    readme: str = ""
    licence_text: str = ""


class Catalog(Wire):
    """Answer of `GET /models`."""

    models: list[CatalogEntry]


class ReloadReport(Wire):
    """Answer of `POST /models/reload`."""

    available: int
    failed: int
