"""The result as a report: for PDF, spreadsheet, CSV and GeoPackage."""

from __future__ import annotations

from collections.abc import Sequence

from pyproj import Transformer
from shapely import Polygon, transform

from apps.aviary.finds import words
from apps.aviary.finds.analysis import Analysis, Result
from apps.aviary.finds.decided import Decided
from apps.aviary.finds.find_kind import FindKind, find_kind
from apps.aviary.finds.joining import FoundObject
from apps.aviary.finds.overlay import colour_of, overlay_jpeg
from apps.aviary.finds.review_words import (
    decision_word,
    left_out_sentence,
    review_figures,
    review_sentence,
)
from apps.aviary.finds.score_words import score_words
from apps.aviary.outputs import placed_rings
from apps.aviary.recipes import Recipe
from shared.contracts.provenance import Provenance
from shared.i18n import Translator
from shared.report.blocks import (
    Block,
    Callout,
    Column,
    Figure,
    Figures,
    Heading,
    LegendEntry,
    Map,
    Paragraph,
    Table,
)
from shared.report.csv_out import Cell
from shared.report.document import Report
from shared.report.layers import Crs, Feature, Layer
from shared.store.layer_files import Schema

MOST_ROWS_ON_PAPER = 200
LAYER = "funde"
CRS: Crs = "EPSG:25832"


def layer_schema(recipe: Recipe) -> Schema:
    """Return the columns of the published layer; another set of them would need another name.

    Args:
        recipe: What was looked for.
    """
    return {
        "nummer": "integer",
        "art": "text",
        "bezeichnung": "text",
        score_words(recipe).column: "number",
        "zweifelhaft": "boolean",
        "flaeche_m2": "number",
        "entscheidung": "text",
        "geometry": "geometry",
    }


def build_report(
    analysis: Analysis,
    result: Result,
    overview: bytes,
    origin: Provenance,
    tenant: str,
    t: Translator,
    *,
    on_paper: bool,
    decided: Decided | None = None,
    scale: Sequence[tuple[str, str]] = (),
) -> Report:
    """Return the report of a result.

    Args:
        analysis: The image after the model looked at it.
        result: What was found with the settings in force.
        overview: The image, shrunk and encoded.
        origin: Where the result comes from.
        tenant: Name of the municipality for people.
        t: Translator of the app.
        on_paper: True cuts a very long list of finds; the other formats hold all of them.
        decided: What people decided about the finds; None leaves the review out.
        scale: Colour and meaning of what lies over the image beside the finds, such as a heat map.
    """
    kept = result.objects if decided is None else decided.kept(result.objects)
    blocks: list[Block] = [
        Callout(t(words.DEMONSTRATION), "warning"),
        Paragraph(words.what_came_out(analysis, result, t)),
        Figures(tuple(figure_of(one) for one in words.key_figures(analysis, result, t))),
        *_remarks(analysis, t),
        *(_review(decided, t) if decided is not None else ()),
        Heading(t("Wie sicher ist das?")),
        Paragraph(words.how_sure(analysis.recipe, result, t)),
        Heading(t("Was tun?")),
        Paragraph(words.next_step(result, t)),
        Heading(t("Funde im Bild")),
        _map(analysis, kept, overview, decided, scale, t),
        _table(analysis, result, kept, decided, t, on_paper=on_paper),
    ]
    return Report(
        title=words.title_of(analysis.recipe, t),
        subtitle=origin.source,
        tenant=tenant,
        created_at=origin.created_at,
        provenance=origin,
        blocks=tuple(blocks),
        language=t.language,
        layers=() if analysis.info.crs is None else (_layer(analysis, kept, decided, t),),
    )


def figure_of(one: words.KeyFigure) -> Figure:
    """Return a figure as reports show it."""
    return Figure(one.label, one.value, one.unit, low=one.low, high=one.high, note=one.note)


def _remarks(analysis: Analysis, t: Translator) -> list[Callout]:
    remarks = [
        words.stopped_tiles(analysis, t),
        words.failed_tiles(analysis, t),
        words.unusual_tiles(analysis, t),
    ]
    if analysis.outside_checked_range:
        remarks.append(t(words.OUTSIDE_RANGE))
    return [Callout(text, "warning") for text in remarks if text]


def _review(decided: Decided, t: Translator) -> list[Block]:
    figures = tuple(figure_of(one) for one in review_figures(decided, t))
    left_out = left_out_sentence(decided, t)
    return [
        Heading(t("Sichtung")),
        Paragraph(review_sentence(decided, t)),
        *([Figures(figures)] if figures else []),
        *([Callout(left_out, "warning")] if left_out else []),
    ]


def _map(
    analysis: Analysis,
    kept: Sequence[FoundObject],
    overview: bytes,
    decided: Decided | None,
    scale: Sequence[tuple[str, str]],
    t: Translator,
) -> Map:
    said = {} if decided is None else decided.by_number
    kinds = sorted({find_kind(one, said.get(one.object_id)) for one in kept})
    legend = tuple(
        LegendEntry(
            colour_of(analysis.recipe, kind.class_key),
            _legend_word(analysis, kind, t),
        )
        for kind in kinds
    ) + tuple(LegendEntry(colour, words) for colour, words in scale)
    alt = t.plural(
        "Luftbild mit {count} Fund als Umriss; die Tabelle nennt denselben Fund.",
        "Luftbild mit {count} Funden als Umrissen; die Tabelle nennt dieselben Funde.",
        len(kept),
    )
    return Map("luftbild", overlay_jpeg(overview, analysis, kept, decided), alt, legend)


