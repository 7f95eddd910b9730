"""Reads the values of a foreign file's metadata; everything in them may be hostile."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping
from typing import Any

from model_server.commands.outcome import CommandError, one_line

MAX_CLASSES = 255


class Metadata:
    """Reads single values, JSON or Python literals.

    Args:
        entries: Texts by key; None for one that is too long to be read.
    """

    def __init__(self, entries: Mapping[str, str | None]) -> None:
        self._entries = entries

    def value(self, *keys: str) -> Any:  # noqa: ANN401  # any JSON value
        """Return the value of the first key that is there, None without any."""
        key = next((key for key in keys if key in self._entries), None)
        if key is None:
            return None
        text = self._entries[key]
        if text is None:
            raise CommandError(f"Die Angabe {key} in der Datei ist zu lang.")
        try:
            return json.loads(text, parse_constant=float)
        except (ValueError, RecursionError):
            pass
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return text.strip()

    def text(self, *keys: str) -> str | None:
        """Return a short text."""
        value = self.value(*keys)
        return one_line(value, 80) if isinstance(value, str) else None

    def number(self, key: str, low: float, high: float) -> float | None:
        """Return a number between two limits."""
        value = self.value(key)
        return None if value is None else _number(key, value, low, high)

    def numbers(self, key: str, count: int, low: float, high: float) -> tuple[float, ...] | None:
        """Return as many numbers as there are bands."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or len(value) != count:
            raise CommandError(f"Die Angabe {key} in der Datei braucht {count} Zahlen.")
        return tuple(_number(key, one, low, high) for one in value)

    def class_names(self) -> tuple[str, ...] | None:
        """Return the names of the classes; their numbers must run from 0 without a gap."""
        value = self.value("class_names", "names")
        if value is None:
            return None
        if isinstance(value, list | tuple):
            value = dict(enumerate(value))
        try:
            named = {int(key): name for key, name in value.items()}
        except (AttributeError, ValueError, TypeError, OverflowError) as cause:
            raise CommandError("Die Namen der Klassen in der Datei sind unbrauchbar.") from cause
        if not 1 <= len(named) <= MAX_CLASSES or sorted(named) != list(range(len(named))):
            line = f"Die Klassen der Datei müssen von 0 an gezählt sein, höchstens {MAX_CLASSES}."
            raise CommandError(line)
        names = [named[number] for number in range(len(named))]
        if not all(isinstance(name, str) for name in names):
            raise CommandError("Die Namen der Klassen in der Datei sind keine Texte.")
        return tuple(one_line(name, 80) or "?" for name in names)


def _number(key: str, value: object, low: float, high: float) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = math.nan
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and low <= value <= high):  # type: ignore[operator]
        edges = f"{low:g} bis {high:g}".replace(".", ",")
        raise CommandError(f"Die Angabe {key} in der Datei ist keine Zahl von {edges}.")
    return float(value)  # type: ignore[arg-type]
