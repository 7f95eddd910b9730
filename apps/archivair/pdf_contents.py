"""Count what one piece of drawing in a PDF names and paints, with bounded work.

Nothing is drawn. What unpacks to more than a limit is refused instead of read.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import pikepdf

from apps.archivair.pdf_scripts import MOST_UNPACKED_BYTES

MOST_FILE_BYTES: Final = 2**30
"""Of all pieces of one file together, unpacked."""
MOST_OTHER_BYTES: Final = 2**19
"""Of a piece that is packed in an old or unusual way, as it lies in the file."""
MOST_PACKINGS: Final = 2
"""Data that is packed again and again is a bomb."""
MOST_NAMES: Final = 500_000
"""Different names in one piece."""
BYTES_PER_DRAW: Final = 2 * 2**10
MOST_PAINTED: Final = 2_000_000
"""Shapes, pictures and signs on one page."""
MOST_PIXELS: Final = 400_000_000
"""Of a picture that only drawing would find; larger ones on the page itself are told one by one."""
_NAME = re.compile(
    rb"/([^\s\x00()<>\[\]{}/%]+)(\s+(?:[-+.\d]+\s+Tf|gs|cs|CS|sh|BMC|ri)(?![^\s\x00()<>\[\]{}/%]))?"
)
"""A name, and what follows where the name is none of a form: fonts may have the same names."""
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_PAINT = re.compile(
    rb"(?<![^\s\x00()<>\[\]{}/%])(?:[fBb]\*?|[FSs]|sh|Do|EI|T[jJ]|['\"])(?![^\s\x00()<>\[\]{}/%])"
)
_TEXT = re.compile(rb"\((?:\\.|[^\\()]|\((?:\\.|[^\\()])*\))*\)|<[0-9A-Fa-f\s]+>", re.DOTALL)
_INLINE = re.compile(
    rb"(?<![^\s\x00()<>\[\]{}/%])BI(?![^\s\x00()<>\[\]{}/%])(.{1,1000}?)\sID\s", re.DOTALL
)
_SIDE = re.compile(rb"/(?:W|H|Width|Height)\s+(\d{1,10})")
_FLATE = ("/FlateDecode", "/Fl")
_STEP_BYTES = 2**16


class EndlessDrawing(Exception):
    """A PDF whose drawing would take more than any sound file needs."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a piece of drawing holds.

    Attributes:
        names: How often each name stands in it, without the slash.
        forms: The same without names that are surely none of forms.
        paints: At most so many shapes, pictures and signs it paints, without those of its parts.
        weight: Its own size, in draws of a small part; at least 1.
    """

    names: Mapping[str, int]
    forms: Mapping[str, int]
    paints: int
    weight: int


class ContentReader:
    """Reads pieces of one file, each once and all together no more than `MOST_FILE_BYTES`."""

    def __init__(self) -> None:
        self._left = MOST_FILE_BYTES
        self._known: dict[tuple[tuple[int, int], ...], Content] = {}

    def read(self, streams: Sequence[pikepdf.Stream]) -> Content:
        """Return what pieces hold that are drawn as one.

        Args:
            streams: The pieces.

        Raises:
            EndlessDrawing: They unpack to too much, or to nobody knows what.
            pikepdf.PdfError: They cannot be read.
        """
        key = tuple(one.objgen for one in streams)
        if key not in self._known:
            plain = b" ".join(self._unpacked(one) for one in streams)
            paints = sum(1 for _ in islice(_PAINT.finditer(plain), MOST_PAINTED + 1))
            if paints > MOST_PAINTED:
                raise EndlessDrawing
            _refuse_inline_bombs(plain)
            forms: Counter[str] = Counter()
            others: Counter[str] = Counter()
            for found in _NAME.finditer(plain):
                (others if found[2] else forms)[_plain_name(found[1])] += 1
                if len(forms) + len(others) > MOST_NAMES:
                    raise EndlessDrawing
            signs = sum(found.end() - found.start() for found in _TEXT.finditer(plain))
            weight = 1 + len(plain) // BYTES_PER_DRAW
            self._known[key] = Content(forms + others, forms, paints + signs, weight)
        return self._known[key]

    def size(self, stream: pikepdf.Stream) -> int:
        """Return how many bytes a stream unpacks to, 0 where nobody can tell before drawing.

        Args:
            stream: Of a font, a function, a part of a page, anything but a picture.

        Raises:
            EndlessDrawing: More than `MOST_UNPACKED_BYTES`, or packed again and again.
            pikepdf.PdfError: It cannot be read.
        """
        packings = _packings(stream.get("/Filter"))
        if sum(one in _FLATE for one in packings) > 1:
            raise EndlessDrawing
        if len(packings) != 1 or packings[0] not in _FLATE:
            return 0
        size = _inflated_size(stream.read_raw_bytes(), MOST_UNPACKED_BYTES + 1)
        if size > MOST_UNPACKED_BYTES:
            raise EndlessDrawing
        return size

    def _unpacked(self, stream: pikepdf.Stream) -> bytes:
        plain = _plain(stream, min(MOST_UNPACKED_BYTES, self._left))
        self._left -= len(plain)
        return plain


def _plain(stream: pikepdf.Stream, most: int) -> bytes:
    """Return the bytes of a stream, at most `most`."""
    packings = _packings(stream.get("/Filter"))
    packed = stream.read_raw_bytes()
    if not packings:
        plain = packed
    elif len(packings) == 1 and packings[0] in _FLATE and not _has_predictor(stream):
        plain = _inflated(packed, most + 1)
    elif len(packings) > MOST_PACKINGS or len(packed) > MOST_OTHER_BYTES:
        raise EndlessDrawing
    else:
        try:
            plain = stream.read_bytes()
        except pikepdf.PdfError as cause:  # what is drawn of it nobody knows
            raise EndlessDrawing from cause
    if len(plain) > most:
        raise EndlessDrawing
    return plain


def _inflated_size(packed: bytes, most: int) -> int:
    """Count unpacked bytes up to `most`, without keeping them; of damaged data those before."""
    unpacker, size = zlib.decompressobj(), 0
    while packed and size < most:
        try:
            size += len(unpacker.decompress(packed, _STEP_BYTES * 16))
        except zlib.error:
            break
        packed = unpacker.unconsumed_tail
    return size


def _refuse_inline_bombs(plain: bytes) -> None:
    """Refuse pictures between the signs of a page that unpack to gigabytes."""
    pixels = 0
    for found in _INLINE.finditer(plain):
        sides = [int(one) for one in _SIDE.findall(found[1])]
        pixels += math.prod(sides) if len(sides) > 1 else 0
    if pixels > MOST_PIXELS:
        raise EndlessDrawing


def _packings(named: pikepdf.Object | None) -> list[str]:
    if named is None:
        return []
    each = list(named) if isinstance(named, pikepdf.Array) else [named]
    return [str(one) if isinstance(one, pikepdf.Name) else "" for one in each]


def _has_predictor(stream: pikepdf.Stream) -> bool:
    given = stream.get("/DecodeParms")
    each = given if isinstance(given, pikepdf.Array) else [given]
    return any(isinstance(one, pikepdf.Dictionary) and "/Predictor" in one for one in each)


def _inflated(packed: bytes, most: int) -> bytes:
    """Unpack up to `most` bytes, and of damaged data what the library that draws would see."""
    unpacker, plain = zlib.decompressobj(), bytearray()
    for place in range(0, len(packed), _STEP_BYTES):
        step, spare = packed[place : place + _STEP_BYTES], unpacker.copy()
        try:
            plain += unpacker.decompress(step, most - len(plain))
        except zlib.error:
            return bytes(plain + _inflated_singly(spare, step, most - len(plain)))
        if len(plain) >= most or unpacker.eof:
            break
    return bytes(plain)


def _inflated_singly(unpacker: zlib._Decompress, packed: bytes, most: int) -> bytes:
    plain = bytearray()
    for place in range(len(packed)):
        try:
            plain += unpacker.decompress(packed[place : place + 1], most - len(plain))
        except zlib.error:
            break  # what came before the damage is drawn
        if len(plain) >= most:
            break
    return bytes(plain)


def _plain_name(name: bytes) -> str:
    """Return a name without its escapes (`F#6f` is `Fo`), as the library of objects tells it."""
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), name).decode(
        "utf-8", "surrogateescape"
    )
