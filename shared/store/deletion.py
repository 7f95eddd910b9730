"""Deletes a run, an app, a person's work or a whole municipality, and proves that nothing is left.

Rows first, then the files that nothing else names. What is broken off in between, the next purge
ends. A worker that still computes for a deleted run may leave a file behind: it has no row, so
nobody can read it, and the purge removes it too.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, not_, select, true

from shared.contracts.identity.policy import (
    RESULT_DELETE,
    RESULT_DELETE_OWN,
    RESULT_READ,
    refusal,
    require,
)
from shared.contracts.identity.principal import Principal
from shared.errors import DeletionIncomplete, LayerInUse, NotFound
from shared.store.engine import read_scope
from shared.store.erasing import Eraser
from shared.store.layers import app_of
from shared.store.models import FeedbackRow, LayerRow, LayerUseRow, RunRow
from shared.store.proof import prove_gone
from shared.store.rights import delete_action, own_runs
from shared.store.store import Store

_TRY_AGAIN_S = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion has removed; afterwards nothing of it was found.

    Args:
        runs: Runs.
        units: Their units.
        decisions: What people had decided about them.
        feedback: Hints about them.
        layers: Versions of layers that they had published.
        files: Stored files.
        bytes: Size of those files.
    """

    runs: int
    units: int
    decisions: int
    feedback: int
    layers: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Scope:
    """What is to go, as SQL conditions on the rows of one municipality."""

    tenant: str
    runs: ColumnElement[bool]
    layers: ColumnElement[bool]
    feedback: ColumnElement[bool]
    whole_tenant: bool = False


def delete_run(
    principal: Principal, store: Store, run_id: str, *, force: bool = False, patience_s: float = 0.0
) -> Deleted:
    """Delete a run with everything it has made.

    Args:
        principal: Who deletes: whoever ordered it, or the administration.
        store: Where it is kept.
        run_id: The run.
        force: Also when others use a layer that it published.
        patience_s: Seconds in which a job that still writes may come to its end.

    Raises:
        DeletionIncomplete: Something was written again meanwhile.
        LayerInUse: Others use a layer that it published.
        NotAllowed: Somebody else ordered it.
        NotFound: This municipality has no such run.
    """
    require(principal, RESULT_READ)
    query = select(RunRow.started_by).where(own_runs(principal), RunRow.id == run_id)
    with read_scope(store.engine) as session:
        started_by = session.scalar(query)
    if started_by is None:
        raise NotFound()
    require(principal, delete_action(principal, started_by))
    scope = _Scope(
        principal.active_tenant,
        runs=RunRow.id == run_id,
        layers=LayerRow.produced_by_run == run_id,
        feedback=FeedbackRow.run_id == run_id,
    )
    return _delete(store, scope, force=force, patience_s=patience_s)


def delete_own(
    principal: Principal, store: Store, *, force: bool = False, patience_s: float = 0.0
) -> Deleted:
    """Delete everything that a person has ordered in the active municipality.

    Args:
        principal: Whose work.
        store: Where it is kept.
        force: Also when others use a layer that came from it.
        patience_s: Seconds in which a job that still writes may come to its end.

    Raises:
        DeletionIncomplete: Something was written again meanwhile.
        LayerInUse: Others use a layer that came from it.
        NotAllowed: The role may not delete.
    """
    require(principal, RESULT_DELETE_OWN)
    tenant = principal.active_tenant
    own = RunRow.started_by == principal.subject
    ids = select(RunRow.id).where(RunRow.tenant == tenant, own)
    scope = _Scope(
        tenant,
        runs=own,
        layers=LayerRow.produced_by_run.in_(ids),
        feedback=FeedbackRow.run_id.in_(ids),
    )
    return _delete(store, scope, force=force, patience_s=patience_s)


def delete_app(
    principal: Principal, store: Store, app: str, *, force: bool = False, patience_s: float = 0.0
) -> Deleted:
    """Delete everything that an app holds in the active municipality.

    Args:
        principal: Who deletes.
        store: Where it is kept.
        app: App id.
        force: Also when others use a layer that it published.
        patience_s: Seconds in which a job that still writes may come to its end.

    Raises:
        DeletionIncomplete: Something was written again meanwhile.
        LayerInUse: Others use a layer that it published.
        NotAllowed: Only the administration deletes an app's data.
    """
    require(principal, RESULT_DELETE, app=app)
    scope = _Scope(
        principal.active_tenant,
        runs=RunRow.app == app,
        layers=LayerRow.name.startswith(f"{app}/", autoescape=True),
        feedback=FeedbackRow.app == app,
    )
    return _delete(store, scope, force=force, patience_s=patience_s)


