"""Step 3 of a page: figures, the four questions, tables and charts with the same numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from shared.contracts.provenance import Provenance
from shared.i18n import N_, Translator
from shared.registry.evaluation import MeasuredFigure
from shared.report.origin import failure_words, origin_rows, rule_words
from shared.ui.language import translator

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

Row = Mapping[str, object]
ROWS_PER_PAGE = 50
NAMING_COLUMNS = 2
WORD_JOINER = "\u2060"
_ADDRESS = re.compile(r"www(?=\.)|https?:(?=//)|[^\s@](?=@)", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+.!|~$&:-])")


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a result.

    Args:
        label: Translated name.
        value: The number, None where it could not be computed.
        unit: Unit, for example "m²".
        digits: Digits after the decimal separator.
        low: Lower end of its range.
        high: Upper end of its range.
        note: Translated remark.
    """

    label: str
    value: float | None
    unit: str = ""
    digits: int = 0
    low: float | None = None
    high: float | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        key: Key in the rows.
        title: Translated heading.
        kind: How the cells are written; "text" is shown as it is, never as Markdown.
        digits: Digits after the decimal separator for numbers and per cent.
        unit: Unit, shown in the heading.
    """

    key: str
    title: str
    kind: Literal["text", "number", "percent"] = "text"
    digits: int = 0
    unit: str = ""

    @property
    def heading(self) -> str:
        """Title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True, slots=True)
class Selection:
    """Positions of the rows a person selected, in the order of `rows`."""

    rows: tuple[int, ...] = ()


def figures(items: Sequence[Figure], t: Translator | None = None) -> None:
    """Show numbers in boxes beside each other, with their range where it is known.

    Args:
        items: At most four fit beside each other.
        t: Translator; the gallery's by default.
    """
    t = t or translator()
    with st.container(horizontal=True, gap="medium"):
        for item in items:
            with st.container(width=230):
                st.metric(item.label, t.number(item.value, item.digits, item.unit), border=True)
                if item.low is not None and item.high is not None:
                    low = t.number(item.low, item.digits)
                    high = t.number(item.high, item.digits, item.unit)
                    st.caption(t("Bereich: {low} bis {high}", low=low, high=high))
                if item.note:
                    st.caption(item.note)


def measured_sentence(figure: MeasuredFigure, t: Translator) -> str:
    """Write a measured quality figure with its data, number of cases and day.

    Args:
        figure: From `evaluation.json`.
        t: Translator.
    """
    english = t.language == "en"
    return t(
        "{name}: {value} ({items} Fälle, {data}, Stand {date})",
        name=figure.name_en if english else figure.name,
        value=_in_its_unit(figure, figure.value, t),
        items=t.number(figure.items),
        data=figure.data_en if english else figure.data,
        date=t.date(figure.measured_on),
    )


def measured_range(figure: MeasuredFigure, t: Translator) -> str:
    """Write within which values a figure lies with 95 %; empty where that was not measured.

    Args:
        figure: From `evaluation.json`.
        t: Translator.
    """
    if figure.interval_95 is None:
        return ""
    low, high = (_in_its_unit(figure, end, t) for end in figure.interval_95)
    return t("95-%-Bereich: {low} bis {high}", low=low, high=high)


def _in_its_unit(figure: MeasuredFigure, value: float, t: Translator) -> str:
    if figure.unit == "percent":
        return t.percent(value, figure.digits)
    return t.number(value, figure.digits, figure.unit)


def answer_panel(
    *,
    what: str,
    how_sure: str,
    origin: Provenance,
    next_step: str,
    t: Translator | None = None,
) -> None:
    """Answer the four questions that every result owes its reader.

    Args:
        what: Translated sentence, what came out.
        how_sure: Translated sentence, how certain it is.
        origin: Where it comes from; written by this function.
        next_step: Translated sentence, what to do.
        t: Translator; the gallery's by default.
    """
    t = t or translator()
    answers = [
        (t("Was kam heraus?"), what),
        (t("Wie sicher ist das?"), how_sure),
        (t("Woher kommt das?"), describe_origin(origin, t)),
        (t("Was tun?"), next_step),
    ]
    for question, answer in answers:
        st.subheader(question, anchor=False)
        st.markdown(answer)
        if question == t("Woher kommt das?"):
            _everything_about(origin, t)


def _everything_about(origin: Provenance, t: Translator) -> None:
    """Offer every line that the files carry, too: hashes, settings, rules, what is missing."""
    item, content = t("Angabe"), t("Inhalt")
    rows = [
        {item: escape_markdown(name), content: escape_markdown(words)}
        for name, words in origin_rows(origin, t)
    ]
    with st.expander(t("Alle Angaben zur Herkunft")):
        st.table(rows, hide_index=True, alt=t("Alle Angaben zur Herkunft"))


def describe_origin(origin: Provenance, t: Translator) -> str:
    """Write a provenance as sentences, in Markdown.

    Args:
        origin: Where a result comes from.
        t: Translator.
    """
    parts = [t("Eingabe: {source}.", source=escape_markdown(origin.source))]
    if origin.sample_data:
        parts.append(t("Beispieldaten, künstlich erzeugt."))
    models = dict.fromkeys((one.name, one.version, one.sha256[:12]) for one in origin.models)
    for name, version, sha256 in models:
        parts.append(
            t("Modell: {name} {version} ({sha256}).", name=name, version=version, sha256=sha256)
        )
    for rule in origin.rules:
        words = escape_markdown(rule_words(rule, t, origin.created_at.date()))
        parts.append(t("Rechtsstand: {rule}.", rule=words))
    if failures := failure_words(origin, t):
        parts.append(f"{failures}.")
    # A run that is not over has no duration yet.
    told = (
        N_("Ausgewertet am {date}, {time}, in {duration} mit Programmversion {version}.")
        if origin.duration_s
        else N_("Begonnen am {date}, {time}, mit Programmversion {version}.")
    )
    parts.append(
        t(
            told,
            date=t.date(origin.created_at),
            time=t.time(origin.created_at),
            duration=t.duration(origin.duration_s),
            version=origin.software_version,
        )
    )
    return " ".join([*parts, *(t(note) for note in origin.notes)])


