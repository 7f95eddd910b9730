"""Write batches of building files: pages as PNG and what is true of them as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.demo_city.building_files.city_files import city_facts
from shared.demo_city.building_files.eras import SEEDS, FileSplit
from shared.demo_city.building_files.facts import FileFacts
from shared.demo_city.building_files.scans import batch_facts, iter_pages, stream_truth
from shared.demo_city.building_files.wear import Quality
from shared.demo_city.whole_folders import whole_folder
from shared.errors import InputError

if TYPE_CHECKING:
    from shared.demo_city.city import DemoCity

PNG: Final = [cv2.IMWRITE_PNG_COMPRESSION, 4]
INDEX: Final = "batches.json"
MOST_FILES: Final = 20
DPI: Final = (72, 600)
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FileOrder:
    """What is to be written.

    Args:
        out: Folder; missing, empty, or one that this module wrote earlier, which is replaced.
        split: Which side.
        count: Number of batches.
        seed: First seed; None takes the first of the split.
        files: Files per batch.
        dpi: Dots per inch; None draws them for each file.
        quality: How strongly pages are spoilt.
    """

    out: Path
    split: FileSplit
    count: int
    seed: int | None = None
    files: int = 3
    dpi: int | None = None
    quality: Quality = "mixed"

    @property
    def first(self) -> int:
        """First seed."""
        return SEEDS[self.split][0] if self.seed is None else self.seed


def write_batches(order: FileOrder, progress: Progress = lambda done: None) -> dict[str, Any]:
    """Write batches of invented files; the folder appears when all of them are complete.

    Args:
        order: What is to be written.
        progress: Called with the number of batches that are done.

    Raises:
        InputError: A value is not allowed, or the folder holds other files.
        OSError: The folder cannot be written.
    """
    _check(order)
    low, high = SEEDS[order.split]
    if not low <= order.first <= order.first + order.count - 1 < high:
        raise InputError(
            reason=f"Startwerte von {order.split} liegen zwischen {low} und {high - 1}."
        )
    seeds = range(order.first, order.first + order.count)
    streams = ((f"{seed:05d}", seed, batch_facts(seed, order.files)) for seed in seeds)
    return _write(order, streams, progress)


def write_city_files(
    order: FileOrder, city: DemoCity, progress: Progress = lambda done: None
) -> dict[str, Any]:
    """Write files of the city, in the order of its table, several to a batch.

    Args:
        order: What is to be written; split and seed do not matter.
        city: The city.
        progress: Called with the number of batches that are done.

    Raises:
        InputError: A value is not allowed, or the folder holds other files.
        OSError: The folder cannot be written.
    """
    _check(order)
    ids = city.table("building_files")["file_id"].tolist()
    starts = range(0, min(len(ids), order.count * order.files), order.files)

    def batches() -> Iterator[tuple[str, int, list[FileFacts]]]:
        for start in starts:
            facts = [city_facts(city, one) for one in ids[start : start + order.files]]
            yield facts[0].file_id, facts[0].seed, facts

    return _write(order, batches(), progress)


def _check(order: FileOrder) -> None:
    if order.count < 1:
        raise InputError(reason="Die Anzahl muss mindestens 1 sein.")
    if not 1 <= order.files <= MOST_FILES:
        raise InputError(reason=f"Ein Stapel hat 1 bis {MOST_FILES} Akten.")
    if order.dpi is not None and not DPI[0] <= order.dpi <= DPI[1]:
        raise InputError(reason=f"Die Auflösung liegt zwischen {DPI[0]} und {DPI[1]} dpi.")
    if order.out.exists() and not _is_replaceable(order.out):
        raise InputError(reason=f"Der Ordner {order.out} enthält schon andere Dateien.")


def _is_replaceable(folder: Path) -> bool:
    return folder.is_dir() and (not any(folder.iterdir()) or (folder / INDEX).is_file())


def _write(
    order: FileOrder, streams: Iterator[tuple[str, int, list[FileFacts]]], progress: Progress
) -> dict[str, Any]:
    classes: Counter[str] = Counter()
    index: list[dict[str, Any]] = []
    with whole_folder(order.out) as made:
        for name, seed, facts in streams:
            folder = made / name
            folder.mkdir()
            pages = []
            for page in iter_pages(facts, seed, dpi=order.dpi, quality=order.quality):
                write_page(folder / f"page_{page.truth.page:04d}.png", page.image)
                pages.append(page.truth)
                classes[page.truth.page_class] += 1
            _write_json(folder / "truth.json", stream_truth(seed, facts, pages))
            index.append({"folder": name, "seed": seed, "pages": len(pages)})
            progress(len(index))
        _write_json(made / INDEX, index)
    return {
        "batches": len(index),
        "pages": sum(one["pages"] for one in index),
        "split": facts_split(order, index),
        "quality": order.quality,
        "classes": dict(sorted(classes.items())),
        "is_example": True,
    }


def facts_split(order: FileOrder, index: list[dict[str, Any]]) -> str:
    """Return the split of what was written; files of the city belong to the test."""
    is_invented = bool(index) and index[0]["seed"] < SEEDS["test"][1]
    return order.split if is_invented else "test"


def write_page(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a page as PNG.

    Args:
        path: File.
        image: Grey or red, green, blue.

    Raises:
        OSError: It cannot be written.
    """
    plain = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, content = cv2.imencode(".png", plain, PNG)
    if not done:
        raise OSError(path)
    path.write_bytes(content.tobytes())


def _write_json(path: Path, content: object) -> None:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text, encoding="utf-8")
