"""Read the data set of Fraktur lines and divide it by printed work."""

from __future__ import annotations

import hashlib
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

SET_NAME = "fraktur_lines_train"
SPLITS_FILE = Path(__file__).with_name("splits.toml")
DROPS_FILE = Path(__file__).with_name("label_drops.csv")
COLUMNS = "file\twork_id\tyear\ttext"
Split = Literal["train", "development", "test", "transfer"]
SPLITS: tuple[Split, ...] = ("train", "development", "test", "transfer")


class LinesUnusable(ValueError):
    """The data set is missing or does not fit the division into works."""


@dataclass(frozen=True)
class Line:
    """One line of print.

    Attributes:
        file: Path below the folder of the data set.
        work: Id of the printed work.
        year: Of the print.
        text: Diplomatic transcription: long s kept, old umlauts as letter + U+0364.
    """

    file: str
    work: str
    year: int
    text: str


@dataclass(frozen=True)
class Lines:
    """Lines of a data set, divided by work.

    Attributes:
        folder: Of the data set.
        splits: Lines of each split, in the order of the table.
        sha256: Of the table of texts.
    """

    folder: Path
    splits: dict[Split, list[Line]]
    sha256: str


def read_lines(data: Path) -> Lines:
    """Read the table of lines.

    Args:
        data: Folder with all data sets, or that of the lines itself.

    Raises:
        LinesUnusable: Folder or table is missing, or a work belongs to no split.
    """
    folder = data / SET_NAME if (data / SET_NAME).is_dir() else data
    table = folder / "lines.tsv"
    if not table.is_file():
        message = (
            f"Im Ordner {data} fehlt die Sammlung {SET_NAME} mit der Tabelle lines.tsv. "
            "Bitte nennen Sie mit --data den Ordner der Daten."
        )
        raise LinesUnusable(message)
    content = table.read_bytes()
    header, *rows = content.decode("utf-8").splitlines()
    if header != COLUMNS:
        message = f"Die Tabelle {table} hat andere Spalten als erwartet."
        raise LinesUnusable(message)
    homes = read_splits()
    splits: dict[Split, list[Line]] = {name: [] for name in SPLITS}
    for row in rows:
        line = _parse(row)
        if line.work not in homes:
            message = f"Das Werk {line.work} steht in keiner Liste von {SPLITS_FILE.name}."
            raise LinesUnusable(message)
        splits[homes[line.work]].append(line)
    return Lines(folder, splits, hashlib.sha256(content).hexdigest())


def _parse(row: str) -> Line:
    file, work, year, text = row.split("\t")
    return Line(file, work, int(year), clean_text(text))


def clean_text(text: str) -> str:
    """Return the text with composed characters and single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def read_splits() -> dict[str, Split]:
    """Return the split of each work.

    Raises:
        LinesUnusable: A work stands in two lists.
    """
    content = tomllib.loads(SPLITS_FILE.read_text(encoding="utf-8"))
    homes: dict[str, Split] = {}
    for name in SPLITS:
        for work in content[name]:
            if work in homes:
                message = f"Das Werk {work} steht in zwei Listen von {SPLITS_FILE.name}."
                raise LinesUnusable(message)
            homes[work] = name
    return homes


def read_drops() -> frozenset[str]:
    """Return the files whose transcription is known to be wrong; never any of the test."""
    rows = DROPS_FILE.read_text(encoding="utf-8").splitlines()[1:]
    return frozenset(row.split(",")[0] for row in rows)


def read_image(folder: Path, line: Line) -> NDArray[np.uint8]:
    """Return the grey image of a line, height x width.

    Raises:
        LinesUnusable: The image is missing or damaged.
    """
    image = cv2.imread(str(folder / line.file), cv2.IMREAD_GRAYSCALE)
    if image is None:
        message = f"Das Zeilenbild {line.file} fehlt oder ist beschädigt."
        raise LinesUnusable(message)
    return image.astype(np.uint8)
