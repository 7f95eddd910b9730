"""What travels between the gallery and the model server: options, results, errors."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_BODY_BYTES = 64 * 2**20
MAX_IMAGE_PIXELS = 50_000_000
MAX_TILES = 16
MAX_PAIRS = 16
MAX_PAGES = 4
MAX_LAYOUT_PAGES = 8
MAX_LINES = 64
MAX_TEXTS = 64
MAX_TEXT_CHARACTERS = 4_000
REQUEST_ID_PATTERN = r"^[A-Za-z0-9-]{8,64}$"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,63}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$")]
Task = Literal["segment", "change", "ocr", "layout", "classify", "embed"]
Quality = Literal["demonstration", "pilot", "productive"]
Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Metres = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class Wire(BaseModel):
    """Base of all wire values: frozen; unknown keys and numbers that JSON lacks are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TaskOptions(Wire):
    """Base of all options: a text is no number and `true` is none either."""

    model_config = ConfigDict(strict=True)


class SegmentOptions(TaskOptions):
    """Options of `POST /segment`."""

    model: Name = "landcover"
    version: Version | None = None
    bands: Literal["rgb", "rgbi"] = "rgb"
    gsd_m: Metres | None = None
    output: Literal["classes", "probabilities", "instances"] | None = None
    min_score: Unit | None = None
    max_instances: int = Field(200, ge=1, le=500)


class ChangeOptions(TaskOptions):
    """Options of `POST /change`; the band "m" is the building's outline mask, 0 or 255."""

    model: Name = "roof_change"
    version: Version | None = None
    bands: Literal["rgb", "rgbm"] = "rgb"
    gsd_m: Metres | None = None


class OcrOptions(TaskOptions):
    """Options of `POST /ocr`."""

    model: Name = "ppocrv6_small"
    version: Version | None = None
    mode: Literal["page", "detect", "lines"] = "page"
    min_score: Unit = 0.3


class LayoutOptions(TaskOptions):
    """Options of `POST /layout`."""

    model: Name = "layout_cdla"
    version: Version | None = None
    min_score: Unit = 0.3


class ClassifyOptions(TaskOptions):
    """Options of `POST /classify`."""

    model: Name
    version: Version | None = None
    top: int = Field(5, ge=1, le=20)


class ImageEmbedOptions(TaskOptions):
    """Options of `POST /embed` with images."""

    model: Name = "tile_features"
    version: Version | None = None


class EmbedOptions(TaskOptions):
    """Options of `POST /embed` with texts."""

    model: Name = "e5_small_multilingual"
    version: Version | None = None
    kind: Literal["query", "passage"] = "query"


class EmbedRequest(EmbedOptions):
    """JSON body of `POST /embed`."""

    texts: list[str] = Field(min_length=1, max_length=MAX_TEXTS)


class ModelIdentity(Wire):
    """Which model answered."""

    name: str
    version: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    runtime: str
    device: str


class ErrorText(Wire):
    """Public text of an error.

    `message` and `what_to_do` are German; `details` are the figures in them, so that a page can say
    the same in another language.
    """

    code: str
    message: str
    what_to_do: str = ""
    details: dict[str, str | int | float] = {}


class ErrorBody(ErrorText):
    """Body of every answer with a status of 400 or more."""

    request_id: str


class ItemWarning(Wire):
    """Something a person should know about one result; see `ErrorText` for `details`."""

    code: str
    message: str
    details: dict[str, str | int | float] = {}


class Timing(Wire):
    """Milliseconds per stage and the size of the batch that really ran."""

    queue: float = 0
    decode: float = 0
    predict: float = 0
    encode: float = 0
    batch_size: int = 1


class Instance(Wire):
    """One found object; pixel corners, origin top left, x right, y down.

    `class` is the class key of the model's card.
    """

    model_config = ConfigDict(populate_by_name=True)

    class_key: str = Field(alias="class")
    score: Unit
    box: tuple[float, float, float, float]
    polygon: list[tuple[float, float]]
    area_px: float = Field(ge=0)


