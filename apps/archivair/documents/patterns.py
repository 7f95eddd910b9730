"""Read `patterns.toml`: labels of fields and what may follow them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from apps.archivair.documents.folding import fold_word

PATTERNS_FILE = Path(__file__).with_name("patterns.toml")
FIELD_NAMES = (
    "aktenzeichen", "datum_antrag", "datum_genehmigung", "datum_abnahme", "strasse", "hausnummer",
    "plz", "ort", "gemarkung", "flur", "flurstueck_zaehler", "flurstueck_nenner", "bauherr",
    "entwurfsverfasser", "vorhaben", "gebaeudeklasse", "massstab", "plan_nr", "gebuehr_betrag",
    "gebuehr_waehrung", "gutachter",
)  # fmt: skip
LEAST_LIKENESS = 0.8
_EXACT_UP_TO, _ONE_ERROR_UP_TO = 4, 6
_MOST_WORDS = 5
FIGURE_GRAMMARS = frozenset({"whole", "parcel", "code"})
"""What follows these labels looks like little else, so that a label may be misread."""
_SHORTEST_MISREAD = 4
_LOOKS_ALIKE = str.maketrans("ij1tfrcae0uvkgq", "lllrrroooonnhqq")
_ABBREVIATION, _AFTER_ABBREVIATION = 2, (".", ":", " ", "")
_WORD = re.compile(r"[^\W\d_](?:[^\s:\d]|\d(?=[^\W\d_]))*|\d+")
_MISREAD = str.maketrans({"0": "o", "1": "l", "5": "s", "8": "b"})


@dataclass(frozen=True, slots=True)
class Rule:
    """Labels and the value that may follow them.

    Args:
        name: Name of the rule.
        grammar: Grammar of the value; empty when the value is no field.
        labels: Labels as they are written.
        field: Field of a grammar with one part.
        classes: Classes of pages where the rule is at home; empty for all.
        search: Whether the value may stand anywhere in the rest of the line.
        below: Whether the value may stand under the label.
        shared: Whether the value is the same in the whole file.
    """

    name: str
    grammar: str
    labels: tuple[str, ...]
    field: str = ""
    classes: tuple[str, ...] = ()
    search: bool = False
    below: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class LabelHit:
    """A label in a text.

    Args:
        start: First character.
        end: Behind the last character.
        likeness: 0.8 to 1.
        length: Letters of the label.
        rules: Names of the rules with this label.
    """

    start: int
    end: int
    likeness: float
    length: int
    rules: tuple[str, ...]


class Patterns:
    """All rules, ready to search texts for their labels."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = {rule.name: rule for rule in rules}
        by_label: dict[str, list[str]] = {}
        for rule in rules:
            for label in rule.labels:
                names = by_label.setdefault(_joined(label), [])
                if rule.name not in names:
                    names.append(rule.name)
        self._labels = sorted(by_label)
        self._rules = [tuple(by_label[label]) for label in self._labels]
        self._least = np.array([_least_likeness(label) for label in self._labels])
        self._shapes = {
            shape: number
            for number, label in enumerate(self._labels)
            if len(label) == _SHORTEST_MISREAD
            and all(self.rules[name].grammar in FIGURE_GRAMMARS for name in by_label[label])
            for shape in [label.translate(_LOOKS_ALIKE)]
        }

    def find_labels(self, text: str) -> list[LabelHit]:
        """Return the labels of a text from left to right, none overlapping another.

        Args:
            text: Text of a cell.
        """
        windows = _windows(text)
        if not windows:
            return []
        likeness = process.cdist(
            [joined for _, _, joined in windows],
            self._labels,
            scorer=Levenshtein.normalized_similarity,
            score_cutoff=LEAST_LIKENESS,
        )
        found = []
        for window, label in zip(*np.nonzero(likeness >= self._least), strict=True):
            start, end, _ = windows[window]
            length = len(self._labels[label])
            closed = text[end - 1] == "." or text[end : end + 1] in _AFTER_ABBREVIATION
            if length <= _ABBREVIATION and not closed:
                continue
            hit = LabelHit(start, end, float(likeness[window, label]), length, self._rules[label])
            found.append(hit)
        found += self._misread(windows)
        return _without_overlaps(found)

    def _misread(self, windows: Sequence[tuple[int, int, str]]) -> Iterator[LabelHit]:
        """Yield short labels of figures of which letters were taken for others that look alike."""
        for start, end, joined in windows:
            label = self._shapes.get(joined.translate(_LOOKS_ALIKE), -1)
            if label >= 0 and joined != self._labels[label]:
                yield LabelHit(start, end, LEAST_LIKENESS, len(joined), self._rules[label])


def read_patterns(content: str) -> Patterns:
    """Return the rules of a file.

    Args:
        content: Text of a file such as `patterns.toml`.

    Raises:
        ValueError: The file is no TOML or names no labels.
    """
    rules = []
    for entry in tomllib.loads(content)["rule"]:
        if not entry.get("labels") or (entry.get("field", "") not in ("", *FIELD_NAMES)):
            raise ValueError(f"Rule {entry.get('name', '?')!r} names no labels or no known field.")
        lists = {key: tuple(entry.get(key, ())) for key in ("labels", "classes")}
        flags = {key: bool(entry.get(key, False)) for key in ("search", "below", "shared")}
        rules.append(
            Rule(
                name=entry["name"],
                grammar=entry["grammar"],
                labels=lists["labels"],
                field=entry.get("field", ""),
                classes=lists["classes"],
                search=flags["search"],
                below=flags["below"],
                shared=flags["shared"],
            )
        )
    return Patterns(rules)


@lru_cache(maxsize=1)
def default_patterns() -> Patterns:
    """Return the rules of the package."""
    return read_patterns(PATTERNS_FILE.read_text(encoding="utf-8"))


def _joined(text: str) -> str:
    return fold_word(text).replace(" ", "")


def _least_likeness(label: str) -> float:
    if len(label) <= _EXACT_UP_TO:
        return 1.0
    return 1 - 1 / len(label) if len(label) <= _ONE_ERROR_UP_TO else LEAST_LIKENESS


def _windows(text: str) -> list[tuple[int, int, str]]:
    """Return one to five neighbouring words with their places, joined as labels are compared."""
    words = []
    for match in _WORD.finditer(text):
        folded = _joined(match[0])
        if folded and not folded[0].isdigit():
            # A figure inside a word is a misread letter.
            folded = folded.translate(_MISREAD)
            words.append((match.start(), match.end(), folded))
    found = []
    for first in range(len(words)):
        joined = ""
        for last in range(first, min(first + _MOST_WORDS, len(words))):
            joined += words[last][2]
            found.append((words[first][0], words[last][1], joined))
    return found


def _without_overlaps(found: Sequence[LabelHit]) -> list[LabelHit]:
    kept: list[LabelHit] = []
    for hit in sorted(found, key=lambda one: -one.length * one.likeness**4):
        if all(hit.end <= one.start or one.end <= hit.start for one in kept):
            kept.append(hit)
    return sorted(kept, key=lambda one: one.start)
