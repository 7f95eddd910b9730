"""Client of the model server: small multipart requests, checked answers, German errors.

    with ModelServerClient(settings) as client:
        for result in client.segment([png], model="solar", gsd_m=0.2, output="instances"):
            ...

Every method gives one entry per item sent: a result class of `shared.clients.answers`, or
`ItemFailed` for an item that failed alone. A request that fails as a whole raises an error of
`shared.errors`: `ModelServerError`, `RequestError` or `Cancelled`. Images are encoded (JPEG, PNG,
TIFF, WEBP); lists may have any length. The `map_` methods send many small requests at once and
give results in order of completion; an item over which the server breaks off twice becomes an
`ItemFailed` with the code `modell_abgestuerzt`, and `ModelChanged` is raised when the model was
replaced meanwhile. `AsyncModelServerClient` has the same methods for event loops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from shared.clients.connection import Connection
from shared.clients.jobs import PairInput, TileInput, TileResult
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

Images = Sequence[bytes]
Tiles = Iterable[TileInput]
Segmented = SegmentResult | ClassesResult | ProbabilitiesResult | ItemFailed


class ModelServerClient(Connection):
    """Talk to the one model server of this installation; see `Connection` for the arguments."""

    @overload
    def segment(
        self, images: Images, *, output: Literal["instances"], **call: Unpack[SegmentOptions]
    ) -> list[SegmentResult | ItemFailed]: ...
    @overload
    def segment(
        self, images: Images, *, output: Literal["classes"], **call: Unpack[SegmentOptions]
    ) -> list[ClassesResult | ItemFailed]: ...
    @overload
    def segment(
        self, images: Images, *, output: Literal["probabilities"], **call: Unpack[SegmentOptions]
    ) -> list[ProbabilitiesResult | ItemFailed]: ...
    @overload
    def segment(
        self, images: Images, *, output: None = None, **call: Unpack[SegmentOptions]
    ) -> list[Segmented]: ...
    def segment(
        self, images: Images, *, output: Output | None = None, **call: Unpack[SegmentOptions]
    ) -> list[Any]:
        """Find objects, or the class of each pixel, in images of 32 to 1,280 pixels per side.

        Args:
            images: Encoded images.
            output: What to return; None takes the first that the model's card names.
            **call: See `SegmentOptions`; `model` must be given.
        """
        return self._send(self._tasks.segment(output, call), images)

    @overload
    def map_segment(
        self, tiles: Tiles, *, output: Literal["instances"], **job: Unpack[SegmentJob]
    ) -> Iterator[TileResult[SegmentResult | ItemFailed]]: ...
    @overload
    def map_segment(
        self, tiles: Tiles, *, output: Literal["classes"], **job: Unpack[SegmentJob]
    ) -> Iterator[TileResult[ClassesResult | ItemFailed]]: ...
    @overload
    def map_segment(
        self, tiles: Tiles, *, output: Literal["probabilities"], **job: Unpack[SegmentJob]
    ) -> Iterator[TileResult[ProbabilitiesResult | ItemFailed]]: ...
    @overload
    def map_segment(
        self, tiles: Tiles, *, output: None = None, **job: Unpack[SegmentJob]
    ) -> Iterator[TileResult[Segmented]]: ...
    def map_segment(
        self, tiles: Tiles, *, output: Output | None = None, **job: Unpack[SegmentJob]
    ) -> Iterator[TileResult[Any]]:
        """Segment many tiles.

        Args:
            tiles: Read lazily; the job's `gsd_m` counts for tiles that bring none of their own.
            output: See `segment`.
            **job: See `SegmentOptions` and `JobOptions`.
        """
        return self._map(self._tasks.segment(output, job), tiles, job)

    def change(
        self,
        pairs: Sequence[tuple[bytes, bytes]],
        *,
        model: str = "roof_change",
        gsd_m: float | None = None,
        bands: Literal["rgb", "rgbm"] = "rgb",
        **call: Unpack[CallOptions],
    ) -> list[ChangeResult | ItemFailed]:
        """Compare pairs of images of one place, 32 to 640 pixels per side and both of one size.

        Args:
            pairs: The image before and the one after.
            model: Name in the catalogue.
            gsd_m: Ground sampling distance in metres per pixel; aerial models need it.
            bands: "rgb", or "rgbm" with the building's outline mask as the fourth band.
            **call: See `CallOptions`.
        """
        task = self._tasks.change({"model": model, "gsd_m": gsd_m, "bands": bands}, call)
        return self._send_payloads(task, [Payload(pair) for pair in pairs])

    def map_change(
        self,
        pairs: Iterable[PairInput],
        *,
        model: str = "roof_change",
        gsd_m: float | None = None,
        bands: Literal["rgb", "rgbm"] = "rgb",
        **job: Unpack[JobOptions],
    ) -> Iterator[TileResult[ChangeResult | ItemFailed]]:
        """Compare many pairs; the arguments are those of `change` and `JobOptions`."""
        task = self._tasks.change({"model": model, "gsd_m": gsd_m, "bands": bands}, job)
        return self._map(task, pairs, job)

    @overload
    def ocr(
        self, images: Images, *, mode: Literal["page", "detect"] = ..., **call: Unpack[OcrOptions]
    ) -> list[OcrPageResult | ItemFailed]: ...
    @overload
    def ocr(
        self, images: Images, *, mode: Literal["lines"], **call: Unpack[OcrOptions]
    ) -> list[OcrLineResult | ItemFailed]: ...
    def ocr(
        self, images: Images, *, mode: OcrMode = "page", **call: Unpack[OcrOptions]
    ) -> list[Any]:
        """Read pages (`page`), only find their lines (`detect`) or read line crops (`lines`).

        Args:
            images: Encoded pages (side <= 8,000 pixels) or line crops.
            mode: What to do.
            **call: See `OcrOptions`.
        """
        return self._send(self._tasks.ocr(mode, call), images)

    def map_ocr(
        self, pages: Tiles, *, mode: Literal["page", "detect"] = "page", **job: Unpack[OcrJob]
    ) -> Iterator[TileResult[OcrPageResult | ItemFailed]]:
        """Read many pages, one per request; the arguments are those of `ocr` and `JobOptions`."""
        # Two at a time: more would wait in the server until their time is up.
        return self._map(self._tasks.ocr(mode, job), pages, job, in_flight=2)

    def layout(
        self,
        images: Images,
        *,
        model: str = "layout_cdla",
        min_score: float = 0.3,
        **call: Unpack[CallOptions],
    ) -> list[LayoutResult | ItemFailed]:
        """Find the regions of pages.

        Args:
            images: Encoded pages.
            model: Name in the catalogue.
            min_score: Regions below this score 0-1 are left out.
            **call: See `CallOptions`.
        """
        return self._send(
            self._tasks.layout({"model": model, "min_score": min_score}, call), images
        )

    def map_layout(
        self,
        pages: Tiles,
        *,
        model: str = "layout_cdla",
        min_score: float = 0.3,
        **job: Unpack[JobOptions],
    ) -> Iterator[TileResult[LayoutResult | ItemFailed]]:
        """Find the regions of many pages; the arguments are those of `layout` and `JobOptions`."""
        task = self._tasks.layout({"model": model, "min_score": min_score}, job)
        return self._map(task, pages, job, in_flight=4)

    def classify(
        self, images: Images, *, model: str, top: int = 5, **call: Unpack[CallOptions]
    ) -> list[ClassifyResult | ItemFailed]:
        """Name what images show.

        Args:
            images: Encoded images.
            model: Name in the catalogue.
            top: Most labels per image, 1-20.
            **call: See `CallOptions`.
        """
        return self._send(self._tasks.classify({"model": model, "top": top}, call), images)

    def embed(
        self,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "query",
        model: str = "e5_small_multilingual",
        **call: Unpack[CallOptions],
    ) -> list[EmbedResult | ItemFailed]:
        """Turn texts of 1 to 4,000 characters into vectors.

        Args:
            texts: Any number of texts.
            kind: "query" for questions, "passage" for what is searched.
            model: Name in the catalogue.
            **call: See `CallOptions`.
        """
        task = self._tasks.embed({"model": model, "kind": kind}, call)
        return self._send(task, [text.encode("utf-8", "surrogatepass") for text in texts])

    def embed_images(
        self, images: Images, *, model: str = "tile_features", **call: Unpack[CallOptions]
    ) -> list[EmbedResult | ItemFailed]:
        """Turn images into vectors.

        Args:
            images: Encoded images.
            model: Name in the catalogue.
            **call: See `CallOptions`.
        """
        return self._send(self._tasks.embed_images({"model": model}, call), images)
