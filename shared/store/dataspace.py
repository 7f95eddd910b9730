"""The data space: results that one app publishes and others read, by name and version.

A version is never changed; the newest one wins unless another is asked for. A layer belongs to the
municipality that published it; others read it when it was shared with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError

from shared.contracts.identity.policy import (
    DATASPACE_PUBLISH,
    DATASPACE_READ,
    DATASPACE_SHARE,
    JOB_PART,
    require,
)
from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import StoredFile
from shared.errors import FileGone, InputError, NotFound
from shared.store import artifacts
from shared.store.artifact_rows import own_row
from shared.store.engine import read_scope, session_scope
from shared.store.example_data import combine_check
from shared.store.layer_files import (
    Box,
    LayerKind,
    look_into,
    read_csv,
    read_vector,
)
from shared.store.layers import (
    Layer,
    Publication,
    Share,
    app_of,
    check_publication,
    check_share,
    readable,
    share_rows,
    to_layers,
)
from shared.store.models import (
    ArtifactRow,
    LayerRow,
    LayerShareRow,
    LayerUseRow,
)
from shared.store.publishing import add_version, own_run
from shared.store.rights import start_action
from shared.store.store import Store

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame


def publish(
    principal: Principal, store: Store, run_id: str, publication: Publication, *, now: datetime
) -> Layer:
    """Publish a file of a run as the next version of a layer.

    The same file of the same run under the same name is published once only.

    Args:
        principal: Who publishes.
        store: Where it is kept.
        run_id: The run that made the file.
        publication: What is published.
        now: The moment, with zone.

    Raises:
        FileTypeRefused: The data space does not take this kind of file.
        InputError: The file differs from the schema.
        LayerNameInvalid: The name is no name, or begins with another app.
        LayerSchemaChanged: The versions before have other columns.
        NotAllowed: The role may not publish, or not share.
        NotFound: This municipality has no such run or no such file.
        SampleMixed: The run is example data and the versions before are not, or the other way.
        TextInvalid: A text holds characters that cannot be stored.
        TextTooLong: A text is too long or empty.
    """
    require(principal, DATASPACE_PUBLISH, app=app_of(publication.name), given=JOB_PART)
    check_publication(publication)
    if publication.share != "eigene":
        require(principal, DATASPACE_SHARE)
    file = publication.file
    with read_scope(store.engine) as session:
        tenant = own_row(session, principal.active_tenant, file.sha256).tenant
    path = store.files.local_path(tenant, file.sha256, file.name)
    with _open(file):
        shape = look_into(path, file.media_type, publication.schema)
    try:
        with session_scope(store.engine) as session:
            return add_version(session, principal, run_id, publication, shape, now)
    except IntegrityError as error:  # somebody deleted the file in between
        raise NotFound() from error


def list_layers(
    principal: Principal,
    store: Store,
    *,
    app: str | None = None,
    kind: LayerKind | None = None,
    all_versions: bool = False,
) -> list[Layer]:
    """Return the layers that a person may read, by owner and name, newest version first.

    Args:
        principal: Who looks.
        store: Where they are kept.
        app: Only those of an app.
        kind: Only this kind.
        all_versions: Not only the newest version that the person may read.

    Raises:
        NotAllowed: The role may not read the data space.
    """
    require(principal, DATASPACE_READ)
    query = readable(principal)
    if app is not None:
        query = query.where(LayerRow.name.startswith(f"{app}/", autoescape=True))
    if kind is not None:
        query = query.where(LayerRow.kind == kind)
    query = query.order_by(LayerRow.tenant, LayerRow.name, LayerRow.version.desc())
    with read_scope(store.engine) as session:
        found = [(row, file) for row, file in session.execute(query)]
        if not all_versions:
            newest = {(row.tenant, row.name): (row, file) for row, file in reversed(found)}
            found = list(reversed(newest.values()))
        return list(to_layers(session, principal, found))


def find_layer(
    principal: Principal,
    store: Store,
    name: str,
    *,
    version: int | None = None,
    owner: str | None = None,
) -> Layer:
    """Return a layer.

    Args:
        principal: Who reads.
        store: Where it is kept.
        name: `<app>/<what>[/<area>]`.
        version: Which version; None for the newest that the person may read.
        owner: Municipality that published it; None for the own one.

    Raises:
        NotAllowed: The role may not read the data space.
        NotFound: There is no such layer, or the person may not read it.
    """
    require(principal, DATASPACE_READ)
    query = readable(principal).where(
        LayerRow.tenant == (owner or principal.active_tenant), LayerRow.name == name
    )
    if version is not None:
        query = query.where(LayerRow.version == version)
    return _one_layer(principal, store, query.order_by(LayerRow.version.desc()).limit(1))


def layer_by_id(principal: Principal, store: Store, layer_id: str) -> Layer:
    """Return a layer by its id.

    Raises:
        NotAllowed: The role may not read the data space.
        NotFound: There is no such layer, or the person may not read it.
    """
    require(principal, DATASPACE_READ)
    return _one_layer(principal, store, readable(principal).where(LayerRow.id == layer_id))


def read_table(
    principal: Principal,
    store: Store,
    name: str,
    *,
    version: int | None = None,
    owner: str | None = None,
    columns: Sequence[str] | None = None,
) -> DataFrame:
    """Return a table, or the table behind vector data without its geometry.

    Args:
        principal: Who reads.
        store: Where it is kept.
        name: `<app>/<what>[/<area>]`.
        version: Which version; None for the newest.
        owner: Municipality that published it; None for the own one.
        columns: Which columns; None for all.

    Raises:
        FileDamaged: The stored file is damaged.
        InputError: A column does not exist, or the layer is a raster.
        NotAllowed: The role may not read the data space.
        NotFound: There is no such layer, or the person may not read it.
    """
    layer = find_layer(principal, store, name, version=version, owner=owner)
    _check_columns(layer, columns)
    path = layer_path(principal, store, layer.id)
    with _open(layer.file):
        if layer.kind == "table":
            return read_csv(path, layer.schema, columns)
        if layer.kind == "vector":
            return read_vector(path, layer.file.media_type, columns, geometry=False)
    raise InputError(reason="Ein Rasterbild hat keine Tabelle.")


def read_layer(
    principal: Principal,
    store: Store,
    name: str,
    *,
    version: int | None = None,
    owner: str | None = None,
    bbox: Box | None = None,
    columns: Sequence[str] | None = None,
) -> GeoDataFrame:
    """Return vector data.

    Args:
        principal: Who reads.
        store: Where it is kept.
        name: `<app>/<what>[/<area>]`.
        version: Which version; None for the newest.
        owner: Municipality that published it; None for the own one.
        bbox: Only what touches west, south, east, north in the units of the layer.
        columns: Which columns besides the geometry; None for all.

    Raises:
        FileDamaged: The stored file is damaged.
        InputError: A column does not exist, or the layer is no vector data.
        NotAllowed: The role may not read the data space.
        NotFound: There is no such layer, or the person may not read it.
    """
    layer = find_layer(principal, store, name, version=version, owner=owner)
    _check_columns(layer, columns)
    if layer.kind != "vector":
        raise InputError(reason="Dieser Datensatz hat keine Geometrie.")
    path = layer_path(principal, store, layer.id)
    with _open(layer.file):
        return read_vector(path, layer.file.media_type, columns, bbox=bbox)


def layer_path(principal: Principal, store: Store, layer_id: str) -> Path:
    """Return where a layer's file lies on this machine, for maps and rasters; its hash was checked.

    Raises:
        FileDamaged: The stored file is damaged.
        FileGone: The stored file is not there.
        NotAllowed: The role may not read the data space.
        NotFound: There is no such layer, or the person may not read it.
    """
    layer = layer_by_id(principal, store, layer_id)
    return store.files.local_path(layer.owner, layer.file.sha256, layer.file.name)


def as_input(principal: Principal, store: Store, layer_id: str, *, now: datetime) -> StoredFile:
    """Return a layer as a file that a run of the own municipality can read.

    A shared layer of another municipality is copied, because a run sees its own files only.

    Args:
        principal: Who orders the run.
        store: Where it is kept.
        layer_id: The layer.
        now: The moment, with zone.

    Raises:
        FileDamaged: The stored file is damaged.
        NotAllowed: The role may not read the data space, or not store the copy.
        NotFound: There is no such layer, or the person may not read it.
    """
    layer = layer_by_id(principal, store, layer_id)
    if layer.is_own:
        return layer.file
    file = layer.file
    with store.files.open(layer.owner, file.sha256, file.name) as content:
        return artifacts.save(
            principal,
            store,
            content,
            name=file.name,
            media_type=file.media_type,
            kind="upload",
            is_example=layer.is_example,
            now=now,
        )


def note_use(principal: Principal, store: Store, run_id: str, layer_ids: Collection[str]) -> None:
    """Note that a run reads layers: for its lineage, and for the list of those who would miss them.

    Args:
        principal: Who ordered the run.
        store: Where it is kept.
        run_id: The run.
        layer_ids: The layers.

    Raises:
        NotAllowed: The role may not read the data space, or not order the run.
        NotFound: This municipality has no such run, or the person may not read a layer.
        SampleMixed: Run and layers are partly example data, partly real.
    """
    require(principal, DATASPACE_READ)
    with session_scope(store.engine) as session:
        run = own_run(session, principal, run_id)
        require(principal, start_action(run.is_example), given=JOB_PART)
        query = readable(principal).where(LayerRow.id.in_(layer_ids))
        layers = [row for row, _ in session.execute(query)]
        if len(layers) < len(set(layer_ids)):
            raise NotFound()
        combine_check([run, *layers])
        known = set(
            session.scalars(select(LayerUseRow.layer_id).where(LayerUseRow.run_id == run_id))
        )
        session.add_all(
            LayerUseRow(run_id=run_id, layer_id=row.id) for row in layers if row.id not in known
        )


def share(principal: Principal, store: Store, layer_id: str, share_with: Share) -> Layer:
    """Say anew who may read a version of the own municipality.

    Args:
        principal: Who shares.
        store: Where it is kept.
        layer_id: The version.
        share_with: Who may read it.

    Raises:
        InputError: A name is no name of a municipality.
        NotAllowed: Only the administration shares.
        NotFound: This municipality has no such layer.
    """
    require(principal, DATASPACE_SHARE)
    check_share(share_with)
    with session_scope(store.engine) as session:
        query = select(LayerRow).where(
            LayerRow.tenant == principal.active_tenant, LayerRow.id == layer_id
        )
        row = session.scalars(query.with_for_update()).one_or_none()
        if row is None:
            raise NotFound()
        require(principal, DATASPACE_SHARE, app=app_of(row.name))
        row.shared_with_all = share_with == "alle"
        session.execute(delete(LayerShareRow).where(LayerShareRow.layer_id == layer_id))
        session.add_all(share_rows(layer_id, share_with))
    return layer_by_id(principal, store, layer_id)


@contextmanager
def _open(file: StoredFile) -> Iterator[None]:
    """Say it when somebody deletes a file between the check of its hash and its reading."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileGone(name=file.name) from error


def _one_layer(principal: Principal, store: Store, query: Select[LayerRow, ArtifactRow]) -> Layer:
    with read_scope(store.engine) as session:
        found = [(row, file) for row, file in session.execute(query)]
        if not found:
            raise NotFound()
        return next(to_layers(session, principal, found))


def _check_columns(layer: Layer, columns: Sequence[str] | None) -> None:
    unknown = [name for name in columns or () if name not in layer.schema]
    if unknown:
        raise InputError(reason=f"Die Spalte „{unknown[0][:80]}“ gibt es nicht.")
