"""What the first directory of a TIFF says, and the fourth band that the image library drops.

Tags are those of TIFF 6.0 (Adobe 1992) and BigTIFF. Every reader here takes hostile bytes: a wrong
pointer ends the search, it never raises.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST_DIRECTORIES = 10_000
_MOST_ENTRIES = 1_000
_WIDTHS = {1: "B", 3: "H", 4: "I"}
_SHORT = 3
_BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA = 0x0102, 0x0106, 0x0115, 0x0152
_GREY, _RGB = 1, 2
_UNSPECIFIED, _TRANSPARENCY = 0, 2
_BANDS = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels of the first image lie in the file.

    Args:
        bands: Values per pixel.
        bits: Bits of each of these values.
        is_four: True for four bands of 8 bits, grey or red, green, blue and one more.
        fourth_is_data: True when the file does not call the last of these transparency.
    """

    bands: int
    bits: tuple[int, ...]
    is_four: bool
    fourth_is_data: bool


@dataclass(frozen=True, slots=True)
class _Form:
    """Byte order and widths of one flavour of TIFF."""

    order: str
    is_big: bool

    @property
    def count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.is_big else "H"))

    @property
    def link(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.is_big else "I"))

    @property
    def entry(self) -> struct.Struct:
        """Tag, type, number of values, and the values or where they stand."""
        return struct.Struct(self.order + ("HHQ8s" if self.is_big else "HHI4s"))

    @property
    def first(self) -> int:
        return 8 if self.is_big else 4


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    number: int
    value: bytes
    place: int


def is_tiff(data: bytes) -> bool:
    """Say whether the bytes begin like a TIFF."""
    return data[:4] in _SIGNATURES


def read_layout(data: bytes) -> Layout | None:
    """Read the layout of the first image, None when the file does not say it."""
    if not is_tiff(data):
        return None
    form = _form(data)
    entries = {entry.tag: entry for entry in _first_directory(data, form)}
    bands = _numbers(data, form, entries.get(_SAMPLES)) or (1,)
    bits = _numbers(data, form, entries.get(_BITS)) or (1,)
    photometric = _numbers(data, form, entries.get(_PHOTOMETRIC))
    if not entries or not photometric:
        return None
    extra = _numbers(data, form, entries.get(_EXTRA))
    # Colours and one value that no tag explains are transparency; some writers mean it so.
    is_data = photometric[0] == _GREY or extra == (_UNSPECIFIED,)
    is_four = bands[0] == _BANDS and bits == (8,) * _BANDS and photometric[0] in (_GREY, _RGB)
    return Layout(bands[0], bits, is_four, is_four and is_data)


def with_fourth_band(data: bytes) -> bytes:
    """Return the file with its fourth band declared as plain transparency, pixels untouched.

    The image library drops a fourth band of unknown meaning, and divides the colours by one that
    is called premultiplied; only for plain transparency does it hand out all four as stored.

    Args:
        data: A TIFF with four bands of 8 bits.
    """
    form = _form(data)
    changed = bytearray(data)
    short = struct.Struct(form.order + "H")
    shown = {_PHOTOMETRIC: (1, _RGB), _EXTRA: (1, _TRANSPARENCY)}
    for entry in _first_directory(data, form):
        if entry.tag in shown:
            number, value = shown[entry.tag]
            content = short.pack(value).ljust(len(entry.value), b"\0")
            form.entry.pack_into(changed, entry.place, entry.tag, _SHORT, number, content)
    return bytes(changed)


def count_directories(data: bytes) -> int:
    """Count the images of a TIFF along the chain of its directories, at most 10,000.

    Pillow would read each of them whole and compare it with all before: minutes for a small file
    made for that. What is wrong with later images is no fault of the first.
    """
    form = _form(data)
    seen: set[int] = set()
    try:
        (place,) = form.link.unpack_from(data, form.first)
        while place and place not in seen and len(seen) < _MOST_DIRECTORIES:
            seen.add(place)
            (entries,) = form.count.unpack_from(data, place)
            behind = place + form.count.size + entries * form.entry.size
            (place,) = form.link.unpack_from(data, behind)
    except (struct.error, OverflowError):
        pass
    return max(1, len(seen))


def _form(data: bytes) -> _Form:
    return _Form("<" if data[:2] == b"II" else ">", b"+" in data[2:4])


def _first_directory(data: bytes, form: _Form) -> Iterator[_Entry]:
    try:
        (start,) = form.link.unpack_from(data, form.first)
        (number,) = form.count.unpack_from(data, start)
        for row in range(min(number, _MOST_ENTRIES)):
            place = start + form.count.size + row * form.entry.size
            tag, kind, values, value = form.entry.unpack_from(data, place)
            yield _Entry(tag, kind, values, value, place)
    except (struct.error, OverflowError):
        return


def _numbers(data: bytes, form: _Form, entry: _Entry | None) -> tuple[int, ...]:
    """Return the numbers of an entry, in the file or behind its pointer."""
    if entry is None or entry.kind not in _WIDTHS or not 1 <= entry.number <= _MOST_ENTRIES:
        return ()
    values = struct.Struct(f"{form.order}{entry.number}{_WIDTHS[entry.kind]}")
    try:
        if values.size <= len(entry.value):
            return values.unpack_from(entry.value)
        (place,) = form.link.unpack_from(entry.value)
        return values.unpack_from(data, place)
    except (struct.error, OverflowError):
        return ()
