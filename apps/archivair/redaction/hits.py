"""What is found on a page: personal data with its place, and what is known of the case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from apps.archivair.archive_files.page_content import Box, PageWord

Role = Literal["owner", "planner", "expert", "neighbour", "official", ""]
CATEGORIES = (
    "person_name", "birth_date", "phone", "email", "address_private", "bank", "tax_id",
    "id_document", "social_security", "vehicle_plate", "signature", "health", "income", "family",
    "photo_person",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What a person knows of the case.

    Args:
        owners: Names of owners and applicants.
        neighbours: Names of neighbours.
        officials: Names of officials in office.
        others: Other names to be searched.
        property_addresses: Street and number of the property; they stay.
        page_classes: Class of a page by its number from 1, where it is known.
    """

    owners: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()
    officials: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    property_addresses: tuple[str, ...] = ()
    page_classes: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PiiHit:
    """A personal datum.

    Args:
        page: Number of the page, from 1.
        category: One of `CATEGORIES`.
        text: What stands there; empty for a signature.
        reason: Why it counts as personal, a German phrase.
        boxes: Where it stands, in pixels of the page image; one per line.
        words: Line and word numbers on the page, from 0.
        role: Whose datum it is; empty if unknown.
    """

    page: int
    category: str
    text: str
    reason: str
    boxes: tuple[Box, ...]
    words: tuple[tuple[int, int], ...] = ()
    role: Role = ""


class TextRow:
    """A line of words, or two lines one after the other, as text in which patterns are searched.

    Args:
        page: Number of the page, from 1.
        line: Number of the line on its page, from 0.
        words: Words of the line.
        following: Words of the next line, to find what is broken over both.
    """

    def __init__(
        self, page: int, line: int, words: Sequence[PageWord], following: Sequence[PageWord] = ()
    ) -> None:
        self.page, self.line, self.words = page, line, (*words, *following)
        self._first = len(words)
        starts, place = [], 0
        for word in self.words:
            starts.append(place)
            place += len(word.text) + 1
        self._starts = starts
        self.text = " ".join(word.text for word in self.words)

    def with_next(self, following: TextRow) -> TextRow:
        """Return this line and the next one as one text."""
        return TextRow(self.page, self.line, self.words, following.words)

    def is_broken(self, hit: PiiHit) -> bool:
        """Say whether a hit of this text lies in both of its lines."""
        return len({line for line, _ in hit.words}) > 1

    def is_at_break(self, hit: PiiHit) -> bool:
        """Say whether a hit begins with the second line: its label may end the first one."""
        return hit.words[0] == (self.line + 1, 0)

    @property
    def height(self) -> int:
        """Height of the line in pixels, at least 1."""
        return max(1, *(word.box[3] - word.box[1] for word in self.words))

    @property
    def box(self) -> Box:
        """Box around all words."""
        return around([word.box for word in self.words])

    def covered(self, start: int, end: int) -> range:
        """Return the words that a piece of the text touches.

        Args:
            start: First character.
            end: Behind the last character.
        """
        touched = [
            number
            for number, (begin, word) in enumerate(zip(self._starts, self.words, strict=True))
            if begin < end and begin + len(word.text) > start
        ]
        return range(touched[0], touched[-1] + 1) if touched else range(0)

    def hit(self, category: str, words: range, reason: str, role: Role = "") -> PiiHit:
        """Return a hit over some words of this line.

        Args:
            category: Category of the datum.
            words: Its words.
            reason: Why, a German phrase.
            role: Whose it is.
        """
        places = [
            (self.line, one) if one < self._first else (self.line + 1, one - self._first)
            for one in words
        ]
        lines: dict[int, list[Box]] = {}
        for (line, _), one in zip(places, words, strict=True):
            lines.setdefault(line, []).append(self.words[one].box)
        text = " ".join(self.words[one].text for one in words)
        boxes = tuple(around(one) for one in lines.values())
        return PiiHit(self.page, category, text, reason, boxes, tuple(places), role)


def around(boxes: Sequence[Box]) -> Box:
    """Return the box around boxes.

    Args:
        boxes: At least one.
    """
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