def delete_tenant(
    principal: Principal, store: Store, *, force: bool = False, patience_s: float = 0.0
) -> Deleted:
    """Delete everything of the active municipality, also while its jobs run.

    What other municipalities took over from its shared layers into runs of their own stays theirs.

    Args:
        principal: Who deletes.
        store: Where it is kept.
        force: Also when other municipalities use its layers.
        patience_s: Seconds in which a job that still writes may come to its end.

    Raises:
        DeletionIncomplete: Something was written again meanwhile.
        LayerInUse: Other municipalities use its layers.
        NotAllowed: Only an administration that may open every app deletes a municipality's data.
    """
    require(principal, RESULT_DELETE)
    if principal.app_grants is not None:
        raise refusal(RESULT_DELETE)
    scope = _Scope(
        principal.active_tenant,
        runs=true(),
        layers=true(),
        feedback=true(),
        whole_tenant=True,
    )
    return _delete(store, scope, force=force, patience_s=patience_s)


def delete_layer(
    principal: Principal,
    store: Store,
    layer_id: str,
    *,
    force: bool = False,
    patience_s: float = 0.0,
) -> Deleted:
    """Delete one version of a layer; the run that made it stays.

    Args:
        principal: Who deletes.
        store: Where it is kept.
        layer_id: The version.
        force: Also when others use it.
        patience_s: Seconds in which a job that still writes may come to its end.

    Raises:
        LayerInUse: Others use it.
        NotAllowed: Only the administration deletes layers.
        NotFound: This municipality has no such layer.
    """
    require(principal, RESULT_DELETE)
    tenant = principal.active_tenant
    scope = _Scope(tenant, false(), LayerRow.id == layer_id, false())
    with read_scope(store.engine) as session:
        own = select(LayerRow.name).where(LayerRow.tenant == tenant, scope.layers)
        name = session.scalar(own)
    if name is None:
        raise NotFound()
    require(principal, RESULT_DELETE, app=app_of(name))
    return _delete(store, scope, force=force, patience_s=patience_s)


def readers(principal: Principal, store: Store, layer_id: str) -> list[str]:
    """Return who uses a layer of the own municipality: other municipalities, and own apps.

    Args:
        principal: Who looks.
        store: Where it is kept.
        layer_id: The version.

    Raises:
        NotAllowed: Only the administration, which may delete it, asks who would miss it.
    """
    require(principal, RESULT_DELETE)
    scope = _Scope(principal.active_tenant, false(), LayerRow.id == layer_id, false())
    found = _readers(store, scope)
    return sorted({reader for _, reader in found})


def _readers(store: Store, scope: _Scope) -> list[tuple[str, str]]:
    """List name of layer and reader, for readers that stay when the scope has gone."""
    going = (RunRow.tenant == scope.tenant) & scope.runs
    query = (
        select(LayerRow.name, RunRow.tenant, RunRow.app)
        .join(LayerUseRow, LayerUseRow.layer_id == LayerRow.id)
        .join(RunRow, RunRow.id == LayerUseRow.run_id)
        .where(LayerRow.tenant == scope.tenant, scope.layers, not_(going))
        .distinct()
        .order_by(LayerRow.name, RunRow.tenant, RunRow.app)
    )
    with read_scope(store.engine) as session:
        return [
            (name, app if tenant == scope.tenant else tenant)
            for name, tenant, app in session.execute(query)
        ]


def _delete(store: Store, scope: _Scope, *, force: bool, patience_s: float) -> Deleted:
    found = [] if force else _readers(store, scope)
    if found:
        name = found[0][0]
        names = dict.fromkeys(reader for layer, reader in found if layer == name)
        raise LayerInUse(name=name, readers=", ".join(names))
    eraser = Eraser(store, scope.tenant)
    give_up_at = time.monotonic() + patience_s
    while True:
        eraser.layers(scope.layers)
        eraser.feedback(scope.feedback)
        eraser.runs(scope.runs)
        eraser.files()
        if scope.whole_tenant:
            eraser.rest_of_tenant()
        try:
            eraser.finish()
            prove_gone(store, eraser.erased, whole_tenant=scope.whole_tenant)
            break
        except DeletionIncomplete:
            if time.monotonic() >= give_up_at:
                raise
        time.sleep(_TRY_AGAIN_S)
    counts = eraser.erased.counts
    deleted = Deleted(
        runs=counts["run"],
        units=counts["unit"],
        decisions=counts["decision"],
        feedback=counts["feedback"],
        layers=counts["layer"],
        files=counts["file"],
        bytes=counts["byte"],
    )
    _log.info("deleted in %s: %s", scope.tenant, deleted)
    return deleted
