"""Repeatable requests: drawn aerial tiles, pages and texts, packed as the model server expects."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from shared.contracts.model_server import Task, pair_digest

IMAGES = 16
PAGES = 2
JPEG_QUALITY = 90
DEFAULT_GSD_M = 0.1
BOUNDARY = "urbanki-bench-8f14e45fceea167a"
TEXTS = (
    "Wo finde ich das Formular für den Anwohnerparkausweis?",
    "Die Baugenehmigung gilt drei Jahre und kann verlängert werden.",
    "Sperrmüll wird nach Anmeldung an der Grundstücksgrenze abgeholt.",
    "Der Bebauungsplan setzt Gründächer für Flachdächer ab zehn Quadratmetern fest.",
)


Kind = Literal["tile", "pair", "page", "line", "text"]
Bands = Literal["rgb", "rgbi", "rgbm"]
KINDS: dict[Task, Kind] = {"change": "pair", "ocr": "page", "layout": "page"}
"""What the items of a task are, unless they are tiles."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is sent over and over.

    Args:
        task: Task of the model.
        model: Its name.
        sizes: Sides of the square images in pixels, taken in turn.
        bundle: Items per request.
        seed: Seed of the drawings.
        gsd_m: Ground sampling distance in metres, None where the model has none.
        kind: What an item is.
        bands: Bands of tiles and pairs.
    """

    task: Task
    model: str
    sizes: tuple[int, ...]
    bundle: int = 1
    seed: int = 1
    gsd_m: float | None = None
    kind: Kind = "tile"
    bands: Bands = "rgb"

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        return cls(**{**value, "sizes": tuple(value["sizes"])})

    def to_json(self) -> dict[str, Any]:
        """Return the work as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Payload:
    """One item.

    Args:
        data: Encoded image, the image before, or a text in UTF-8.
        after: The second image of a pair.
        code: Error code that the item must get; empty for a good one.
    """

    data: bytes
    after: bytes | None = None
    code: str = ""

    @property
    def sha256(self) -> str:
        """Hash by which the answer must name the item."""
        if self.after is None:
            return hashlib.sha256(self.data).hexdigest()
        return pair_digest(self.data, self.after)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, ready to send.

    Args:
        path: Route.
        content_type: Header of that name.
        body: Body.
        sha256: Hashes that the answer must name, in order.
        codes: Error code that each item must get, in order; empty for good items.
    """

    path: str
    content_type: str
    body: bytes
    sha256: tuple[str, ...]
    codes: tuple[str, ...]


def make_payloads(work: Work) -> list[Payload]:
    """Draw the items of a workload; the same arguments give the same bytes."""
    random = np.random.default_rng(work.seed)
    sides = [work.sizes[place % len(work.sizes)] for place in range(IMAGES)]
    match work.kind:
        case "tile":
            return [Payload(draw_tile(random, side, work.bands)) for side in sides]
        case "pair":
            return [
                Payload(draw_tile(random, side, work.bands), draw_tile(random, side, work.bands))
                for side in sides
            ]
        case "page":
            return [Payload(draw_page(random, side)) for side in sides[:PAGES]]
        case "line":
            return [Payload(draw_line(f"Musterstadt {place}")) for place in range(IMAGES)]
        case "text":
            return [Payload(text.encode()) for text in TEXTS]


def options_of(work: Work) -> dict[str, Any]:
    """Return the options to send."""
    options: dict[str, Any] = {"model": work.model}
    if work.gsd_m is not None:
        options["gsd_m"] = work.gsd_m
    if work.bands != "rgb":
        options["bands"] = work.bands
    if work.kind == "line":
        options["mode"] = "lines"
    return options


def make_calls(work: Work) -> list[Call]:
    """Pack the items into requests; as many requests as items, each begins with another one."""
    payloads = make_payloads(work)
    return [
        pack(work, [payloads[(first + step) % len(payloads)] for step in range(work.bundle)])
        for first in range(len(payloads))
    ]


def pack(work: Work, payloads: Sequence[Payload]) -> Call:
    """Pack items into one request."""
    hashes = tuple(payload.sha256 for payload in payloads)
    codes = tuple(payload.code for payload in payloads)
    options = options_of(work)
    if work.kind == "text":
        texts = [payload.data.decode() for payload in payloads]
        body = json.dumps({**options, "texts": texts}).encode()
        return Call("/embed", "application/json", body, hashes, codes)
    parts = [_part("options", json.dumps(options).encode(), is_file=False)]
    for payload in payloads:
        if payload.after is None:
            parts.append(_part("images", payload.data))
        else:
            parts += [_part("before", payload.data), _part("after", payload.after)]
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return Call(f"/{work.task}", f"multipart/form-data; boundary={BOUNDARY}", body, hashes, codes)


def draw_tile(random: np.random.Generator, side_px: int, bands: Bands = "rgb") -> bytes:
    """Draw ground, roofs and panels from above.

    Args:
        random: Source of places and colours.
        side_px: Width and height in pixels.
        bands: Three make a JPEG about as large as a photograph's, four a PNG.
    """
    ground = Image.fromarray(random.integers(60, 150, (24, 24, 3), dtype=np.uint8))
    image = ground.resize((side_px, side_px), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        left, top, width, height = _box(random, side_px)
        roof = (left, top, left + width, top + height)
        pen.rectangle(roof, fill=_colour(random, (120, 60, 50)), outline=(40, 40, 40))
        panel = (left + width // 5, top + height // 5, left + width // 2, top + height // 2)
        pen.rectangle(panel, fill=_colour(random, (25, 30, 60)), outline=(150, 150, 160))
    grain = random.normal(0, 5, (side_px, side_px, 3))
    pixels = np.clip(np.asarray(image, dtype=np.float64) + grain, 0, 255).astype(np.uint8)
    if bands == "rgb":
        return _encode(Image.fromarray(pixels), "JPEG", quality=JPEG_QUALITY)
    fourth = pixels[:, :, :1] if bands == "rgbi" else np.full((side_px, side_px, 1), 255, np.uint8)
    return _encode(Image.fromarray(np.concatenate([pixels, fourth], axis=2)), "PNG")


def draw_page(random: np.random.Generator, width_px: int) -> bytes:
    """Draw a page with lines of text in the font that Pillow brings along."""
    page = Image.new("L", (width_px, round(width_px * 1.414)), 255)
    pen, size = ImageDraw.Draw(page), max(12, width_px // 40)
    font = ImageFont.load_default(size)
    for row in range(8):
        numbers = " ".join(str(number) for number in random.integers(10, 9999, 4))
        pen.text((size * 3, size * (3 + 3 * row)), f"Akte {numbers}", font=font, fill=0)
    return _encode(page, "PNG")


def draw_line(text: str) -> bytes:
    """Draw the crop of one line."""
    crop = Image.new("L", (320, 48), 255)
    ImageDraw.Draw(crop).text((8, 8), text, font=ImageFont.load_default(28), fill=0)
    return _encode(crop, "PNG")


def _box(random: np.random.Generator, side_px: int) -> tuple[int, int, int, int]:
    left, top = random.integers(0, max(1, side_px * 3 // 4), 2).tolist()
    width, height = random.integers(max(5, side_px // 12), max(6, side_px // 4), 2).tolist()
    return left, top, width, height


def _colour(random: np.random.Generator, base: tuple[int, int, int]) -> tuple[int, int, int]:
    shift = int(random.integers(0, 50))
    return cast(tuple[int, int, int], tuple(part + shift for part in base))


def _encode(image: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _part(name: str, content: bytes, *, is_file: bool = True) -> bytes:
    file = '; filename="image"' if is_file else ""
    kind = "Content-Type: application/octet-stream\r\n" if is_file else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{kind}\r\n'
    return head.encode() + content + b"\r\n"
