"""Guard for uploaded files: what is it really, is it whole, how may it be called. No Streamlit."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from shared.errors import EmptyFile, FileTooLarge, FileTypeRefused, FileUnlikeName
from shared.store.texts import no_device

DataKind = Literal["jpeg", "png", "tiff", "webp", "pdf"]

EXTENSIONS: dict[DataKind, tuple[str, ...]] = {
    "jpeg": ("jpg", "jpeg"),
    "png": ("png",),
    "tiff": ("tif", "tiff"),
    "webp": ("webp",),
    "pdf": ("pdf",),
}
MAX_NAME_CHARACTERS = 80
_PDF_SEARCH_BYTES = 1024
_UNSAFE = re.compile(r"[^\w .,()+-]")


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """A file whose outside has been checked; its inside is the app's task.

    Args:
        name: Name that is safe to show and to derive file names from.
        kind: What the content is.
        content: All bytes.
        sha256: Hash of the content, 64 hexadecimal digits.
    """

    name: str
    kind: DataKind
    content: bytes
    sha256: str


def accept_upload(
    name: str, content: bytes, kinds: Sequence[DataKind], max_mb: int
) -> AcceptedFile:
    """Check a file that somebody chose.

    Args:
        name: Name as the browser sent it; never used as a path.
        content: All bytes.
        kinds: Kinds the app can read.
        max_mb: Largest size in megabytes (2**20 bytes).

    Raises:
        EmptyFile: Zero bytes.
        FileTooLarge: More than `max_mb`.
        FileTypeRefused: The content is none of `kinds`.
        FileUnlikeName: The ending promises another kind than the content.
    """
    if not content:
        raise EmptyFile()
    if len(content) > max_mb * 2**20:
        raise FileTooLarge(limit_mb=max_mb)
    kind = sniff_kind(content)
    if kind is None or kind not in kinds:
        raise FileTypeRefused(allowed=describe_kinds(kinds))
    safe_name = sanitize_name(name)
    ending = PurePosixPath(safe_name).suffix.lstrip(".").lower()
    promised = next((k for k, endings in EXTENSIONS.items() if ending in endings), None)
    if promised is not None and promised != kind:
        raise FileUnlikeName(ending=ending, found=kind.upper())
    return AcceptedFile(safe_name, kind, content, hashlib.sha256(content).hexdigest())


def sniff_kind(content: bytes) -> DataKind | None:
    """Return what the first bytes say the content is, None if unknown."""
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content[:4] in {b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"}:
        return "tiff"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if b"%PDF-" in content[:_PDF_SEARCH_BYTES]:
        return "pdf"
    return None


def describe_kinds(kinds: Sequence[DataKind]) -> str:
    """Return the kinds as a list for people, for example "JPEG, PNG"."""
    return ", ".join(kind.upper() for kind in kinds)


def sanitize_name(name: str) -> str:
    """Return a file name without path, control or direction characters, at most 80 characters.

    Args:
        name: Name as the browser sent it.
    """
    last_part = re.split(r"[/\\]", name)[-1]
    normal = unicodedata.normalize("NFC", last_part)
    visible = "".join(c for c in normal if unicodedata.category(c)[0] not in "CZ" or c == " ")
    cleaned = no_device(" ".join(_UNSAFE.sub("_", visible).split()).lstrip(". ").strip())
    stem, dot, ending = cleaned.rpartition(".")
    if not dot:
        return cleaned[:MAX_NAME_CHARACTERS] or "datei"
    ending = ending[:10]
    return f"{stem[: MAX_NAME_CHARACTERS - len(ending) - 1].rstrip() or 'datei'}.{ending}"
