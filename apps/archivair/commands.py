"""The words of the headless command, read with German errors."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from apps.archivair.errors import ScriptNotAvailable
from apps.archivair.redaction.profiles import PROFILES
from apps.archivair.script import ScriptChoice
from shared.command_line import GermanParser
from shared.errors import InputError

_SCRIPTS: dict[str, ScriptChoice] = {
    "auto": "auto",
    "antiqua": "antiqua",
    "typewriter": "typewriter",
}


def build_parser() -> ArgumentParser:
    """Return the parser of `ocr` and `redact`."""
    parser = GermanParser(
        prog="python -m apps.archivair", description="Liest gescannte Akten: PDF, TIFF, JPG, PNG."
    )
    commands = parser.add_subparsers(dest="command", metavar="BEFEHL", required=True)
    ocr = commands.add_parser("ocr", help="Seiten lesen: Text, ALTO und JSON je Seite")
    ocr.add_argument("files", type=Path, nargs="+", metavar="DATEI", help="PDF, TIFF, JPG, PNG")
    ocr.add_argument("--out", type=Path, required=True, metavar="ORDNER", help="Ergebnisordner")
    ocr.add_argument(
        "--script",
        type=_script,
        default="auto",
        metavar="SCHRIFT",
        help="auto (Vorgabe), antiqua oder typewriter",
    )
    ocr.add_argument("--force", action="store_true", help="vorhandene Ergebnisse überschreiben")
    redact = commands.add_parser("redact", help="Personenbezogene Angaben entfernen: PDF/A-3b")
    redact.add_argument("file", type=Path, metavar="DATEI", help="PDF, TIFF, JPG oder PNG")
    redact.add_argument("--profile", required=True, metavar="PROFIL", help=f"{', '.join(PROFILES)}")
    redact.add_argument("--out", type=Path, required=True, metavar="DATEI", help="Ergebnis (PDF)")
    redact.add_argument("--facts", type=Path, metavar="DATEI", help="Namen des Falls (JSON)")
    redact.add_argument("--force", action="store_true", help="vorhandenes Ergebnis überschreiben")
    return parser


def _script(text: str) -> ScriptChoice:
    if text == "fraktur":
        raise ScriptNotAvailable()
    if text not in _SCRIPTS:
        raise InputError(reason="--script muss auto, antiqua oder typewriter sein.")
    return _SCRIPTS[text]
