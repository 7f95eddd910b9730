"""Write plain values as TOML, for recipes that the app itself puts together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(content: Mapping[str, Any]) -> str:
    """Return a TOML document: values of the top first, then tables, then lists of tables.

    Args:
        content: Tables, lists, texts, numbers, truth values and days by their names.

    Raises:
        TypeError: A value has no form in TOML.
    """
    tables = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    lists = {key: value for key, value in content.items() if _is_list_of_tables(value)}
    plain = {key: value for key, value in content.items() if key not in {**tables, **lists}}
    blocks = ["\n".join(_lines(plain))] if plain else []
    blocks += ["\n".join((f"[{_key(key)}]", *_lines(one))) for key, one in tables.items()]
    for key, entries in lists.items():
        blocks += ["\n".join((f"[[{_key(key)}]]", *_lines(one))) for one in entries]
    return "\n\n".join(blocks) + "\n"


def _is_list_of_tables(value: object) -> bool:
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(one, Mapping) for one in value)


def _lines(table: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{_key(key)} = {_value(value)}" for key, value in table.items())


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case date():
            return value.isoformat()
        case Mapping():
            return f"{{ {', '.join(_lines(value))} }}" if value else "{}"
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"TOML has no form for {type(value).__name__}")


def _text(text: str) -> str:
    # JSON escapes all that TOML wants escaped but this one character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
