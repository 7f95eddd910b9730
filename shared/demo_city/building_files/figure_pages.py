"""Pages full of figures: statics, proofs, areas."""

from __future__ import annotations

from typing import Final

from shared.demo_city.building_files.flow import Flow
from shared.demo_city.building_files.rich import Rich
from shared.demo_city.building_files.written_pages import Builder, property_rows

ROOMS: Final = {
    "old": ("Stube", "Kammer", "Küche", "Diele", "Laden", "Waschküche", "Speicher"),
    "mid": ("Wohnzimmer", "Schlafzimmer", "Kinderzimmer", "Küche", "Bad", "Flur", "Abstellraum"),
    "new": ("Wohnen/Essen", "Schlafen", "Kind 1", "Kind 2", "Kochen", "Bad", "WC", "HAR"),
}
PARTS: Final = {
    "old": ("Balkenlage", "Unterzug", "Träger I", "Gewölbe", "Pfeiler"),
    "mid": ("Sparren", "Pfette", "Stahlbetondecke", "Unterzug", "Sturz", "Fundament"),
    "new": ("Sparren", "Mittelpfette", "Decke über EG", "Unterzug", "Stütze", "Bodenplatte"),
}


def statics(flow: Flow, page: int) -> None:
    """Set a page of a static calculation, or the report of its check."""
    rng, wording = flow.sheet.rng, flow.era.wording
    if page == 0:
        flow.title(flow.pick("title"))
        flow.labelled("vorhaben", "{vorhaben}")
        flow.labelled("bauherr", "{bauherr}")
        flow.labelled("grundstueck", "{strasse} {nr}")
        if wording != "old":
            flow.labelled("gutachter", "{gutachter}")
        flow.y_mm += 3
        for sentence in flow.sentences(5):
            flow.paragraph(sentence)
    else:
        flow.paragraph(f"Seite {page + 1}", flow.printed, indent_mm=flow.width_mm * 0.8)
    parts = PARTS[wording]
    position = 1 + 4 * page
    while flow.room_mm > 62 and position < 5 + 4 * page:
        _position(flow, position, parts[int(rng.integers(len(parts)))])
        position += 1
    if flow.era.wording != "old":
        flow.closing("closing", "{gutachter}", "gutachter")


def _position(flow: Flow, number: int, part: str) -> None:
    """Set one part of a calculation: loads, moment, stress."""
    rng = flow.sheet.rng
    force = {"old": "kg/m", "mid": "kp/m", "new": "kN/m"}[flow.era.wording]
    scale = 1 if flow.era.wording == "new" else 100
    span, own = rng.uniform(1.8, 6.4), rng.uniform(1, 6) * scale
    live = rng.uniform(1.5, 5) * scale
    moment = (own + live) * span**2 / 8
    flow.paragraph(f"Pos. {number}  {part}", flow.printed, gap_mm=0.5)
    rows: list[list[Rich | str]] = [
        [f"l = {_de(span)} m", f"g = {_de(own)} {force}", f"p = {_de(live)} {force}"],
        [
            f"M = {_de(moment)} {force[:2]}m",
            f"A = B = {_de((own + live) * span / 2)} {force[:2]}",
            "",
        ],
        [
            f"W = {rng.integers(90, 900)} cm³",
            f"erf. As = {_de(rng.uniform(1, 12))} cm²",
            "q l² / 8",
        ],
    ]
    flow.table(rows, (0, flow.width_mm * 0.36, flow.width_mm * 0.7))
    if rng.random() < 0.4 and flow.room_mm > 50:
        _beam(flow)


def _beam(flow: Flow) -> None:
    """Draw a beam on two supports under a load."""
    x0, x1, y = flow.left_mm + 12, flow.left_mm + 80, flow.y_mm + 12
    flow.sheet.stroke([(x0, y), (x1, y)], 0.7)
    for x in (x0, x1):
        flow.sheet.stroke([(x, y), (x - 3, y + 4), (x + 3, y + 4), (x, y)], 0.3)
    flow.sheet.stroke([(x0, y - 7), (x1, y - 7)], 0.3)
    for step in range(13):
        x = x0 + (x1 - x0) * step / 12
        flow.sheet.stroke([(x, y - 7), (x, y - 1)], 0.2)
    px = flow.sheet.px
    flow.sheet.mark_area("drawing", (px(x0 - 4), px(y - 8), px(x1 + 4), px(y + 5)))
    flow.y_mm += 20


def proof(flow: Flow, page: int) -> None:
    """Set a proof of heat, sound or fire protection."""
    if page == 0:
        flow.title(flow.pick("title"))
        flow.labelled("vorhaben", "{vorhaben}")
        flow.labelled("bauherr", "{bauherr}")
        property_rows(flow)
        flow.y_mm += 3
    for sentence in flow.sentences(6):
        if flow.room_mm > 90:
            flow.paragraph(sentence, gap_mm=2.5)
    rng = flow.sheet.rng
    if flow.era.wording != "old":
        head: list[Rich | str] = [
            "Bauteil",
            "Fläche m²",
            "U W/m²K" if rng.random() < 0.7 else "F-Klasse",
        ]
        rows = [head]
        for name in ("Außenwand", "Dach", "Fenster", "Kellerdecke", "Bodenplatte", "Haustür"):
            if rng.random() < 0.8:
                area, value = rng.uniform(8, 220), rng.uniform(0.12, 1.9)
                rows.append([name, _de(area), _de(value)])
        flow.table(rows, (0, flow.width_mm * 0.45, flow.width_mm * 0.72))
    flow.closing("private_closing", "{architekt}", "entwurfsverfasser")


def areas(flow: Flow, page: int) -> None:
    """Set a table of rooms and areas."""
    if page == 0:
        flow.title(flow.pick("title"))
        flow.labelled("vorhaben", "{vorhaben}")
        flow.labelled("bauherr", "{bauherr}")
        flow.labelled("grundstueck", "{strasse} {nr}")
    rng, names = flow.sheet.rng, ROOMS[flow.era.wording]
    unit = "m²" if flow.era.wording != "old" else "qm"
    rows: list[list[Rich | str]] = [["Raum", "Maße", unit]]
    for _ in range(int(rng.integers(8, 17))):
        wide, deep = rng.uniform(1.5, 6.5), rng.uniform(1.8, 5.5)
        rows.append(
            [names[int(rng.integers(len(names)))], f"{_de(wide)} x {_de(deep)}", _de(wide * deep)]
        )
    flow.table(rows, (0, flow.width_mm * 0.42, flow.width_mm * 0.76))
    for sentence in flow.sentences(3):
        flow.paragraph(sentence)
    flow.closing("private_closing", "{architekt}", "entwurfsverfasser")


def _de(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


PAGES: Final[dict[str, Builder]] = {"statik": statics, "nachweis": proof, "flaechen": areas}
