"""Lines of Fraktur with known text from the folder of development data, divided by printed work."""

from __future__ import annotations

import hashlib
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SET = "fraktur_lines_train"
SPLITS_FILE = Path(__file__).parents[2] / "model_server" / "training" / "fraktur" / "splits.toml"
CREDIT = "archiscribe-corpus, GT4HistOCR, CC BY 4.0"
Split = Literal["train", "development", "test", "transfer"]


@dataclass(frozen=True, slots=True)
class TrueLine:
    """One line of print.

    Args:
        path: Its picture.
        work: Id of the printed work.
        text: What stands there, long s and old umlauts kept.
    """

    path: Path
    work: str
    text: str


def read_true_lines(data: Path, split: Split) -> list[TrueLine]:
    """Return the lines of a split in the order of their table; empty where the data are missing.

    Args:
        data: Folder of development data.
        split: Which works; no work stands in two splits.
    """
    table = data / SET / "lines.tsv"
    if not table.is_file() or not SPLITS_FILE.is_file():
        return []
    works = set(tomllib.loads(SPLITS_FILE.read_text(encoding="utf-8"))[split])
    found = []
    for row in table.read_text(encoding="utf-8").splitlines()[1:]:
        file, work, _, text = row.split("\t")
        if work in works:
            plain = " ".join(unicodedata.normalize("NFC", text).split())
            found.append(TrueLine(data / SET / file, work, plain))
    return found


def table_sha256(data: Path) -> str:
    """Return the hash of the table of texts.

    Args:
        data: Folder of development data.
    """
    return hashlib.sha256((data / SET / "lines.tsv").read_bytes()).hexdigest()
