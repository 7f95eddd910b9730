"""Stored files of a municipality, and the collection of what nobody needs any more."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from shared.contracts.jobs import StoredFile
from shared.errors import FileGone, NotFound, StorageFull
from shared.store import artifacts, runs
from shared.store.artifact_rows import remember, remember_all
from shared.store.engine import read_scope, session_scope
from shared.store.file_store import FileStore
from shared.store.models import ArtifactRow, RunFileRow, UnitRow
from shared.store.store import Store
from tests.store.faults import StreamBreaks
from tests.store.seed import seed_units
from tests.store.servers import acting

ANNA = acting("herten")
NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=3)
"""Everything that is stored now counts as old then."""


def save(
    store: Store,
    content: bytes = b"Akte",
    *,
    principal=ANNA,
    name: str = "Akte.pdf",
    media_type: str = "application/pdf",
    is_example: bool = False,
    now: datetime = NOW,
) -> StoredFile:
    return artifacts.save(
        principal,
        store,
        content,
        name=name,
        media_type=media_type,
        kind="upload",
        is_example=is_example,
        now=now,
    )


def rows(store: Store) -> int:
    with read_scope(store.engine) as session:
        return session.scalar(select(func.count()).select_from(ArtifactRow)) or 0


def order(store: Store, file: StoredFile) -> str:
    return runs.submit(ANNA, store, runs.RunOrder("archivair", "ocr", "Akte", (file,)), now=NOW).id


def test_a_stored_file_is_read_back(store: Store) -> None:
    name = "Überprüfung 👩‍🚒 " + "ä" * 300 + ".pdf"
    file = save(store, name=name)
    assert file.name.startswith("Überprüfung 👩‍🚒 ää")
    assert file.name.endswith(".pdf")
    assert artifacts.read(ANNA, store, file) == b"Akte"
    assert artifacts.local_path(ANNA, store, file).read_bytes() == b"Akte"
    with artifacts.open_file(ANNA, store, file) as opened:
        assert opened.read() == b"Akte"
    run = runs.get(ANNA, store, order(store, file))
    assert run.inputs == (file,)


def test_equal_content_is_stored_once(store: Store) -> None:
    first = save(store)
    second = save(store, name="Kopie.pdf", media_type="text/plain")
    assert first.sha256 == second.sha256
    assert second.name == "Kopie.pdf"
    assert rows(store) == 1
    assert len(list(store.files.keys())) == 1


def test_equal_content_of_two_municipalities_is_stored_twice(store: Store) -> None:
    save(store)
    save(store, principal=acting("marl"))
    assert rows(store) == 2
    assert len(list(store.files.keys())) == 2


def test_another_municipality_has_no_such_file(store: Store) -> None:
    file = save(store)
    for access in (artifacts.read, artifacts.open_file, artifacts.local_path):
        with pytest.raises(NotFound):
            access(acting("marl"), store, file)


def test_content_is_example_data_while_nobody_stored_it_as_anything_else(store: Store) -> None:
    def is_example() -> bool:
        with read_scope(store.engine) as session:
            return session.scalars(select(ArtifactRow.is_example)).one()

    save(store, is_example=True)
    save(store, is_example=True)
    assert is_example()
    save(store, is_example=False)
    save(store, is_example=True)
    assert not is_example()


def test_an_error_leaves_neither_row_nor_file(store: Store) -> None:
    with pytest.raises(ConnectionResetError):
        save(store, StreamBreaks(b"Anfang"))
    assert rows(store) == 0
    assert list(store.files.keys()) == []


def test_many_files_are_noted_at_once(store: Store) -> None:
    files = [StoredFile(f"{number}", "text/plain", f"{number:064x}", 1) for number in range(1200)]
    for _ in range(2):
        with session_scope(store.engine) as session:
            ids = remember_all(session, "herten", files, kind="result", is_example=False, now=NOW)
    assert len(set(ids.values())) == len(ids) == 1200
    assert rows(store) == 1200


def test_noting_nothing_does_nothing(store: Store) -> None:
    with session_scope(store.engine) as session:
        assert not remember_all(session, "herten", [], kind="result", is_example=False, now=NOW)


def test_an_earlier_clock_does_not_make_a_file_older(store: Store) -> None:
    save(store)
    save(store, now=NOW - timedelta(days=3))
    assert artifacts.collect_garbage(store, NOW).rows == 0


def test_what_nothing_names_is_collected_after_a_day(store: Store) -> None:
    file = save(store)
    save(store, principal=acting("marl"))
    nothing = artifacts.Collected(0, 0, 0, 0)
    assert artifacts.collect_garbage(store, NOW + timedelta(hours=23)) == nothing
    assert artifacts.collect_garbage(store, LATER) == artifacts.Collected(2, 2, 8, 0)
    assert rows(store) == 0
    assert list(store.files.keys()) == []
    with pytest.raises(NotFound):
        artifacts.read(ANNA, store, file)


def test_inputs_and_results_of_units_are_kept(store: Store) -> None:
    inputs, of_unit, of_run = save(store, b"1"), save(store, b"2"), save(store, b"3")
    unnamed = save(store, b"4")
    run_id = order(store, inputs)
    units_of = seed_units(ANNA, store, 1, now=NOW)
    with session_scope(store.engine) as session:
        rows_of = session.execute(select(ArtifactRow.sha256, ArtifactRow.id))
        ids = {sha256: row for sha256, row in rows_of}
        session.execute(
            update(UnitRow)
            .where(UnitRow.run_id == units_of)
            .values(artifact_id=ids[of_unit.sha256])
        )
        session.add(
            RunFileRow(
                run_id=run_id,
                role="result",
                ordinal=0,
                name="Ergebnis",
                artifact_id=ids[of_run.sha256],
            )
        )
    assert artifacts.collect_garbage(store, LATER).rows == 1
    assert not store.files.exists("herten", unnamed.sha256)
    for file in (inputs, of_unit, of_run):
        assert artifacts.read(ANNA, store, file)


def test_files_without_row_are_collected_after_a_day(store: Store) -> None:
    kept = save(store)
    order(store, kept)
    lost = store.files.write("marl", b"verloren", name="x", media_type="text/plain")
    assert artifacts.collect_garbage(store, NOW).files == 0
    assert artifacts.collect_garbage(store, LATER) == artifacts.Collected(0, 1, 8, 0)
    assert not store.files.exists("marl", lost.sha256)
    assert store.files.exists("herten", kept.sha256)


def test_a_row_that_was_forgotten_takes_no_fresh_file_along(store: Store) -> None:
    """A worker has written equal content again; its row follows a moment later."""
    file = save(store, now=NOW - timedelta(days=3))
    assert artifacts.collect_garbage(store, NOW) == artifacts.Collected(1, 0, 0, 0)
    assert store.files.exists("herten", file.sha256)
    with session_scope(store.engine) as session:
        remember(session, "herten", file, kind="result", is_example=False, now=NOW)
    assert artifacts.read(ANNA, store, file) == b"Akte"


def in_between(store: Store, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen once between the writing of a file and of its row."""
    write = FileStore.write

    def and_then(self: FileStore, *args: object, **kwargs: object) -> StoredFile:
        file = write(self, *args, **kwargs)
        monkeypatch.setattr(FileStore, "write", write)
        act()
        return file

    monkeypatch.setattr(FileStore, "write", and_then)


