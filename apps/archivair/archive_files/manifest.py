"""Say what went in and what came out, each with its SHA-256, so that a change can be seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared import __version__

SCHEMA = "archivair-manifest/1"


@dataclass(frozen=True, slots=True)
class InputPage:
    """A page that went in.

    Args:
        file_name: Name of its file without folder.
        file_sha256: Hash of the file.
        page: Number in the file, from 1.
        page_sha256: Hash of its pixels, see `hash_of_pixels`.
    """

    file_name: str
    file_sha256: str
    page: int
    page_sha256: str


@dataclass(frozen=True, slots=True)
class FileSum:
    """Size and hash of a file whose content is no longer held.

    Args:
        bytes: Its size.
        sha256: Hash of its bytes.
    """

    bytes: int
    sha256: str


def hash_of_pixels(image: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of the shape and the pixels of an image, row by row.

    Args:
        image: Grey or colour.
    """
    shape = "x".join(str(side) for side in image.shape)
    digest = hashlib.sha256(f"{shape}\n".encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()


def manifest_json(
    pages: Sequence[InputPage],
    outputs: Mapping[str, bytes | FileSum],
    *,
    written: datetime,
    role: str,
) -> bytes:
    """Return the manifest.

    Args:
        pages: All input pages in order.
        outputs: Content of each output file, or its size and hash, by its place under the result
            folder.
        written: Moment with its zone.
        role: Role of the person who ran the work, never a name.
    """
    content = {
        "schema": SCHEMA,
        "software": f"ArchivAIr {__version__}",
        "written": written.isoformat(timespec="seconds"),
        "role": role,
        "page_hash": "SHA-256 über 'HöhexBreite[xKanäle]\\n' und die Bildpunkte zeilenweise",
        "pages": [
            {
                "file": one.file_name,
                "file_sha256": one.file_sha256,
                "page": one.page,
                "page_sha256": one.page_sha256,
            }
            for one in pages
        ],
        "files": [
            {"path": name, "bytes": one.bytes, "sha256": one.sha256}
            for name, one in ((name, _sum(outputs[name])) for name in sorted(outputs))
        ],
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _sum(data: bytes | FileSum) -> FileSum:
    if isinstance(data, FileSum):
        return data
    return FileSum(len(data), hashlib.sha256(data).hexdigest())


def changed_files(manifest: bytes, folder: Path) -> list[str]:
    """Return the files of a manifest that are missing or different now.

    Args:
        manifest: What `manifest_json` returned.
        folder: Result folder.
    """
    changed = []
    for one in json.loads(manifest)["files"]:
        place = folder / one["path"]
        if not place.is_file() or hashlib.sha256(place.read_bytes()).hexdigest() != one["sha256"]:
            changed.append(one["path"])
    return changed
