"""The words of `python -m shared.store`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from shared.command_line import GermanParser


def build_parser() -> ArgumentParser:
    """Return the parser of all commands."""
    parser = GermanParser(
        prog="python -m shared.store",
        description="Datenbank und Dateien: prüfen, sichern, aufräumen, löschen.",
    )
    commands = parser.add_subparsers(dest="command", metavar="BEFEHL", required=True)
    commands.add_parser("migrate", help="Tabellen auf die Fassung dieses Programms bringen")
    commands.add_parser("check", help="Datenbank und Ablage der Dateien ansprechen")
    backup = commands.add_parser("backup", help="im laufenden Betrieb sichern")
    backup.add_argument("--out", type=Path, required=True, metavar="DATEI", help="neue ZIP-Datei")
    restore = commands.add_parser("restore", help="in eine leere Installation zurückspielen")
    restore.add_argument("file", type=Path, metavar="DATEI", help="Sicherung")
    commands.add_parser("verify", help="alle Dateien lesen und mit der Datenbank vergleichen")
    commands.add_parser("purge", help="entfernen, was seine Frist überschritten hat")
    _add_delete(commands.add_parser("delete", help="löschen und nachweisen, dass nichts blieb"))
    provenance = commands.add_parser("provenance", help="sagen, woher eine Datei kommt")
    provenance.add_argument("file", type=Path, metavar="DATEI", help="ausgegebene Datei")
    return parser


def _add_delete(delete: ArgumentParser) -> None:
    what = delete.add_mutually_exclusive_group(required=True)
    what.add_argument("--app", metavar="ID", help="alles einer Anwendung, in allen Kommunen")
    what.add_argument("--tenant", metavar="NAME", help="alles einer Kommune")
    what.add_argument("--run", metavar="KENNUNG", help="einen Auftrag mit seinen Ergebnissen")
    delete.add_argument(
        "--force", action="store_true", help="auch, wenn andere einen Datensatz daraus nutzen"
    )
