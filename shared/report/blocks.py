"""The blocks of which a report is made; each refuses what no renderer could show well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from shared.report.checks import (
    Cell,
    check_colour,
    check_count,
    check_key,
    check_text,
    check_unique,
    typed_cells,
)
from shared.report.pictures import Picture, clean_picture

MOST_ROWS = 200_000
MOST_COLUMNS = 100
LONGEST_TITLE = 200
LONGEST_PARAGRAPH = 20_000
LONGEST_ALT = 2_000

ColumnKind = Literal["text", "number", "percent", "date", "time", "yes_no"]
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the title.

    Args:
        text: The words.
        level: 1 to 3; a level is never skipped.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    text: str
    level: Literal[1, 2, 3] = 1
    kind: Literal["heading"] = "heading"

    def __post_init__(self) -> None:
        """Refuse an empty heading."""
        check_text(self.text, "Eine Überschrift", LONGEST_TITLE)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; empty lines separate paragraphs.

    Args:
        text: The words; never read as HTML or Markdown.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    text: str
    kind: Literal["paragraph"] = "paragraph"

    def __post_init__(self) -> None:
        """Refuse an empty paragraph."""
        check_text(self.text, "Ein Absatz", LONGEST_PARAGRAPH)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a result.

    Args:
        label: What it is.
        value: The number, None where it could not be computed.
        unit: Unit, for example "m²".
        digits: Digits after the decimal separator.
        low: Lower end of its range.
        high: Upper end of its range.
        note: Remark.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    label: str
    value: float | None
    unit: str = ""
    digits: int = 0
    low: float | None = None
    high: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a number without a name."""
        check_text(self.label, "Eine Kennzahl", LONGEST_TITLE)
        check_text(self.unit, "Eine Einheit", 40, may_be_empty=True)
        check_text(self.note, "Eine Bemerkung", LONGEST_PARAGRAPH, may_be_empty=True)
        check_count(self.digits, "Nachkommastellen", 0, 9)


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers beside each other.

    Args:
        items: The numbers.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    items: tuple[Figure, ...]
    kind: Literal["figures"] = "figures"

    def __post_init__(self) -> None:
        """Refuse an empty or endless list."""
        check_count(len(self.items), "Kennzahlen", 1, 60)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or layer.

    Args:
        key: Name for programs: small letters, digits, underscores.
        title: Heading for people.
        kind: What its cells hold; "percent" takes shares between 0 and 1.
        digits: Digits after the decimal separator of numbers and per cent.
        unit: Unit, shown in the heading.
        description: What it means, for the legend.
        personal: True when its cells say something about a person.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    key: str
    title: str
    kind: ColumnKind = "text"
    digits: int = 0
    unit: str = ""
    description: str = ""
    personal: bool = False

    def __post_init__(self) -> None:
        """Refuse a column without names."""
        check_key(self.key)
        check_text(self.title, "Eine Spalte", LONGEST_TITLE)
        check_text(self.unit, "Eine Einheit", 40, may_be_empty=True)
        check_text(self.description, "Eine Erklärung", LONGEST_PARAGRAPH, may_be_empty=True)
        check_count(self.digits, "Nachkommastellen", 0, 9)

    @property
    def heading(self) -> str:
        """Title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def is_number(self) -> bool:
        """True for columns whose cells stand to the right."""
        return self.kind in ("number", "percent")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a result.

    Args:
        name: Name for programs, unique in the report.
        title: Heading for people.
        columns: Columns in order.
        rows: Cells in the order of the columns; dates may be given as ISO texts.
        note: Remark below the table.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    kind: Literal["table"] = "table"

    def __post_init__(self) -> None:
        """Refuse cells that do not fit their columns."""
        check_key(self.name)
        check_text(self.title, "Eine Tabelle", LONGEST_TITLE)
        check_text(self.note, "Eine Bemerkung", LONGEST_PARAGRAPH, may_be_empty=True)
        check_count(len(self.columns), f"Spalten der Tabelle „{self.title}“", 1, MOST_COLUMNS)
        check_count(len(self.rows), f"Zeilen der Tabelle „{self.title}“", 0, MOST_ROWS)
        check_unique([column.key for column in self.columns], "Spalten")
        kinds = [column.kind for column in self.columns]
        rows = tuple(typed_cells(row, kinds, self.title) for row in self.rows)
        object.__setattr__(self, "rows", rows)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture; what it shows is said in words, too.

    Args:
        name: Name for programs, unique in the report.
        picture: PNG or JPEG.
        alt: What it shows, for people who cannot see it.
        caption: Line below it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    picture: Picture
    alt: str
    caption: str = ""
    kind: Literal["image"] = "image"

    def __post_init__(self) -> None:
        """Refuse a picture without words."""
        check_key(self.name)
        object.__setattr__(self, "picture", clean_picture(self.picture))
        check_text(self.alt, "Der Alternativtext eines Bildes", LONGEST_ALT)
        check_text(self.caption, "Eine Bildunterschrift", LONGEST_ALT, may_be_empty=True)


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A colour and what it means.

    Args:
        colour: "#rrggbb".
        label: The words.
        value: Value of a layer's style column that gets the colour; empty for all.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    colour: str
    label: str
    value: str = ""

    def __post_init__(self) -> None:
        """Refuse a colour without words."""
        check_colour(self.colour)
        check_text(self.label, "Ein Eintrag der Legende", LONGEST_TITLE)
        check_text(self.value, "Ein Wert der Legende", LONGEST_TITLE, may_be_empty=True)


@dataclass(frozen=True, slots=True)
class Map:
    """A map as a picture, with its legend in words.

    Args:
        name: Name for programs, unique in the report.
        picture: PNG or JPEG.
        alt: What it shows, for people who cannot see it.
        legend: Colours and their meaning.
        caption: Line below it, for example whose data the map shows.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    picture: Picture
    alt: str
    legend: tuple[LegendEntry, ...] = ()
    caption: str = ""
    kind: Literal["map"] = "map"

    def __post_init__(self) -> None:
        """Refuse a map without words."""
        check_key(self.name)
        object.__setattr__(self, "picture", clean_picture(self.picture))
        check_text(self.alt, "Der Alternativtext einer Karte", LONGEST_ALT)
        check_text(self.caption, "Eine Bildunterschrift", LONGEST_ALT, may_be_empty=True)
        check_count(len(self.legend), "Einträge der Legende", 0, 60)


@dataclass(frozen=True, slots=True)
class Callout:
    """A remark that must not be missed.

    Args:
        text: The words.
        tone: What it is; written as a word, never by colour alone.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    text: str
    tone: Literal["hint", "warning"] = "hint"
    kind: Literal["callout"] = "callout"

    def __post_init__(self) -> None:
        """Refuse an empty remark."""
        check_text(self.text, "Ein Hinweis", LONGEST_PARAGRAPH)


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows begins on a new page."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    kind: Literal["page_break"] = "page_break"


@dataclass(frozen=True, slots=True)
class SignatureField:
    """Lines on which a person signs.

    Args:
        label: Who signs, for example "Sachbearbeitung".
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    label: str
    kind: Literal["signature"] = "signature"

    def __post_init__(self) -> None:
        """Refuse lines for nobody."""
        check_text(self.label, "Ein Unterschriftsfeld", LONGEST_TITLE)


Block = Annotated[
    Heading | Paragraph | Figures | Table | Image | Map | Callout | PageBreak | SignatureField,
    Field(discriminator="kind"),
]
