"""Set the parts of a page one below the other: paragraphs, rows of forms, tables, closings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from shared.demo_city.building_files.eras import Era
from shared.demo_city.building_files.facts import FileFacts
from shared.demo_city.building_files.pen import scribble, sign
from shared.demo_city.building_files.rich import Rich, Slot, fill, paragraphs_of, plain
from shared.demo_city.building_files.sheet import Sheet, Style
from shared.demo_city.randomness import stream

FILLED: Final = frozenset(
    {"genehmigung", "baulast_befreiung", "stellungnahme", "schriftverkehr", "abnahme", "nachweis"}
)
"""Classes whose letters also hold conditions that any notice may have."""


@dataclass(slots=True)
class Flow:
    """A page that is being filled from top to bottom.

    Args:
        sheet: The sheet.
        facts: Facts of the file.
        slots: What stands at the places of templates.
        texts: Wording of the class: titles and sentences.
        common: Wording of all classes: offices and closings.
        page_class: Class of the document.
        number: Number of the document in its file.
        page: Number of the page in the document, from 0.
        pages: Number of pages of the document.
        y_mm: Where the next part begins [mm].
        slack: How unevenly the typewriter of this page strikes.
    """

    sheet: Sheet
    facts: FileFacts
    slots: dict[str, Slot]
    texts: dict[str, list[str]]
    common: dict[str, list[str]]
    page_class: str
    number: int
    page: int
    pages: int
    y_mm: float = 20.0
    slack: float = 1.0
    left_mm: float = field(init=False)
    width_mm: float = field(init=False)

    def __post_init__(self) -> None:
        self.left_mm = self.facts.family.margin_mm
        self.width_mm = self.sheet.width_mm - self.left_mm - 14

    @property
    def era(self) -> Era:
        """Era of the file."""
        return self.facts.era

    @property
    def printed(self) -> Style:
        """How the office prints."""
        return self.facts.family.print_style(self.era)

    @property
    def typed(self) -> Style:
        """How the office fills in."""
        return self.facts.family.typed_style(self.era, self.slack)

    @property
    def room_mm(self) -> float:
        """Height that is left [mm]."""
        return self.sheet.height_mm - 14 - self.y_mm

    def pick(self, key: str) -> str:
        """Draw one of the texts of a kind, as `title_old` by `title`.

        Args:
            key: Kind of text.
        """
        return self._draw(self.texts[f"{key}_{self.era.wording}"])

    def pick_common(self, key: str) -> str:
        """Draw one of the texts that all classes share, as `office_old` by `office`.

        Args:
            key: Kind of text.
        """
        return self._draw(self.common[f"{key}_{self.era.wording}"])

    def _draw(self, choices: list[str]) -> str:
        return choices[int(self.sheet.rng.integers(len(choices)))]

    def sentences(self, most: int = 8) -> list[Rich]:
        """Return sentences of the class in their order, those of this page of the document.

        Args:
            most: Largest number of sentences of the class itself.
        """
        rng = self.document_rng()
        every = self.texts[self.era.wording][:most]
        kept = [one for number, one in enumerate(every) if number == 0 or rng.random() < 0.85]
        if self.page_class in FILLED:
            filler = self.common[f"filler_{self.era.wording}"]
            count = int(rng.integers(len(filler) + 1))
            kept += [filler[number] for number in sorted(rng.permutation(len(filler))[:count])]
        if len(kept) > self.pages:
            step = -(-len(kept) // self.pages)
            kept = kept[self.page * step : (self.page + 1) * step]
        return [fill(one, self.slots) for one in kept]

    def document_rng(self) -> np.random.Generator:
        """Return a random stream that is the same on all pages of the document."""
        return stream(self.facts.seed, "wording", self.number)

    def rich(self, template: str) -> Rich:
        """Return a template with its places filled."""
        return fill(template, self.slots)

    def paragraph(
        self, rich: Rich | str, style: Style | None = None, *, indent_mm: float = 0.0,
        gap_mm: float = 2.0, width_mm: float | None = None, spaced: bool = False,
    ) -> None:  # fmt: skip
        """Set a paragraph as a block of its own.

        Args:
            rich: Text; line breaks are kept.
            style: How it is set; None: as the office fills in.
            indent_mm: From the left margin [mm].
            gap_mm: Space below [mm].
            width_mm: Room [mm]; None: up to the right margin.
            spaced: Whether it is letter-spaced.
        """
        style = style or self.typed
        whole = plain(rich) if isinstance(rich, str) else rich
        width = (self.width_mm if width_mm is None else width_mm) - indent_mm
        if spaced:
            width /= 1.75
        self.sheet.block += 1
        for part in paragraphs_of(whole):
            for line in self.sheet.break_lines(part, style, width):
                if not line:
                    continue
                self.y_mm += self.sheet.leading_mm(style)
                self.sheet.line(self.left_mm + indent_mm, self.y_mm, line, style, spaced=spaced)
        self.y_mm += gap_mm

    def title(self, text: str, *, scale: float = 1.5, centred: bool = False) -> None:
        """Set a heading.

        Args:
            text: Template of the heading.
            scale: Size as a multiple of running text.
            centred: Whether it stands in the middle.
        """
        family = self.facts.family
        style = family.print_style(self.era, bold=True, scale=scale)
        spaced = False
        if self.typed.is_struck and self.sheet.rng.random() < 0.4:
            style, spaced = self.typed, True
        rich = self.rich(text)
        indent = 0.0
        if centred:
            lines = self.sheet.break_lines(rich, style, self.width_mm)
            wide = sum(self.sheet.width_of(token, style) for token in lines[0])
            indent = max(0.0, (self.width_mm - wide / self.sheet.px(1)) / 2 - 4)
        self.y_mm += 3
        self.paragraph(rich, style, indent_mm=indent, gap_mm=3.5, spaced=spaced)

    def row(self, label: str, value: Rich | str, tab_mm: float = 46.0) -> None:
        """Set a label and its value as one line, in the form style of the family.

        Args:
            label: Printed label.
            value: What is filled in.
            tab_mm: Where the value begins, from the left margin [mm].
        """
        sheet, form = self.sheet, self.facts.family.form
        content = plain(value) if isinstance(value, str) else value
        room = self.width_mm - tab_mm - 2
        lines = sheet.break_lines(content, self.typed, room)
        small = replace(
            self.printed, size_pt=self.printed.size_pt * (0.8 if form in {0, 4} else 0.92)
        )
        step = max(sheet.leading_mm(self.typed), sheet.leading_mm(small)) + (
            2.2 if form in {0, 4} else 1.0
        )
        top = self.y_mm
        sheet.block += 1
        for number, line in enumerate(lines):
            self.y_mm += step if number == 0 else sheet.leading_mm(self.typed)
            if number == 0:
                end = sheet.line(self.left_mm + 1, self.y_mm, label + _colon(form), small)
                start = max(self.left_mm + tab_mm, end + 2)
                sheet.more(start, self.y_mm, line, self.typed)
            else:
                sheet.line(self.left_mm + tab_mm, self.y_mm, line, self.typed)
        self._rule_row(top, self.left_mm + tab_mm)

    def _rule_row(self, top_mm: float, tab_mm: float) -> None:
        """Draw the rules of a row of a form."""
        form, right, low = self.facts.family.form, self.left_mm + self.width_mm, self.y_mm + 1.3
        if form in {0, 4}:
            self.sheet.frame((self.left_mm - 1, top_mm + 1.3, right, low))
            if form == 4:
                self.sheet.stroke([(tab_mm - 2, top_mm + 1.3), (tab_mm - 2, low)], 0.2)
        elif form in {1, 5}:
            start, step = tab_mm, 1.3 if form == 1 else 2.6
            while start < right:
                self.sheet.stroke([(start, low), (start + step / 3, low)], 0.2, 90)
                start += step
        elif form == 2:
            self.sheet.stroke([(self.left_mm - 1, low), (right, low)], 0.2, 70)

    def table(self, rows: Sequence[Sequence[Rich | str]], stops_mm: Sequence[float]) -> None:
        """Set rows of columns; each row is one line.

        Args:
            rows: Cells by row.
            stops_mm: Left edge of each column from the left margin [mm].
        """
        step = self.sheet.leading_mm(self.typed) + 0.8
        self.sheet.block += 1
        top = self.y_mm + 1.2
        for cells in rows:
            if self.room_mm < step + 4:
                break
            self.y_mm += step
            for number, (cell, stop) in enumerate(zip(cells, stops_mm, strict=True)):
                if not cell:
                    continue
                place = self.sheet.line if number == 0 else self.sheet.more
                place(self.left_mm + stop, self.y_mm, cell, self.typed)
        if self.facts.family.form in {0, 2, 4, 6}:
            low, right = self.y_mm + 1.4, self.left_mm + self.width_mm
            self.sheet.frame((self.left_mm - 1, top, right, low))
            for stop in stops_mm[1:]:
                edge = self.left_mm + stop - 1.5
                self.sheet.stroke([(edge, top), (edge, low)], 0.2, 60)
        self.y_mm += 3

    def labelled(self, key: str, template: str) -> None:
        """Set a row of the form by the name of its label.

        Args:
            key: Name of the label.
            template: What is filled in.
        """
        self.row(self.facts.family.labels[key], self.rich(template))

    def closing(self, key: str, signer: str, role: str) -> None:
        """Set closing formula, signature and name, on the last page of a document.

        Args:
            key: Kind of the formula.
            signer: Template of the name below; empty for none.
            role: Whose signature it is.
        """
        if self.page < self.pages - 1 or self.room_mm < 30:
            return
        self.paragraph(self.rich(self.pick_common(key)), gap_mm=1)
        sign(self.sheet, self.left_mm + 4, self.y_mm + 10, role)
        self.y_mm += 14
        if signer:
            self.paragraph(self.rich(signer), gap_mm=1)

    def note(self, lines: int = 3) -> None:
        """Write a note by hand into free space; nobody is to read it.

        Args:
            lines: Number of lines.
        """
        if self.room_mm < 12 + 9 * lines:
            return
        self.y_mm = scribble(
            self.sheet, self.left_mm + 6, self.y_mm + 8, self.width_mm * 0.6, lines
        )


def _colon(form: int) -> str:
    return "" if form in {0, 4} else ":"
