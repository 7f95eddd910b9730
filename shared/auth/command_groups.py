"""What `python -m shared.auth` is made of: groups of commands, each in a module of its own."""

from __future__ import annotations

from argparse import Namespace, _SubParsersAction  # named in a text below
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Engine

from shared.command_line import GermanParser
from shared.settings import Settings

Parsers: TypeAlias = "_SubParsersAction[GermanParser]"
"""A text, because the class takes no argument when the program runs."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works on.

    Args:
        engine: The database; its schema has been checked.
        settings: Settings of the house.
        options: The words of the call.
        now: The moment of the call, with zone.
    """

    engine: Engine
    settings: Settings
    options: Namespace
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command says.

    Args:
        content: Printed as JSON on stdout.
        problem: A German sentence for stderr, which makes the exit code 2; empty if all is well.
        text: Printed as it is in place of the JSON, for people.
    """

    content: Mapping[str, object]
    problem: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Commands that belong together.

    Args:
        add_parsers: Adds their words.
        commands: What each does, by its first word.
        alone: The same of those that need neither usable settings nor a database.
    """

    add_parsers: Callable[[Parsers], None]
    commands: Mapping[str, Callable[[Context], Answer]]
    alone: Mapping[str, Callable[[Namespace], Answer]] = field(default_factory=dict)
