"""Files by their content: written whole, hashed before they are given out, tenants apart."""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.errors import (
    FileDamaged,
    FileGone,
    SettingInvalid,
    StorageFull,
    StorageUnreachable,
)
from shared.settings import Settings
from shared.store import object_storage
from shared.store.file_store import FileStore, file_name, storage_key
from shared.store.local_files import DRAFTS
from shared.store.object_storage import ObjectStorage
from tests.ports import free_port
from tests.store.faults import Fault, StreamBreaks, disk_full, read_only_folder  # noqa: F401
from tests.store.servers import S3_KEYS, S3Server

A, B = "herten", "marl"
PDF = "application/pdf"


@pytest.fixture(params=["local", "s3"])
def settings(request: pytest.FixtureRequest) -> Settings:
    return request.getfixturevalue(f"{request.param}_settings")


@pytest.fixture
def files(settings: Settings) -> FileStore:
    return FileStore(settings)


def put(files: FileStore, content: bytes = b"Akte", tenant: str = A, name: str = "Akte.pdf"):
    return files.write(tenant, content, name=name, media_type=PDF)


def replace_stored(settings: Settings, key: str, content: bytes) -> None:
    """Change a stored file behind the back of the store."""
    if settings.storage_url:
        place = FileStore(settings)._place
        assert isinstance(place, ObjectStorage)
        place._call("put_object", Key=f"gallery/{key}", Body=content)
        cached = settings.data_dir / "cache" / "files" / key
        cached.unlink(missing_ok=True)
    else:
        (settings.data_dir / "files" / key).write_bytes(content)


def on_disk(settings: Settings) -> list[Path]:
    return [path for path in settings.data_dir.rglob("*") if path.is_file()]


def flipped(content: bytes) -> bytes:
    return bytes([content[0] ^ 1]) + content[1:]


def test_bytes_and_streams_are_stored_under_their_hash(files: FileStore) -> None:
    content = os.urandom(3_000_000)
    stored = put(files, content)
    streamed = files.write(A, io.BytesIO(content), name="b.pdf", media_type=PDF)
    assert stored.sha256 == streamed.sha256 == hashlib.sha256(content).hexdigest()
    assert stored.bytes == 3_000_000
    assert files.read(A, stored.sha256, stored.name) == content
    with files.open(A, stored.sha256, stored.name) as opened:
        assert opened.read() == content
    assert files.local_path(A, stored.sha256, stored.name).read_bytes() == content
    files.verify(A, stored.sha256, stored.name)
    assert list(files.keys()) == [f"{A}/{stored.sha256[:2]}/{stored.sha256}"]


def test_an_empty_file_is_a_file(files: FileStore) -> None:
    stored = put(files, b"")
    assert files.read(A, stored.sha256, "leer") == b""


def test_municipalities_share_no_content(files: FileStore) -> None:
    stored = put(files, tenant=A)
    assert not files.exists(B, stored.sha256)
    with pytest.raises(FileGone):
        files.read(B, stored.sha256, stored.name)
    put(files, tenant=B)
    assert len(list(files.keys())) == 2
    assert [key.split("/")[0] for key in files.keys(B)] == [B]


def test_another_process_reads_what_was_written(settings: Settings) -> None:
    stored = put(FileStore(settings))
    assert FileStore(settings).read(A, stored.sha256, stored.name) == b"Akte"


def test_a_flipped_byte_is_never_given_out(files: FileStore, settings: Settings) -> None:
    stored = put(files)
    key = storage_key(A, stored.sha256)
    assert files.read(A, stored.sha256, stored.name) == b"Akte"
    replace_stored(settings, key, flipped(b"Akte"))
    for access in (files.read, files.open, files.local_path, files.verify):
        with pytest.raises(FileDamaged) as caught:
            access(A, stored.sha256, stored.name)
        assert str(caught.value) == "Die gespeicherte Datei „Akte.pdf“ ist beschädigt."
    put(files)  # uploading it again heals it, as the text advises
    assert files.read(A, stored.sha256, stored.name) == b"Akte"


