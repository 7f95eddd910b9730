"""A report with every kind of block, and its origin."""

from __future__ import annotations

import io
from datetime import date, datetime
from zoneinfo import ZoneInfo

from PIL import Image as Pixels, ImageDraw
from shapely.geometry import box

from shared.contracts.provenance import FailedUnit, InputFile, ModelUse, Provenance, RuleFile
from shared.report.blocks import (
    Block,
    Callout,
    Column,
    Figure,
    Figures,
    Heading,
    Image,
    LegendEntry,
    Map,
    PageBreak,
    Paragraph,
    SignatureField,
    Table,
)
from shared.report.document import Report
from shared.report.layers import Feature, Layer

BERLIN = ZoneInfo("Europe/Berlin")
MOMENT = datetime(2026, 11, 24, 15, 0, tzinfo=BERLIN)
ORIGIN = Provenance(
    source="Musterstadt <Mitte> 2026.tif",
    input_sha256="ab" * 32,
    models=(ModelUse("solar", "0.1.0", "cd" * 32, "onnxruntime", "cpu"),),
    parameters={"schwelle": 0.5, "mindestfläche_m2": 4, "verbinden": True, "ränder": [1, 2]},
    created_at=datetime(2026, 11, 24, 14, 5, tzinfo=BERLIN),
    duration_s=74.2,
    software_version="0.1.0+g2d7a1a1",
    sample_data=True,
    notes=(),
    tenant="musterstadt",
    app="aviary",
    run_id="0199aa00-0000-7000-8000-000000000001",
    inputs=(InputFile("Musterstadt <Mitte> 2026.tif", "ab" * 32),),
    rules=(RuleFile("Bauordnung NRW", "3", date(2026, 9, 1), date(2026, 10, 1), "§ 42a BauO NRW"),),
    seeds={"stichprobe": 1},
    started_at=datetime(2026, 11, 24, 14, 3, 46, tzinfo=BERLIN),
    units_total=140,
    units_failed=3,
    failed_units=(FailedUnit("Kachel 12/7", "bild_beschaedigt", "Das Bild ist beschädigt."),),
)
COLUMNS = (
    Column("nummer", "Nr.", "number"),
    Column("adresse", "Adresse", description="Straße und Hausnummer", personal=True),
    Column("art", "Art"),
    Column("flaeche", "Fläche", "number", 1, "m²", "Grundfläche der Anlage"),
    Column("sicherheit", "Sicherheit", "percent"),
    Column("gebaut", "Gebaut am", "date"),
    Column("gesehen", "Gesehen", "time"),
    Column("pruefen", "Prüfen", "yes_no"),
)
LEGEND = (
    LegendEntry("#2474b5", "Photovoltaik", "Photovoltaik"),
    LegendEntry("#7a4300", "Solarthermie", "Solarthermie"),
)


def picture(width: int = 90, height: int = 50) -> bytes:
    image = Pixels.new("RGB", (width, height), "#dfe8d8")
    ImageDraw.Draw(image).rectangle([10, 10, 30, 30], fill="#2474b5")
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def rows(count: int) -> tuple[tuple[object, ...], ...]:
    return tuple(
        (
            number,
            f"Musterstraße {number}",
            "Photovoltaik" if number % 3 else "Solarthermie",
            12.34 * number,
            0.5 + number % 50 / 100,
            date(2020, 1, 1 + number % 28),
            datetime(2026, 5, 1, 12, number % 60, tzinfo=BERLIN),
            number % 4 == 0,
        )
        for number in range(1, count + 1)
    )


def table(count: int = 3) -> Table:
    return Table("funde", "Gefundene Anlagen", COLUMNS, rows(count), "Geschätzt.")  # type: ignore[arg-type]


def layer(count: int = 3) -> Layer:
    features = tuple(
        Feature(box(500_000 + 10 * at, 5_700_000, 500_006 + 10 * at, 5_700_008), row)  # type: ignore[arg-type]
        for at, row in enumerate(rows(count))
    )
    return Layer("anlagen", "Gefundene Anlagen", COLUMNS, features, LEGEND, "art")


def blocks(count: int = 3) -> tuple[Block, ...]:
    return (
        Heading("Zusammenfassung"),
        Paragraph("In 140 Kacheln wurden 412 Anlagen gefunden.\n\nBitte prüfen."),
        Callout("3 von 140 Teilen ohne Ergebnis.", "warning"),
        Figures((Figure("Anlagen", 412), Figure("Fläche", 12345.6, "m²", 1, 11800, 12900, "ca."))),
        Heading("Karte"),
        Map("karte", picture(), "Karte mit zwei Anlagen.", LEGEND, "Luftbild: Musterstadt"),
        Image("bild", picture(40, 40), "Ein Dach.", "Das Dach"),
        PageBreak(),
        Heading("Einzelne Funde"),
        Heading("Tabelle", 2),
        table(count),
        SignatureField("Sachbearbeitung"),
    )


def report(count: int = 3, **changes: object) -> Report:
    values: dict[str, object] = {
        "title": "Solaranlagen in Musterstadt",
        "subtitle": "Luftbild vom Mai 2026",
        "tenant": "Stadt Musterstadt",
        "created_at": MOMENT,
        "provenance": ORIGIN,
        "blocks": blocks(count),
        "layers": (layer(count),),
    }
    return Report(**(values | changes))  # type: ignore[arg-type]
