"""Headless commands: German help and refusals, one safe line for every error, results as JSON."""

from __future__ import annotations

import json
import re
import sys
from argparse import Action, ArgumentParser, HelpFormatter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NoReturn

from shared.errors import InputError, UrbanKiError

_MISSING_VALUE = re.compile(r"argument (\S+): expected")
_REQUIRED = re.compile(r"the following arguments are required: (.*)")
_ONE_OF = re.compile(r"one of the arguments (.*) is required")
_NOT_BOTH = re.compile(r"argument (\S+): not allowed with argument (\S+)")
_UNKNOWN = re.compile(r"unrecognized arguments: (.*)", re.DOTALL)
_CHOICE = re.compile(r"argument (\S+): invalid choice: .* \(choose from (.*)\)", re.DOTALL)
_WRONG = re.compile(r"argument (\S+): invalid .* value: '(.*)'", re.DOTALL)
_LONGEST_WORD, _LONGEST_LINE = 60, 400


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


class GermanParser(ArgumentParser):
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
        """Refuse the words of a call.

        Args:
            message: What argparse says about them.

        Raises:
            InputError: Always.
        """
        for action in self._actions:
            if isinstance(action.choices, Mapping) and _REQUIRED.match(message):
                message = message.replace(str(action.metavar), _either(list(action.choices)))
        self.refuse(f"{_in_german(message)} Hilfe: {self.prog} --help.")

    def refuse(self, sentence: str) -> NoReturn:
        """Raise the error for words that cannot be used.

        Args:
            sentence: What is wrong, in German.

        Raises:
            InputError: Always.
        """
        raise InputError(reason=sentence)


def refusal(error: UrbanKiError) -> str:
    """Return an error and its remedy as one line for people.

    Names of files may hold characters that a terminal would obey: they become question marks.

    Args:
        error: What went wrong.
    """
    line = " ".join(f"{error} {error.remedy}".split())
    line = "".join(one if one.isprintable() else "?" for one in line)
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …"


def print_json(content: object) -> None:
    """Print the result of a command.

    Args:
        content: Moments are written by ISO 8601, other values that JSON does not know as texts.
    """
    text = json.dumps(content, ensure_ascii=False, indent=2, default=_written)
    # Half a surrogate pair is no text for a terminal; this writes it as JSON does.
    text = text.encode(errors="backslashreplace").decode()
    sys.stdout.write(f"{text}\n")


def say(text: str) -> None:
    """Print a text at once, also on a terminal that lacks some of its characters.

    Args:
        text: With its line breaks.
    """
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def _either(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} oder {last}" if first else last


def _in_german(message: str) -> str:
    if found := _REQUIRED.match(message):
        return f"Es fehlt: {found[1]}."
    if found := _ONE_OF.match(message):
        return f"Es fehlt eines von: {', '.join(found[1].split())}."
    if found := _NOT_BOTH.match(message):
        return f"{found[1]} und {found[2]} gehen nicht zusammen."
    if found := _MISSING_VALUE.match(message):
        return f"Nach {found[1]} fehlt der Wert."
    if found := _UNKNOWN.match(message):
        return f"Unbekannte Angabe {found[1][:_LONGEST_WORD]}."
    if found := _CHOICE.match(message):
        choices = found[2].replace("'", "")
        return f"Für {found[1]} gibt es nur {choices}."
    if found := _WRONG.match(message):
        return f"{found[2][:_LONGEST_WORD]} ist kein Wert für {found[1]}."
    return "Der Aufruf ist fehlerhaft."


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
