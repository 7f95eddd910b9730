"""`python -m apps.archivair redact FILE --profile NAME --out FILE [--facts FACTS.json]`."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from glob import escape
from pathlib import Path, PurePath

from apps.archivair.archive_files.page_content import ArchivePage, upright_page
from apps.archivair.outputs import check_writable, models_json
from apps.archivair.pages import Limits, Source, open_path
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import read_page
from apps.archivair.recognise import ServerReader
from apps.archivair.redaction.errors import PageNotRead
from apps.archivair.redaction.facts_file import read_facts
from apps.archivair.redaction.laid_aside import PagesAside
from apps.archivair.redaction.profiles import load_profile
from apps.archivair.redaction.release import as_json, release
from apps.archivair.redaction.removed_strings import RemovedStrings
from apps.archivair.redaction.rereading import reread_with
from apps.archivair.redaction.unread import has_unread_text
from apps.archivair.tesseract import find_tesseract
from shared.clients.model_server import ModelServerClient
from shared.contracts.provenance import ModelUse
from shared.errors import ItemError, ResultsExist, StorageFull

REPORT_ENDING = ".report.json"
_PART = ".part"


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
        with PagesAside() as aside:
            pages, models = _read(source, engines, aside)
        _say("Schwärzung wird erstellt und geprüft")
        released = release(pages, profile, facts, datetime.now(UTC), reread_with(engines))
    told = asked | {"file": _impersonal(source.name, released.strings)}
    report = {"input": told, **released.report, "models": models_json(models)}
    _write({_report_of(options.out): as_json(report), options.out: released.content})
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


def _read(
    source: Source, engines: Engines, aside: PagesAside
) -> tuple[list[ArchivePage], list[ModelUse]]:
    """Read all pages; one that cannot be read ends the call, for it cannot be checked."""
    pages: list[ArchivePage] = []
    models: dict[ModelUse, None] = {}
    for index in range(1, source.count + 1):
        try:
            page = source.load(index)
        except ItemError as error:
            raise PageNotRead(page=index, reason=str(error)) from error
        pixels = source.load_pixels(index)
        reading = read_page(page, engines)
        read = upright_page(pixels, reading)
        if has_unread_text(read, reading):
            # More is to be seen than the file's own text says: only what is seen counts.
            reading = read_page(replace(page, layer=()), engines)
            read = upright_page(pixels, reading)
        models |= dict.fromkeys(reading.models)
        pages.append(aside.lay(read))
        _say(f"Seite {index} von {source.count} gelesen")
    return pages, list(models)


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


def _impersonal(name: str, strings: RemovedStrings) -> str:
    """Return a file's name, or only its ending where it names what was removed."""
    path = PurePath(name)
    words = re.sub(r"[\W_]+", " ", path.stem)
    return f"(entfernt){path.suffix}" if strings.found_in(words) else name


def _report_of(out: Path) -> Path:
    return out.with_name(out.name + REPORT_ENDING)


def _write(files: dict[Path, bytes]) -> None:
    """Write a report and its file beside their places, then move them there, the report first.

    Whenever this is stopped, the file that is seen belongs to the report beside it, and a new call
    with the same input knows it as its own.
    """
    waiting = {path: path.with_name(f".{path.name}.{os.getpid()}{_PART}") for path in files}
    try:
        for path in files:
            _clear_left_behind(path)
        for path, beside in waiting.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(files[path])
        # The file goes before its report: one without a report would refuse the next call.
        for path in reversed(files):
            path.unlink(missing_ok=True)
        for path, beside in waiting.items():
            beside.replace(path)
    except OSError as cause:
        raise StorageFull(folder=str(next(iter(files)).parent)) from cause
    finally:
        for beside in waiting.values():
            beside.unlink(missing_ok=True)


def _clear_left_behind(path: Path) -> None:
    """Delete what calls for the same place left that were killed while they wrote."""
    for beside in path.parent.glob(f".{escape(path.name)}.*{_PART}"):
        number = beside.name.removesuffix(_PART).rpartition(".")[2]
        if number.isdecimal() and not _runs(int(number)):
            beside.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
