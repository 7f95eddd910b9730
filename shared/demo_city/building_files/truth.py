"""What is true of a stream of scanned pages; `as_dict` of each is what the command writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.building_files.facts import FileFacts

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class LineTruth:
    """A line of text.

    Args:
        text: What stands there, letter by letter.
        box: Around its ink [px].
        quad: Its corners, clockwise from the upper left as the text runs [px].
        script: fraktur, antiqua, typewriter or drawing.
        block: Number of its block; blocks stand in reading order.
        words: Each word and the box around its ink [px].
    """

    text: str
    box: Box
    quad: tuple[tuple[float, float], ...]
    script: str
    block: int
    words: tuple[tuple[str, Box], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "text": self.text, "box": list(self.box), "quad": [list(one) for one in self.quad],
            "script": self.script, "block": self.block,
            "words": [[text, *box] for text, box in self.words],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpanTruth:
    """A field or a personal datum.

    Args:
        name: Name of the field, or category of the personal datum.
        value: Normalised value of a field; empty for a personal datum.
        raw: As it is printed in this line.
        role: Whose personal datum it is.
        box: Around its ink [px].
        line: Number of its line; -1 where there is no text.
        part: Number of the piece, of one that is broken over lines.
    """

    name: str
    value: str
    raw: str
    role: str
    box: Box
    line: int
    part: int

    def as_field(self) -> dict[str, Any]:
        """Return it as a field of the JSON."""
        return {
            "name": self.name, "value": self.value, "raw": self.raw, "box": list(self.box),
            "lines": [self.line], "part": self.part,
        }  # fmt: skip

    def as_personal(self) -> dict[str, Any]:
        """Return it as a personal datum of the JSON."""
        return {
            "category": self.name, "text": self.raw, "role": self.role, "box": list(self.box),
            "lines": [self.line] if self.line >= 0 else [], "part": self.part,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PageTruth:
    """What is true of one page.

    Args:
        page: Number in the stream, from 1.
        file: Number of its file in the stream, from 1.
        document: Number of its document in the stream, from 1.
        starts_document: Whether it is the first page of its document.
        page_class: One of the 20 classes; a blank back has that of its document.
        state: "text" or "leer".
        width_px: Width [px].
        height_px: Height [px].
        dpi: Dots per inch.
        format: Size of the paper.
        era: Name of the era.
        family: Name of the layout family.
        script: What most of its lines are set in.
        rotation_deg: Clockwise turn that puts it upright.
        tilt_deg: Tilt of its content, positive counter-clockwise.
        degradations: What is spoilt.
        quality: Planted faults.
        duplicate_of: Page that it repeats; 0 for none.
        lines: Lines in reading order.
        fields: Fields.
        personal: Personal data.
        areas: Kind and box of what is not text to be read.
    """

    page: int
    file: int
    document: int
    starts_document: bool
    page_class: str
    state: str
    width_px: int
    height_px: int
    dpi: int
    format: str
    era: str
    family: str
    script: str
    rotation_deg: int
    tilt_deg: float
    degradations: tuple[str, ...]
    quality: tuple[str, ...]
    duplicate_of: int
    lines: tuple[LineTruth, ...]
    fields: tuple[SpanTruth, ...]
    personal: tuple[SpanTruth, ...]
    areas: tuple[tuple[str, Box], ...]

    @property
    def text(self) -> str:
        """Text of the page, lines in reading order, blocks separated by an empty line."""
        blocks: dict[int, list[str]] = {}
        for line in self.lines:
            blocks.setdefault(line.block, []).append(line.text)
        return "\n\n".join("\n".join(lines) for lines in blocks.values())

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        plain = {
            key: getattr(self, key)
            for key in ("page", "file", "document", "starts_document", "state", "width_px",
                        "height_px", "dpi", "format", "era", "family", "script", "rotation_deg",
                        "tilt_deg")
        }  # fmt: skip
        return {
            **plain, "class": self.page_class, "degradations": list(self.degradations),
            "quality": list(self.quality), "duplicate_of": self.duplicate_of or None,
            "lines": [one.as_dict() for one in self.lines],
            "fields": [one.as_field() for one in self.fields],
            "personal": [one.as_personal() for one in self.personal],
            "areas": [{"kind": kind, "box": list(box)} for kind, box in self.areas],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class DocumentTruth:
    """A document of a stream.

    Args:
        document: Its number, from 1.
        file: Number of its file, from 1.
        page_class: Its class.
        first_page: Its first page, from 1.
        last_page: Its last page.
    """

    document: int
    file: int
    page_class: str
    first_page: int
    last_page: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "document": self.document, "file": self.file, "class": self.page_class,
            "first_page": self.first_page, "last_page": self.last_page,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class ScannedPage:
    """A scanned page.

    Args:
        image: Grey (height, width) or red, green, blue (height, width, 3), 0 to 255.
        truth: What is true of it.
    """

    image: NDArray[np.uint8]
    truth: PageTruth


def file_as_dict(number: int, facts: FileFacts, pages: list[int]) -> dict[str, Any]:
    """Return what is true of a file as JSON has it.

    Args:
        number: Its number in the stream, from 1.
        facts: Its facts.
        pages: Its pages.
    """
    place = facts.place
    return {
        "file": number, "file_id": facts.file_id, "era": facts.era.name,
        "family": facts.family.name,
        "property": {
            "strasse": place.street, "hausnummer": place.house_number,
            "gemarkung": place.district, "flur": str(place.flur), "flurstueck": place.plot_label,
        },
        "case_number": facts.case_number, "first_page": pages[0], "last_page": pages[-1],
        "contradictions": [
            {"field": one.field, "in_file": one.in_file, "in_register": one.in_register}
            for one in facts.contradictions
        ],
    }  # fmt: skip
