"""Writing the files of a result into a folder, all of them or none."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from apps.aviary.commands.stopping import undisturbed
from shared.errors import InputError, ResultsExist, StorageFull

OBJECTS_FILE = "objects.geojson"
SUMMARY_FILE = "summary.json"
OWN_FILES = frozenset(
    {
        OBJECTS_FILE,
        SUMMARY_FILE,
        "classes.tif",
        "classes.png",
        "confidence.tif",
        "confidence.png",
        "values.tif",
    }
)
"""Every name that a file of a result may have."""
OBJECTS_FILES = frozenset({OBJECTS_FILE, SUMMARY_FILE})
"""Names of the files of a result without a map."""
NEEDED_FREE_BYTES = 50 * 2**20

Json = dict[str, Any]


def to_json(content: Mapping[str, Any]) -> str:
    """Write a summary as indented JSON text; bytes of file names that are no text become "?"."""
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def compact(content: Json) -> str:
    """Write JSON on one line."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def is_new(folder: Path) -> bool:
    """Say whether a folder has to be made.

    Raises:
        StorageFull: There can be no such folder, for example because the name is too long.
    """
    try:
        return not folder.exists()
    except OSError as cause:
        raise StorageFull(folder=folder.name) from cause


def prepare_folder(folder: Path, *, overwrite: bool) -> None:
    """Make sure that results can be written, before any work starts.

    Args:
        folder: Where results will go; made if absent.
        overwrite: Allow a folder that already holds results.

    Raises:
        ResultsExist: There is a result and `overwrite` is False.
        StorageFull: The folder cannot be made, written to, or the disk is full.
    """
    existing = [folder / SUMMARY_FILE, *folder.glob(f"*/{SUMMARY_FILE}"), folder / OBJECTS_FILE]
    if not overwrite and any(path.exists() for path in existing):
        raise ResultsExist(folder=folder.name)
    probe = folder / f".write-test-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"0")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as cause:
        raise StorageFull(folder=folder.name) from cause
    if free < NEEDED_FREE_BYTES:
        raise StorageFull(folder=folder.name)


def spare_inputs(written: Mapping[Path, Collection[str]], inputs: Collection[Path]) -> None:
    """Refuse to write over a file that is read, before any work starts.

    Args:
        written: Names of the files that may be written, by folder.
        inputs: Files that are read.

    Raises:
        InputError: A file that is read lies in such a folder under such a name.
    """
    names = {os.path.realpath(folder): known for folder, known in written.items()}
    for one in inputs:
        # A link that lies there would be replaced, and so would the file that a link leads to.
        places = (Path(os.path.realpath(one.parent), one.name), Path(os.path.realpath(one)))
        if any(place.name in names.get(str(place.parent), ()) for place in places):
            reason = (
                f"Das Ergebnis würde die Eingabedatei „{one.name}“ überschreiben. Bitte wählen Sie "
                "mit --out einen anderen Ordner."
            )
            raise InputError(reason=reason)


def write_files(
    folder: Path, files: Mapping[str, str | bytes], inputs: Collection[Path] = ()
) -> None:
    """Write all files of a result or none, even where somebody stops the command meanwhile.

    Where an earlier result is overwritten, its other files go: a class map of another recipe beside
    the new objects would pass for theirs. Only what the earlier summary lists as written goes.

    Args:
        folder: Made if absent; a new one goes again where nothing was written.
        files: Name to content, in the order of appearance.
        inputs: Files that are read; none of them goes, whatever an earlier summary lists.

    Raises:
        StorageFull: The disk is full or the folder cannot be written to.
    """
    # Two commands may have been given the same folder.
    temporary = {name: folder / f".{name}.{os.getpid()}.part" for name in files}
    made = is_new(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = _earlier_result(folder, files.keys(), inputs)
        for name, content in files.items():
            temporary[name].write_bytes(content.encode() if isinstance(content, str) else content)
        with undisturbed():
            for name, path in temporary.items():
                path.replace(folder / name)
            for path in earlier:
                path.unlink(missing_ok=True)
    except OSError as cause:
        raise StorageFull(folder=folder.name) from cause
    finally:  # somebody may have stopped the command just now
        for path in temporary.values():
            with contextlib.suppress(OSError):
                path.unlink()
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only an empty one goes


def _earlier_result(folder: Path, names: Collection[str], inputs: Collection[Path]) -> list[Path]:
    """Return the files that an earlier summary lists as written and that nobody else needs.

    Args:
        folder: Where the earlier result may lie.
        names: Files of the new result.
        inputs: Files that are read.
    """
    try:
        content = json.loads((folder / SUMMARY_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):  # no summary of this command
        return []
    if not isinstance(content, dict) or not content.keys() >= {"recipe", "software_version"}:
        return []
    listed = content.get("files")
    if not isinstance(listed, list):
        return []
    read = {os.path.realpath(one) for one in inputs}
    # A list may name any path; this command has written no others than its own.
    written = [folder / one for one in sorted(OWN_FILES) if one in listed and one not in names]
    return [one for one in written if one.is_file() and os.path.realpath(one) not in read]
