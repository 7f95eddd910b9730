"""The words of the headless commands, read with German errors."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from apps.archivair.ocr_lines_command import add_ocr_lines
from apps.archivair.redaction.profiles import PROFILES
from apps.archivair.script import SCRIPT_CHOICES, ScriptChoice
from apps.archivair.search_command import add_search
from shared.command_line import GermanParser
from shared.errors import InputError


def build_parser() -> ArgumentParser:
    """Return the parser of all commands."""
    parser = GermanParser(
        prog="python -m apps.archivair", description="Liest gescannte Akten: PDF, TIFF, JPG, PNG."
    )
    commands = parser.add_subparsers(dest="command", metavar="BEFEHL", required=True)
    ocr = commands.add_parser("ocr", help="Seiten lesen: Text, ALTO und JSON je Seite")
    ocr.add_argument("files", type=Path, nargs="+", metavar="DATEI", help="PDF, TIFF, JPG, PNG")
    ocr.add_argument("--out", type=Path, required=True, metavar="ORDNER", help="Ergebnisordner")
    _add_script(ocr)
    ocr.add_argument("--force", action="store_true", help="vorhandene Ergebnisse überschreiben")
    batch = commands.add_parser(
        "process", help="Stapel lesen, in Dokumente teilen, Felder finden, als PDF/A-3b ablegen"
    )
    batch.add_argument("files", type=Path, nargs="+", metavar="DATEI", help="PDF, TIFF, JPG, PNG")
    batch.add_argument("--out", type=Path, required=True, metavar="ORDNER", help="Ergebnisordner")
    _add_script(batch)
    batch.add_argument("--force", action="store_true", help="vorhandene Ergebnisse überschreiben")
    add_ocr_lines(commands)
    add_search(commands)
    redact = commands.add_parser("redact", help="Personenbezogene Angaben entfernen: PDF/A-3b")
    redact.add_argument("file", type=Path, metavar="DATEI", help="PDF, TIFF, JPG oder PNG")
    redact.add_argument("--profile", required=True, metavar="PROFIL", help=f"{', '.join(PROFILES)}")
    redact.add_argument("--out", type=Path, required=True, metavar="DATEI", help="Ergebnis (PDF)")
    redact.add_argument("--facts", type=Path, metavar="DATEI", help="Namen des Falls (JSON)")
    redact.add_argument("--force", action="store_true", help="vorhandenes Ergebnis überschreiben")
    return parser


def _add_script(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--script",
        type=_script,
        default="auto",
        metavar="SCHRIFT",
        help="auto (Vorgabe), antiqua, typewriter oder fraktur",
    )


def _script(text: str) -> ScriptChoice:
    for choice in SCRIPT_CHOICES:
        if choice == text:
            return choice
    raise InputError(reason="--script muss auto, antiqua, typewriter oder fraktur sein.")
