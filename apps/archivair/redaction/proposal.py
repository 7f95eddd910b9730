"""What the software proposes to remove from a property's file, found on readings and pictures.

The pictures for the screen are enough to find signatures; the scans themselves are opened when a
person has released the removal (`apps.archivair.redaction.job`).
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apps.archivair.archive_files.page_content import ArchivePage, Box, upright_page
from apps.archivair.documents.content import turn_box
from apps.archivair.kept_page import KeptPage
from apps.archivair.reading import PageReading
from apps.archivair.redaction.hits import CaseFacts, PiiHit
from apps.archivair.redaction.pii import find_pii
from apps.archivair.redaction.profiles import NEIGHBOUR_CLASS, UNKNOWN_CLASS, with_roles
from apps.archivair.redaction.unread import has_unread_text

_FULL_DEG = 360


@dataclass(frozen=True, slots=True)
class PageTurn:
    """How a delivered page is put upright.

    Args:
        width: Width of the delivered page [px].
        height: Height of the delivered page [px].
        rotation_deg: Clockwise turn that puts it upright: 0, 90, 180 or 270.
    """

    width: int
    height: int
    rotation_deg: int

    def to_upright(self, box: Box) -> Box:
        """Return where a box of the delivered page lies on the upright one [px]."""
        return _whole(turn_box(box, self.width, self.height, self.rotation_deg))

    def to_delivered(self, box: Box) -> Box:
        """Return where a box of the upright page lies on the delivered one [px]."""
        lies = bool(self.rotation_deg % 180)
        size = (self.height, self.width) if lies else (self.width, self.height)
        return _whole(turn_box(box, *size, -self.rotation_deg % _FULL_DEG))


@dataclass(frozen=True, slots=True)
class PageOfFile:
    """A page of a property's file.

    Args:
        page: Its number in the batch, from 1.
        kept: Reading and picture.
        rotation_deg: Clockwise turn of the delivered image that puts it upright.
        kinds: Kinds that it may be of, by `withholding.kinds_of`.
    """

    page: int
    kept: KeptPage
    rotation_deg: int
    kinds: frozenset[str]

    @property
    def reading(self) -> PageReading:
        """The reading, turned as the batch says."""
        return replace(self.kept.reading, rotation_deg=self.rotation_deg)

    @property
    def turn(self) -> PageTurn:
        """How its delivered image is put upright."""
        reading = self.kept.reading
        return PageTurn(reading.width, reading.height, self.rotation_deg)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright page [px]."""
        width, height = self.kept.reading.width, self.kept.reading.height
        return (height, width) if self.rotation_deg % 180 else (width, height)

    def picture(self) -> NDArray[np.uint8]:
        """Return the picture for the screen, upright: red, green, blue."""
        further = (self.rotation_deg - self.kept.reading.rotation_deg) % _FULL_DEG
        with Image.open(io.BytesIO(self.kept.picture)) as opened:
            turned = opened.convert("RGB").rotate(-further, expand=True)
        return np.asarray(turned, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found in a property's file.

    Args:
        hits: By page and place; pages are those of the batch, boxes in pixels of the upright page.
        unread: Pages with writing that nobody could read: a person has to look at them.
        turns: How each page is put upright, by its number.
    """

    hits: tuple[PiiHit, ...]
    unread: frozenset[int]
    turns: Mapping[int, PageTurn]


def propose(pages: Sequence[PageOfFile], facts: CaseFacts) -> Proposal:
    """Search a property's file for personal data.

    Args:
        pages: All its pages in order; a name that one of them states is found on all.
        facts: What is known of the case.
    """
    small = [_small(page) for page in pages]
    hits = with_roles(
        find_pii([page for page, _ in small], facts),
        {
            number: NEIGHBOUR_CLASS if NEIGHBOUR_CLASS in page.kinds else UNKNOWN_CLASS
            for number, page in enumerate(pages, 1)
        },
    )
    found = []
    for hit in hits:
        page, scale = pages[hit.page - 1], small[hit.page - 1][1]
        boxes = tuple(_enlarged(box, scale, page.size) for box in hit.boxes)
        found.append(replace(hit, page=page.page, boxes=boxes))
    unread = frozenset(
        page.page
        for page, (shown, _) in zip(pages, small, strict=True)
        if has_unread_text(shown, page.kept.reading)
    )
    return Proposal(tuple(found), unread, {page.page: page.turn for page in pages})


def _whole(box: Sequence[float]) -> Box:
    left, top, right, bottom = (round(side) for side in box)
    return left, top, right, bottom


def key_of(hit: PiiHit) -> str:
    """Return the key of a hit: the same place and kind have the same key in every search.

    Args:
        hit: A hit of a proposal.
    """
    left, top, right, bottom = hit.boxes[0]
    return f"{hit.page}:{hit.category}:{left}-{top}-{right}-{bottom}"


def own_box(page: int, box: Box) -> PiiHit:
    """Return a box that a person has drawn, as a hit.

    Args:
        page: Number of the page in the batch.
        box: In pixels of the upright page.
    """
    return PiiHit(page, "own", "", "Kasten einer Person", (box,))


def crop(page: PageOfFile, box: Box, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut the surroundings of a box out of a picture.

    Args:
        page: The page.
        box: In pixels of the upright page.
        picture: What `page.picture()` returned.
    """
    scale = picture.shape[1] / page.size[0]
    left, top, right, bottom = (one * scale for one in box)
    around = max(12.0, 0.6 * (bottom - top))
    return picture[
        max(0, int(top - around)) : math.ceil(bottom + around),
        max(0, int(left - around)) : math.ceil(right + around),
    ]


def covered(
    page: PageOfFile, boxes: Mapping[Box, bool], picture: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return a picture on which boxes are black, or only outlined where the value is false.

    Args:
        page: The page.
        boxes: In pixels of the upright page.
        picture: What `page.picture()` returned.
    """
    shown = picture.copy()
    scale = picture.shape[1] / page.size[0]
    for box, is_black in boxes.items():
        left, top = (max(0, math.floor(one * scale)) for one in box[:2])
        right, bottom = (math.ceil(one * scale) for one in box[2:])
        if is_black:
            shown[top:bottom, left:right] = 0
        else:
            shown[top : top + 2, left:right] = _MARK
            shown[max(top, bottom - 2) : bottom, left:right] = _MARK
            shown[top:bottom, left : left + 2] = _MARK
            shown[top:bottom, max(left, right - 2) : right] = _MARK
    return shown


_MARK = (194, 65, 12)


def words_page(page: PageOfFile) -> ArchivePage:
    """Return the words of a page on empty paper of its size.

    Args:
        page: The page.
    """
    reading = page.reading
    paper = np.broadcast_to(np.uint8(255), (reading.height, reading.width))
    return upright_page(np.asarray(paper, dtype=np.uint8), reading)


def _small(page: PageOfFile) -> tuple[ArchivePage, float]:
    """Return a page in the size of its picture, and pixels of the page per pixel of it."""
    picture, whole = page.picture(), words_page(page)
    scale = page.size[0] / picture.shape[1]
    lines = tuple(
        tuple(replace(word, box=_reduced(word.box, scale)) for word in line) for line in whole.lines
    )
    return ArchivePage(picture, whole.dpi / scale, lines), scale


def _reduced(box: Box, scale: float) -> Box:
    left, top, right, bottom = (round(one / scale) for one in box)
    return left, top, max(left + 1, right), max(top + 1, bottom)


def _enlarged(box: Box, scale: float, size: tuple[int, int]) -> Box:
    """Carry a box back to the page, a pixel of the picture larger on each side."""
    left, top, right, bottom = box
    return (
        max(0, math.floor((left - 1) * scale)), max(0, math.floor((top - 1) * scale)),
        min(size[0], math.ceil((right + 1) * scale)), min(size[1], math.ceil((bottom + 1) * scale)),
    )  # fmt: skip
