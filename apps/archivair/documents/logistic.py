"""Fit and serve logistic regressions on sparse features; stored without pickle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.sparse import csr_matrix

Values = NDArray[np.float64]
MOST_STEPS = 80


def softmax(scores: Values) -> Values:
    """Return probabilities per row.

    Args:
        scores: Shape (n, classes).
    """
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float64)


def sigmoid(odds: Values) -> Values:
    """Return probabilities of log-odds.

    Args:
        odds: Any shape.
    """
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -40, 40))), dtype=np.float64)


def fit_softmax(
    features: csr_matrix, labels: NDArray[np.int64], classes: int, ridge: float
) -> Values:
    """Return the coefficients of a multinomial logistic regression.

    Args:
        features: Shape (n, k); the last column should be constant.
        labels: Class of each row, shape (n,).
        classes: Number of classes.
        ridge: Penalty of the squared coefficients per row.

    Returns:
        Shape (k, classes).
    """
    count, width = features.shape
    truth = np.zeros((count, classes))
    truth[np.arange(count), labels] = 1.0
    turned = features.T.tocsr()

    def loss(flat: Values) -> tuple[float, Values]:
        weights = flat.reshape(width, classes)
        scores = features @ weights
        top = scores.max(axis=1, keepdims=True)
        logs = scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
        slope = turned @ (np.exp(logs) - truth) / count + ridge * weights
        value = -(truth * logs).sum() / count + ridge / 2 * float((weights**2).sum())
        return float(value), slope.ravel()

    found = minimize(
        loss,
        np.zeros(width * classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MOST_STEPS},
    )
    return np.asarray(found.x, dtype=np.float64).reshape(width, classes)


def fit_temperature(scores: Values, labels: NDArray[np.int64]) -> float:
    """Return the number by which scores are divided so that probabilities fit the shares.

    Temperature scaling after Guo et al. 2017 (arXiv:1706.04599).

    Args:
        scores: Scores of held-back rows, shape (n, classes).
        labels: Their classes.
    """

    def loss(log_temperature: float) -> float:
        chances = softmax(scores / np.exp(log_temperature))
        return float(-np.log(np.maximum(chances[np.arange(len(labels)), labels], 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 3.0), method="bounded").x))


def fit_binary(features: Values, right: Values, ridge: float = 1e-3) -> Values:
    """Return constant and factors of a logistic regression.

    Args:
        features: Shape (n, k).
        right: Zeros and ones, shape (n,).
        ridge: Penalty of the squared factors per row; the constant goes free.

    Returns:
        Shape (k + 1,), the constant first.
    """
    design = np.column_stack([np.ones(len(features)), features])
    free = np.ones(design.shape[1])
    free[0] = 0.0

    def loss(factors: Values) -> tuple[float, Values]:
        odds = design @ factors
        value = float(np.mean(np.logaddexp(0, odds) - right * odds))
        slope = design.T @ (sigmoid(odds) - right) / len(right)
        penalty = ridge / 2 * float((free * factors**2).sum())
        return value + penalty, slope + ridge * free * factors

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, dtype=np.float64)


def predict_binary(factors: Sequence[float] | Values, features: Values) -> Values:
    """Return probabilities of a binary regression.

    Args:
        factors: What `fit_binary` returned.
        features: Shape (n, k).
    """
    weights = np.asarray(factors, dtype=np.float64)
    return sigmoid(weights[0] + features @ weights[1:])
