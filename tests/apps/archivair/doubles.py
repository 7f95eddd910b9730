"""Stand-ins for the engines of ArchivAIr: they look at pixels, but read what they are told."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image, ImageDraw

from apps.archivair.clean import clean_page
from apps.archivair.pages import PageImage, make_preview
from apps.archivair.piece_reading import Engines
from apps.archivair.reading import PageReading, TextLine, Word
from apps.archivair.recognise import Candidate, ServerReader
from apps.archivair.rendering import load_font
from shared.clients.answers import OcrLineResult, OcrPageResult
from shared.contracts.model_catalog import Catalog
from shared.contracts.model_server import (
    CharScore,
    ErrorText,
    ItemFailed,
    ModelIdentity,
    OcrLine,
    OcrLineValue,
    OcrPageValue,
)
from shared.contracts.provenance import ModelUse
from shared.errors import ModelServerDown

IDENTITY = ModelIdentity(
    name="ppocrv6_small", version="1.0.0", sha256="b" * 64, runtime="double", device="cpu"
)


@dataclass
class InkReader:
    """Finds bands of ink and reads the same text in each of them.

    Args:
        text: What it reads.
        score: Its score.
        fails_on: Numbers of the crops, in order of asking, that it cannot read.
    """

    text: str = "Der Bauherr ist zufrieden"
    score: float = 0.98
    fails_on: frozenset[int] = frozenset()
    crops: int = 0
    pages: int = 0

    def ocr(self, images, *, mode="page", stop=lambda: False):
        if mode == "lines":
            return [self._line(place, data) for place, data in enumerate(images)]
        self.pages += len(images)
        return [self._page(place, data) for place, data in enumerate(images)]

    def models(self):
        return Catalog(models=[])

    def _line(self, place, data):
        number, self.crops = self.crops, self.crops + 1
        digest = hashlib.sha256(data).hexdigest()
        if number in self.fails_on:
            error = ErrorText(code="vorhersage_gescheitert", message="Nein.")
            return ItemFailed(index=place, error=error, input_sha256=digest)
        characters = [CharScore(char=char, score=self.score) for char in self.text]
        value = OcrLineValue(text=self.text, score=self.score, characters=characters)
        return OcrLineResult(place, value, IDENTITY, (), digest)

    def _page(self, place, data):
        gray = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
        lines = [
            OcrLine(score=0.9, polygon=[(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
            for x0, y0, x1, y1 in ink_bands(gray)
        ]
        value = OcrPageValue(width=gray.shape[1], height=gray.shape[0], lines=lines)
        return OcrPageResult(place, value, IDENTITY, (), hashlib.sha256(data).hexdigest())


@dataclass
class GoneServer:
    """Answers a few calls, then nobody is there any more."""

    answers: int = 0
    inner: InkReader = field(default_factory=InkReader)

    def ocr(self, images, *, mode="page", stop=lambda: False):
        if self.answers <= 0:
            raise ModelServerDown()
        self.answers -= 1
        return self.inner.ocr(images, mode=mode, stop=stop)


@dataclass
class ToldTesseract:
    """Reads the same text in each crop."""

    text: str = "Der Bauherr ist zufrieden"
    engine: str = "tesseract"
    model: ModelUse = field(
        default_factory=lambda: ModelUse("tesseract_deu", "5.0.0", "c" * 64, "tesseract", "cpu")
    )

    def read_lines(self, crops):
        return [candidate("tesseract", self.text, 0.95) for _ in crops]


def engines(client=None, tesseract=None):
    """Return engines made of doubles; without Tesseract by default."""
    return Engines(ServerReader(client or InkReader()), tesseract, ())


def candidate(engine, text, score=0.95, scores=None):
    return Candidate(engine, text, tuple(scores) if scores else (score,) * len(text))


def ink_bands(gray):
    """Return boxes of rows of ink, letters of a row joined."""
    ink = (gray < 128).astype(np.uint8)
    joined = cv2.dilate(ink, np.ones((3, 61), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    return [
        (x + 30, y, x + width - 30, y + height)
        for x, y, width, height, _ in (tuple(int(v) for v in stats[n]) for n in range(1, count))
        if height > 8
    ]


def draw_lines(texts, size=(1240, 1754), left=120, top=120, pitch=60, font="tinos", size_px=36):
    """Draw lines of text on white paper."""
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    for number, text in enumerate(texts):
        draw.text((left, top + number * pitch), text, font=load_font(font, size_px), fill=20)
    return np.asarray(image)


def cleaned(gray):
    return clean_page(gray)


def page(gray, **more):
    """Return a page as opened from a file."""
    values = {"dpi": 150.0, "index": 1, "sha256": "a" * 64, "file_name": "akte.png"}
    return PageImage(gray=gray, preview=make_preview(gray), **(values | more))


def reading(blocks, width=1000, height=1400, **more):
    """Return a reading whose words stand in rows; blocks are lists of lines of text."""
    y, made = 50, []
    for block in blocks:
        lines = []
        for text in block:
            x, words = 60, []
            for part in text.split(" "):
                right = x + 12 * len(part)
                words.append(Word(part, (x, y, right, y + 24), 0.97))
                x = right + 12
            corners = (
                (60.0, float(y)),
                (float(x), float(y)),
                (float(x), y + 24.0),
                (60.0, y + 24.0),
            )
            lines.append(TextLine(tuple(words), corners, (candidate("ppocr", text),)))
            y += 40
        made.append(tuple(lines))
        y += 30
    values = {
        "dpi": 150.0, "rotation_deg": 0, "tilt_deg": 0.0, "script": "antiqua", "findings": (),
        "engines": ("ppocr",), "models": (),
    }  # fmt: skip
    return PageReading(blocks=tuple(made), width=width, height=height, **(values | more))
