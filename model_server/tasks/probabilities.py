"""Turn the raw scores of a model into probabilities, or refuse them."""

from __future__ import annotations

import numpy as np

from model_server.runtime import Array

LOGITS_OUTPUT = "logits"
"""An output of this name still needs the softmax."""
_TOLERANCE = 1e-2
"""Of a sum over all classes; half-precision weights are that exact."""


def as_probabilities(scores: Array, *, are_logits: bool) -> Array:
    """Return probabilities along the first axis.

    Args:
        scores: classes x anything.
        are_logits: True when the softmax is still to be taken.

    Raises:
        ValueError: Something is no number, or the scores are no probabilities.
    """
    values = np.asarray(scores, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError("the model returned something that is no number")
    if are_logits:
        powers = np.exp(values - values.max(axis=0, keepdims=True))
        return np.asarray(powers / powers.sum(axis=0, keepdims=True), dtype=np.float32)
    if values.min() < -_TOLERANCE or np.abs(values.sum(axis=0) - 1).max() > _TOLERANCE:
        raise ValueError("the model returned no probabilities")
    return np.clip(values, 0, 1)


def check_scores(scores: Array) -> None:
    """Refuse scores outside 0 to 1: the model has lost its sigmoid, and all would look certain.

    Raises:
        ValueError: At least one is.
    """
    if scores.size and not -_TOLERANCE <= scores.min() <= scores.max() <= 1 + _TOLERANCE:
        raise ValueError("the model returned scores that do not lie between 0 and 1")


def as_unit(score: Array) -> float:
    """Return the one number of an output that lies between 0 and 1.

    Raises:
        ValueError: It is no single number in this range.
    """
    if score.size != 1:
        raise ValueError(f"one number was expected, not {score.shape}")
    value = float(score.reshape(-1)[0])
    if not -_TOLERANCE <= value <= 1 + _TOLERANCE:
        raise ValueError(f"{value} does not lie between 0 and 1")
    return min(1.0, max(0.0, value))
