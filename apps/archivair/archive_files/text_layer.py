"""Lay words invisibly over their places on a page image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.archivair.archive_files.invisible_font import ADVANCE, DESCENT, UNITS_PER_EM
from apps.archivair.archive_files.page_content import ArchivePage, PageWord

_INVISIBLE = 3
_LAST_OF_PLANE = 0xFFFF


@dataclass(frozen=True, slots=True)
class Layer:
    """The text layer of a page.

    Args:
        operators: Content stream operators.
        characters: Characters that are used.
    """

    operators: bytes
    characters: frozenset[str]


def layer_of(page: ArchivePage) -> Layer:
    """Return the text layer; every word is stretched to the box where it stands.

    Args:
        page: Page with its words.
    """
    parts, used = [], set()
    height = page.image.shape[0]
    for line in page.lines:
        # All words of a line reach up to the same height, on a tilted page too: programs that read
        # by place tell lines apart by the upper edges of their signs.
        top = min((word.box[1] for word in line), default=0)
        for word, (left, right) in zip(line, _extents(line), strict=True):
            # A blank behind the last word too: another line may begin right beside it.
            text = codes_of(word.text) + " "
            if not text.strip():
                continue
            parts.append(_shown((left, top, right, word.box[3]), text, height, 72.0 / page.dpi))
            used |= set(text)
    if not parts:
        return Layer(b"", frozenset())
    whole = f"BT\n{_INVISIBLE} Tr\n" + "\n".join(parts) + "\nET\n"
    return Layer(whole.encode("ascii"), frozenset(used))


def codes_of(text: str) -> str:
    """Return a text in characters of the basic plane; others become a replacement character.

    Args:
        text: Any text.
    """
    return "".join(
        one if 0x20 <= ord(one) <= _LAST_OF_PLANE and not 0xD800 <= ord(one) <= 0xDFFF else "\ufffd"
        for one in text
    )


def _extents(line: Sequence[PageWord]) -> list[tuple[float, float]]:
    """Return where the words of a line begin and end, so that none reaches into the next.

    Programs that read the layer sort its signs by place: the blank behind a word has to stand left
    of the next one, also where noise made boxes overlap.
    """
    found: list[tuple[float, float]] = []
    for place, word in enumerate(line):
        left, right = float(word.box[0]), float(word.box[2])
        if place + 1 < len(line):
            right = min(right, line[place + 1].box[0] - 1.0)
        if found:
            left = max(left, found[-1][1] + 1.0)
        found.append((left, max(right, left + 1.0)))
    return found


def _shown(
    box: tuple[float, float, float, float], text: str, page_height: int, scale: float
) -> str:
    left, top, right, bottom = box
    size = max(1, bottom - top) * scale
    count = len(text.rstrip(" "))
    natural = count * ADVANCE / UNITS_PER_EM * size
    stretch = 100 * max(1, right - left) * scale / natural
    base = (page_height - bottom) * scale - DESCENT / UNITS_PER_EM * size
    codes = text.encode("utf-16-be").hex().upper()
    return (
        f"/Text {size:.3f} Tf {stretch:.3f} Tz"
        f" 1 0 0 1 {left * scale:.3f} {base:.3f} Tm <{codes}> Tj"
    )
