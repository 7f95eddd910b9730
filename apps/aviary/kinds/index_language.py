"""Index expressions over the bands of an image: read without `eval`, computed in float32.

    index = parse_index("(nir - red) / (nir + red)")
    values = evaluate_index(index, {"nir": nir, "red": red})

Numbers, the bands `red green blue nir` and `b1` to `b9`, `+ - * /`, parentheses, `min(a, b)`,
`max(a, b)`, `abs(a)`, and one comparison `< <= > >=` whose result is 1 or 0.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.errors import IndexRefused

MOST_CHARACTERS = 200
MOST_DEPTH = 20
SHOWN_CHARACTERS = 10
NAMES: Final = frozenset({"red", "green", "blue", "nir", *(f"b{n}" for n in range(1, 10))})
LARGEST_NUMBER = 1e9

Values = NDArray[np.float32]
Step = Callable[[Mapping[str, Values]], Values | np.float32]

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|([a-z][a-z0-9]*)|(<=|>=|[-+*/(),<>]))")
_ARITY: Final = {"min": 2, "max": 2, "abs": 1}


@dataclass(frozen=True, slots=True)
class Index:
    """An expression that was read.

    Args:
        text: As somebody wrote it.
        bands: Names of the bands in it.
        compute: Computes it.
    """

    text: str
    bands: frozenset[str]
    compute: Step


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    place: int


def parse_index(text: str) -> Index:
    """Read an expression.

    Args:
        text: Of unknown origin.

    Raises:
        IndexRefused: It is no such expression; names the place.
    """
    if len(text) > MOST_CHARACTERS:
        raise IndexRefused(
            token=text[MOST_CHARACTERS : MOST_CHARACTERS + 10], place=MOST_CHARACTERS + 1
        )
    reader = _Reader(_tokens(text), len(text))
    step = reader.comparison(0)
    reader.end()
    return Index(text, frozenset(reader.bands), step)


def evaluate_index(index: Index, bands: Mapping[str, NDArray[np.number]]) -> Values:
    """Compute an expression; where it has no value, for example x / 0, the result is NaN.

    Args:
        index: What `parse_index` returned.
        bands: Arrays of one shape, at least those that the expression names.

    Raises:
        KeyError: A band is missing.
    """
    named = {name: np.asarray(bands[name], dtype=np.float32) for name in index.bands}
    with np.errstate(all="ignore"):
        values = np.asarray(index.compute(named), dtype=np.float32)
    shape = next(iter(bands.values())).shape
    return np.where(np.isfinite(values), values, np.float32(np.nan)) + np.zeros(shape, np.float32)


def break_classes(
    values: Values, breaks: tuple[float, ...], no_data: int = 255
) -> NDArray[np.uint8]:
    """Return the class of each value: 0 below the first break, 1 from it on, and so on.

    Args:
        values: Any shape; NaN has no class.
        breaks: Rising limits, at most 254.
        no_data: Code where there is no value.

    Raises:
        ValueError: The breaks do not rise, or are too many.
    """
    rising = all(low < high for low, high in itertools.pairwise(breaks))
    if len(breaks) >= no_data or not rising or not np.isfinite(breaks).all():
        message = f"{breaks} are no breaks"
        raise ValueError(message)
    codes = np.searchsorted(np.array(breaks, dtype=np.float32), values, side="right")
    return np.where(np.isnan(values), no_data, codes).astype(np.uint8)


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise IndexRefused(token=text[place : place + SHOWN_CHARACTERS], place=place + 1)
        token = match[match.lastindex or 0]
        found.append(_Token(token, match.end() - len(token)))
        at = match.end()
    return found


class _Reader:
    """Precedence climbing, one method for each level."""

    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens, self._at, self._length = tokens, 0, length
        self.bands: set[str] = set()

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _refuse(self) -> IndexRefused:
        """Return the error about the next token."""
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            return IndexRefused(token=token.text[:SHOWN_CHARACTERS], place=token.place + 1)
        return IndexRefused(token="", place=self._length + 1)

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            raise self._refuse()
        self._at += 1

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._refuse()

    def comparison(self, depth: int) -> Step:
        left = self._sum(depth)
        if self._peek() not in _COMPARISONS:
            return left
        compare = _COMPARISONS[self._take()]
        right = self._sum(depth)
        return lambda bands: _known(compare, left(bands), right(bands))

    def _sum(self, depth: int) -> Step:
        return self._chain(self._product, ("+", "-"), depth)

    def _product(self, depth: int) -> Step:
        return self._chain(self._sign, ("*", "/"), depth)

    def _chain(self, part: Callable[[int], Step], signs: tuple[str, ...], depth: int) -> Step:
        step = part(depth)
        while self._peek() in signs:
            step = _both(_OPERATIONS[self._take()], step, part(depth))
        return step

    def _sign(self, depth: int) -> Step:
        if depth > MOST_DEPTH:
            raise self._refuse()
        if self._peek() != "-":
            return self._value(depth)
        self._at += 1
        step = self._sign(depth + 1)
        return lambda bands: np.negative(step(bands))

    def _value(self, depth: int) -> Step:
        word = self._peek()
        if word == "(":
            self._at += 1
            step = self.comparison(depth + 1)
            self._expect(")")
            return step
        if word in _ARITY:
            return self._function(self._take(), depth)
        if word in NAMES:
            self.bands.add(self._take())
            return lambda bands: bands[word]
        if not word[:1].isdigit() and not word.startswith("."):
            raise self._refuse()
        if float(word) > LARGEST_NUMBER:
            raise self._refuse()
        number = np.float32(self._take())
        return lambda bands: number

    def _function(self, name: str, depth: int) -> Step:
        self._expect("(")
        steps = [self.comparison(depth + 1)]
        for _ in range(_ARITY[name] - 1):
            self._expect(",")
            steps.append(self.comparison(depth + 1))
        self._expect(")")
        if name == "abs":
            return lambda bands: np.abs(steps[0](bands))
        return _both(_OPERATIONS[name], *steps)


Operation = Callable[[Values | np.float32, Values | np.float32], Values | np.float32]

_OPERATIONS: Final[Mapping[str, Operation]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "min": np.minimum,
    "max": np.maximum,
}
_COMPARISONS: Final[Mapping[str, Operation]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def _both(operation: Operation, left: Step, right: Step) -> Step:
    return lambda bands: _finite(operation(left(bands), right(bands)))


def _finite(values: Values | np.float32) -> Values:
    """Return NaN for what is no number, at once: `min(x / 0, 1)` has no value either."""
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def _known(
    compare: Operation, left: Values | np.float32, right: Values | np.float32
) -> Values | np.float32:
    """Compare; what has no value is neither smaller nor larger."""
    known = np.isfinite(left) & np.isfinite(right)
    return np.asarray(np.where(known, compare(left, right), np.nan), dtype=np.float32)
