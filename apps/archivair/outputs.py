"""The files of a page: text, ALTO and JSON; written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from apps.archivair.alto import to_alto
from apps.archivair.pages import PageIdentity
from apps.archivair.quality import needs_review
from apps.archivair.reading import PageReading, TextLine, Word
from shared import __version__
from shared.contracts.finding import Finding
from shared.contracts.provenance import ModelUse
from shared.errors import ResultsExist, StorageFull

SCHEMA = "archivair-page/1"
ENDINGS = (".txt", ".alto.xml", ".json")


def page_files(reading: PageReading, identity: PageIdentity) -> dict[str, bytes]:
    """Return the three files of a page by ending.

    Args:
        reading: The page as read.
        identity: Which page it is.
    """
    alto = to_alto(reading, identity.file_name, identity.sha256, identity.index)
    content = json.dumps(page_json(reading, identity), ensure_ascii=False) + "\n"
    return {
        ".txt": reading.text.encode(),
        ".alto.xml": alto.encode(),
        ".json": content.encode(),
    }


def page_json(reading: PageReading, identity: PageIdentity) -> dict[str, object]:
    """Return the JSON of a page; places are pixels of the page image, origin top left.

    Args:
        reading: The page as read.
        identity: Which page it is.
    """
    return {
        "schema": SCHEMA,
        "input": {
            "file": identity.file_name,
            "sha256": identity.sha256,
            "page": identity.index,
            "pages": identity.pages,
        },
        "image": {"width_px": reading.width, "height_px": reading.height, "dpi": reading.dpi},
        "rotation_deg": reading.rotation_deg,
        "tilt_deg": reading.tilt_deg,
        "script": reading.script,
        "mean_confidence": _rounded(reading.mean_confidence),
        "needs_review": needs_review(reading),
        "findings": [_finding(finding) for finding in reading.findings],
        "blocks": [{"lines": [_line(line) for line in block]} for block in reading.blocks],
        "engines": list(reading.engines),
        "models": models_json(reading.models),
        "software_version": __version__,
        "generated_by": "ArchivAIr (maschinell gelesen; Entscheidung trifft ein Mensch)",
    }


def models_json(models: Sequence[ModelUse]) -> list[dict[str, str]]:
    """Return name, version and hash of models."""
    return [
        {"name": model.name, "version": model.version, "sha256": model.sha256} for model in models
    ]


def check_free(folder: Path, identity: PageIdentity, *, force: bool) -> None:
    """Refuse to overwrite results of another input.

    Results of the same file and page may be replaced: their JSON names the input's hash.

    Args:
        folder: Output folder.
        identity: The page to be written.
        force: True overwrites anything.

    Raises:
        ResultsExist: A file of that name belongs to something else.
    """
    existing = [path for end in ENDINGS if (path := folder / (identity.stem + end)).exists()]
    if not existing or force:
        return
    try:
        known = json.loads((folder / f"{identity.stem}.json").read_bytes())["input"]
        same = (known["sha256"], known["page"]) == (identity.sha256, identity.index)
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise ResultsExist(folder=str(folder))


def check_writable(folder: Path) -> None:
    """Refuse a place where no result can be written, before anything is read.

    Args:
        folder: Output folder; it need not exist yet and is not made here.

    Raises:
        StorageFull: A file is in the way or the place may not be written.
    """
    nearest = folder.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise StorageFull(folder=str(folder))


def write_page(folder: Path, stem: str, files: Mapping[str, bytes]) -> None:
    """Write the files of a page, each first beside its place and then moved there.

    Args:
        folder: Output folder, made if missing.
        stem: Name without ending.
        files: Content by ending.

    Raises:
        StorageFull: The folder cannot be written; nothing half-written stays behind.
    """
    waiting: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for ending, content in files.items():
            target = folder / (stem + ending)
            beside = folder / f".{stem}{ending}.{os.getpid()}.part"
            waiting.append((beside, target))
            beside.write_bytes(content)
        for beside, target in waiting:
            beside.replace(target)
    except OSError as cause:
        raise StorageFull(folder=str(folder)) from cause
    finally:
        for beside, _ in waiting:
            beside.unlink(missing_ok=True)


def _line(line: TextLine) -> dict[str, object]:
    return {
        "text": line.text,
        "bbox_px": list(line.box),
        "polygon_px": [list(corner) for corner in line.corners],
        "confidence": _rounded(line.confidence),
        "words": [_word(word) for word in line.words],
        "candidates": [
            {"engine": one.engine, "text": one.text, "score": _rounded(one.score)}
            for one in line.candidates
        ],
    }


def _word(word: Word) -> dict[str, object]:
    return {
        "text": word.text,
        "bbox_px": list(word.box),
        "confidence": word.confidence,
        "doubtful": word.is_doubtful,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"level": finding.level, "code": finding.code, "message": finding.german}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
