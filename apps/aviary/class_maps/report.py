"""A class map as a report: for PDF, spreadsheet, CSV and GeoPackage."""

from __future__ import annotations

from collections.abc import Sequence

from pyproj import Transformer
from shapely import Polygon, transform

from apps.aviary.class_maps import words as class_words
from apps.aviary.class_maps.area_uncertainty import ClassRow as SampleRow, Sample
from apps.aviary.class_maps.map_file import ClassMap
from apps.aviary.class_maps.outlines import Outline
from apps.aviary.class_maps.picture import MapStyle, ReducedMap, as_jpeg, draw_classes
from apps.aviary.class_maps.words import ClassRow
from apps.aviary.finds import words
from apps.aviary.finds.report import CRS, figure_of
from apps.aviary.outputs import placed_rings
from shared.contracts.provenance import Provenance
from shared.i18n import Translator
from shared.report.blocks import (
    Block,
    Callout,
    Column,
    Figures,
    Heading,
    LegendEntry,
    Map,
    Paragraph,
    Table,
)
from shared.report.csv_out import Cell
from shared.report.document import Report
from shared.report.layers import Feature, Layer
from shared.store.layer_files import Schema

LAYER = "flaechen"
CLASS_SCHEMA: Schema = {
    "nummer": "integer",
    "klasse": "text",
    "bezeichnung": "text",
    "sicherheit": "number",
    "zweifelhaft": "boolean",
    "flaeche_m2": "number",
    "geometry": "geometry",
}
"""Columns of the published layer; another set of them would need another name."""


def build_class_report(
    content: ClassMap,
    reduced: ReducedMap,
    overview: bytes,
    outlines: Sequence[Outline],
    origin: Provenance,
    tenant: str,
    t: Translator,
    sample: Sample | None = None,
) -> Report:
    """Return the report of a class map.

    Args:
        content: The map with its totals.
        reduced: Its pixels, reduced.
        overview: The image, shrunk, as JPEG.
        outlines: Its areas.
        origin: Where the map comes from.
        tenant: Name of the municipality for people.
        t: Translator of the app.
        sample: Points that people have checked; None where nobody has begun.
    """
    rows = class_words.class_rows(content, t)
    blocks: list[Block] = [
        *([Callout(t(words.DEMONSTRATION), "warning")] if content.model else []),
        Paragraph(class_words.what_came_out(content, t)),
        Figures(tuple(figure_of(one) for one in class_words.class_figures(content, t))),
        *(Callout(remark, "warning") for remark in class_words.remarks(content, t)),
        Heading(t("Wie sicher ist das?")),
        Paragraph(class_words.how_sure(content, t)),
        Heading(t("Was tun?")),
        Paragraph(class_words.next_step(t)),
        Heading(t("Klassen im Bild")),
        _map(rows, reduced, overview, t),
        _table(content, rows, t),
        *(_sample(content, sample, t) if sample is not None else ()),
    ]
    placed = content.info.crs is not None
    return Report(
        title=words.title_of(content.recipe, t),
        subtitle=origin.source,
        tenant=tenant,
        created_at=origin.created_at,
        provenance=origin,
        blocks=tuple(block for block in blocks if not _is_empty(block)),
        language=t.language,
        layers=(_layer(content, rows, outlines, t),) if placed else (),
    )


def _is_empty(block: Block) -> bool:
    return isinstance(block, Figures) and not block.items


def _map(rows: Sequence[ClassRow], reduced: ReducedMap, overview: bytes, t: Translator) -> Map:
    style = MapStyle({row.code: row.colour for row in rows})
    picture = as_jpeg(draw_classes(reduced, style, overview))
    alt = t("Karte der Klassen; die Tabelle nennt Fläche und Anteil jeder Klasse.")
    legend = tuple(LegendEntry(row.colour, row.title) for row in rows if row.area_m2)
    return Map("klassenkarte", picture, alt, legend)


