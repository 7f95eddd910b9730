"""Dated files that nobody has checked yet: names of XBau elements and notes on keeping files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
XBAU_FILE, RETENTION_FILE = _FOLDER / "xbau_map.toml", _FOLDER / "retention.toml"
UNCHECKED = "ungeprueft"


@dataclass(frozen=True, slots=True)
class XbauMap:
    """Elements of XBau by field.

    Args:
        standard: Name and version of the standard.
        status: "ungeprueft" until somebody compared it with the specification.
        valid_from: Day from which the file holds, ISO.
        source: Where it comes from.
        elements: Path of the element by name of the field; empty for none.
    """

    standard: str
    status: str
    valid_from: str
    source: str
    elements: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """A note on keeping building files.

    Args:
        area: State of Germany, or "allgemein".
        text: What holds there, German.
        text_en: The same in English.
        source: Where it comes from.
    """

    area: str
    text: str
    text_en: str
    source: str


@dataclass(frozen=True, slots=True)
class Retention:
    """All notes on keeping building files.

    Args:
        status: "ungeprueft" until somebody checked them in law.
        valid_from: Day from which the file holds, ISO.
        rules: The notes.
    """

    status: str
    valid_from: str
    rules: tuple[RetentionRule, ...]


@lru_cache(maxsize=1)
def xbau_map() -> XbauMap:
    """Return the elements of XBau."""
    raw = _read(XBAU_FILE)
    return XbauMap(
        raw["standard"], raw["status"], raw["valid_from"], raw["source"], dict(raw["fields"])
    )


@lru_cache(maxsize=1)
def retention() -> Retention:
    """Return the notes on keeping building files."""
    raw = _read(RETENTION_FILE)
    rules = tuple(RetentionRule(**rule) for rule in raw["rule"])
    return Retention(raw["status"], raw["valid_from"], rules)


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
