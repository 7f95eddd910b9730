"""Look for scripts and embedded files in a PDF: names outside of pictures, never by running it.

Compressed pictures hold any bytes by chance, so streams are skipped; only streams of objects are
unpacked, piece by piece and no further than a limit.
"""

from __future__ import annotations

import mmap
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from apps.archivair.file_data import FileData

MOST_UNPACKED_BYTES = 64 * 2**20
"""Of all streams of objects together; no sound file has more of them."""
_J, _S = rb"(?:J|#4[aA])", rb"(?:S|#53)"
_ACTIVE_NAME = re.compile(rb"/(?:" + _J + _S + rb"|JavaScript|EmbeddedFile)(?=[\s()<>\[\]{}/%]|\Z)")
_STREAM = re.compile(rb"stream\r?\n")
_STREAM_END = b"endstream"
_OBJECT_STREAM = re.compile(rb"/ObjStm\b")
_LONGEST_HEAD = 4096
_LONGEST_NAME = 32
_PIECE_BYTES = 2**20

Content = bytes | mmap.mmap


def has_active_content(data: FileData) -> bool:
    """Say whether a PDF names a script or an embedded file; a hint for people, no protection.

    Args:
        data: The file.
    """
    with _content(data) as content:
        left, place = MOST_UNPACKED_BYTES, 0
        while begin := _STREAM.search(content, place):
            if _ACTIVE_NAME.search(content, place, begin.start()):
                return True
            end = content.find(_STREAM_END, begin.end())
            if end < 0:
                return False
            head = max(place, begin.start() - _LONGEST_HEAD)
            if left > 0 and _OBJECT_STREAM.search(content, head, begin.start()):
                found, used = _search_packed(content, begin.end(), end, left)
                if found:
                    return True
                left -= used
            place = end + len(_STREAM_END)
        return _ACTIVE_NAME.search(content, place) is not None


@contextmanager
def _content(data: FileData) -> Iterator[Content]:
    """Map a file of the disk, so that it never lies in memory as a whole."""
    if isinstance(data.place, bytes):
        yield data.place
        return
    with (
        data.place.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        yield content


def _search_packed(content: Content, start: int, end: int, most: int) -> tuple[bool, int]:
    """Search an object stream; return whether a name was found, and how much was unpacked."""
    unpacker, used, tail = zlib.decompressobj(), 0, b""
    for place in range(start, end, _PIECE_BYTES):
        piece = content[place : min(end, place + _PIECE_BYTES)]
        while piece and used < most:
            try:
                plain = unpacker.decompress(piece, _PIECE_BYTES)
            except zlib.error:
                return False, used  # packed otherwise or damaged: the library that draws will tell
            used += len(plain)
            if _ACTIVE_NAME.search(tail + plain):
                return True, used
            tail, piece = plain[-_LONGEST_NAME:], unpacker.unconsumed_tail
    return False, used
