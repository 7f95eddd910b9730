"""Keyword arguments that many methods of the clients share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Required, TypedDict

from shared.clients.retry import Stop

Output = Literal["instances", "classes", "probabilities"]
OcrMode = Literal["page", "detect", "lines"]


class CallOptions(TypedDict, total=False):
    """Keyword arguments of every task.

    Args:
        version: Version of the model; the newest if not given.
        timeout_s: Seconds for each request with all its retries; the setting if not given.
        stop: Asked before every request and wait; True ends the call with `Cancelled`.
    """

    version: str
    timeout_s: float
    stop: Stop


class JobOptions(CallOptions, total=False):
    """Keyword arguments of the methods that keep many requests in flight.

    Args:
        in_flight: Most requests at the same time; the client's if not given.
        tiles_per_request: Most items per request, 1 to what the task allows; 4 if not given.
        on_result: Called with each `TileResult` before it is yielded.
    """

    in_flight: int
    tiles_per_request: int
    on_result: Callable[[Any], None]


class SegmentOptions(CallOptions, total=False):
    """Keyword arguments of `segment`.

    Args:
        model: Name in the catalogue, for example "solar".
        gsd_m: Ground sampling distance in metres per pixel; aerial models need it.
        bands: "rgb", or "rgbi" with near infrared as the fourth band.
        min_score: Least score 0-1; None takes the card's.
        max_instances: Most objects per image, 1-500; None takes 200.
    """

    model: Required[str]
    gsd_m: float | None
    bands: Literal["rgb", "rgbi"]
    min_score: float | None
    max_instances: int | None


class SegmentJob(SegmentOptions, JobOptions, total=False):
    """Keyword arguments of `map_segment`."""


class OcrOptions(CallOptions, total=False):
    """Keyword arguments of `ocr`.

    Args:
        model: Name in the catalogue; "ppocrv6_small" if not given.
        min_score: Lines below this score 0-1 are left out of pages; 0.3 if not given.
    """

    model: str
    min_score: float


class OcrJob(OcrOptions, JobOptions, total=False):
    """Keyword arguments of `map_ocr`."""
