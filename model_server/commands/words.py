"""Reads the command line; what is wrong with it is said in one German line."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import NoReturn, get_args

from model_server.commands.call import TASKS
from model_server.commands.outcome import CommandError
from shared.command_line import GermanParser
from shared.contracts.model_server import Task
from shared.settings import Settings


class _Parser(GermanParser):
    def refuse(self, sentence: str) -> NoReturn:
        raise CommandError(sentence)


def build_parser(settings: Settings) -> ArgumentParser:
    """Return the parser of all commands.

    Args:
        settings: Defaults of address and token.
    """
    parser = _Parser(
        prog="python -m model_server", description="Befehle für den Betrieb des Modellservers."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="BEFEHL")
    check = commands.add_parser("check", help="Karten, Prüfsummen, Texte und Größen prüfen")
    check.add_argument("--model", metavar="NAME", help="nur dieses Modell")
    _add_card(commands.add_parser("card", help="Entwurf einer Karte für ein fremdes ONNX-Modell"))
    publish = commands.add_parser("publish", help="Modell in den Speicher von BentoML kopieren")
    publish.add_argument("model", metavar="NAME[:VERSION]", help="ohne Version das neueste")
    _add_call(commands.add_parser("call", help="eine Anfrage an den Modellserver"), settings)
    return parser


def _add_card(card: ArgumentParser) -> None:
    card.add_argument("--from-onnx", type=Path, required=True, metavar="DATEI", help="ONNX-Datei")
    card.add_argument("--out", type=Path, required=True, metavar="ORDNER", help="Modellordner")
    card.add_argument("--name", metavar="NAME", help="Name des Modells; sonst aus dem Dateinamen")
    card.add_argument("--task", choices=get_args(Task), metavar="AUFGABE", help="wenn sie fehlt")


def _add_call(call: ArgumentParser, settings: Settings) -> None:
    call.add_argument("task", choices=TASKS, metavar="AUFGABE", help=", ".join(TASKS))
    call.add_argument("files", nargs="+", type=Path, metavar="DATEI", help="Bilder oder Texte")
    call.add_argument("--options", default="{}", metavar="JSON", help="Optionen als JSON-Objekt")
    call.add_argument("--url", default=settings.model_server_address, help="Adresse des Servers")
    call.add_argument(
        "--token-file",
        type=Path,
        metavar="DATEI",
        help="Datei mit dem Zugangszeichen; ohne sie stellt diese Installation eines aus",
    )
    call.add_argument("--out", type=Path, required=True, metavar="DATEI", help="ganze Antwort")
