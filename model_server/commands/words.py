"""Reads the command line; what is wrong with it is said in one German line."""

from __future__ import annotations

import re
from argparse import Action, ArgumentParser, HelpFormatter
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn, get_args

from model_server.commands.call import TASKS
from model_server.commands.outcome import CommandError, one_line
from shared.contracts.model_server import Task
from shared.settings import Settings

_REQUIRED = re.compile(r"the following arguments are required: (.*)")
_MISSING_VALUE = re.compile(r"argument ([^:]+): expected (?:one|at least one) argument")
_UNKNOWN = re.compile(r"unrecognized arguments: (.*)", re.DOTALL)
_CHOICE = re.compile(r"argument ([^:]+): invalid choice: .* \(choose from (.*)\)", re.DOTALL)


class _GermanHelp(HelpFormatter):
    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[Action],
        groups: Iterable[object],
        prefix: str | None = None,
    ) -> None:
        own = "Aufruf (usage): " if prefix is None else prefix
        super().add_usage(usage, actions, groups, own)  # type: ignore[arg-type]


class _GermanParser(ArgumentParser):
    """Raises `CommandError` with German words instead of printing English ones."""

    def __init__(self, **settings: object) -> None:
        super().__init__(
            **settings,  # type: ignore[arg-type]
            formatter_class=_GermanHelp,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("-h", "--help", action="help", help="diese Hilfe zeigen")
        self._optionals.title = "Angaben"
        self._positionals.title = "Reihenfolge"

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{_in_german(message)} Hilfe: {self.prog} --help.")


def build_parser(settings: Settings) -> ArgumentParser:
    """Return the parser of all commands.

    Args:
        settings: Defaults of address and token.
    """
    parser = _GermanParser(
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


def _in_german(message: str) -> str:
    if found := _REQUIRED.match(message):
        return f"Es fehlt: {found[1]}."
    if found := _MISSING_VALUE.match(message):
        return f"Nach {found[1]} fehlt der Wert."
    if found := _UNKNOWN.match(message):
        return f"Unbekannte Angabe {one_line(found[1], 60)}."
    if found := _CHOICE.match(message):
        return f"Für {found[1]} gibt es nur {one_line(found[2], 120)}."
    return "Der Aufruf ist fehlerhaft."
