"""`python -m apps.archivair ocr-lines DIR --script fraktur --out DIR`: one text per line image."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from apps.archivair.clean import Gray
from apps.archivair.errors import FrakturModelMissing, NoLineImages
from apps.archivair.line_files import LineFile, list_lines, open_line
from apps.archivair.line_reading import EngineChoice, ReadLine, read_lines
from apps.archivair.outputs import check_writable, models_json
from apps.archivair.piece_reading import Engines, models_used
from apps.archivair.recognise import ServerReader, has_fraktur_model
from apps.archivair.script import Script
from apps.archivair.tesseract import find_tesseract
from shared.clients.model_server import ModelServerClient
from shared.errors import InputError, ItemError, ResultsExist, StorageFull

COMMAND = "ocr-lines"
RECORD = "ocr-lines.json"
SCHEMA = "archivair-lines/1"
SCRIPTS: tuple[Script, ...] = ("fraktur", "antiqua", "typewriter")
ENGINE_CHOICES: tuple[EngineChoice, ...] = ("vote", "crnn")
LINES_AT_ONCE = 40
Json = dict[str, Any]
ClientOf = Callable[[ExitStack], ModelServerClient]


class Commands(Protocol):
    """The part of argparse's subcommands that is used here."""

    def add_parser(self, name: str, *, help: str) -> ArgumentParser:  # argparse's name
        """Add a command."""


def add_ocr_lines(commands: Commands) -> None:
    """Add the words of the command.

    Args:
        commands: Subcommands of `python -m apps.archivair`.
    """
    parser = commands.add_parser(COMMAND, help="Bilder einzelner Textzeilen lesen")
    parser.add_argument("folder", type=Path, metavar="ORDNER", help="Zeilenbilder, je Bild eine")
    parser.add_argument(
        "--script", type=_script, required=True, metavar="SCHRIFT", help=", ".join(SCRIPTS)
    )
    parser.add_argument("--out", type=Path, required=True, metavar="ORDNER", help="Ergebnisordner")
    parser.add_argument(
        "--engine",
        type=_engine,
        default="vote",
        metavar="VERFAHREN",
        help="vote (Vorgabe: alle stimmen ab) oder crnn (eigenes Modell allein)",
    )
    parser.add_argument("--force", action="store_true", help="vorhandene Ergebnisse überschreiben")


def ocr_lines(options: Namespace, client_of: ClientOf) -> int:
    """Run the command and return 0.

    Args:
        options: folder, script, out, engine, force.
        client_of: Returns a client of the model server; what it starts ends with the stack.

    Raises:
        InputError: The input cannot be used, or no picture of it could be read.
        ModelServerError: The model server could not answer.
    """
    start = time.monotonic()
    files = list_lines(options.folder)
    check_writable(options.out)
    asked = _asked(files, options)
    _check_free(options.out, asked, files, force=options.force)
    work = _Work(options.out, len(files))
    with ExitStack() as stack:
        client = client_of(stack)
        if options.engine == "crnn" and not has_fraktur_model(client):
            raise FrakturModelMissing()
        engines = Engines(ServerReader(client), find_tesseract())
        for chunk in work.opened(files):
            lines = [gray for _, gray in chunk]
            read = read_lines(lines, engines, options.script, options.engine)
            work.note([file for file, _ in chunk], read)
        models = models_used(engines, work.engines)
    _write(options.out / RECORD, json.dumps(asked, ensure_ascii=False) + "\n")
    summary = {
        "command": COMMAND,
        "lines": len(work.entries),
        "failed": work.failed,
        "seconds": round(time.monotonic() - start, 2),
        "per_line": work.entries,
        "engines": sorted(work.engines),
        "models": models_json(models),
    }
    sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    if not work.entries:
        raise NoLineImages(name=options.folder.name)
    return 0


@dataclass
class _Work:
    """What the call has done so far; texts are written as they are read."""

    folder: Path
    total: int
    entries: list[Json] = field(default_factory=list)
    failed: list[Json] = field(default_factory=list)
    engines: set[str] = field(default_factory=set)

    def opened(self, files: Sequence[LineFile]) -> Iterator[list[tuple[LineFile, Gray]]]:
        """Yield pictures in portions; a file that is none is noted and left out."""
        portion: list[tuple[LineFile, Gray]] = []
        for file in files:
            try:
                portion.append((file, open_line(file.path)))
            except ItemError as error:
                failure = {"file": file.path.name, "code": error.code, "message": str(error)}
                self.failed.append(failure)
            if len(portion) == LINES_AT_ONCE:
                yield portion
                portion = []
        if portion:
            yield portion

    def note(self, files: Sequence[LineFile], read: Sequence[ReadLine]) -> None:
        """Write the texts of a portion and say how far it is."""
        for file, line in zip(files, read, strict=True):
            _write(self.folder / f"{file.stem}.txt", f"{line.text}\n")
            found = {one.engine: one.text for one in line.candidates}
            self.engines |= {engine for engine, text in found.items() if text}
            self.entries.append({
                "stem": file.stem, "text": line.text, "confidence": line.confidence,
                "candidates": found,
            })  # fmt: skip
        done = len(self.entries) + len(self.failed)
        sys.stderr.write(f"Zeile {done} von {self.total} gelesen\n")


def _asked(files: Sequence[LineFile], options: Namespace) -> Json:
    """Return what the results belong to."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.path.name.encode() + b"\0")
        with file.path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return {
        "schema": SCHEMA,
        "input_sha256": digest.hexdigest(),
        "script": options.script,
        "engine": options.engine,
    }


def _check_free(folder: Path, asked: Json, files: Sequence[LineFile], *, force: bool) -> None:
    """Refuse to overwrite texts of other pictures; those of the same call may be replaced."""
    if force or not any((folder / f"{file.stem}.txt").exists() for file in files):
        return
    try:
        known = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        known = None
    if known != asked:
        raise ResultsExist(folder=str(folder))


def _write(target: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(target)
    except OSError as cause:
        raise StorageFull(folder=str(target.parent)) from cause
    finally:
        beside.unlink(missing_ok=True)


def _script(text: str) -> Script:
    for script in SCRIPTS:
        if script == text:
            return script
    raise InputError(reason=f"--script muss eines von diesen sein: {', '.join(SCRIPTS)}.")


def _engine(text: str) -> EngineChoice:
    for engine in ENGINE_CHOICES:
        if engine == text:
            return engine
    raise InputError(reason="--engine muss vote oder crnn sein.")
