"""The client of the model server for event loops; see `model_server` for what it promises.

    async with AsyncModelServerClient(settings) as client:
        async for tile in client.map_segment(tiles, model="solar", gsd_m=0.2, output="instances"):
            ...

A job that is left before its end should be closed (`contextlib.aclosing`), so that its requests end
at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import Any, Literal, Unpack, overload

from shared.clients.answers import (
    ChangeResult,
    ClassesResult,
    ClassifyResult,
    EmbedResult,
    LayoutResult,
    OcrLineResult,
    OcrPageResult,
    ProbabilitiesResult,
    SegmentResult,
)
from shared.clients.calls import Payload
from shared.clients.connection import AsyncConnection
from shared.clients.jobs import PairInput, TileInput, TileResult
from shared.clients.model_server import Images, Segmented
from shared.clients.options import (
    CallOptions,
    JobOptions,
    OcrJob,
    OcrMode,
    OcrOptions,
    Output,
    SegmentJob,
    SegmentOptions,
)
from shared.contracts.model_server import ItemFailed

Tiles = Iterable[TileInput] | AsyncIterable[TileInput]


class AsyncModelServerClient(AsyncConnection):
    """Talk to the one model server of this installation; see `Connection` for the arguments."""

    @overload
    async def segment(
        self, images: Images, *, output: Literal["instances"], **call: Unpack[SegmentOptions]
    ) -> list[SegmentResult | ItemFailed]: ...
    @overload
    async def segment(
        self, images: Images, *, output: Literal["classes"], **call: Unpack[SegmentOptions]
    ) -> list[ClassesResult | ItemFailed]: ...
    @overload
    async def segment(
        self, images: Images, *, output: Literal["probabilities"], **call: Unpack[SegmentOptions]
    ) -> list[ProbabilitiesResult | ItemFailed]: ...
    @overload
    async def segment(
        self, images: Images, *, output: None = None, **call: Unpack[SegmentOptions]
    ) -> list[Segmented]: ...
    async def segment(
        self, images: Images, *, output: Output | None = None, **call: Unpack[SegmentOptions]
    ) -> list[Any]:
        """Find objects, or the class of each pixel; see `ModelServerClient.segment`."""
        return await self._send(self._tasks.segment(output, call), images)

    @overload
    def map_segment(
        self, tiles: Tiles, *, output: Literal["instances"], **job: Unpack[SegmentJob]
    ) -> AsyncGenerator[TileResult[SegmentResult | ItemFailed], None]: ...
    @overload
    def map_segment(
        self, tiles: Tiles, *, output: Literal["classes"], **job: Unpack[SegmentJob]
    ) -> AsyncGenerator[TileResult[ClassesResult | ItemFailed], None]: ...
    @overload
    def map_segment(
        self, tiles: Tiles, *, output: Literal["probabilities"], **job: Unpack[SegmentJob]
    ) -> AsyncGenerator[TileResult[ProbabilitiesResult | ItemFailed], None]: ...
    @overload
    def map_segment(
        self, tiles: Tiles, *, output: None = None, **job: Unpack[SegmentJob]
    ) -> AsyncGenerator[TileResult[Segmented], None]: ...
    def map_segment(
        self, tiles: Tiles, *, output: Output | None = None, **job: Unpack[SegmentJob]
    ) -> AsyncGenerator[TileResult[Any], None]:
        """Segment many tiles; see `ModelServerClient.map_segment`."""
        return self._map(self._tasks.segment(output, job), tiles, job)

    async def change(
        self,
        pairs: Sequence[tuple[bytes, bytes]],
        *,
        model: str = "roof_change",
        gsd_m: float | None = None,
        bands: Literal["rgb", "rgbm"] = "rgb",
        **call: Unpack[CallOptions],
    ) -> list[ChangeResult | ItemFailed]:
        """Compare pairs of images of one place; see `ModelServerClient.change`."""
        task = self._tasks.change({"model": model, "gsd_m": gsd_m, "bands": bands}, call)
        return await self._send_payloads(task, [Payload(pair) for pair in pairs])

    def map_change(
        self,
        pairs: Iterable[PairInput] | AsyncIterable[PairInput],
        *,
        model: str = "roof_change",
        gsd_m: float | None = None,
        bands: Literal["rgb", "rgbm"] = "rgb",
        **job: Unpack[JobOptions],
    ) -> AsyncGenerator[TileResult[ChangeResult | ItemFailed], None]:
        """Compare many pairs; see `ModelServerClient.map_change`."""
        task = self._tasks.change({"model": model, "gsd_m": gsd_m, "bands": bands}, job)
        return self._map(task, pairs, job)

    @overload
    async def ocr(
        self, images: Images, *, mode: Literal["page", "detect"] = ..., **call: Unpack[OcrOptions]
    ) -> list[OcrPageResult | ItemFailed]: ...
    @overload
    async def ocr(
        self, images: Images, *, mode: Literal["lines"], **call: Unpack[OcrOptions]
    ) -> list[OcrLineResult | ItemFailed]: ...
    async def ocr(
        self, images: Images, *, mode: OcrMode = "page", **call: Unpack[OcrOptions]
    ) -> list[Any]:
        """Read pages or line crops; see `ModelServerClient.ocr`."""
        return await self._send(self._tasks.ocr(mode, call), images)

    def map_ocr(
        self, pages: Tiles, *, mode: Literal["page", "detect"] = "page", **job: Unpack[OcrJob]
    ) -> AsyncGenerator[TileResult[OcrPageResult | ItemFailed], None]:
        """Read many pages, one per request; see `ModelServerClient.map_ocr`."""
        # Two at a time: more would wait in the server until their time is up.
        return self._map(self._tasks.ocr(mode, job), pages, job, in_flight=2)

    async def layout(
        self,
        images: Images,
        *,
        model: str = "layout_cdla",
        min_score: float = 0.3,
        **call: Unpack[CallOptions],
    ) -> list[LayoutResult | ItemFailed]:
        """Find the regions of pages; see `ModelServerClient.layout`."""
        return await self._send(
            self._tasks.layout({"model": model, "min_score": min_score}, call), images
        )

    def map_layout(
        self,
        pages: Tiles,
        *,
        model: str = "layout_cdla",
        min_score: float = 0.3,
        **job: Unpack[JobOptions],
    ) -> AsyncGenerator[TileResult[LayoutResult | ItemFailed], None]:
        """Find the regions of many pages; see `ModelServerClient.map_layout`."""
        task = self._tasks.layout({"model": model, "min_score": min_score}, job)
        return self._map(task, pages, job, in_flight=4)

    async def classify(
        self, images: Images, *, model: str, top: int = 5, **call: Unpack[CallOptions]
    ) -> list[ClassifyResult | ItemFailed]:
        """Name what images show; see `ModelServerClient.classify`."""
        return await self._send(self._tasks.classify({"model": model, "top": top}, call), images)

    async def embed(
        self,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "query",
        model: str = "e5_small_multilingual",
        **call: Unpack[CallOptions],
    ) -> list[EmbedResult | ItemFailed]:
        """Turn texts of 1 to 4,000 characters into vectors; see `ModelServerClient.embed`."""
        task = self._tasks.embed({"model": model, "kind": kind}, call)
        return await self._send(task, [text.encode("utf-8", "surrogatepass") for text in texts])

    async def embed_images(
        self, images: Images, *, model: str = "tile_features", **call: Unpack[CallOptions]
    ) -> list[EmbedResult | ItemFailed]:
        """Turn images into vectors; see `ModelServerClient.embed_images`."""
        return await self._send(self._tasks.embed_images({"model": model}, call), images)
