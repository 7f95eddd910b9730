"""Which places of an image look like some chosen ones; vectors in, scores out.

The image is cut into squares of half a cell's side. A cell is four of them, so neighbouring cells
overlap by half and share what was seen; it is as similar as the best of its squares. What
all places of the image have in common says nothing and is taken off first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LEAST_COUNTER_EXAMPLES = 2
"""From so many on a boundary is drawn; before, nearness to the examples counts alone."""
RIDGE = 0.3
STEEPNESS = 5.0
"""Length of the weights from which the boundary starts; scores then run from near 0 to near 1."""
DECORRELATION_RIDGE = 10.0
"""Added to the covariance, as a multiple of its mean variance; between 3 and 30 little changes."""
SCORE_DIGITS = 5
MOST_STEPS = 100
ENOUGH = 1e-9

Vectors = NDArray[np.floating]
Scores = NDArray[np.float32]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Space:
    """What vectors are compared in: without what all places of the image have in common.

    Args:
        mean: Mean of all vectors of the image, shape (n,).
        turn: Turns differences from the mean, shape (n, n).
    """

    mean: Values
    turn: Values

    def directions(self, vectors: Vectors) -> Values:
        """Return vectors of length 1, shape (places, n)."""
        turned = (vectors.astype(np.float64) - self.mean) @ self.turn
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        return np.asarray(turned / np.maximum(length, ENOUGH))


def find_space(chunks: Iterable[Vectors]) -> Space:
    """Learn from all places of an image what tells them apart.

    Directions in which places differ often are weighed less (Hariharan, Malik, Ramanan 2012,
    doi:10.1007/978-3-642-33765-9_33), by the covariance plus a ridge.

    Args:
        chunks: Vectors of shape (places, n); at least one place.
    """
    count, total, squares = 0, np.zeros(1), np.zeros((1, 1))
    for chunk in chunks:
        values = chunk.astype(np.float64)
        count += len(values)
        total = total + values.sum(axis=0)
        squares = squares + values.T @ values
    mean = total / count
    covariance = squares / count - np.outer(mean, mean)
    ridge = DECORRELATION_RIDGE * float(np.trace(covariance)) / len(mean)
    covariance[np.diag_indices_from(covariance)] += max(ridge, ENOUGH)
    return Space(mean, np.linalg.inv(np.linalg.cholesky(covariance)).T)


@dataclass(frozen=True, slots=True)
class Ranking:
    """How similar a vector is to the examples.

    Args:
        space: What vectors are compared in.
        weights: Weight of each number of a vector, shape (n,).
        offset: Added to the weighted sum; None where the sum itself is the score.
    """

    space: Space
    weights: Values
    offset: float | None

    def scores(self, vectors: Vectors) -> Scores:
        """Return how similar vectors are, 0 to 1, rounded so that no order hangs on the processor.

        Args:
            vectors: Shape (places, n).
        """
        sums = self.space.directions(vectors) @ self.weights
        scores = np.clip(sums, 0, 1) if self.offset is None else _logistic(sums + self.offset)
        return np.asarray(scores.round(SCORE_DIGITS), dtype=np.float32)


def fit(examples: Vectors, counter_examples: Vectors, space: Space) -> Ranking:
    """Learn what the examples have in common.

    Below two counter-examples: cosine to the mean direction of the examples. From then on:
    logistic regression, both sides weighed alike, with a ridge that holds the weights near that
    direction, so that few counter-examples turn it only a little.

    Args:
        examples: Shape (places, n), at least one.
        counter_examples: Shape (places, n), perhaps none.
        space: What vectors are compared in.
    """
    near = space.directions(examples)
    common = near.mean(axis=0)
    common /= max(float(np.linalg.norm(common)), ENOUGH)
    if len(counter_examples) < LEAST_COUNTER_EXAMPLES:
        return Ranking(space, common, None)
    far = space.directions(counter_examples)
    weights, offset = _separate(near, far, STEEPNESS * common)
    return Ranking(space, weights, offset)


def _logistic(sums: Values) -> Values:
    return np.asarray(0.5 + 0.5 * np.tanh(sums / 2))


def _separate(near: Values, far: Values, start: Values) -> tuple[Values, float]:
    """Minimise the logistic loss plus a ridge around `start` by Newton's method.

    All happens in the few dimensions that the examples span: the ridge keeps all others at the
    start.
    """
    places = np.concatenate([near, far])
    side = np.repeat([1.0, -1.0], [len(near), len(far)])
    weight = np.repeat([0.5 / len(near), 0.5 / len(far)], [len(near), len(far)]) * len(places)
    basis = np.linalg.qr(places.T)[0]
    inputs = np.column_stack([places @ basis, np.ones(len(places))])
    origin = np.append(start @ basis, 0.0)
    ridge = np.append(np.full(basis.shape[1], RIDGE), ENOUGH)
    found = origin.copy()
    for _ in range(MOST_STEPS):
        wrong = _logistic(-side * (inputs @ found))
        slope = inputs.T @ (-side * weight * wrong) + ridge * (found - origin)
        bend = inputs.T @ (inputs * (weight * wrong * (1 - wrong))[:, None]) + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        found -= step * min(1.0, STEEPNESS / max(float(np.abs(step).max()), ENOUGH))
        if float(np.abs(step).max()) < ENOUGH:
            break
    return start + basis @ (found[:-1] - origin[:-1]), float(found[-1])


@dataclass(frozen=True, slots=True)
class SquareGrid:
    """The squares of an image.

    Args:
        x0: Left edge of each column [px].
        y0: Upper edge of each row [px].
        side: Width and height of a square [px].
    """

    x0: tuple[int, ...]
    y0: tuple[int, ...]
    side: tuple[int, int]

    @classmethod
    def over(cls, width: int, height: int, side_px: int) -> SquareGrid:
        """Cover an image; the last column and row end at its edge and may overlap the others.

        Args:
            width: Columns of the image [px].
            height: Rows of the image [px].
            side_px: Side of a square [px]; a smaller image has smaller ones.
        """
        side = min(side_px, width), min(side_px, height)
        return cls(_edges(width, side[0]), _edges(height, side[1]), side)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.y0), len(self.x0)

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return the edges of a square [px]."""
        x0, y0 = self.x0[column], self.y0[row]
        return x0, y0, x0 + self.side[0], y0 + self.side[1]

    def inside(self, box: tuple[int, int, int, int]) -> list[tuple[int, int]]:
        """Return row and column of all squares that lie wholly in a window [px]."""
        rows = [n for n, y in enumerate(self.y0) if box[1] <= y and y + self.side[1] <= box[3]]
        columns = [n for n, x in enumerate(self.x0) if box[0] <= x and x + self.side[0] <= box[2]]
        return [(row, column) for row in rows for column in columns]


