"""What the model server says about itself: state, figures, catalogue."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal

import httpx
from pydantic import ValidationError

from shared.clients.checking import error_from_body
from shared.contracts.model_catalog import Catalog
from shared.contracts.model_server import Readiness
from shared.errors import AnswerMismatch

HEALTH_TIMEOUT_S = 2.0
CATALOG_TIMEOUT_S = 10.0
_DEPTH = re.compile(r"^urbanki_queue_depth\{[^}]*\} (\S+)$", re.MULTILINE)
_BUCKET = re.compile(
    r'^urbanki_stage_seconds_bucket\{(?=[^}]*stage="predict")[^}]*le="([^"]+)"[^}]*\} (\S+)$',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """State of the model server.

    Args:
        state: "ready", "starting" or "down"; also down when another program answers.
        waiting_for: Models that are not loaded yet.
        queue: Items waiting in the server; None when unknown.
        p50_ms: Median milliseconds of a prediction since the start; None when unknown.
    """

    state: Literal["ready", "starting", "down"]
    waiting_for: tuple[str, ...] = ()
    queue: int | None = None
    p50_ms: float | None = None


def state_from(answer: httpx.Response) -> ServerHealth:
    """Return what `/readyz` says."""
    readiness = _readiness(answer.content)
    if readiness is None:
        # Another program has the port.
        return ServerHealth("down")
    if not readiness.ready:
        return ServerHealth("starting", tuple(readiness.waiting_for))
    return ServerHealth("ready")


def with_figures(health: ServerHealth, metrics: httpx.Response) -> ServerHealth:
    """Add what `/metrics` says, if this token may see it."""
    if metrics.status_code != HTTPStatus.OK:
        return health
    depths = [float(value) for value in _DEPTH.findall(metrics.text)]
    queue = round(sum(depths)) if depths else None
    return replace(health, queue=queue, p50_ms=_median_ms(metrics.text))


def catalog_from(answer: httpx.Response) -> Catalog:
    """Return what `/models` says.

    Raises:
        UrbanKiError: It is a refusal.
        AnswerMismatch: It is no catalogue.
    """
    if answer.status_code != HTTPStatus.OK:
        raise error_from_body(answer.content)
    try:
        return Catalog.model_validate_json(answer.content)
    except ValidationError as cause:
        raise AnswerMismatch() from cause


def _readiness(body: bytes) -> Readiness | None:
    try:
        return Readiness.model_validate_json(body)
    except ValidationError:
        return None


def _median_ms(text: str) -> float | None:
    """Return the upper edge of the histogram bucket that holds the median, in milliseconds."""
    counts: dict[float, float] = {}
    for edge, count in _BUCKET.findall(text):
        counts[float(edge)] = counts.get(float(edge), 0) + float(count)
    total = counts.get(float("inf"), 0)
    within = [edge for edge, count in sorted(counts.items()) if total and count >= total / 2]
    return within[0] * 1000 if within and within[0] != float("inf") else None
