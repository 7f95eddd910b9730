"""The result folder of a command: whose results lie there, and new ones that appear all at once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from apps.archivair.batch.batch_files import BATCH_NAME, FIELDS_NAME, MANIFEST_NAME, NOTE_NAME
from apps.archivair.batch.document_files import DOCUMENTS, PAGES
from apps.archivair.batch.kept_pages import WORK_FOLDER
from apps.archivair.outputs import ENDINGS
from shared.errors import InputError, ResultsExist, StorageFull

_NEW, _LOCK = "neu", "belegt"


def check_results(
    folder: Path, hashes: Collection[str], stems: Collection[str], *, force: bool
) -> None:
    """Refuse to overwrite results of another input.

    Args:
        folder: Result folder; it need not exist.
        hashes: Hashes of the files that go in.
        stems: Names of their pages without ending.
        force: True overwrites anything.

    Raises:
        ResultsExist: A file that would be written is there, and its manifest names other inputs.
    """
    if force or not _has_results(folder, stems):
        return
    try:
        known = json.loads((folder / MANIFEST_NAME).read_bytes())["pages"]
        same = {page["file_sha256"] for page in known} == set(hashes)
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise ResultsExist(folder=str(folder))


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Let no other call work in a result folder meanwhile; an empty one is dropped at the end.

    Args:
        folder: Result folder, made if missing.

    Raises:
        InputError: Another call works there.
        StorageFull: The folder cannot be written.
    """
    work = folder / WORK_FOLDER
    try:
        work.mkdir(parents=True, exist_ok=True)
        stream = (work / _LOCK).open("wb")
    except OSError as cause:
        raise StorageFull(folder=str(folder)) from cause
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_still(work / _LOCK, stream):
                raise BlockingIOError
        except BlockingIOError as cause:
            reason = f"Im Ordner „{folder}“ arbeitet schon ein anderer Aufruf."
            raise InputError(reason=reason) from cause
        try:
            yield
        finally:
            (work / _LOCK).unlink(missing_ok=True)
            _drop_empty(folder)


def _is_still(path: Path, stream: BinaryIO) -> bool:
    """Say whether a path names the opened file; one that ended just now has dropped its lock."""
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False


def publish(folder: Path, packed: BinaryIO) -> list[str]:
    """Unpack results beside their place, then move all of them there.

    The manifest comes first: when this is stopped halfway, a restart knows whose results these are.
    Files of an earlier manifest that no longer belong to the results go, unless somebody changed
    them.

    Args:
        folder: Result folder, made if missing.
        packed: ZIP of the results.

    Returns:
        Names of the files.

    Raises:
        StorageFull: The folder cannot be written; nothing half-written stays behind.
    """
    new = folder / WORK_FOLDER / _NEW
    try:
        shutil.rmtree(new, ignore_errors=True)
        with zipfile.ZipFile(packed) as archive:
            names = archive.namelist()
            for name in names:
                _unpack(archive, name, new)
        old = _manifest_files(folder)
        for name in sorted(names, key=lambda one: one != MANIFEST_NAME):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (new / name).replace(target)
        _remove_old(folder, old, names)
    except OSError as cause:
        raise StorageFull(folder=str(folder)) from cause
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return names


def clear_work(folder: Path) -> None:
    """Remove what a finished command kept for a restart.

    Args:
        folder: Result folder.
    """
    shutil.rmtree(folder / WORK_FOLDER, ignore_errors=True)


def _drop_empty(folder: Path) -> None:
    """Remove the work folder and the result folder where nothing is in them."""
    for one in (folder / WORK_FOLDER, folder):
        if one.is_dir() and not any(one.iterdir()):
            one.rmdir()


def _has_results(folder: Path, stems: Collection[str]) -> bool:
    names = (BATCH_NAME, FIELDS_NAME, MANIFEST_NAME, NOTE_NAME)
    documents = folder / DOCUMENTS
    return (
        any((folder / name).exists() for name in names)
        or (documents.is_dir() and any(documents.iterdir()))
        or any((folder / PAGES / (stem + end)).exists() for stem in stems for end in ENDINGS)
    )


def _unpack(archive: zipfile.ZipFile, name: str, folder: Path) -> None:
    target = folder / PurePosixPath(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, target.open("wb") as stream:
        shutil.copyfileobj(source, stream)
        stream.flush()
        os.fsync(stream.fileno())


def _manifest_files(folder: Path) -> dict[str, str]:
    """Return hash by name of the files of the manifest that lies there; none without one."""
    try:
        files = json.loads((folder / MANIFEST_NAME).read_bytes())["files"]
        return {str(one["path"]): str(one["sha256"]) for one in files}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _remove_old(folder: Path, old: dict[str, str], names: Sequence[str]) -> None:
    own = folder.resolve()
    for name in old.keys() - set(names):
        path = (folder / name).resolve()
        if not path.is_relative_to(own) or not path.is_file():
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() == old[name]:
            path.unlink()
