"""The table of measured figures in the README, written from `evaluation.json`, never by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from apps.archivair.evaluation_joined import JOINED_FROM, Json
from shared.i18n import Translator, get_translator
from shared.registry.evaluation import MeasuredFigure

SECTION = "## Gemessene Güte"
HEAD = (
    "| Was | Wert | 95-%-Bereich | Fälle | Daten | Stand |",
    "| --- | ---: | ---: | ---: | --- | --- |",
)
EXPECTED: Mapping[str, Callable[[Json], bool]] = {
    "Fraktur": lambda one: "Fraktur" in one["name"],
    "Schnitte, Arten und Felder": lambda one: "documents" in one.get(JOINED_FROM, ""),
    "Suche": lambda one: "search" in one.get(JOINED_FROM, ""),
    "Schwärzung": lambda one: "redaction" in one.get(JOINED_FROM, ""),
}
"""What must be measured; of what is not, the table says so."""


def figure_table(figures: Sequence[Json]) -> list[str]:
    """Return the lines of the table.

    Args:
        figures: Of `evaluation.json`.

    Raises:
        ValueError: A figure does not fit.
    """
    t = get_translator("de", "archivair")
    rows = [_row(MeasuredFigure.model_validate(one), t) for one in figures]
    rows += [
        f"| {what} | noch nicht gemessen | – | – | – | – |"
        for what, is_about in EXPECTED.items()
        if not any(is_about(one) for one in figures)
    ]
    return [*HEAD, *rows]


def with_table(readme: str, figures: Sequence[Json]) -> str:
    """Return a README whose table in the section of measured quality shows the figures.

    Args:
        readme: The whole text; the section holds one table.
        figures: Of `evaluation.json`.

    Raises:
        ValueError: There is no such table, or a figure does not fit.
    """
    before, mark, section = readme.partition(f"\n{SECTION}\n")
    table = re.search(r"^\|.*\|$(?:\n\|.*\|$)*", section, re.MULTILINE)
    if table is None:
        raise ValueError("The README has no table of measured figures.")
    told = "\n".join(figure_table(figures))
    return before + mark + section[: table.start()] + told + section[table.end() :]


def _row(figure: MeasuredFigure, t: Translator) -> str:
    ends = figure.interval_95
    cells = (
        figure.name,
        _shown(figure, figure.value, t),
        " bis ".join(_shown(figure, end, t) for end in ends) if ends else "–",
        t.number(figure.items),
        figure.data,
        figure.measured_on.strftime("%d.%m.%Y"),
    )
    return "| " + " | ".join(cells) + " |"


def _shown(figure: MeasuredFigure, value: float, t: Translator) -> str:
    if figure.unit == "percent":
        return t.percent(value, figure.digits)
    return t.number(value, figure.digits, figure.unit)
