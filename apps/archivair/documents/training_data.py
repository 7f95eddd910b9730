"""Rendered building files of an invented town as input for training and measuring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.documents.content import PageContent, PlacedLine, PlacedWord, turn_box
from apps.archivair.documents.look import measure_look
from apps.archivair.documents.noise import spoil_page
from shared.demo_city import ScannedPage, iter_batch

Quality = Literal["clean", "print", "degraded", "mixed"]
FIRST_SEEDS = {"train": 0, "val": 90_000, "test": 95_000}
NOISE_RATES = (0.0, 0.0, 0.01, 0.03, 0.06)
NO_TEXT_SHARE = 0.06
STREAM_FILES = 3
DPI = 100


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """A page with what is true of it.

    Args:
        content: Its text, perhaps with simulated reading errors, and look.
        page_class: Its class.
        document: Number of its document in the stream.
        file: Number of its file in the stream.
        fields: True values by name of field; a field may be stated several times.
    """

    content: PageContent
    page_class: str
    document: int
    file: int
    fields: Mapping[str, frozenset[str]]


def labelled_streams(
    split: str,
    count: int,
    *,
    noise: float | None = None,
    quality: Quality = "print",
    dpi: int = DPI,
    seeds: Iterable[int] | None = None,
) -> Iterator[list[LabelledPage]]:
    """Render streams one after the other; the same arguments give the same pages.

    Args:
        split: "train", "val" or "test"; the layout families of the test occur in no other.
        count: Number of streams.
        noise: Share of simulated reading errors; None draws one per page, some without any text.
        quality: "clean", "print", "degraded" or "mixed", see `shared.demo_city`.
        dpi: Resolution of the rendered pages.
        seeds: Seeds of the streams; None takes the first of the split.
    """
    for seed in seeds or range(FIRST_SEEDS[split], FIRST_SEEDS[split] + count):
        rng = np.random.default_rng((seed, 77))
        scanned = iter_batch(seed, files=STREAM_FILES, dpi=dpi, quality=quality)
        yield [labelled_page(page, noise, rng) for page in scanned]


def labelled_page(page: ScannedPage, noise: float | None, rng: np.random.Generator) -> LabelledPage:
    """Return a rendered page as input with its truth.

    Args:
        page: Rendered page.
        noise: Share of simulated reading errors; None draws it, now and then without any text.
        rng: Random stream.
    """
    truth = page.truth.as_dict()
    content = true_content(truth, page.image)
    drawn = float(rng.choice(NOISE_RATES)) if noise is None else noise
    content = spoil_page(content, drawn, rng)
    if noise is None and rng.random() < NO_TEXT_SHARE:
        content = PageContent(
            content.number, content.width, content.height, dpi=content.dpi, look=content.look,
            is_blank=content.is_blank,
        )  # fmt: skip
    values: dict[str, set[str]] = {}
    for one in truth["fields"]:
        values.setdefault(one["name"], set()).add(one["value"])
    fields = {name: frozenset(found) for name, found in values.items()}
    return LabelledPage(content, truth["class"], truth["document"], truth["file"], fields)


def document_fields(pages: Sequence[LabelledPage]) -> dict[int, dict[str, frozenset[str]]]:
    """Return the values that each document states.

    Args:
        pages: Pages with truth.
    """
    stated: dict[int, dict[str, frozenset[str]]] = {}
    for page in pages:
        mine = stated.setdefault(page.document, {})
        for name, values in page.fields.items():
            mine[name] = mine.get(name, frozenset()) | values
    return stated


def true_content(truth: Mapping[str, Any], image: NDArray[np.uint8] | None) -> PageContent:
    """Return a page of the demo city with its true text.

    Args:
        truth: Truth of the page, schema "building-file-truth/1".
        image: Picture of the page; None measures no look.
    """
    size = (truth["width_px"], truth["height_px"])
    turn = truth["rotation_deg"]
    lines = tuple(
        PlacedLine(_words(line["words"], size, turn), line["block"])
        for line in truth["lines"]
        if line["words"]
    )
    lies = turn in (90, 270)
    upright = None if image is None else np.ascontiguousarray(np.rot90(image, -(turn // 90)))
    return PageContent(
        number=truth["page"],
        width=size[lies],
        height=size[not lies],
        lines=lines,
        dpi=truth["dpi"],
        script=truth["script"],
        is_blank=truth["state"] == "leer",
        look=None if upright is None else measure_look(_small(upright)),
    )


def _words(
    words: Sequence[Sequence[Any]], size: tuple[int, int], turn: int
) -> tuple[PlacedWord, ...]:
    return tuple(
        PlacedWord(text, turn_box(box, *size, turn), (box[0], box[1], box[2], box[3]))
        for text, *box in words
    )


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = 1000 / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
