"""`python -m apps.archivair redact FILE --profile NAME --out FILE [--facts FACTS.json]`."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.archivair.archive_files.page_content import ArchivePage, PageWord, upright_page
from apps.archivair.outputs import check_writable, models_json
from apps.archivair.pages import Limits, PageImage, Source, make_preview, open_path
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import read_page
from apps.archivair.recognise import ServerReader
from apps.archivair.redaction.errors import PageNotRead
from apps.archivair.redaction.facts_file import read_facts
from apps.archivair.redaction.profiles import load_profile
from apps.archivair.redaction.release import as_json, release
from apps.archivair.tesseract import find_tesseract
from shared.clients.model_server import ModelServerClient
from shared.contracts.provenance import ModelUse
from shared.errors import ItemError, ResultsExist, StorageFull

REPORT_ENDING = ".report.json"


def redact(options: Namespace, client_of: Callable[[ExitStack], ModelServerClient]) -> int:
    """Run the command and return 0.

    Args:
        options: file, profile, out, facts, force.
        client_of: Returns a client of the model server; what it starts ends with the stack.

    Raises:
        ResidueFound: Something that was removed is still there; nothing was written.
        InputError: The input cannot be used.
    """
    start = time.monotonic()
    profile, facts = load_profile(options.profile), read_facts(options.facts)
    check_writable(options.out.absolute().parent)
    with open_path(options.file, Limits()) as source, ExitStack() as stack:
        asked = {"file": source.name, "sha256": source.sha256, "pages": source.count}
        _check_free(options.out, asked, profile.name, force=options.force)
        engines = Engines(ServerReader(client_of(stack)), find_tesseract())
        pages, models = _read(source, engines)
        _say("Schwärzung wird erstellt und geprüft")
        released = release(pages, profile, facts, datetime.now(UTC), _reader(engines))
    report = {"input": asked, **released.report, "models": models_json(models)}
    _write({options.out: released.content, _report_of(options.out): as_json(report)})
    summary = {
        "command": "redact",
        "profile": profile.name,
        "pages": len(pages),
        "removed": released.removed,
        "withheld": list(released.withheld),
        "residues": 0,
        "out": options.out.name,
        "seconds": round(time.monotonic() - start, 2),
        "models": models_json(models),
    }
    sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    return 0


def _read(source: Source, engines: Engines) -> tuple[list[ArchivePage], list[ModelUse]]:
    """Read all pages; one that cannot be read ends the call, for it cannot be checked."""
    pages: list[ArchivePage] = []
    models: dict[ModelUse, None] = {}
    for index in range(1, source.count + 1):
        try:
            page = source.load(index)
        except ItemError as error:
            raise PageNotRead(page=index, reason=str(error)) from error
        reading = read_page(page, engines)
        models |= dict.fromkeys(reading.models)
        pages.append(upright_page(page.gray, reading))
        _say(f"Seite {index} von {source.count} gelesen")
    return pages, list(models)


def _reader(engines: Engines) -> Callable[[NDArray[np.uint8], float], list[PageWord]]:
    """Return what reads pixels again, without any text layer."""

    def read(pixels: NDArray[np.uint8], dpi: float) -> list[PageWord]:
        gray = pixels[:, :, 1] if pixels.ndim == 3 else pixels
        page = PageImage(np.ascontiguousarray(gray), dpi, 1, "", "", make_preview(gray))
        reading = read_page(page, engines)
        return [PageWord(word.text, word.box) for line in reading.lines for word in line.words]

    return read


def _check_free(out: Path, asked: dict[str, object], profile: str, *, force: bool) -> None:
    if force or not (out.exists() or _report_of(out).exists()):
        return
    try:
        known = json.loads(_report_of(out).read_bytes())
        same = known["input"]["sha256"] == asked["sha256"] and known["profile"]["id"] == profile
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise ResultsExist(folder=str(out))


def _report_of(out: Path) -> Path:
    return out.with_name(out.name + REPORT_ENDING)


def _write(files: dict[Path, bytes]) -> None:
    """Write all files beside their places, then move them there; nothing stays half-written."""
    waiting = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in files}
    try:
        for path, beside in waiting.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(files[path])
        for path, beside in waiting.items():
            beside.replace(path)
    except OSError as cause:
        raise StorageFull(folder=str(next(iter(files)).parent)) from cause
    finally:
        for beside in waiting.values():
            beside.unlink(missing_ok=True)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
