"""What can be asked of the model server: payloads, calls and the answers they must bring."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

from shared.clients.answers import (
    ChangeResult,
    ClassesResult,
    ClassifyResult,
    EmbedResult,
    Kind,
    LayoutResult,
    OcrLineResult,
    OcrPageResult,
    ProbabilitiesResult,
    SegmentResult,
)
from shared.clients.options import CallOptions, OcrMode, OcrOptions, Output, SegmentOptions
from shared.clients.retry import Stop, never
from shared.contracts.model_server import (
    MAX_LAYOUT_PAGES,
    MAX_LINES,
    MAX_PAIRS,
    MAX_TILES,
    pair_digest,
)

IMAGES = ("images",)
PAIRS = ("before", "after")
TEXTS = ()
# A page runs alone and for seconds: several in one request would share one time limit.
_PAGES_PER_REQUEST = 1
# The longest text takes a busy machine 3 s, and all of a request share one time limit.
_TEXTS_PER_REQUEST = 8
_SEGMENT_KINDS: dict[str, type[Any]] = {
    "instances": SegmentResult,
    "classes": ClassesResult,
    "probabilities": ProbabilitiesResult,
}


@dataclass(frozen=True, slots=True)
class Payload:
    """What is sent for one item.

    Args:
        parts: One encoded image, the two images of a pair, or one text in UTF-8.
    """

    parts: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(map(len, self.parts))

    @property
    def sha256(self) -> str:
        """Hash by which the server's result names this item."""
        if len(self.parts) == 1:
            return hashlib.sha256(self.parts[0]).hexdigest()
        before, after = self.parts
        return pair_digest(before, after)


@dataclass(frozen=True, slots=True)
class Call:
    """What all requests of one call share.

    Args:
        route: Path, for example "/segment".
        names: Names of the form's file parts, one per part of a payload; none for texts in JSON.
        options: Options of the task; entries that are None are left to the server.
        timeout_s: Seconds for each request with all its retries.
        stop: Asked before every request and wait.
    """

    route: str
    names: tuple[str, ...]
    options: Mapping[str, object]
    timeout_s: float
    stop: Stop

    @property
    def task(self) -> str:
        """Name of the task, for example "segment"."""
        return self.route.strip("/")

    @property
    def model(self) -> str:
        """Name of the model that must answer."""
        return str(self.options["model"])

    @property
    def version(self) -> str:
        """Version that must answer; empty when any may."""
        return str(self.options.get("version") or "")

    @property
    def given_options(self) -> dict[str, object]:
        """Options without those that are None."""
        return {key: value for key, value in self.options.items() if value is not None}

    def at_resolution(self, gsd_m: float | None) -> Call:
        """Return the call for another ground sampling distance [m] if it has one at all."""
        if gsd_m is None or "gsd_m" not in self.options:
            return self
        return replace(self, options={**self.options, "gsd_m": gsd_m})


@dataclass(frozen=True, slots=True)
class Task(Generic[Kind]):
    """One kind of work.

    Args:
        call: What to ask.
        kinds: Classes of a good result; the first that fits a value is taken.
        most_per_request: Most items in one request.
    """

    call: Call
    kinds: tuple[type[Kind], ...]
    most_per_request: int


class Tasks:
    """Makes the task of each method of the clients.

    Args:
        timeout_s: Seconds for each request where the caller names none.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    def segment(self, output: Output | None, given: SegmentOptions) -> Task[Any]:
        """Return the task that finds objects or classes; see `SegmentOptions`."""
        options = {
            "model": given["model"],
            "output": output,
            "gsd_m": given.get("gsd_m"),
            "bands": given.get("bands"),
            "min_score": given.get("min_score"),
            "max_instances": given.get("max_instances"),
        }
        kinds = tuple(_SEGMENT_KINDS.values()) if output is None else (_SEGMENT_KINDS[output],)
        return Task(self._call("/segment", IMAGES, options, given), kinds, MAX_TILES)

    def change(self, options: Mapping[str, object], given: CallOptions) -> Task[ChangeResult]:
        """Return the task that compares pairs; options `model`, `gsd_m`, `bands`."""
        return Task(self._call("/change", PAIRS, options, given), (ChangeResult,), MAX_PAIRS)

    def ocr(self, mode: OcrMode, given: OcrOptions) -> Task[Any]:
        """Return the task that reads pages or lines; see `OcrOptions`."""
        options = {
            "model": given.get("model", "ppocrv6_small"),
            "mode": mode,
            "min_score": given.get("min_score"),
        }
        call = self._call("/ocr", IMAGES, options, given)
        if mode == "lines":
            return Task(call, (OcrLineResult,), MAX_LINES)
        return Task(call, (OcrPageResult,), _PAGES_PER_REQUEST)

    def layout(self, options: Mapping[str, object], given: CallOptions) -> Task[LayoutResult]:
        """Return the task that finds regions of pages; options `model`, `min_score`."""
        call = self._call("/layout", IMAGES, options, given)
        return Task(call, (LayoutResult,), MAX_LAYOUT_PAGES)

    def classify(self, options: Mapping[str, object], given: CallOptions) -> Task[ClassifyResult]:
        """Return the task that names images; options `model`, `top`."""
        return Task(self._call("/classify", IMAGES, options, given), (ClassifyResult,), MAX_TILES)

    def embed(self, options: Mapping[str, object], given: CallOptions) -> Task[EmbedResult]:
        """Return the task that turns texts into vectors; options `model`, `kind`."""
        call = self._call("/embed", TEXTS, options, given)
        return Task(call, (EmbedResult,), _TEXTS_PER_REQUEST)

    def embed_images(self, options: Mapping[str, object], given: CallOptions) -> Task[EmbedResult]:
        """Return the task that turns images into vectors; option `model`."""
        return Task(self._call("/embed", IMAGES, options, given), (EmbedResult,), MAX_TILES)

    def _call(
        self,
        route: str,
        names: tuple[str, ...],
        options: Mapping[str, object],
        given: CallOptions,
    ) -> Call:
        return Call(
            route,
            names,
            {"version": given.get("version"), **options},
            given.get("timeout_s", self._timeout_s),
            given.get("stop", never),
        )
