"""The font of the invisible text layer: one empty shape that stands for every character.

Text behind a scan is searched and copied, never seen. A font with a single empty glyph, to which
every character is mapped, covers „ ‚ “ ſ ẞ § and all others with a few hundred bytes; which
characters are meant says the ToUnicode table. Tables by the OpenType specification 1.9.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

UNITS_PER_EM = 1000
ADVANCE = 500
ASCENT, DESCENT = 800, -200
NAME = "ArchivAIrInvisible"
_GLYPHS = 2
_EMPTY_GLYPH_BYTES = 12
_DRAWN_AT_S = 3_850_000_000  # since 1904, as fonts count
_LONGEST_BLOCK = 100
_CHECKSUM_OF_A_FONT = 0xB1B0AFBA


@lru_cache(maxsize=1)
def font_program() -> bytes:
    """Return the TrueType font; always the same bytes."""
    tables = {
        b"cmap": _cmap(),
        b"glyf": b"\x00" * _EMPTY_GLYPH_BYTES,
        b"head": _head(0),
        b"hhea": struct.pack(
            ">HHhhhH11hH", 1, 0, ASCENT, DESCENT, 0, ADVANCE, 0, 0, ADVANCE, 1, 0, 0, 0, 0, 0, 0,
            0, _GLYPHS,
        ),
        b"hmtx": struct.pack(">HhHh", ADVANCE, 0, ADVANCE, 0),
        b"loca": struct.pack(">3H", 0, 0, _EMPTY_GLYPH_BYTES // 2),
        b"maxp": struct.pack(">LH13H", 0x00010000, _GLYPHS, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        b"name": _name(),
        b"post": struct.pack(">LLhhLLLLL", 0x00030000, 0, -100, 50, 1, 0, 0, 0, 0),
    }  # fmt: skip
    whole = _joined(tables)
    tables[b"head"] = _head((_CHECKSUM_OF_A_FONT - _checksum(whole)) & 0xFFFFFFFF)
    return _joined(tables)


def to_unicode(characters: Iterable[str]) -> bytes:
    """Return the table that says which character each code stands for.

    Args:
        characters: Characters of the basic plane that the text layer uses.
    """
    codes = sorted({ord(one) for one in characters})
    parts = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin",
        "begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def",
        "/CMapType 2 def",
        "1 begincodespacerange",
        "<0000> <FFFF>",
        "endcodespacerange",
    ]
    for start in range(0, len(codes), _LONGEST_BLOCK):
        block = codes[start : start + _LONGEST_BLOCK]
        parts += [f"{len(block)} beginbfchar"]
        parts += [f"<{code:04X}> <{code:04X}>" for code in block]
        parts += ["endbfchar"]
    parts += ["endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end", ""]
    return "\n".join(parts).encode("ascii")


def code_to_glyph() -> bytes:
    """Return the table that sends each of the 65,536 codes to the empty glyph."""
    return b"\x00\x01" * 65536


def _head(adjustment: int) -> bytes:
    return struct.pack(
        ">LLLLHHqqhhhhHHhhh", 0x00010000, 0x00010000, adjustment, 0x5F0F3CF5, 0, UNITS_PER_EM,
        _DRAWN_AT_S, _DRAWN_AT_S, 0, 0, 0, 0, 0, 8, 2, 0, 0,
    )  # fmt: skip


def _cmap() -> bytes:
    """Map U+0020 and nothing else: the PDF maps codes itself."""
    segments = struct.pack(
        ">12Hhh2H", 4, 32, 0, 4, 4, 1, 0, 0x20, 0xFFFF, 0, 0x20, 0xFFFF, 1 - 0x20, 1, 0, 0
    )
    return struct.pack(">HHHHL", 0, 1, 3, 1, 12) + segments


def _name() -> bytes:
    text = NAME.encode("utf-16-be")
    numbers = (1, 2, 3, 4, 6)
    records = b"".join(struct.pack(">6H", 3, 1, 0x409, one, len(text), 0) for one in numbers)
    return struct.pack(">3H", 0, len(numbers), 6 + len(records)) + records + text


def _joined(tables: dict[bytes, bytes]) -> bytes:
    count = len(tables)
    power = count.bit_length() - 1
    start = struct.pack(">LHHHH", 0x00010000, count, 16 << power, power, 16 * count - (16 << power))
    directory, content, place = b"", b"", len(start) + 16 * count
    for tag, table in sorted(tables.items()):
        directory += struct.pack(">4sLLL", tag, _checksum(table), place + len(content), len(table))
        content += table + b"\x00" * (-len(table) % 4)
    return start + directory + content


def _checksum(table: bytes) -> int:
    padded = table + b"\x00" * (-len(table) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}L", padded)
    return sum(words) & 0xFFFFFFFF