@pytest.mark.parametrize("as_stream", [False, True])
def test_saving_notices_a_collection_in_between(
    store: Store, monkeypatch: pytest.MonkeyPatch, as_stream: bool
) -> None:
    save(store)
    collected = []
    in_between(
        store, monkeypatch, lambda: collected.append(artifacts.collect_garbage(store, LATER))
    )
    stream = io.BytesIO(b"??Akte")
    stream.seek(2)
    file = save(store, stream if as_stream else b"Akte", now=LATER)
    assert collected == [artifacts.Collected(1, 1, 4, 0)]
    assert artifacts.read(ANNA, store, file) == b"Akte"


def test_a_stream_that_cannot_be_repeated_is_asked_for_again(
    store_sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Once(io.BytesIO):
        def seekable(self) -> bool:
            return False

    store = store_sqlite
    in_between(store, monkeypatch, lambda: store.files.remove_tenant("herten"))
    with pytest.raises(FileGone):
        save(store, Once(b"Akte"))


def test_saving_and_collecting_at_once_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The moment lies ahead of the clock of the disk, so drafts would look old.
    monkeypatch.setattr(FileStore, "remove_drafts", lambda self, before: 0)

    def in_thread(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            act()
        except BaseException as error:
            failures.append(error)

    failures: list[BaseException] = []
    for number in range(15):
        content = b"%d" % number
        save(store, content)
        barrier = threading.Barrier(3)
        threads = [
            threading.Thread(target=in_thread, args=(act,))
            for act in (
                lambda content=content: save(store, content, now=LATER),
                lambda content=content: save(store, content, now=LATER),
                lambda: artifacts.collect_garbage(store, LATER),
            )
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        file = save(store, content, now=LATER)
        assert artifacts.read(ANNA, store, file) == content
    assert rows(store) == 15


def test_a_collection_that_fails_can_be_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        save(store, b"%d" % number)
    remove, calls = FileStore.remove, []

    def fails_at_the_second(self: FileStore, *args: object, **kwargs: object) -> bool:
        calls.append(args)
        if len(calls) == 2:
            raise StorageFull(folder="files")
        return remove(self, *args, **kwargs)

    monkeypatch.setattr(FileStore, "remove", fails_at_the_second)
    with pytest.raises(StorageFull):
        artifacts.collect_garbage(store, LATER)
    assert rows(store) == 3
    assert artifacts.collect_garbage(store, LATER).rows == 3
    assert list(store.files.keys()) == []


@pytest.mark.parametrize("media_type", ["", "a\0b", "bild/ä", "x" * 101, "text/plain\r\nx: y"])
def test_a_type_that_is_none_becomes_unknown(store: Store, media_type: str) -> None:
    file = artifacts.save(
        ANNA, store, b"x", name="x", media_type=media_type, kind="upload", is_example=False, now=NOW
    )
    assert file.media_type == "application/octet-stream"
