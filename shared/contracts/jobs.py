"""Words that stored runs and the programs that work on them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

JsonObject = Mapping[str, Any]
"""A mapping that JSON can carry: no NaN, no bytes, keys are texts."""

RunState = Literal["queued", "running", "waiting", "done", "failed", "cancelled"]
UnitState = Literal["queued", "leased", "done", "failed"]
FileKind = Literal["upload", "intermediate", "result", "report"]


class Priority(IntEnum):
    """Which runs come first."""

    INTERACTIVE = 0
    NORMAL = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file as everybody names it; where it lies is the store's affair.

    Args:
        name: File name for people, never a path.
        media_type: For example "application/pdf".
        sha256: Hash of the content, 64 hexadecimal digits; finds the file within its municipality.
        bytes: Size.
    """

    name: str
    media_type: str
    sha256: str
    bytes: int