def test_a_file_is_hashed_again_when_it_changed(files: FileStore, settings: Settings) -> None:
    stored = put(files, b"x" * 100)
    path = files.local_path(A, stored.sha256, stored.name)
    before = path.stat()
    path.chmod(0o600)
    path.write_bytes(flipped(path.read_bytes()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    if settings.storage_url:  # only the copy is damaged, so it is fetched again
        assert files.local_path(A, stored.sha256, stored.name).read_bytes() == b"x" * 100
    else:
        with pytest.raises(FileDamaged):
            files.local_path(A, stored.sha256, stored.name)


def test_an_unchanged_file_is_hashed_once(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = put(files)
    path = files.local_path(A, stored.sha256, stored.name)
    hashed: list[Path] = []
    monkeypatch.setattr("shared.store.file_store.hash_file", hashed.append)
    assert files.local_path(A, stored.sha256, stored.name) == path
    assert hashed == []


def test_a_missing_file_is_named(files: FileStore) -> None:
    stored = put(files)
    assert files.remove(A, stored.sha256)
    assert not files.remove(A, stored.sha256)
    assert not files.exists(A, stored.sha256)
    with pytest.raises(FileGone, match=r"„Akte\.pdf“ ist nicht mehr da"):
        files.open(A, stored.sha256, stored.name)


@pytest.mark.parametrize("tenant", ["", "..", "a/b", "A", "ä", "a.b", "x" * 65, ".new"])
def test_no_municipality_leads_elsewhere(files: FileStore, tenant: str) -> None:
    with pytest.raises(ValueError, match="municipality"):
        put(files, tenant=tenant)
    with pytest.raises(ValueError, match="municipality"):
        files.exists(tenant, "0" * 64)


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_no_hash_leads_elsewhere(files: FileStore, sha256: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        files.read(A, sha256, "x")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Bebauungsplan Übersicht.pdf", "Bebauungsplan Übersicht.pdf"),
        ("U\u0308bersicht.pdf", "Übersicht.pdf"),
        ("Plan 👩‍🚒.pdf", "Plan 👩‍🚒.pdf"),
        ("/etc/passwd", "passwd"),
        ("C:\\Akten\\a.pdf", "a.pdf"),
        ("a\x00b\nc.pdf", "abc.pdf"),
        ("exe.\u202efdp.pdf", "exe.fdp.pdf"),
        ("halb\ud800.pdf", "halb.pdf"),
        ("", "datei"),
        ("CON", "_CON"),
        ("C:\\Akten\\nul .tar.gz", "_nul .tar.gz"),
        ("Lpt¹.pdf", "_Lpt¹.pdf"),
        ("con." + "x" * 296, "_con." + "x" * 295),
        ("Konto.pdf", "Konto.pdf"),
        ("com10.pdf", "com10.pdf"),
        ("ä" * 300 + ".pdf", "ä" * 296 + ".pdf"),
        ("ä" * 400, "ä" * 300),
    ],
)
def test_names_stay_readable(given: str, kept: str) -> None:
    assert file_name(given) == kept


def test_a_broken_stream_leaves_nothing(files: FileStore, settings: Settings) -> None:
    with pytest.raises(ConnectionResetError):
        files.write(A, StreamBreaks(b"Anfang"), name="a", media_type=PDF)
    assert list(files.keys()) == []
    assert on_disk(settings) == []


def test_storing_leaves_no_draft(files: FileStore, settings: Settings) -> None:
    put(files)
    assert [path for path in on_disk(settings) if DRAFTS in path.parts] == []


def test_a_full_disk_says_so_and_keeps_what_was_there(
    disk_full: tuple[Path, Fault],  # noqa: F811
) -> None:
    folder, fill = disk_full
    files = FileStore(Settings(_env_file=None, data_dir=folder))
    kept = put(files, b"wichtig")
    fill()
    with pytest.raises(StorageFull, match="voll oder nicht beschreibbar"):
        put(files, b"x" * 100_000)
    with pytest.raises(StorageFull):
        files.check_reachable()
    assert files.read(A, kept.sha256, kept.name) == b"wichtig"
    assert [path for path in folder.rglob("*") if DRAFTS in path.parts and path.is_file()] == []


def test_a_read_only_folder_says_so(read_only_folder: tuple[Path, Fault]) -> None:  # noqa: F811
    folder, forbid = read_only_folder
    files = FileStore(Settings(_env_file=None, data_dir=folder))
    kept = put(files)
    forbid()
    with pytest.raises(StorageFull, match="voll oder nicht beschreibbar"):
        put(files, b"neu")
    with pytest.raises(StorageFull):
        files.check_reachable()
    assert files.read(A, kept.sha256, kept.name) == b"Akte"


def test_a_folder_that_is_not_mounted_is_no_missing_file(local_settings: Settings) -> None:
    files = FileStore(local_settings)
    stored = put(files)
    (local_settings.data_dir / "files").rename(local_settings.data_dir / "anderswo")
    with pytest.raises(StorageUnreachable):
        files.read(A, stored.sha256, stored.name)


def test_a_fresh_file_survives_the_removal_of_old_ones(files: FileStore) -> None:
    stored = put(files)
    hour = timedelta(hours=1)
    assert not files.remove(A, stored.sha256, before=datetime.now(UTC) - hour)
    assert files.read(A, stored.sha256, stored.name) == b"Akte"
    assert files.remove(A, stored.sha256, before=datetime.now(UTC) + hour)
    assert list(files.keys()) == []


def test_a_municipality_is_removed_whole(files: FileStore, settings: Settings) -> None:
    kept = put(files, tenant=B)
    for number in range(3):
        stored = put(files, b"%d" % number)
        files.local_path(A, stored.sha256, stored.name)
    assert files.remove_tenant(A) == 3
    assert files.remove_tenant(A) == 0
    assert list(files.keys()) == [storage_key(B, kept.sha256)]
    assert [path for path in on_disk(settings) if A in path.parts] == []


def test_stray_files_are_listed(files: FileStore, settings: Settings) -> None:
    put(files)
    replace_stored(settings, f"{A}/fremd.txt", b"?")
    assert f"{A}/fremd.txt" in set(files.keys())
    entry = next(entry for entry in files.entries(A) if entry.key == f"{A}/fremd.txt")
    assert entry.bytes == 1
    assert abs(entry.changed_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_only_old_drafts_are_removed(files: FileStore, settings: Settings) -> None:
    put(files)
    folder = next(path for path in settings.data_dir.rglob(DRAFTS))
    (folder / "alt").write_bytes(b"x")
    os.utime(folder / "alt", (1, 1))
    (folder / "jung").write_bytes(b"x")
    assert files.remove_drafts(datetime.now(UTC) - timedelta(hours=1)) == 1
    assert [path.name for path in folder.iterdir()] == ["jung"]


def test_reachable_places_are_reachable(files: FileStore, settings: Settings) -> None:
    files.check_reachable()
    assert on_disk(settings) == []


def test_an_unknown_fault_of_one_file_is_damage(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = FileStore(local_settings)
    stored = put(files)

    def bad_sector(path: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", bad_sector)
    with pytest.raises(FileDamaged):
        files.read(A, stored.sha256, stored.name)


# --- S3 ---------------------------------------------------------------------------------------


def test_the_server_away_at_the_start_and_in_the_middle(
    s3_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_storage, "TRIES", 1)
    away = s3_settings.model_copy(update={"storage_endpoint": f"http://127.0.0.1:{free_port()}"})
    files = FileStore(away)
    with pytest.raises(StorageUnreachable, match="Die Ablage der Dateien ist nicht erreichbar"):
        files.check_reachable()
    with pytest.raises(StorageUnreachable):
        put(files)
    assert on_disk(away) == []
    server = S3Server()
    try:
        bucket = server.new_bucket()
        url, endpoint = f"s3://{bucket}", server.endpoint
        there = s3_settings.model_copy(update={"storage_url": url, "storage_endpoint": endpoint})
        files = FileStore(there)
        stored = put(files)
        server.stop()
        for access in (files.exists, files.remove):
            with pytest.raises(StorageUnreachable):
                access(A, stored.sha256)
        with pytest.raises(StorageUnreachable):
            files.verify(A, stored.sha256, stored.name)
        with pytest.raises(StorageUnreachable):
            list(files.keys())
        assert files.read(A, stored.sha256, stored.name) == b"Akte"  # the copy needs no server
    finally:
        server.stop()


def test_a_missing_bucket_is_no_missing_file(s3_settings: Settings) -> None:
    files = FileStore(s3_settings.model_copy(update={"storage_url": "s3://gibt-es-nicht"}))
    with pytest.raises(StorageUnreachable):
        files.check_reachable()
    with pytest.raises(StorageUnreachable):
        put(files)
    with pytest.raises(StorageUnreachable):
        files.read(A, "0" * 64, "x")
    with pytest.raises(StorageUnreachable):
        files.exists(A, "0" * 64)
    with pytest.raises(StorageUnreachable):
        list(files.keys())


@pytest.mark.parametrize("name", sorted(S3_KEYS))
def test_keys_come_from_the_environment_alone(
    s3_settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingInvalid, match=name):
        FileStore(s3_settings).check_reachable()


def test_keys_are_never_logged(
    s3_settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ganz-geheim")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "sehr-geheim")
    with caplog.at_level(logging.DEBUG):
        files = FileStore(s3_settings)
        stored = put(files)
        files.verify(A, stored.sha256, stored.name)
        with pytest.raises(FileGone):
            files.read(A, "0" * 64, "x")
    assert "geheim" not in caplog.text


def test_a_forked_process_connects_anew(s3_settings: Settings) -> None:
    files = FileStore(s3_settings)
    stored = put(files)
    child = os.fork()
    if child == 0:
        try:
            files.verify(A, stored.sha256, stored.name)
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    files.verify(A, stored.sha256, stored.name)


def test_it_works_beside_a_running_event_loop(s3_settings: Settings) -> None:
    files = FileStore(s3_settings)

    async def page() -> bytes:
        stored = put(files)
        files.verify(A, stored.sha256, stored.name)
        return files.read(A, stored.sha256, stored.name)

    assert asyncio.run(page()) == b"Akte"


def test_large_files_travel_in_parts(
    s3_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_storage, "PART_BYTES", 5 << 20)
    content = os.urandom(13 << 20)
    files = FileStore(s3_settings)
    stored = put(files, content)
    files.verify(A, stored.sha256, stored.name)
    assert files.read(A, stored.sha256, stored.name) == content


def test_unfinished_uploads_are_cleared(s3_settings: Settings) -> None:
    files = FileStore(s3_settings)
    place = files._place
    assert isinstance(place, ObjectStorage)
    place._call("create_multipart_upload", Key="gallery/herten/halb")
    assert files.remove_drafts(datetime(2010, 1, 1, tzinfo=UTC)) == 0  # the server says November
    assert files.remove_drafts(datetime.now(UTC)) == 1
    assert not place._call("list_multipart_uploads").get("Uploads")


def test_checking_all_files_keeps_no_copies(s3_settings: Settings) -> None:
    stored = put(FileStore(s3_settings))
    elsewhere = s3_settings.model_copy(update={"data_dir": s3_settings.data_dir / "anderer"})
    FileStore(elsewhere).verify(A, stored.sha256, stored.name)
    assert on_disk(elsewhere) == []


def test_long_lists_come_page_by_page(
    s3_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    call = ObjectStorage._call

    def short_pages(self: ObjectStorage, method: str, **arguments: object) -> object:
        if method == "list_objects_v2":
            calls.append(method)
            arguments |= {"MaxKeys": 2}
        return call(self, method, **arguments)

    monkeypatch.setattr(ObjectStorage, "_call", short_pages)
    files = FileStore(s3_settings)
    stored = {storage_key(A, put(files, b"%d" % number).sha256) for number in range(5)}
    assert set(files.keys()) == stored
    assert len(calls) == 3
    assert files.remove_tenant(A) == 5
    assert list(files.keys()) == []
