"""Adds a version to the data space, within the transaction of the caller."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import StoredFile
from shared.errors import LayerNameInvalid, LayerSchemaChanged, NotFound
from shared.store.example_data import combine_check
from shared.store.ids import new_id
from shared.store.layer_files import Shape, kind_of
from shared.store.layers import Layer, Publication, app_of, share_rows, to_layers
from shared.store.models import ArtifactRow, LayerRow, RunRow
from shared.store.rights import own_runs


def add_version(
    session: Session,
    principal: Principal,
    run_id: str,
    publication: Publication,
    shape: Shape,
    now: datetime,
) -> Layer:
    """Add the next version of a layer, or return the newest if it is just this file of this run.

    Args:
        session: Transaction that writes.
        principal: Who publishes.
        run_id: The run that made the file.
        publication: What is published; it was checked.
        shape: What its file holds.
        now: The moment, with zone.

    Raises:
        LayerNameInvalid: The name begins with another app than the run's.
        LayerSchemaChanged: The versions before have other columns.
        NotFound: This municipality has no such run or no such file.
        SampleMixed: The run is example data and the versions before are not, or the other way.
    """
    run = own_run(session, principal, run_id)
    if app_of(publication.name) != run.app:
        raise LayerNameInvalid(name=publication.name)
    artifact = _own_file(session, run, publication.file)
    _wait_for_others(session, run.tenant, publication.name)
    before = _newest(session, run.tenant, publication.name)
    if before is not None:
        if (before.artifact_id, before.produced_by_run) == (artifact.id, run_id):
            return next(to_layers(session, principal, [(before, artifact)]))
        if dict(before.schema_json) != dict(publication.schema):
            raise LayerSchemaChanged(name=publication.name)
        combine_check([before, run])
    row = _row(run, artifact, publication, shape, now)
    row.version = 1 if before is None else before.version + 1
    session.add(row)
    session.flush()
    session.add_all(share_rows(row.id, publication.share))
    session.flush()
    return next(to_layers(session, principal, [(row, artifact)]))


def own_run(session: Session, principal: Principal, run_id: str) -> RunRow:
    """Return a run of the own municipality.

    Raises:
        NotFound: There is no such run.
    """
    query = select(RunRow).where(own_runs(principal), RunRow.id == run_id)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise NotFound()
    return row


def _own_file(session: Session, run: RunRow, file: StoredFile) -> ArtifactRow:
    query = select(ArtifactRow).where(
        ArtifactRow.tenant == run.tenant, ArtifactRow.sha256 == file.sha256
    )
    artifact = session.scalars(query).one_or_none()
    if artifact is None:
        raise NotFound()
    return artifact


def _wait_for_others(session: Session, tenant: str, name: str) -> None:
    """Let nobody else publish under this name until the transaction ends; SQLite does by itself."""
    if session.get_bind().dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        session.execute(lock, {"name": f"{tenant}/{name}"})


def _newest(session: Session, tenant: str, name: str) -> LayerRow | None:
    query = select(LayerRow).where(LayerRow.tenant == tenant, LayerRow.name == name)
    return session.scalars(query.order_by(LayerRow.version.desc()).limit(1)).one_or_none()


def _row(
    run: RunRow, artifact: ArtifactRow, publication: Publication, shape: Shape, now: datetime
) -> LayerRow:
    return LayerRow(
        id=new_id(int(now.timestamp() * 1000)),
        tenant=run.tenant,
        name=publication.name,
        title_de=publication.title_de.strip(),
        kind=kind_of(publication.file.media_type),
        media_type=publication.file.media_type,
        artifact_id=artifact.id,
        schema_json=dict(publication.schema),
        bbox=None if shape.bbox is None else list(shape.bbox),
        crs=shape.crs,
        licence=publication.licence.strip(),
        credit_line=publication.credit_line.strip(),
        is_example=run.is_example,
        provenance_json=run.provenance_json or {},
        produced_by_run=run.id,
        shared_with_all=publication.share == "alle",
        created_at=now,
    )