def table(
    rows: Sequence[Row],
    *,
    columns: Sequence[Column],
    key: str,
    alt: str,
    selection: Literal["none", "single", "multi"] = "none",
    t: Translator | None = None,
) -> Selection:
    """Show rows as a real HTML table, 50 per page, with a list to select from.

    Args:
        rows: One mapping per row.
        columns: Columns in the order to show.
        key: Widget key, prefixed by the slug.
        alt: Translated description for screen readers.
        selection: Whether rows can be selected, one or several.
        t: Translator; the gallery's by default.
    """
    t = t or translator()
    if not rows:
        st.caption(t("Die Tabelle ist leer."))
        return Selection()
    selected = _select_rows(rows, columns, key, selection, t)
    start = _page_start(len(rows), key, t)
    cells = [
        {t("Nr."): _row_name(start + offset, selected, t)}
        | {column.heading: _shown_cell(row.get(column.key), column, t) for column in columns}
        for offset, row in enumerate(rows[start : start + ROWS_PER_PAGE])
    ]
    st.table(cells, hide_index=True, alt=alt)
    return selected


def _row_name(row: int, selected: Selection, t: Translator) -> str:
    return t("{row} (gewählt)", row=row + 1) if row in selected.rows else str(row + 1)


def format_cell(value: object, column: Column, t: Translator) -> str:
    """Write one cell in the reader's language.

    Args:
        value: Content of the cell; None gives a dash.
        column: How to write it.
        t: Translator.
    """
    if value is None:
        return "–"
    if column.kind == "text" or not isinstance(value, int | float):
        return str(value)
    if column.kind == "percent":
        return t.percent(value, column.digits)
    return t.number(value, column.digits)


def _shown_cell(value: object, column: Column, t: Translator) -> str:
    """Write a cell for Streamlit's table, which would read a text as Markdown."""
    text = format_cell(value, column, t)
    return escape_markdown(text) if column.kind == "text" else text


def escape_markdown(text: str) -> str:
    """Return a text so that Streamlit shows it as it is: no link, no picture, no formatting.

    A backslash does not keep Streamlit from making links of bare addresses; an invisible character
    inside them does.

    Args:
        text: What somebody else wrote: a file name, a typed value, a text of a model's card.
    """
    return _MARKDOWN.sub(r"\\\1", _ADDRESS.sub(rf"\g<0>{WORD_JOINER}", text))


def chart(
    figure: PlotlyFigure,
    *,
    alt: str,
    rows: Sequence[Row],
    columns: Sequence[Column],
    key: str,
    t: Translator | None = None,
) -> None:
    """Show a chart and, in an expander below it, the same numbers as a table.

    Args:
        figure: Plotly figure with translated texts.
        alt: Translated description for screen readers.
        rows: The numbers of the chart.
        columns: Columns of the table.
        key: Widget key, prefixed by the slug.
        t: Translator; the gallery's by default.
    """
    t = t or translator()
    figure.update_layout(separators=",." if t.language == "de" else ".,")
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False})
    with st.expander(t("Zahlen zum Diagramm als Tabelle"), key=f"{key}_numbers"):
        table(rows, columns=columns, key=f"{key}_table", alt=alt, t=t)


def selected_row(key: str) -> int | None:
    """Return the row that is selected in a table with `selection="single"`.

    Args:
        key: Key of the table; it may stand further down on the page.
    """
    chosen = st.session_state.get(f"{key}_selected")
    return chosen if isinstance(chosen, int) else None


def select_row(key: str, row: int) -> None:
    """Select a row before its table is shown, and turn to its page.

    Args:
        key: Key of the table.
        row: Position of the row.
    """
    st.session_state[f"{key}_selected"] = row
    st.session_state[f"{key}_page"] = row // ROWS_PER_PAGE + 1


def _select_rows(
    rows: Sequence[Row],
    columns: Sequence[Column],
    key: str,
    selection: Literal["none", "single", "multi"],
    t: Translator,
) -> Selection:
    if selection == "none":
        return Selection()

    def name(index: int) -> str:
        cells = [format_cell(rows[index].get(c.key), c, t) for c in columns[:NAMING_COLUMNS]]
        return " · ".join([str(index + 1), *cells])

    if (selected_row(key) or 0) >= len(rows):
        del st.session_state[f"{key}_selected"]
    choices = range(len(rows))
    nothing = t("Keine Zeile ausgewählt")
    if selection == "single":
        chosen = st.selectbox(
            t("Zeile auswählen"),
            choices,
            index=None,
            format_func=name,
            key=f"{key}_selected",
            placeholder=nothing,
        )
        return Selection() if chosen is None else Selection((chosen,))
    several = st.multiselect(
        t("Zeilen auswählen"),
        choices,
        format_func=name,
        key=f"{key}_selected",
        placeholder=nothing,
    )
    return Selection(tuple(sorted(several)))


def _page_start(count: int, key: str, t: Translator) -> int:
    pages = -(-count // ROWS_PER_PAGE)
    if pages == 1:
        return 0
    page = st.pagination(pages, key=f"{key}_page")
    start = (page - 1) * ROWS_PER_PAGE
    last = min(start + ROWS_PER_PAGE, count)
    st.caption(
        t(
            "Zeilen {first} bis {last} von {count}",
            first=start + 1,
            last=last,
            count=t.number(count),
        )
    )
    return start
