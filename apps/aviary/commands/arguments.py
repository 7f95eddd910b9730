"""The words of the headless command, read with German errors."""

from __future__ import annotations

import math
import re
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from apps.aviary.inputs.input_files import FLAGS
from apps.aviary.recipe_book.schema import InputName
from shared.command_line import GermanParser
from shared.errors import InputError, ResolutionInvalid
from shared.geo.raster import BandNumbers

MAX_AREA_M2 = 1e6


def build_parser() -> ArgumentParser:
    """Return the parser of `run`, `recipes`, `check` and `test-recipe`."""
    parser = GermanParser(
        prog="python -m apps.aviary", description="Findet Objekte in Luftbildern."
    )
    commands = parser.add_subparsers(dest="command", metavar="BEFEHL", required=True)
    _add_run(commands.add_parser("run", help="Bilder auswerten"))
    recipes = commands.add_parser("recipes", help="Rezepte auflisten")
    recipes.add_argument("--json", action="store_true", help="als JSON ausgeben")
    check = commands.add_parser("check", help="ein Bild prüfen, ohne es auszuwerten")
    check.add_argument("--image", type=Path, required=True, metavar="DATEI", help="Luftbild")
    check.add_argument("--gsd", type=_gsd, metavar="M", help=_GSD_HELP)
    check.add_argument("--date", type=_date, metavar="JJJJ-MM-TT", help=_DATE_HELP)
    check.add_argument("--recipe", default="solar", metavar="NAME", help="Rezept (solar)")
    test = commands.add_parser("test-recipe", help="ein geteiltes Rezept mit seinem Bild prüfen")
    test.add_argument("file", type=Path, metavar="DATEI", help="Datei .urbanki-recipe")
    return parser


_DATE_HELP = "Tag der Aufnahme, wenn ihn die Datei nicht nennt"
_GSD_HELP = "Bodenauflösung in Metern je Bildpunkt, wenn das Bild keine Lage hat"

FLAG_HELP: Mapping[InputName, str] = {
    "before": "älteres Bild desselben Ortes",
    "ndsm": "Raster der Höhen über dem Boden [m]",
    "parcels": "Flurstücke",
    "buildings": "Gebäudeumrisse",
    "examples": "GeoJSON mit Beispielen und Gegenbeispielen",
}

_RECIPE_HELP = "Rezept, z. B. solar, oder Datei .urbanki-recipe"
_THRESHOLD_HELP = "kleinste Sicherheit (bei similar: Ähnlichkeit), 0 bis 1"
_BANDS_HELP = "Kanäle für Rot, Grün, Blau und, wenn vorhanden, nahes Infrarot"


def _add_run(run: ArgumentParser) -> None:
    run.add_argument("--recipe", required=True, metavar="NAME", help=_RECIPE_HELP)
    run.add_argument("--model", metavar="DATEI", help="eigenes Modell: ONNX-Datei oder Name")
    run.add_argument(
        "--image",
        type=Path,
        required=True,
        nargs="+",
        action="extend",
        metavar="DATEI",
        help="Luftbilder oder Ordner mit Luftbildern",
    )
    run.add_argument("--gsd", type=_gsd, metavar="M", help=_GSD_HELP)
    run.add_argument("--out", type=Path, required=True, metavar="ORDNER", help="Ergebnisordner")
    run.add_argument(
        "--area", type=Path, metavar="DATEI", help="Gebiet: GeoJSON, GeoPackage, GML, ZIP"
    )
    run.add_argument("--bands", type=_bands, metavar="1,2,3[,4]", help=_BANDS_HELP)
    run.add_argument("--threshold", type=_share, metavar="X", help=_THRESHOLD_HELP)
    run.add_argument("--min-area", type=_area_m2, metavar="M2", help="kleinste Fläche in m²")
    for name, flag in FLAGS.items():
        run.add_argument(flag, dest=name, type=Path, metavar="DATEI", help=FLAG_HELP[name])
    run.add_argument("--seed", type=_seed, default=0, metavar="N", help="Start des Zufalls (0)")
    run.add_argument("--date", type=_date, metavar="JJJJ-MM-TT", help=_DATE_HELP)
    run.add_argument("--crs", type=_crs, metavar="EPSG:n", help="Koordinatensystem, wenn es fehlt")
    run.add_argument(
        "--force",
        action="store_true",
        help="auch außerhalb der geprüften Auflösung auswerten, Ergebnisse überschreiben",
    )
    run.add_argument(
        "--no-cache", action="store_true", help="frühere Antworten des Modells nicht verwenden"
    )


def _gsd(text: str) -> float:
    # Loads the library of coordinate systems, as in `_crs`; most calls need it later or never.
    from shared.geo.georeference import PLAUSIBLE_GSD_M

    low, high = PLAUSIBLE_GSD_M
    value = _number(text)
    if value is None or not low <= value <= high:
        raise ResolutionInvalid(found=text[:20], minimum=low, maximum=high)
    return value


def _share(text: str) -> float:
    value = _number(text)
    if value is None or not 0 <= value <= 1:
        raise InputError(reason="--threshold muss eine Zahl von 0 bis 1 sein.")
    return value


def _area_m2(text: str) -> float:
    value = _number(text)
    if value is None or not 0 <= value <= MAX_AREA_M2:
        raise InputError(reason="--min-area muss eine Zahl ab 0 sein (Quadratmeter).")
    return value


def _seed(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise InputError(reason="--seed muss eine ganze Zahl von 0 bis 999999999 sein.")
    return int(text)


def _bands(text: str) -> BandNumbers:
    words = text.split(",")
    if len(words) not in (3, 4) or not all(re.fullmatch(r"[1-9][0-9]?", word) for word in words):
        raise InputError(
            reason="--bands muss drei oder vier Kanalnummern nennen, zum Beispiel 1,2,3 oder "
            "1,2,3,4 mit nahem Infrarot."
        )
    red, green, blue, *near_infrared = (int(word) for word in words)
    colours = red, green, blue
    return (*colours, near_infrared[0]) if near_infrared else colours


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as cause:
        reason = "--date muss ein Tag wie 2026-05-09 sein (Jahr, Monat, Tag)."
        raise InputError(reason=reason) from cause


def _crs(text: str) -> str:
    from shared.geo.crs import parse_crs

    parse_crs(text)
    return text


def _number(text: str) -> float | None:
    """Read a number with decimal point or comma; None where it is none."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
