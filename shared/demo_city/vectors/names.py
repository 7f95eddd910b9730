"""Names of the streets: invented, by district, with the cases that make addresses hard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from shapely import STRtree

from shared.demo_city.vectors.frames import dot

if TYPE_CHECKING:
    from shared.demo_city.vectors.streets import Street

REACH_M: Final = 16.0
STRAIGHT_ON: Final = 0.9
"""Cosine of the largest angle at which one street goes on as another one."""
WORDS: Final[dict[int, tuple[str, str]]] = {
    1: (
        "Töpfer Seiler Gerber Küfer Färber Glocken Kloster Brunnen Kram Salz Fisch Korn "
        "Schmiede Schul Pfarr Wall Mauer Turm Linden Roß Schloß",
        "gasse straße hof winkel",
    ),
    2: (
        "Signal Weichen Post Lok Güter Schranken Gleis Heizer Pendler Koffer Fahrplan Dampf",
        "straße weg ring",
    ),
    3: (
        "Amsel Drossel Finken Meisen Star Lerchen Schwalben Kiebitz Reiher Falken "
        "Zeisig Pirol Dohlen Specht",
        "weg straße ring",
    ),
    4: (
        "Ahorn Birken Buchen Erlen Eschen Ulmen Weiden Kastanien Holunder Schlehen "
        "Weißdorn Flieder Rosen Nelken Astern Dahlien Malven Tulpen Apfel Kirsch "
        "Quitten Mispel",
        "weg straße hain grund",
    ),
    5: (
        "Sonnen Wiesen Feld Hügel Garten Brücken Süd Ost Morgen Spiel",
        "ring straße zeile platz",
    ),
    6: (
        "Schlosser Dreher Former Gießer Werkzeug Feilen Amboß Turbinen Motor Zahnrad",
        "straße weg damm",
    ),
    7: (
        "Treidel Schleusen Anker Boots Fähr Kahn Ufer Hafen Lotsen Segel Steuer Kapitän",
        "weg straße kai pfad",
    ),
    8: (
        "Hof Back Mühlen Eichen Kuh Heide Dresch Schaf Imker Kapellen",
        "weg gasse kamp straße",
    ),
}
"""First parts and endings by the number of the district; the first ending is taken up first."""
SPECIAL: Final[dict[int, tuple[str, ...]]] = {
    1: ("Große Gasse", "Grosse-Gasse", "Schloßstraße", "Schlossstraße"),
    2: ("Anna-Lindhorst-Straße", "Karl-Wendebrink-Weg"),
    3: ("Elsa-Tormöhlen-Straße", "Doktor-Bramfeld-Weg"),
    5: ("Minna-Kesselhut-Ring", "An der Alten Ziegelei"),
    6: ("Alfred-Osterhues-Straße", "Zur Gießhalle"),
    7: ("Am Treidelpfad", "Hinter dem Hafen"),
    8: ("Im Wiesengrund", "Am Teich"),
}
"""Names taken first, among them pairs that differ by little: ß and ss, a hyphen, a blank."""
FORMER_NAMES: Final = {"Anna-Lindhorst-Straße": "Kaiserstraße"}
"""Streets that got another name, with the name before."""


def name_streets(streets: Sequence[Street]) -> tuple[Street, ...]:
    """Give every street a name; pieces of one street share it.

    Args:
        streets: Streets; those that have a name keep it.

    Returns:
        The streets in their order, named.
    """
    of_group = _groups(streets)
    taken = {street.name for street in streets if street.name}
    waiting = {number: _names(number, taken) for number in sorted({s.district for s in streets})}
    names: dict[int, str] = {}
    named = []
    for street, group in zip(streets, of_group, strict=True):
        if not street.name and group not in names:
            names[group] = next(waiting[street.district])
        name = street.name or names[group]
        named.append(replace(street, name=name, former_name=FORMER_NAMES.get(name, "")))
    return tuple(named)


def _names(district: int, taken: set[str]) -> Iterator[str]:
    """Yield names nobody else has; after the last one numbers follow, as on estates."""
    words, endings = WORDS.get(district, WORDS[4])
    for name in SPECIAL.get(district, ()):
        if name not in taken:
            taken.add(name)
            yield name
    for ending in endings.split():
        for word in words.split():
            name = word + ending
            if name not in taken:
                taken.add(name)
                yield name
    number = 1
    while True:
        name = f"Weg {number}"
        number += 1
        if name not in taken:
            taken.add(name)
            yield name


def _groups(streets: Sequence[Street]) -> list[int]:
    """Return for each street the first street of the same run of pieces."""
    ends = [
        (np.array(street.line.coords[at]), _outward(street, at), index)
        for index, street in enumerate(streets)
        for at in (0, -1)
        if not street.name and not (street.is_stub and at == -1)
    ]
    first = list(range(len(streets)))
    if not ends:
        return first
    tree = STRtree([streets[index].line.boundary for _, _, index in ends])
    for place, outward, index in ends:
        for other in sorted(tree.query(streets[index].line.buffer(REACH_M))):
            there, its_way, other_index = ends[other]
            if other_index == index or streets[index].district != streets[other_index].district:
                continue
            near = float(np.hypot(*(there - place))) <= REACH_M
            if near and float(dot(outward, its_way)) < -STRAIGHT_ON:
                _unite(first, index, other_index)
    return [_root(first, index) for index in range(len(streets))]


def _outward(street: Street, at: int) -> np.ndarray:
    end, before = (np.array(street.line.coords[i]) for i in ((0, 1) if at == 0 else (-1, -2)))
    way: np.ndarray = (end - before) / np.hypot(*(end - before))
    return way


def _root(first: list[int], index: int) -> int:
    while first[index] != index:
        index = first[index]
    return index


def _unite(first: list[int], one: int, other: int) -> None:
    low, high = sorted((_root(first, one), _root(first, other)))
    first[high] = low
