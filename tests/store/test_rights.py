"""Whose run it is, whether it is an example, and which apps a person has decide what she may do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from shared.contracts.identity.principal import HOME_TENANT, Principal
from shared.errors import NotAllowed, NotFound
from shared.store import dataspace, decisions, deletion, feedback, progress, runs
from shared.store.engine import read_scope, session_scope
from shared.store.models import RunRow, SignalRow
from shared.store.store import Store
from tests.store.filled import NOW, decided, finished, ordered, published, stored
from tests.store.servers import acting

ANNA, OTTO = acting(), acting(subject="otto")
ADMIN = acting(subject="chefin", role="admin")
VERA = acting(subject="vera", role="viewer")
SOVIA_ONLY = replace(ADMIN, app_grants=frozenset({"sovia"}))


def stops(store: Store) -> int:
    with read_scope(store.engine) as session:
        return len(session.scalars(select(SignalRow).where(SignalRow.kind == "cancel")).all())


def refused(action: str, attempt) -> None:
    with pytest.raises(NotAllowed) as error:
        attempt()
    assert error.value.details["action"] == action


def test_the_runs_of_others_are_stopped_by_the_administration_alone(store: Store) -> None:
    run = ordered(store, ANNA, "eins")
    refused("job.cancel.others", lambda: runs.request_cancel(OTTO, store, run.id, now=NOW))
    assert stops(store) == 0
    runs.request_cancel(ADMIN, store, run.id, now=NOW)
    assert stops(store) == 1


def test_the_results_of_others_are_deleted_by_the_administration_alone(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    refused("result.delete", lambda: deletion.delete_run(OTTO, store, run.id))
    assert runs.get(ANNA, store, run.id) == run
    assert deletion.delete_run(ANNA, store, run.id).runs == 1


def test_who_only_looks_runs_examples_and_nothing_else(store: Store) -> None:
    real = ordered(store, ANNA, "echt")
    refused("upload", lambda: stored(store, VERA, b"Akte"))
    refused("upload", lambda: stored(store, VERA, b"Akte", is_example=True, kind="result"))
    order = runs.RunOrder("aviary", "suchen", "Luftbild", real.inputs)
    refused("job.start", lambda: runs.submit(VERA, store, order, now=NOW))
    refused("job.start", lambda: runs.go_on(VERA, store, real.id))
    example = ordered(store, VERA, "beispiel", example=True)
    runs.request_cancel(VERA, store, example.id, now=NOW)
    assert stops(store) == 1
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).where(RunRow.id == example.id).values(state="cancelled"))
    assert runs.go_on(VERA, store, example.id).state == "queued"
    other = acting(subject="otto", role="viewer")
    refused("job.cancel.others", lambda: runs.request_cancel(other, store, example.id, now=NOW))
    refused("result.delete.own", lambda: deletion.delete_run(VERA, store, example.id))


def test_who_has_some_apps_sees_and_changes_their_runs_alone(store: Store) -> None:
    own = finished(store, ANNA, "eins", app="sovia")
    other = finished(store, ANNA, "zwei", app="aviary")
    decided(store, ANNA, own, "eins")
    decided(store, ANNA, other, "zwei")
    layer = published(store, ANNA, other)
    assert [run.id for run in runs.recent(SOVIA_ONLY, store, everybody=True)] == [own.id]
    assert runs.recent(replace(ADMIN, app_grants=frozenset()), store, everybody=True) == []
    assert [hint.app for hint in feedback.list_feedback(SOVIA_ONLY, store)] == ["sovia"]
    assert progress.read_pace(SOVIA_ONLY, store, other.id, 2).seconds == ()
    assert progress.read_pace(SOVIA_ONLY, store, own.id, 2).seconds == (1.0,)
    assert runs.get(SOVIA_ONLY, store, own.id) == own
    for attempt in (
        lambda: runs.get(SOVIA_ONLY, store, other.id),
        lambda: runs.units(SOVIA_ONLY, store, other.id),
        lambda: runs.result_files(SOVIA_ONLY, store, other.id),
        lambda: runs.runs_ahead(SOVIA_ONLY, store, other.id),
        lambda: runs.request_cancel(SOVIA_ONLY, store, other.id, now=NOW),
        lambda: runs.go_on(SOVIA_ONLY, store, other.id),
        lambda: deletion.delete_run(SOVIA_ONLY, store, other.id),
        lambda: decisions.decide(SOVIA_ONLY, store, other.id, "dach", "ja", now=NOW),
        lambda: decisions.current(SOVIA_ONLY, store, other.id),
        lambda: decisions.history(SOVIA_ONLY, store, other.id),
        lambda: dataspace.note_use(SOVIA_ONLY, store, other.id, [layer.id]),
    ):
        with pytest.raises(NotFound):
            attempt()
    order = runs.RunOrder("aviary", "suchen", "Luftbild", other.inputs)
    refused("job.start", lambda: runs.submit(SOVIA_ONLY, store, order, now=NOW))
    refused("app.open", lambda: feedback.flag(SOVIA_ONLY, store, "aviary", 1, "x", now=NOW))
    refused("feedback.read", lambda: feedback.list_feedback(SOVIA_ONLY, store, app="aviary"))
    refused("dataspace.publish", lambda: published(store, SOVIA_ONLY, other))
    refused("dataspace.share", lambda: dataspace.share(SOVIA_ONLY, store, layer.id, "alle"))
    refused("result.delete", lambda: deletion.delete_layer(SOVIA_ONLY, store, layer.id))
    refused("result.delete", lambda: deletion.delete_app(SOVIA_ONLY, store, "aviary"))
    refused("result.delete", lambda: deletion.delete_tenant(SOVIA_ONLY, store))
    assert len(runs.recent(ADMIN, store, everybody=True)) == 2


def test_layers_are_read_whatever_app_made_them(store_sqlite: Store) -> None:
    layer = published(store_sqlite, ANNA, finished(store_sqlite, ANNA, "eins"))
    assert dataspace.find_layer(SOVIA_ONLY, store_sqlite, "aviary/dach").id == layer.id


def test_own_work_is_deleted_also_in_apps_that_were_taken_away(store_sqlite: Store) -> None:
    finished(store_sqlite, ANNA, "eins", app="aviary")
    less = replace(ANNA, app_grants=frozenset({"sovia"}))
    assert deletion.delete_own(less, store_sqlite).runs == 1


def test_a_role_elsewhere_counts_for_nothing_here(store_sqlite: Store) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    elsewhere = Principal("anna", "", {"herten": "admin"}, HOME_TENANT)
    refused("result.read", lambda: runs.get(elsewhere, store_sqlite, run.id))
    refused("result.read", lambda: deletion.delete_run(elsewhere, store_sqlite, run.id))
