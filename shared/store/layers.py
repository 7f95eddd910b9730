"""Layers of the data space as values, and the queries and checks that all who touch them share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import JsonObject, StoredFile
from shared.errors import InputError, LayerNameInvalid
from shared.store.layer_files import (
    COLUMN_TYPES,
    ENDINGS,
    GEOMETRY,
    Box,
    LayerKind,
    Schema,
    kind_of,
)
from shared.store.models import ArtifactRow, LayerRow, LayerShareRow
from shared.store.texts import checked_text

Share = Literal["eigene", "alle"] | tuple[str, ...]
"""Own municipality, all municipalities, or the named ones."""
LONGEST_TEXT = 200
_NAME = re.compile(r"[a-z][a-z0-9]{1,31}/[a-z0-9_]{1,50}(/[a-z0-9_]{1,34})?")
_TENANT = re.compile(r"[a-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published.

    Args:
        name: `<app>/<what>[/<area>]`, the app being that of the run.
        title_de: Title for people.
        file: Stored file: CSV, GeoPackage, GeoJSON or GeoTIFF.
        schema: Type by column; `geometry` names the geometry of vector data.
        licence: Under which others may use it.
        credit_line: How others must name the source.
        share: Who may read it.
    """

    name: str
    title_de: str
    file: StoredFile
    schema: Schema
    licence: str
    credit_line: str
    share: Share = "eigene"


@dataclass(frozen=True, slots=True)
class Layer:
    """One version of a layer or table.

    Args:
        id: UUID version 7.
        owner: Municipality that published it.
        is_own: Whether that is the reader's own.
        name: `<app>/<what>[/<area>]`.
        version: 1, 2, ...
        title_de: Title for people.
        kind: What it is.
        schema: Type by column.
        bbox: West, south, east, north in the units of `crs`.
        crs: Coordinate system; None for tables.
        licence: Under which it may be used.
        credit_line: How the source must be named.
        is_example: True for synthetic example data.
        created_at: When it was published.
        shared_with: Who may read it; None for readers of other municipalities.
        run_id: Run that made it; None for readers of other municipalities.
        provenance: Its origin; empty for readers of other municipalities.
        file: Its file, named for people.
    """

    id: str
    owner: str
    is_own: bool
    name: str
    version: int
    title_de: str
    kind: LayerKind
    schema: Schema
    bbox: Box | None
    crs: str | None
    licence: str
    credit_line: str
    is_example: bool
    created_at: datetime
    shared_with: Share | None
    run_id: str | None
    provenance: JsonObject
    file: StoredFile


def app_of(name: str) -> str:
    """Return the app that a layer's name begins with."""
    return name.partition("/")[0]


def check_publication(publication: Publication) -> None:
    """Make sure that everything but the content is as the data space wants it.

    Raises:
        FileTypeRefused: The data space does not take this kind of file.
        InputError: The schema is none, or a municipality's name is none.
        LayerNameInvalid: The name is no name.
        TextInvalid: A text holds characters that cannot be stored.
        TextTooLong: A text is too long or empty.
    """
    if not _NAME.fullmatch(publication.name):
        raise LayerNameInvalid(name=publication.name[:LONGEST_TEXT])
    for text in (publication.title_de, publication.licence, publication.credit_line):
        checked_text(text, LONGEST_TEXT)
    kind = kind_of(publication.file.media_type)
    types = list(publication.schema.values())
    fits = types.count(GEOMETRY) == (1 if kind == "vector" else 0)
    if not types or not set(types) <= COLUMN_TYPES or not fits:
        raise InputError(reason="Die Angaben zu den Spalten passen nicht zu dieser Art von Datei.")
    check_share(publication.share)


def check_share(share: Share) -> None:
    """Make sure that only municipalities are named.

    Raises:
        InputError: A name is no name of a municipality.
    """
    if isinstance(share, tuple) and not all(_TENANT.fullmatch(tenant) for tenant in share):
        raise InputError(reason="Der Name einer Kommune ist ungültig.")


def share_rows(layer_id: str, share: Share) -> list[LayerShareRow]:
    """Return the rows that name other municipalities."""
    named = sorted(set(share)) if isinstance(share, tuple) else []
    return [LayerShareRow(layer_id=layer_id, tenant=tenant) for tenant in named]


def readable(principal: Principal) -> Select[LayerRow, ArtifactRow]:
    """Return the query for all versions that a person may read, with their files.

    Guests read example data only.
    """
    tenant = principal.active_tenant
    shared = select(LayerShareRow.layer_id).where(LayerShareRow.tenant == tenant)
    query = (
        select(LayerRow, ArtifactRow)
        .join(ArtifactRow, ArtifactRow.id == LayerRow.artifact_id)
        .where(
            or_(LayerRow.tenant == tenant, LayerRow.shared_with_all, LayerRow.id.in_(shared)),
        )
    )
    return query.where(LayerRow.is_example) if principal.role == "gast" else query


def to_layers(
    session: Session, principal: Principal, found: Sequence[tuple[LayerRow, ArtifactRow]]
) -> Iterator[Layer]:
    """Turn rows into what a person may see of them.

    Args:
        session: Where the rows come from.
        principal: Who looks.
        found: Rows with their files.
    """
    named: dict[str, list[str]] = {}
    own = [row.id for row, _ in found if row.tenant == principal.active_tenant]
    query = select(LayerShareRow).where(LayerShareRow.layer_id.in_(own))
    for entry in session.scalars(query.order_by(LayerShareRow.tenant)):
        named.setdefault(entry.layer_id, []).append(entry.tenant)
    for row, artifact in found:
        yield _layer(row, artifact, row.tenant == principal.active_tenant, named)


def _layer(
    row: LayerRow, artifact: ArtifactRow, is_own: bool, named: Mapping[str, Sequence[str]]
) -> Layer:
    shared: Share = "alle" if row.shared_with_all else tuple(named.get(row.id, ())) or "eigene"
    name = f"{row.name.replace('/', '_')}_v{row.version}.{ENDINGS[row.media_type]}"
    return Layer(
        id=row.id,
        owner=row.tenant,
        is_own=is_own,
        name=row.name,
        version=row.version,
        title_de=row.title_de,
        kind=cast(LayerKind, row.kind),
        schema=row.schema_json,
        bbox=None if row.bbox is None else cast(Box, tuple(row.bbox)),
        crs=row.crs,
        licence=row.licence,
        credit_line=row.credit_line,
        is_example=row.is_example,
        created_at=row.created_at,
        shared_with=shared if is_own else None,
        run_id=row.produced_by_run if is_own else None,
        provenance=row.provenance_json if is_own else {},
        file=StoredFile(name, row.media_type, artifact.sha256, artifact.bytes),
    )
