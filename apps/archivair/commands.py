"""The words of the headless command, read with German errors."""

from __future__ import annotations

import re
from argparse import Action, ArgumentParser, HelpFormatter
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from apps.archivair.errors import ScriptNotAvailable
from apps.archivair.script import ScriptChoice
from shared.errors import InputError

_MISSING_VALUE = re.compile(r"argument (\S+): expected")
_REQUIRED = re.compile(r"the following arguments are required: (.*)")
_UNKNOWN = re.compile(r"unrecognized arguments: (.*)")
_SCRIPTS: dict[str, ScriptChoice] = {
    "auto": "auto",
    "antiqua": "antiqua",
    "typewriter": "typewriter",
}


def build_parser() -> ArgumentParser:
    """Return the parser of `ocr`."""
    parser = _GermanParser(
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
    return parser


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
    """Raises `InputError` with German words instead of printing English ones."""

    def __init__(self, **settings: object) -> None:
        super().__init__(
            **settings,  # type: ignore[arg-type]
            formatter_class=_GermanHelp,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("-h", "--help", action="help", help="diese Hilfe zeigen")
        self._optionals.title = "Angaben"
        self._positionals.title = "Befehle"

    def error(self, message: str) -> NoReturn:
        raise InputError(reason=f"{_in_german(message)} Hilfe: {self.prog} --help.")


def _in_german(message: str) -> str:
    if found := _REQUIRED.match(message):
        return f"Es fehlt: {found[1].replace('BEFEHL', 'ocr')}."
    if found := _MISSING_VALUE.match(message):
        return f"Nach {found[1]} fehlt der Wert."
    if found := _UNKNOWN.match(message):
        return f"Unbekannte Angabe {found[1][:60]}."
    if "invalid choice" in message:
        return "Den Befehl gibt es nicht. Es gibt ocr."
    return "Der Aufruf ist fehlerhaft."


def _script(text: str) -> ScriptChoice:
    if text == "fraktur":
        raise ScriptNotAvailable()
    if text not in _SCRIPTS:
        raise InputError(reason="--script muss auto, antiqua oder typewriter sein.")
    return _SCRIPTS[text]
