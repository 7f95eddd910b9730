"""What people do with data on pages: it is done, and the audit tells of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared.auth import audited_work
from shared.auth.audited_work import FileToTake
from shared.contracts.identity.principal import DEMO_TENANT, HOME_TENANT, Principal
from shared.errors import NotAllowed, NotFound
from shared.settings import Settings
from shared.store import dataspace, runs
from shared.store.layer_files import CSV
from shared.store.layers import Publication
from shared.store.store import Store, open_store
from tests.auth.audit_trail import trail
from tests.auth.people import NOW
from tests.shared.people_of_tests import ADMIN, CLERK, VIEWER, person
from tests.store.filled import finished, stored

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.fixture
def store(engine: Engine, settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.engine.dispose()


def told(store: Store) -> list[tuple[str, str, str, str, str]]:
    return [
        (row.event, row.tenant, row.app, row.object_id, row.reason_code)
        for row in trail(store.engine)
    ]


def publication(store: Store) -> Publication:
    file = stored(store, CLERK, b"nummer\r\n1\r\n", "zahlen.csv", media_type=CSV)
    return Publication("aviary/zahlen", "Zahlen", file, {"nummer": "integer"}, "CC0-1.0", "Stadt")


def test_a_deleted_run_is_gone_and_the_audit_says_which(store: Store) -> None:
    run = finished(store, CLERK, "alt")
    audited_work.delete_run(CLERK, store, run, now=NOW)
    with pytest.raises(NotFound):
        runs.get(CLERK, store, run.id)
    assert told(store) == [("delete", HOME_TENANT, "aviary", run.id, "")]


def test_who_deletes_all_her_work_is_told_of(store: Store) -> None:
    run = finished(store, CLERK, "alt")
    assert audited_work.delete_own(CLERK, store, now=NOW).runs == 1
    with pytest.raises(NotFound):
        runs.get(CLERK, store, run.id)
    assert told(store) == [("delete", HOME_TENANT, "", "", "eigene")]


def test_what_is_published_is_told_of(store: Store) -> None:
    run = finished(store, CLERK, "neu")
    layer = audited_work.publish(CLERK, store, run, publication(store), now=NOW)
    assert dataspace.find_layer(CLERK, store, "aviary/zahlen").id == layer.id
    assert told(store) == [("dataspace_publish", HOME_TENANT, "aviary", layer.id, "")]


def test_what_is_refused_changes_nothing_and_is_no_deed(store: Store) -> None:
    run, ready = finished(store, CLERK, "bleibt"), publication(store)
    for act in (
        lambda: audited_work.delete_run(VIEWER, store, run, now=NOW),
        lambda: audited_work.delete_own(VIEWER, store, now=NOW),
        lambda: audited_work.publish(VIEWER, store, run, ready, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert runs.get(CLERK, store, run.id).id == run.id
    assert told(store) == []


def test_an_accepted_file_is_told_of_by_its_content(store: Store) -> None:
    audited_work.note_upload(CLERK, store, "aviary", "ab" * 32, now=NOW)
    assert told(store) == [("upload", HOME_TENANT, "aviary", "ab" * 32, "")]


def test_what_is_taken_along_is_told_of(store: Store) -> None:
    for acting, file in (
        (CLERK, FileToTake("lauf", "aviary")),
        (VIEWER, FileToTake("lauf", "aviary", is_report=True)),
        (CLERK, FileToTake("datensatz")),
        (person("gast", DEMO_TENANT), FileToTake("lauf", "aviary", is_report=True)),
    ):
        assert audited_work.take_along(acting, store, file, lambda: b"1", now=NOW) == b"1"
    assert told(store) == [
        ("export", HOME_TENANT, "aviary", "lauf", "datei"),
        ("export", HOME_TENANT, "aviary", "lauf", "bericht"),
        ("export", HOME_TENANT, "", "datensatz", "datei"),
        ("export", DEMO_TENANT, "aviary", "lauf", "bericht"),
    ]


@pytest.mark.parametrize(
    ("acting", "file", "action"),
    [
        (VIEWER, FileToTake("lauf", "aviary"), "export/file"),
        (VIEWER, FileToTake("datensatz"), "export/file"),
        (person("gast"), FileToTake("lauf", "aviary", is_report=True), "export/report"),
        (
            person("admin", app_grants=frozenset({"archivair"})),
            FileToTake("lauf", "aviary"),
            "export/file",
        ),
    ],
    ids=["data", "layer", "report", "other app"],
)
def test_what_somebody_may_not_take_is_not_even_made(
    store: Store, acting: Principal, file: FileToTake, action: str
) -> None:
    def make() -> bytes:
        raise AssertionError("made")

    with pytest.raises(NotAllowed):
        audited_work.take_along(acting, store, file, make, now=NOW)
    assert told(store) == [("denied", HOME_TENANT, file.app, action, NotAllowed.code)]


def test_a_file_that_cannot_be_made_was_not_taken(store: Store) -> None:
    def make() -> bytes:
        raise NotFound()

    with pytest.raises(NotFound):
        audited_work.take_along(CLERK, store, FileToTake("lauf", "aviary"), make, now=NOW)
    assert told(store) == []


def test_hints_that_are_taken_along_are_told_of(store: Store) -> None:
    def take(acting: Principal) -> bytes:
        return audited_work.take_hints_along(acting, store, str, app="aviary", now=NOW)

    with pytest.raises(NotAllowed):
        take(CLERK)
    assert told(store) == []
    assert take(ADMIN).startswith(b"\xef\xbb\xbf")
    assert told(store) == [("export", HOME_TENANT, "aviary", "", "hinweise")]
