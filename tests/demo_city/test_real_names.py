"""Acceptance 16: nothing in the demo city has the name of a real place."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.demo_city.city import DemoCity
from shared.demo_city.tables.registry import TABLES
from tests.demo_city.real_names import denied_names, real_names

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("shared/demo_city", "apps/musterstadt")


@pytest.mark.parametrize(
    "text",
    [
        "Lünen", "LÜNEN", "Luenen", "Nach Lünen!", "Castrop Rauxel", "castrop-rauxel",
        "Castrop_Rauxel", "Osnabrueck", "Bad-Iburg", "Heßler", "Hessler Straße", "Dorstenstraße",
        "Recklinghäuser Straße", "Schwerter Str.", "Unnaer-Weg", "Lüner Allee", "Kamener Straße",
        "Bahnhof Georgsmarienhuette", "Gelsenkirchener Platz", "Wittmunderweg", "Hammerstraße",
    ],
)  # fmt: skip
def test_real_places_are_found(text: str) -> None:
    assert real_names([text])


@pytest.mark.parametrize(
    "text",
    ["Werner", "Marlo", "Musterstadt", "Erlenweg", "Kamenz", "Massenbach", "Unnatur", "Hertener"],
)  # fmt: skip
def test_other_words_are_not(text: str) -> None:
    assert not real_names([text])


def test_every_name_of_the_list_is_found() -> None:
    assert len(set(denied_names())) == len(denied_names()) > 200
    assert [name for name in denied_names() if not real_names([name])] == []


@pytest.mark.parametrize("name", TABLES)
def test_tables_name_no_real_place(name: str, city: DemoCity) -> None:
    table = city.table(name)
    plain = table.select_dtypes(include=["object", "string"])
    texts = {text for column in plain for text in plain[column] if isinstance(text, str)}
    assert texts, "a table without any text is not read as it should be"
    assert real_names(texts) == set()


def test_sources_name_no_real_place() -> None:
    found = {str(path): real_names(_texts(path)) for path in _sources()}
    assert len(found) > 100
    assert {name: names for name, names in found.items() if names} == {}


def _sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for pattern in ("*.py", "*.toml"):
            yield from sorted((REPOSITORY / folder).rglob(pattern))


def _texts(path: Path) -> list[str]:
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        return list(_strings(tomllib.loads(content)))
    nodes = ast.walk(ast.parse(content))
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