def _legend_word(analysis: Analysis, kind: FindKind, t: Translator) -> str:
    word = kind.word(analysis.recipe, t)
    return t("{kind} (gestrichelt)", kind=word) if kind.doubtful else word


def _table(
    analysis: Analysis,
    result: Result,
    kept: Sequence[FoundObject],
    decided: Decided | None,
    t: Translator,
    *,
    on_paper: bool,
) -> Table:
    shown = kept[:MOST_ROWS_ON_PAPER] if on_paper else kept
    note = ""
    if len(shown) < len(kept):
        note = t(
            "Gezeigt werden die ersten {shown} von {count} Funden; alle stehen in der Excel-Datei.",
            shown=t.number(len(shown)),
            count=t.number(len(kept)),
        )
    more, score = words.figure_names(result), score_words(analysis.recipe)
    columns = (
        Column("nummer", t("Nr."), "number"),
        Column("bezeichnung", t("Art")),
        Column(score.column, t(score.title), "percent"),
        Column("zweifelhaft", t("zweifelhaft"), "yes_no"),
        Column("flaeche_m2", t("Fläche"), "number", 2, "m²"),
        *_decision_column(decided, t),
        *(_more_column(name, t) for name in more),
        *(
            Column(key, title, "number", 1, t("Bildpunkte"))
            for key, title in (
                ("links", t("links")),
                ("oben", t("oben")),
                ("rechts", t("rechts")),
                ("unten", t("unten")),
            )
        ),
    )
    rows = tuple(_row(analysis, one, more, decided, t) for one in shown)
    return Table("funde", t("Funde"), columns, rows, note)


def _decision_column(decided: Decided | None, t: Translator) -> tuple[Column, ...]:
    return () if decided is None else (Column("entscheidung", t("Entscheidung")),)


def _decision_cell(decided: Decided | None, one: FoundObject, t: Translator) -> tuple[str, ...]:
    if decided is None:
        return ()
    return (decision_word(decided.by_number.get(one.object_id), t),)


def _more_column(name: str, t: Translator) -> Column:
    if name in words.COVER_WORDS:
        return Column(name, t(words.COVER_WORDS[name]))
    title, unit = words.FIGURE_WORDS.get(name, (name, ""))
    if unit == "%":
        return Column(name, t(title), "percent", 1)
    return Column(name, t(title), "number", 1, unit)


def _row(
    analysis: Analysis,
    one: FoundObject,
    more: Sequence[str],
    decided: Decided | None,
    t: Translator,
) -> tuple[Cell, ...]:
    figures = dict(one.figures)
    return (
        one.object_id,
        words.class_title(analysis.recipe, one.class_key, t),
        round(one.score, 4),
        one.doubtful,
        round(one.area_m2, 2),
        *_decision_cell(decided, one, t),
        *(
            words.cover_title(figures.get(name), t)
            if name in words.COVER_WORDS
            else figures.get(name)
            for name in more
        ),
        *(round(edge, 1) for edge in one.bbox_px),
    )


def _layer(
    analysis: Analysis, kept: Sequence[FoundObject], decided: Decided | None, t: Translator
) -> Layer:
    score = score_words(analysis.recipe)
    columns = (
        Column("nummer", t("Nr."), "number"),
        Column("art", t("Art (Schlüssel)")),
        Column("bezeichnung", t("Art")),
        Column(score.column, t(score.title), "percent"),
        Column("zweifelhaft", t("zweifelhaft"), "yes_no"),
        Column("flaeche_m2", t("Fläche"), "number", 2, "m²"),
        *_decision_column(decided, t),
    )
    keys = [one.key for one in analysis.recipe.classes]
    style = tuple(
        LegendEntry(
            colour_of(analysis.recipe, key), words.class_title(analysis.recipe, key, t), key
        )
        for key in keys
    )
    return Layer(
        name=LAYER,
        title=t("Funde"),
        columns=columns,
        features=_features(analysis, kept, decided, t),
        style=style,
        style_column="art",
        crs=CRS,
    )


def _features(
    analysis: Analysis, kept: Sequence[FoundObject], decided: Decided | None, t: Translator
) -> tuple[Feature, ...]:
    mover = Transformer.from_crs(analysis.info.crs, CRS, always_xy=True)
    found = []
    for one in kept:
        outer, *holes = placed_rings(analysis.info, one.polygon)
        outline = Polygon(outer, holes)
        geometry = transform(outline, mover.transform, interleaved=False)
        cells: tuple[Cell, ...] = (
            one.object_id,
            one.class_key,
            words.class_title(analysis.recipe, one.class_key, t),
            round(one.score, 4),
            one.doubtful,
            round(one.area_m2, 2),
            *_decision_cell(decided, one, t),
        )
        found.append(Feature(geometry, cells))
    return tuple(found)
