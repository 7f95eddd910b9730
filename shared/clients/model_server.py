"""Client of the model server: small multipart requests, checked answers, German errors.

    with ModelServerClient(settings) as client:
        for result in client.segment([png], model="solar", gsd_m=0.2):
            ...

Every method gives one entry per item sent: a result class of `shared.clients.answers`, or
`ItemFailed` for an item that failed alone. A request that fails as a whole raises an error of
`shared.errors`: `ModelServerError`, `RequestError` or `Cancelled`. Threads may share a client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, Self, Unpack, overload

from shared.clients.answers import (
    EmbedResult,
    ModelPin,
    OcrLineResult,
    OcrPageResult,
    SegmentResult,
)
from shared.clients.flow import Got, TileInput, TileResult, map_concurrently, send_all, send_one
from shared.clients.health import ServerHealth, read_catalog, read_health
from shared.clients.retry import Pace, Stop, never
from shared.clients.transport import (
    Call,
    CallOptions,
    InstallationToken,
    JobOptions,
    TokenSource,
    Transport,
)
from shared.contracts.model_server import Catalog, ItemFailed
from shared.settings import Settings


class ModelServerClient:
    """Talk to the one model server of this installation.

    Args:
        settings: Where the server listens, its time limit and the secret's file.
        token: Source of the bearer token; the installation's secret by default.
        pace: Clock, sleep and seeded jitter; tests replace it.
        in_flight: Most requests at the same time in the `map_` methods.
    """

    def __init__(
        self,
        settings: Settings,
        token: TokenSource | None = None,
        *,
        pace: Pace | None = None,
        in_flight: int = 8,
    ) -> None:
        self._timeout_s = settings.model_server_timeout_s
        self._in_flight = in_flight
        self._transport = Transport(
            settings.model_server_address,
            token or InstallationToken(settings.model_server_secret_file),
            pace or Pace(),
            connections=2 * in_flight,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def segment(
        self,
        images: Sequence[bytes],
        *,
        model: str,
        gsd_m: float | None = None,
        min_score: float | None = None,
        max_instances: int | None = None,
        **call: Unpack[CallOptions],
    ) -> list[SegmentResult | ItemFailed]:
        """Find objects in images of 32 to 1,280 pixels per side.

        Args:
            images: Encoded images (JPEG, PNG, TIFF, WEBP), any number.
            model: Name in the catalogue, for example "solar".
            gsd_m: Ground sampling distance in metres per pixel; aerial models need it.
            min_score: Least score 0-1; None takes the card's.
            max_instances: Most objects per image, 1-500; None takes 200.
            **call: See `CallOptions`.
        """
        options = _segment_options(gsd_m, min_score, max_instances)
        request = self._call("/segment", model, options, call)
        return send_all(self._transport, request, images, SegmentResult)

    def map_segment(
        self,
        tiles: Iterable[TileInput],
        *,
        model: str,
        gsd_m: float | None = None,
        min_score: float | None = None,
        max_instances: int | None = None,
        on_result: Callable[[TileResult[SegmentResult | ItemFailed]], None] | None = None,
        **call: Unpack[JobOptions],
    ) -> Iterator[TileResult[SegmentResult | ItemFailed]]:
        """Send tiles as many small requests in flight; results come in order of completion.

        A tile over which the server breaks off twice becomes an `ItemFailed` with the code
        `modell_abgestuerzt`. `ModelChanged` is raised when the model was replaced meanwhile.

        Args:
            tiles: Read lazily; `gsd_m` counts for tiles that bring none of their own.
            model: See `segment`, also for the next three.
            gsd_m: See above.
            min_score: See above.
            max_instances: See above.
            on_result: Called with each result before it is yielded.
            **call: See `JobOptions`.
        """

        def prepare(tile: TileInput) -> Call:
            options = _segment_options(tile.gsd_m or gsd_m, min_score, max_instances)
            return self._call("/segment", model, options, call)

        send = partial(send_one, self._transport, prepare, SegmentResult, ModelPin())
        return self._map(tiles, send, on_result, call)

    @overload
    def ocr(
        self,
        images: Sequence[bytes],
        *,
        mode: Literal["page", "detect"] = "page",
        model: str = ...,
        min_score: float = ...,
        **call: Unpack[CallOptions],
    ) -> list[OcrPageResult | ItemFailed]: ...
    @overload
    def ocr(
        self,
        images: Sequence[bytes],
        *,
        mode: Literal["lines"],
        model: str = ...,
        min_score: float = ...,
        **call: Unpack[CallOptions],
    ) -> list[OcrLineResult | ItemFailed]: ...
    def ocr(
        self,
        images: Sequence[bytes],
        *,
        mode: Literal["page", "detect", "lines"] = "page",
        model: str = "ppocrv6_small",
        min_score: float = 0.3,
        **call: Unpack[CallOptions],
    ) -> list[OcrPageResult | ItemFailed] | list[OcrLineResult | ItemFailed]:
        """Read pages (`page`), only find their lines (`detect`) or read line crops (`lines`).

        Args:
            images: Encoded pages (side <= 8,000 pixels) or line crops, any number.
            mode: What to do.
            model: Name in the catalogue.
            min_score: Lines below this score 0-1 are left out of pages.
            **call: See `CallOptions`.
        """
        request = self._call("/ocr", model, {"mode": mode, "min_score": min_score}, call)
        if mode == "lines":
            return send_all(self._transport, request, images, OcrLineResult)
        return send_all(self._transport, request, images, OcrPageResult)

    def map_ocr(
        self,
        pages: Iterable[TileInput],
        *,
        mode: Literal["page", "detect"] = "page",
        model: str = "ppocrv6_small",
        min_score: float = 0.3,
        on_result: Callable[[TileResult[OcrPageResult | ItemFailed]], None] | None = None,
        **call: Unpack[JobOptions],
    ) -> Iterator[TileResult[OcrPageResult | ItemFailed]]:
        """Read many pages, one per request; the arguments are those of `ocr` and `map_segment`."""
        request = self._call("/ocr", model, {"mode": mode, "min_score": min_score}, call)
        send = partial(send_one, self._transport, lambda _: request, OcrPageResult, ModelPin())
        return self._map(pages, send, on_result, {"in_flight": 2, **call})  # more would time out

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
        request = self._call("/embed", model, {"kind": kind}, call)
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        return send_all(self._transport, request, encoded, EmbedResult)

    def models(self) -> Catalog:
        """Return the catalogue of all models.

        Raises:
            ModelServerError: Nobody answers, or not with a catalogue.
        """
        return read_catalog(self._transport)

    def health(self) -> ServerHealth:
        """Return the state of the server within about 2 s; never raises when it is away."""
        return read_health(self._transport)

    def _map(
        self,
        tiles: Iterable[TileInput],
        send: Callable[[TileInput, Stop], Got],
        on_result: Callable[[Got], None] | None,
        call: JobOptions,
    ) -> Iterator[Got]:
        in_flight = call.get("in_flight", self._in_flight)
        return map_concurrently(tiles, send, in_flight, on_result, call.get("stop", never))

    def _call(
        self, route: str, model: str, options: Mapping[str, object], call: CallOptions
    ) -> Call:
        return Call(
            route,
            model,
            {"model": model, "version": call.get("version"), **options},
            call.get("timeout_s", self._timeout_s),
            call.get("stop", never),
        )


def _segment_options(
    gsd_m: float | None, min_score: float | None, max_instances: int | None
) -> dict[str, object]:
    limits = {"min_score": min_score, "max_instances": max_instances}
    return {"output": "instances", "gsd_m": gsd_m, **limits}