def _table(content: ClassMap, rows: Sequence[ClassRow], t: Translator) -> Table:
    columns = (
        Column("klasse", t("Klasse (Schlüssel)")),
        Column("bezeichnung", t("Klasse")),
        Column("flaeche_m2", t("Fläche"), "number", 1, "m²"),
        Column("anteil", t("Anteil"), "percent", 1),
        Column("bildpunkte", t("Bildpunkte"), "number"),
    )
    cells = tuple(
        (
            row.key,
            row.title,
            round(row.area_m2, 1),
            round(row.share, 4),
            content.totals.pixels.get(row.code, 0),
        )
        for row in rows
    )
    return Table("klassen", t("Klassen"), columns, cells)


def _sample(content: ClassMap, sample: Sample, t: Translator) -> list[Block]:
    """Return what checked points say about the areas."""
    columns = (
        Column("klasse", t("Klasse (Schlüssel)")),
        Column("bezeichnung", t("Klasse")),
        Column("laut_karte_m2", t("Laut Karte"), "number", 0, "m²"),
        Column("berichtigt_m2", t("Berichtigt"), "number", 0, "m²"),
        Column("mindestens_m2", t("mindestens"), "number", 0, "m²"),
        Column("hoechstens_m2", t("höchstens"), "number", 0, "m²"),
        Column("punkte", t("Punkte"), "number"),
        Column("richtig", t("davon richtig"), "number"),
    )
    cells = tuple(_sample_row(content, row, t) for row in sample.rows)
    words_of_it = class_words.sample_sentences(content, sample, t)
    title = t("Flächen, berichtigt nach der Stichprobe")
    source = t("Verfahren: Olofsson und andere 2014, doi:10.1016/j.rse.2014.02.015.")
    return [
        Heading(t("Geprüfte Stichprobe")),
        Paragraph(" ".join(words_of_it)),
        Table("stichprobe", title, columns, cells, source),
    ]


def _sample_row(content: ClassMap, row: SampleRow, t: Translator) -> tuple[Cell, ...]:
    estimate = row.estimate
    low, high = (None, None) if estimate is None else estimate.interval_m2
    return (
        row.key,
        words.class_title(content.recipe, row.key, t),
        round(row.mapped_m2, 1),
        None if estimate is None else round(estimate.area_m2, 1),
        None if low is None else round(low, 1),
        None if high is None else round(high, 1),
        row.points,
        row.correct,
    )


def _layer(
    content: ClassMap, rows: Sequence[ClassRow], outlines: Sequence[Outline], t: Translator
) -> Layer:
    columns = (
        Column("nummer", t("Nr."), "number"),
        Column("klasse", t("Klasse (Schlüssel)")),
        Column("bezeichnung", t("Klasse")),
        Column("sicherheit", t("Sicherheit"), "percent"),
        Column("zweifelhaft", t("zweifelhaft"), "yes_no"),
        Column("flaeche_m2", t("Fläche"), "number", 2, "m²"),
    )
    return Layer(
        name=LAYER,
        title=words.title_of(content.recipe, t),
        columns=columns,
        features=_features(content, rows, outlines),
        style=tuple(LegendEntry(row.colour, row.title, row.key) for row in rows),
        style_column="klasse",
        crs=CRS,
    )


def _features(
    content: ClassMap, rows: Sequence[ClassRow], outlines: Sequence[Outline]
) -> tuple[Feature, ...]:
    mover = Transformer.from_crs(content.info.crs, CRS, always_xy=True)
    known = {row.code: row for row in rows}
    found = []
    for number, one in enumerate(outlines, start=1):
        outer, *holes = placed_rings(content.info, one.polygon)
        geometry = transform(Polygon(outer, holes), mover.transform, interleaved=False)
        row = known[one.code]
        cells = (
            number,
            row.key,
            row.title,
            round(one.score, 4),
            one.score < content.recipe.doubtful_below,
            round(one.area_px * content.pixel_m2, 2),
        )
        found.append(Feature(geometry, cells))
    return tuple(found)
