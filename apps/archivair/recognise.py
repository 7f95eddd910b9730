"""Find and read text lines through the model server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.clients.answers import OcrLineResult, OcrPageResult
from shared.contracts.model_catalog import Catalog
from shared.contracts.model_server import ItemFailed, ModelIdentity
from shared.contracts.provenance import ModelUse
from shared.errors import Cancelled, ModelChanged, ModelMissing, PredictionFailed

Gray = NDArray[np.uint8]
Stop = Callable[[], bool]

MODEL, FRAKTUR_MODEL = "ppocrv6_small", "fraktur_line"
PRINT_ENGINE, FRAKTUR_ENGINE = "ppocr", "fraktur_line"
CROP_HEIGHT_PX = 48
MAX_CROP_WIDTH_PX = 3600
CROPS_PER_REQUEST = 6
REQUESTS_IN_FLIGHT = 4
DETECT_SIDE_PX = 2000
JPEG_QUALITY = 92


class Catalogue(Protocol):
    """The part of the model client that names the models."""

    def models(self) -> Catalog:
        """Return the catalogue."""


class OcrClient(Catalogue, Protocol):
    """The part of the model client that is used here."""

    @overload
    def ocr(
        self, images: Sequence[bytes], *, mode: Literal["page", "detect"] = ..., stop: Stop = ...
    ) -> list[OcrPageResult | ItemFailed]: ...
    @overload
    def ocr(
        self,
        images: Sequence[bytes],
        *,
        mode: Literal["lines"],
        stop: Stop = ...,
        model: str = ...,
    ) -> list[OcrLineResult | ItemFailed]: ...


def has_fraktur_model(client: Catalogue) -> bool:
    """Say whether the server has the own recogniser of Fraktur lines.

    Args:
        client: Client of the model server.

    Raises:
        ModelServerError: The model server cannot answer.
    """
    return any(one.name == FRAKTUR_MODEL and one.available for one in client.models().models)


def model_fingerprint(client: Catalogue) -> str:
    """Return which versions of the models can answer; another text means other readings.

    Args:
        client: Client of the model server.

    Raises:
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model.
    """
    names = (MODEL, FRAKTUR_MODEL)
    entries = [one for one in client.models().models if one.name in names and one.available]
    if all(one.name != MODEL for one in entries):
        raise ModelMissing(model=MODEL)
    return " ".join(sorted(f"{one.name} {one.version} {one.sha256}" for one in entries))


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one engine read in one line.

    Args:
        engine: "ppocr", "ppocr_filtered", "tesseract", "tesseract_frk", "tesseract_fraktur" or
            "fraktur_line".
        text: NFC text without line break; empty when nothing was read.
        scores: One score 0 to 1 per character; not comparable between engines.
    """

    engine: str
    text: str
    scores: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean score of the characters, 0 for an empty text."""
        return sum(self.scores) / len(self.scores) if self.scores else 0.0


class ServerReader:
    """Reads through the model server and remembers which models answered.

    Args:
        client: Client of the model server.
        stop: Asked before every request; True ends the work with `Cancelled`.
    """

    def __init__(self, client: OcrClient, stop: Stop = lambda: False) -> None:
        self._client = client
        self._stop = stop
        self._models: dict[str, ModelIdentity] = {}
        self._has_fraktur: bool | None = None

    @property
    def model(self) -> ModelUse | None:
        """The model of print that answered, None before the first answer."""
        return next((one for one in self.models if one.name != FRAKTUR_MODEL), None)

    @property
    def models(self) -> tuple[ModelUse, ...]:
        """All models that answered."""
        return tuple(
            ModelUse(used.name, used.version, used.sha256, used.runtime, used.device)
            for used in self._models.values()
        )

    @property
    def has_fraktur(self) -> bool:
        """Whether the server has the own recogniser of Fraktur; asked once.

        Raises:
            ModelServerError: The model server could not answer.
        """
        if self._has_fraktur is None:
            self._has_fraktur = has_fraktur_model(self._client)
        return self._has_fraktur

    def find_pieces(self, page: Gray) -> list[tuple[NDArray[np.float64], float]]:
        """Return corners (4 x 2, pixels of `page`) and score of each piece of text.

        Args:
            page: Grey page of any size.

        Raises:
            ModelServerError: The model server could not answer.
            PredictionFailed: The server could not work on this page.
            Cancelled: A person stopped the work.
        """
        scale = min(1.0, DETECT_SIDE_PX / max(page.shape))
        small = page
        if scale < 1:
            small = np.asarray(
                cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
            )
        self._go_on()
        image = _encode(small, ".jpg")
        result = self._client.ocr([image], mode="detect", stop=self._stop)[0]
        if isinstance(result, ItemFailed):
            raise PredictionFailed()
        self._remember(result.model)
        factors = np.array([page.shape[1] / small.shape[1], page.shape[0] / small.shape[0]])
        return [
            (np.array(line.polygon, dtype=np.float64) * factors, line.score)
            for line in result.value.lines
        ]

    def read_crops(
        self, crops: Sequence[Gray], engine: str = PRINT_ENGINE, *, model: str = MODEL
    ) -> list[Candidate]:
        """Read crops of one line each, many requests in flight.

        Args:
            crops: Grey crops; scaled to 48 pixels height.
            engine: Name for the candidates.
            model: Model that reads them.

        Returns:
            One candidate per crop, in order; empty text where nothing was read or the server
            could not work on this crop.

        Raises:
            ModelServerError: The model server could not answer.
            Cancelled: A person stopped the work.
        """
        if not crops:
            return []
        prepared = [_encode(_to_height(crop), ".png") for crop in crops]
        order = sorted(range(len(crops)), key=lambda place: crops[place].shape[1])
        chunks = [
            order[start : start + CROPS_PER_REQUEST]
            for start in range(0, len(order), CROPS_PER_REQUEST)
        ]
        found: list[Candidate] = [Candidate(engine, "", ())] * len(crops)
        with ThreadPoolExecutor(REQUESTS_IN_FLIGHT) as pool:
            answers = pool.map(
                lambda chunk: self._read_chunk([prepared[place] for place in chunk], model), chunks
            )
            for chunk, results in zip(chunks, answers, strict=True):
                for place, result in zip(chunk, results, strict=True):
                    if not isinstance(result, ItemFailed):
                        found[place] = _candidate(engine, result)
        return found

    def _read_chunk(self, images: list[bytes], model: str) -> list[OcrLineResult | ItemFailed]:
        self._go_on()
        if model == MODEL:
            results = self._client.ocr(images, mode="lines", stop=self._stop)
        else:
            results = self._client.ocr(images, mode="lines", stop=self._stop, model=model)
        for result in results:
            if not isinstance(result, ItemFailed):
                self._remember(result.model)
        return results

    def _go_on(self) -> None:
        if self._stop():
            raise Cancelled()

    def _remember(self, model: ModelIdentity) -> None:
        first = self._models.setdefault(model.name, model)
        if (first.version, first.sha256) != (model.version, model.sha256):
            raise ModelChanged()


def _candidate(engine: str, result: OcrLineResult) -> Candidate:
    """Keep characters and scores together; blanks at the ends are dropped."""
    pairs = [(one.char, one.score) for one in result.value.characters]
    if "".join(char for char, _ in pairs) != result.value.text:
        pairs = [(char, result.value.score) for char in result.value.text]
    while pairs and pairs[0][0].isspace():
        pairs.pop(0)
    while pairs and pairs[-1][0].isspace():
        pairs.pop()
    return Candidate(engine, "".join(char for char, _ in pairs), tuple(score for _, score in pairs))


def _to_height(crop: Gray) -> Gray:
    """Scale a crop to the reader's height; extreme lengths are squeezed to its longest width."""
    scale = CROP_HEIGHT_PX / crop.shape[0]
    width = int(np.clip(round(crop.shape[1] * scale), 8, MAX_CROP_WIDTH_PX))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4
    resized = cv2.resize(crop, (width, CROP_HEIGHT_PX), interpolation=method)
    return np.asarray(resized, dtype=np.uint8)


def _encode(image: Gray, ending: str) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if ending == ".jpg" else []
    done, buffer = cv2.imencode(ending, image, options)
    if not done:
        raise PredictionFailed()
    return bytes(buffer)
