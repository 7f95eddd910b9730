"""A report as a value: title, origin and blocks; every renderer reads this one model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.errors import ReportInvalid
from shared.i18n.formats import Language
from shared.report.blocks import (
    LONGEST_TITLE,
    STRICT,
    Block,
    Column,
    Figure,
    Figures,
    Heading,
    Image,
    Map,
    Table,
)
from shared.report.checks import check_count, check_moment, check_text, check_unique, require
from shared.report.layers import Feature, Layer
from shared.store.provenance_text import ProvenanceJson

MOST_BLOCKS = 2_000
MOST_LAYERS = 20
MOST_PICTURE_BYTES_TOGETHER = 60_000_000
MOST_JSON_BYTES = 150_000_000
Named = Table | Image | Map


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a reader takes along.

    Args:
        title: Title.
        subtitle: Line below it; may be empty.
        tenant: Name of the municipality for people.
        created_at: When it was made, with time zone; the only clock of all renderers.
        provenance: Where the result comes from.
        blocks: The content in order.
        language: Language of the texts.
        layers: Objects with their places; not drawn, only for the geodata formats.
        schema: Version of the JSON form.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    title: str
    subtitle: str
    tenant: str
    created_at: datetime
    provenance: ProvenanceJson
    blocks: tuple[Block, ...]
    language: Language = "de"
    layers: tuple[Layer, ...] = ()
    schema: Literal["urbanki-report/1"] = "urbanki-report/1"

    def __post_init__(self) -> None:
        """Refuse what no renderer could show well."""
        check_text(self.title, "Der Titel", LONGEST_TITLE)
        check_text(self.subtitle, "Der Untertitel", LONGEST_TITLE, may_be_empty=True)
        check_text(self.tenant, "Der Name der Kommune", LONGEST_TITLE)
        check_moment(self.created_at, "Der Zeitpunkt des Berichts")
        check_moment(self.provenance.created_at, "Der Zeitpunkt der Auswertung")
        check_count(len(self.blocks), "Bausteine", 0, MOST_BLOCKS)
        check_count(len(self.layers), "Ebenen", 0, MOST_LAYERS)
        check_unique([block.name for block in self.blocks if isinstance(block, Named)], "Bausteine")
        check_unique([layer.name for layer in self.layers], "Ebenen")
        _check_levels(block.level for block in self.blocks if isinstance(block, Heading))
        together = sum(len(block.picture) for block in self.pictures)
        require(together <= MOST_PICTURE_BYTES_TOGETHER, "Die Bilder sind zusammen zu groß.")

    @property
    def is_example(self) -> bool:
        """True when the data are invented."""
        return self.provenance.sample_data

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables in order."""
        return tuple(block for block in self.blocks if isinstance(block, Table))

    @property
    def pictures(self) -> tuple[Image | Map, ...]:
        """Images and maps in order."""
        return tuple(block for block in self.blocks if isinstance(block, Image | Map))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All numbers in order."""
        found = (block.items for block in self.blocks if isinstance(block, Figures))
        return tuple(item for items in found for item in items)


def without_personal_columns(report: Report) -> Report:
    """Return the report as somebody may see it who must not read about persons.

    A table or layer of which nothing is left is left out.

    Args:
        report: The whole report.
    """
    blocks: list[Block] = []
    for block in report.blocks:
        if not isinstance(block, Table):
            blocks.append(block)
        elif (kept := _public(block.columns)) and (columns := _pick(block.columns, kept)):
            rows = tuple(tuple(row[place] for place in kept) for row in block.rows)
            blocks.append(replace(block, columns=columns, rows=rows))
    layers = tuple(
        replace(
            layer,
            columns=_pick(layer.columns, kept),
            features=tuple(
                Feature(one.geometry, tuple(one.cells[place] for place in kept))
                for one in layer.features
            ),
            style_column=layer.style_column
            if layer.style_column in {column.key for column in _pick(layer.columns, kept)}
            else "",
        )
        for layer in report.layers
        if (kept := _public(layer.columns))
    )
    return replace(report, blocks=tuple(blocks), layers=layers)


def _public(columns: Sequence[Column]) -> list[int]:
    return [place for place, column in enumerate(columns) if not column.personal]


def _pick(columns: Sequence[Column], places: Sequence[int]) -> tuple[Column, ...]:
    return tuple(columns[place] for place in places)


def _check_levels(levels: Iterable[int]) -> None:
    last = 0
    for level in levels:
        require(level <= last + 1, "Eine Ebene der Überschriften ist übersprungen.")
        last = level


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Report]:
    return TypeAdapter(Report)


def from_json(content: bytes) -> Report:
    """Read a report of unknown origin.

    Args:
        content: JSON text in UTF-8.

    Raises:
        ReportInvalid: It is too large, no JSON, or a field is missing, unknown or wrong.
    """
    limit_mb = MOST_JSON_BYTES // 1_000_000
    require(len(content) <= MOST_JSON_BYTES, f"Die Datei ist größer als {limit_mb} MB.")
    try:
        return _adapter().validate_json(content)
    except ValidationError as cause:
        raise ReportInvalid(reason=_in_german(cause)) from cause


def to_json(report: Report) -> bytes:
    """Write a report as JSON; the same report gives the same bytes.

    The origin stands before the blocks, so that it is found without reading them.

    Args:
        report: The report.
    """
    content = _adapter().dump_python(report, mode="json")
    head = {name: content.pop(name) for name in ("schema", "provenance")}
    text = json.dumps(head | content, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", "replace")


def _in_german(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])[:200]
    if first["type"] == "json_invalid":
        return "Die Datei ist kein gültiges JSON."
    if first["type"] == "missing":
        return f"Das Feld „{field}“ fehlt."
    if first["type"] == "unexpected_keyword_argument":
        return f"Das Feld „{field}“ ist unbekannt."
    return f"Das Feld „{field}“ ist ungültig." if field else "Die Datei enthält keinen Bericht."