class InstancesValue(Wire):
    """Result of `segment` with `output="instances"`."""

    width: int
    height: int
    domain_distance: float | None = None
    instances: list[Instance]


class ClassesValue(Wire):
    """Result of `segment` with `output="classes"`.

    `classes_png` is base64 of an 8-bit grey PNG with the class codes (255 = no data),
    `confidence_png` one with the top probability as 0-255; `pixel_counts` counts pixels by code,
    those without data left out.
    """

    width: int
    height: int
    stride: int = 1
    classes_png: str
    confidence_png: str
    pixel_counts: dict[str, int]
    domain_distance: float | None = None


class ProbabilitiesValue(Wire):
    """Result of `segment` with `output="probabilities"`, for seam blending by the client.

    `data` is base64 of zlib over uint8, C order, `class_codes` x ceil(height / stride) x
    ceil(width / stride); probability = value / 255, all zero where there is no data.
    """

    width: int
    height: int
    stride: int
    class_codes: list[int]
    data: str
    domain_distance: float | None = None


class ChangeValue(Wire):
    """Result of `change`; probabilities are uncalibrated for base rates."""

    label: str
    probabilities: dict[str, Unit]
    attributes: dict[str, Unit] = {}
    domain_distance: float | None = None


class LayoutRegion(Wire):
    """One region of a page; pixel corners as in `Instance`."""

    model_config = ConfigDict(populate_by_name=True)

    class_key: str = Field(alias="class")
    score: Unit
    box: tuple[float, float, float, float]


class LayoutValue(Wire):
    """Result of `layout`."""

    width: int
    height: int
    regions: list[LayoutRegion]


class LabelScore(Wire):
    """A label and its probability."""

    label: str
    score: Unit


class ClassifyValue(Wire):
    """Result of `classify`, most probable label first."""

    labels: list[LabelScore]
    domain_distance: float | None = None


class CharScore(Wire):
    """One recognised character."""

    char: str
    score: Unit


class OcrLine(Wire):
    """One line of a page; `text` and `characters` are empty in mode `detect`."""

    text: str = ""
    score: Unit
    polygon: list[tuple[float, float]]
    characters: list[CharScore] = []


class OcrPageValue(Wire):
    """Result of `ocr` in the modes `page` and `detect`.

    `width`, `height` and all polygons are in pixels of the page as sent (after its EXIF
    orientation). `rotation_deg` says how far the page must be turned clockwise to stand upright;
    each polygon starts at the upper left corner of its line as it is read and goes clockwise.
    Mode `detect` does not look at the orientation beyond lying or standing lines.
    """

    width: int
    height: int
    rotation_deg: Literal[0, 90, 180, 270] = 0
    lines: list[OcrLine]


class OcrLineValue(Wire):
    """Result of `ocr` in the mode `lines`: one crop, one line, possibly empty."""

    text: str
    score: Unit
    characters: list[CharScore] = []
    ms: float = 0


class EmbedValue(Wire):
    """Result of `embed`: base64 of little-endian float32."""

    vector: str
    dim: int
    normalised: bool = True


class ItemOk(Wire):
    """A result."""

    index: int
    status: Literal["ok"] = "ok"
    value: dict[str, Any]
    warnings: list[ItemWarning] = []
    input_sha256: str


class ItemFailed(Wire):
    """An item that failed alone."""

    index: int
    status: Literal["error"] = "error"
    error: ErrorText
    input_sha256: str


ItemResult = Annotated[ItemOk | ItemFailed, Field(discriminator="status")]


class TaskResponse(Wire):
    """Answer of every task; `results` has the length and order of the items sent."""

    request_id: str
    model: ModelIdentity
    results: list[ItemResult]
    timing_ms: Timing


class Readiness(Wire):
    """Body of `GET /readyz`."""

    ready: bool
    waiting_for: list[str] = []


def pair_digest(before: bytes, after: bytes) -> str:
    """Return the `input_sha256` of a pair: the hash over the hashes of both images."""
    digests = hashlib.sha256(before).digest() + hashlib.sha256(after).digest()
    return hashlib.sha256(digests).hexdigest()
