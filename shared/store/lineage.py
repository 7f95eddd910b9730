"""Where a layer comes from: the tree of runs, layers and files behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from shared.contracts.identity.policy import DATASPACE_READ, require
from shared.contracts.identity.principal import Principal
from shared.errors import NotFound
from shared.store.engine import read_scope
from shared.store.layers import readable
from shared.store.models import LayerRow, LayerUseRow, RunRow
from shared.store.store import Store

DEEPEST = 20
"""Layers behind layers; more is a mistake, because each is older than the one it went into."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One node of the tree.

    Args:
        kind: A layer, the run that made it, or a file that the run read.
        id: Id of the layer or run, hash of the file.
        title: Title of the layer or run, name of the file.
        owner: Municipality.
        created_at: When; None for files.
        version: Version of a layer; None for the others.
        licence: Of a layer; empty for the others.
        credit_line: Of a layer; empty for the others.
        parents: What it was made from; empty where another municipality keeps that to itself, and
            for a layer that the tree shows elsewhere.
    """

    kind: Literal["layer", "run", "file"]
    id: str
    title: str
    owner: str
    created_at: datetime | None = None
    version: int | None = None
    licence: str = ""
    credit_line: str = ""
    parents: tuple[Origin, ...] = ()


def lineage(principal: Principal, store: Store, layer_id: str) -> Origin:
    """Return a layer with everything it was made from.

    Args:
        principal: Who looks.
        store: Where it is kept.
        layer_id: The layer.

    Raises:
        NotAllowed: The role may not look.
        NotFound: There is no such layer, or the person may not read it.
    """
    require(principal, DATASPACE_READ)
    with read_scope(store.engine) as session:
        rows = _readable_rows(session, principal, LayerRow.id == layer_id)
        if not rows:
            raise NotFound()
        return _Tree(session, principal).layer(rows[0], DEEPEST)


def _readable_rows(
    session: Session, principal: Principal, condition: ColumnElement[bool]
) -> list[LayerRow]:
    query = readable(principal).where(condition).order_by(LayerRow.id)
    return [row for row, _ in session.execute(query)]


class _Tree:
    """Grows one tree; each layer grows once, or a few that went into each other would never end."""

    def __init__(self, session: Session, principal: Principal) -> None:
        self._session = session
        self._principal = principal
        self._grown: set[str] = set()

    def layer(self, row: LayerRow, depth: int) -> Origin:
        parents: tuple[Origin, ...] = ()
        is_own = row.tenant == self._principal.active_tenant
        if is_own and depth and row.id not in self._grown:
            self._grown.add(row.id)
            parents = self._parents(row, depth - 1)
        return Origin(
            kind="layer",
            id=row.id,
            title=row.title_de,
            owner=row.tenant,
            created_at=row.created_at,
            version=row.version,
            licence=row.licence,
            credit_line=row.credit_line,
            parents=parents,
        )

    def _parents(self, row: LayerRow, depth: int) -> tuple[Origin, ...]:
        query = select(RunRow).where(
            RunRow.tenant == self._principal.active_tenant, RunRow.id == row.produced_by_run
        )
        run = self._session.scalars(query).one_or_none()
        if run is None:  # its time is over; what the layer itself remembers is left
            return _files_of_provenance(row)
        used = select(LayerUseRow.layer_id).where(LayerUseRow.run_id == run.id)
        layers = _readable_rows(self._session, self._principal, LayerRow.id.in_(used))
        node = Origin(
            kind="run",
            id=run.id,
            title=run.title,
            owner=run.tenant,
            created_at=run.created_at,
            parents=(
                *(_file_node(file, run.tenant) for file in run.input_json),
                *(self.layer(layer, depth) for layer in layers),
            ),
        )
        return (node,)


def _files_of_provenance(row: LayerRow) -> tuple[Origin, ...]:
    inputs = row.provenance_json.get("inputs", [])
    return tuple(_file_node(file, row.tenant) for file in inputs)


def _file_node(file: Mapping[str, Any], owner: str) -> Origin:
    return Origin(kind="file", id=file["sha256"], title=file["name"], owner=owner)