def _edges(length: int, side: int) -> tuple[int, ...]:
    edges = list(range(0, length - side + 1, side))
    if edges[-1] + side < length:
        edges.append(length - side)
    return tuple(edges)


@dataclass(frozen=True, slots=True)
class RankedCell:
    """A cell in the order of similarity.

    Args:
        score: 0 to 1.
        box: Left, upper, right, lower edge [px].
    """

    score: float
    box: tuple[int, int, int, int]


def rank_cells(
    grid: SquareGrid, scores: Scores, known: Sequence[tuple[float, float]], most: int
) -> Iterator[RankedCell]:
    """Give the most similar cells, each place once.

    Args:
        grid: The squares.
        scores: Of each square, shape (rows, columns); NaN where nothing is known.
        known: Places [px] that need no showing: squares around them never make a cell.
        most: Number of cells.

    Yields:
        Cells, the best first, equal ones from the top; no two show the same best square.
    """
    free = np.where(np.isnan(scores), -1.0, scores)
    for x, y in known:
        rows = [n for n, y0 in enumerate(grid.y0) if _near(y, y0, grid.side[1])]
        columns = [n for n, x0 in enumerate(grid.x0) if _near(x, x0, grid.side[0])]
        free[np.ix_(rows, columns)] = -1.0
    cells = sorted(_cells(free), key=lambda one: (-one[0], -one[1], one[2]))
    shown: set[tuple[int, int]] = set()
    for best, _, spans, square in cells:
        if len(shown) == most or best < 0:
            return
        if square not in shown:
            shown.add(square)
            (top, bottom), (left, right) = spans
            x0, y0, _, _ = grid.box(top, left)
            _, _, x1, y1 = grid.box(bottom, right)
            yield RankedCell(float(best), (x0, y0, x1, y1))


Spans = tuple[tuple[int, int], tuple[int, int]]


def _cells(scores: Scores) -> Iterator[tuple[float, float, Spans, tuple[int, int]]]:
    """Give best score, mean score, first and last row and column, and best square of each cell."""
    rows, columns = (list(pairwise(range(one))) or [(0, 0)] for one in scores.shape)
    for top, bottom in rows:
        for left, right in columns:
            part = scores[top : bottom + 1, left : right + 1]
            row, column = divmod(int(part.argmax()), part.shape[1])
            yield (
                float(part[row, column]),
                float(part.mean()),
                ((top, bottom), (left, right)),
                (top + row, left + column),
            )


def _near(place: float, edge: int, side: int) -> bool:
    """Tell whether a square begins within half its side around the square centred on a place."""
    return abs(edge + side / 2 - place) < side
