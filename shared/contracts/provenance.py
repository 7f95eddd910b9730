"""Where a result comes from; every result and every export carries one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A model that contributed to a result.

    Args:
        name: Catalogue name.
        version: Semantic version.
        sha256: Hash of the weights, 64 hexadecimal digits.
        runtime: Engine that ran it, for example "onnxruntime".
        device: "cpu" or "cuda".
    """

    name: str
    version: str
    sha256: str
    runtime: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of a result.

    Args:
        source: What the input was, in the reader's words ("Beispielbild", a file name).
        input_sha256: Hash of the input bytes, 64 hexadecimal digits.
        models: Models that took part, in order of use.
        parameters: Settings that a person could have chosen differently.
        created_at: Time of the run with time zone.
        duration_s: Seconds the run took.
        software_version: Version of the gallery.
        sample_data: True when the input is synthetic example data.
    """

    source: str
    input_sha256: str
    models: tuple[ModelUse, ...]
    parameters: Mapping[str, object]
    created_at: datetime
    duration_s: float
    software_version: str
    sample_data: bool = False
    notes: tuple[str, ...] = field(default=())
