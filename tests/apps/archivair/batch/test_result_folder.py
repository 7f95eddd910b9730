"""The result folder: whose results lie there, new ones whole, old ones gone, a restart."""

import hashlib
import io
import json
import os
import zipfile

import pytest

from apps.archivair.batch import result_folder
from apps.archivair.batch.result_folder import check_results, clear_work, publish, working_in
from shared.errors import InputError, ResultsExist, StorageFull

SHA, STEMS = "a" * 64, ("akte_p0001",)


def packed(files, sha=SHA):
    """Return a ZIP with these files and their manifest."""
    sums = [
        {"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    ]
    manifest = {"pages": [{"file_sha256": sha}], "files": sums}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    target.seek(0)
    return target


FIRST = {"documents/001_foto.pdf": b"eins", "pages/akte_p0001.txt": b"text", "batch.json": b"{}"}


def listed(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_all_files_lie_there_and_nothing_else(tmp_path):
    out = tmp_path / "tief" / "out"
    publish(out, packed(FIRST))
    clear_work(out)
    assert listed(out) == [
        "batch.json", "documents", "documents/001_foto.pdf", "manifest.json", "pages",
        "pages/akte_p0001.txt",
    ]  # fmt: skip


def test_the_same_inputs_may_write_again_and_old_names_go(tmp_path):
    publish(tmp_path, packed(FIRST))
    check_results(tmp_path, {SHA}, STEMS, force=False)
    second = {"documents/001_statik.pdf": b"zwei", "batch.json": b"[]"}
    publish(tmp_path, packed(second))
    clear_work(tmp_path)
    assert [name for name in listed(tmp_path) if "." in name] == [
        "batch.json", "documents/001_statik.pdf", "manifest.json",
    ]  # fmt: skip


def test_what_somebody_changed_stays(tmp_path):
    publish(tmp_path, packed(FIRST))
    (tmp_path / "documents/001_foto.pdf").write_bytes(b"von Hand")
    publish(tmp_path, packed({"documents/001_statik.pdf": b"zwei"}))
    assert (tmp_path / "documents/001_foto.pdf").read_bytes() == b"von Hand"
    assert not (tmp_path / "pages/akte_p0001.txt").exists()


@pytest.mark.parametrize(
    "name", ["batch.json", "fields.csv", "documents/a.pdf", "pages/akte_p0001.txt"]
)
def test_results_of_other_inputs_or_of_nobody_are_kept(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"fremd")
    with pytest.raises(ResultsExist, match="Ergebnis"):
        check_results(tmp_path, {SHA}, STEMS, force=False)
    check_results(tmp_path, {SHA}, STEMS, force=True)
    publish(tmp_path, packed(FIRST, sha="b" * 64))
    with pytest.raises(ResultsExist):
        check_results(tmp_path, {SHA}, STEMS, force=False)


def test_other_files_in_the_folder_do_not_matter(tmp_path):
    (tmp_path / "notiz.txt").write_bytes(b"x")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "andere.txt").write_bytes(b"x")
    check_results(tmp_path, {SHA}, STEMS, force=False)


def test_a_manifest_never_removes_what_lies_outside(tmp_path):
    out, outside = tmp_path / "out", tmp_path / "fremd.txt"
    outside.write_bytes(b"x")
    publish(out, packed({"batch.json": b"{}"}))
    manifest = {"pages": [], "files": [
        {"path": "../fremd.txt", "sha256": hashlib.sha256(b"x").hexdigest()}
    ]}  # fmt: skip
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    publish(out, packed({"batch.json": b"{}"}))
    assert outside.exists()


def test_a_full_disk_leaves_the_old_results_and_nothing_new(tmp_path, monkeypatch):
    publish(tmp_path, packed(FIRST))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written = []

    def full(number):
        written.append(number)
        if len(written) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        publish(tmp_path, packed({"documents/001_statik.pdf": b"zwei", "batch.json": b"[]"}))
    clear_work(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_stopped_while_moving_a_restart_knows_whose_results_these_are(tmp_path, monkeypatch):
    moved = []
    honest = result_folder.Path.replace

    def stops(path, target):
        if len(moved) == 2:
            raise KeyboardInterrupt
        moved.append(target)
        return honest(path, target)

    monkeypatch.setattr(result_folder.Path, "replace", stops)
    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path, packed(FIRST))
    monkeypatch.undo()
    assert moved[0].name == "manifest.json"
    check_results(tmp_path, {SHA}, STEMS, force=False)
    publish(tmp_path, packed(FIRST))
    clear_work(tmp_path)
    assert (tmp_path / "batch.json").read_bytes() == b"{}"


def test_only_empty_folders_are_dropped(tmp_path):
    out = tmp_path / "out"
    with working_in(out):
        assert out.is_dir()
    assert not out.exists()
    with working_in(out):
        (out / "notiz.txt").write_bytes(b"x")
    assert listed(out) == ["notiz.txt"]


def test_two_calls_never_work_in_one_folder(tmp_path):
    with working_in(tmp_path):
        with pytest.raises(InputError, match="anderer Aufruf"), working_in(tmp_path):
            raise AssertionError("both work")
        with working_in(tmp_path / "anderswo"):
            pass
    with working_in(tmp_path):
        pass
