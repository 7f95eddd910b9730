"""Where a result comes from; every result and every export carries one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

SHORT_HASH_CHARACTERS = 12
LOCAL_ZONE = ZoneInfo("Europe/Berlin")
"""Zone in which readers expect times of day; stored runs count in UTC."""


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
class InputFile:
    """A file that was read.

    Args:
        name: File name for people, never a path.
        sha256: Hash of the content, 64 hexadecimal digits.
    """

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A dated file of law, tariffs or coefficients that was applied.

    Args:
        name: What it holds, in the reader's words.
        version: Version of the file.
        checked_on: Day when a person last compared it with its source ("Stand").
        valid_to: Last day on which it holds; None while no end is known.
        source: Where the rule stands, for example "§ 42a BauO NRW".
    """

    name: str
    version: str
    checked_on: date
    valid_to: date | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class FailedUnit:
    """A part of a run without a result.

    Args:
        key: The unit.
        code: Why, a code of `shared.errors`.
        message: The same in German.
    """

    key: str
    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of a result.

    Args:
        source: What the input was, in the reader's words ("Beispielbild", a file name).
        input_sha256: Hash of the input bytes, 64 hexadecimal digits; of several inputs the hash of
            their hashes in order.
        models: Models that took part, in order of use.
        parameters: Settings that a person could have chosen differently.
        created_at: Time of the run's end with time zone.
        duration_s: Seconds the run took.
        software_version: Version of the gallery.
        sample_data: True when the input is synthetic example data.
        notes: Translatable remarks.
        tenant: Id of the municipality.
        app: App id.
        run_id: Id of the stored run; empty for a result that was not stored.
        inputs: Every file that was read; empty where `source` says it all.
        rules: Dated rules that were applied.
        seeds: Start values of random numbers by purpose.
        started_at: Time of the run's start with time zone.
        units_total: Parts of the run; None for work without parts.
        units_failed: Parts without a result.
        failed_units: The first of them, see `shared.store.provenance.describe`.
        units_left: Further parts that nobody worked on, because somebody stopped the run.
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
    tenant: str = ""
    app: str = ""
    run_id: str = ""
    inputs: tuple[InputFile, ...] = ()
    rules: tuple[RuleFile, ...] = ()
    seeds: Mapping[str, int] = field(default_factory=dict)
    started_at: datetime | None = None
    units_total: int | None = None
    units_failed: int = 0
    failed_units: tuple[FailedUnit, ...] = ()
    units_left: int = 0
