"""Headless commands: `python -m apps.archivair ocr|process|redact FILE...`, `search QUERY`.

Exit codes: 0 done, 2 bad input, 3 model server not available, 4 stopped by a person, what was
redacted is not gone, or documents of a batch could not be written. Errors are one German line on
stderr, progress stands there too; the summary is one JSON line on stdout.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType

from apps.archivair.commands import build_parser
from apps.archivair.errors import NoPageRead
from apps.archivair.jobs import OCR, SCRIPT
from apps.archivair.kept_page import decode_page
from apps.archivair.ocr_lines_command import ocr_lines
from apps.archivair.outputs import (
    check_free,
    check_writable,
    models_json,
    page_files,
    write_page,
)
from apps.archivair.page_figures import figures_from
from apps.archivair.pages import Limits
from apps.archivair.process_command import process
from apps.archivair.recognise import MODEL
from apps.archivair.redaction.command import redact
from apps.archivair.redaction.errors import ResidueFound
from apps.archivair.search_command import search
from apps.archivair.survey import FileFailure, SurveyedFile, survey
from shared.auth.headless import run_app_command
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.command_line import refusal
from shared.contracts.provenance import ModelUse
from shared.errors import Cancelled, ModelServerError, UrbanKiError
from shared.jobs.forecast import forecast
from shared.jobs.inline import InlineFile, InlineStep, run_inline
from shared.settings import get_settings

DONE, BAD_INPUT, NO_MODEL_SERVER, STOPPED = 0, 2, 3, 4
RESIDUE = 4
PAGES_AT_ONCE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        options = build_parser().parse_args(arguments)
        return run_app_command(get_settings(), "archivair", options.command, lambda: _run(options))
    except (KeyboardInterrupt, Cancelled):
        return _refuse(Cancelled(), STOPPED)
    except ModelServerError as error:
        return _refuse(error, NO_MODEL_SERVER)
    except ResidueFound as error:
        return _refuse(error, RESIDUE)
    except UrbanKiError as error:
        return _refuse(error, BAD_INPUT)


def _run(options: Namespace) -> int:
    if options.command == "redact":
        return redact(options, _client)
    if options.command == "process":
        return process(options, _client)
    if options.command == "ocr-lines":
        return ocr_lines(options, _client)
    if options.command == "search":
        return search(options)
    return _ocr(options)


def _ocr(options: Namespace) -> int:
    start = time.monotonic()
    found = survey(options.files, Limits())
    check_writable(options.out)
    for page in found.pages:
        check_free(options.out, page, force=options.force)
    record = _Record(options.out, sum(1 for _ in found.pages))
    for failure in found.failures:
        record.refuse(failure)
    if found.files:
        with ExitStack() as stack:
            client = _client(stack)
            for file in found.files:
                _read_file(file, options.script, client, record)
    summary = {
        "command": "ocr",
        "pages": len(record.entries),
        "failed": record.failed,
        "seconds": round(time.monotonic() - start, 2),
        "per_page": record.entries,
        "models": models_json(list(record.models)),
    }
    sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    if not record.entries:
        raise NoPageRead(reason=record.failed[0]["message"])
    return DONE


def _client(stack: ExitStack) -> ModelServerClient:
    settings = get_settings().model_copy(update={"model_server_preload": MODEL})
    server = stack.enter_context(ensure_model_server(settings))
    return stack.enter_context(ModelServerClient(server.settings))


def _read_file(file: SurveyedFile, script: str, client: ModelServerClient, record: _Record) -> None:
    """Read a file by the same definition that the page's jobs follow."""
    with run_inline(
        OCR,
        [InlineFile(file.path, file.path.name, file.media_type)],
        {SCRIPT: script},
        models=client,
        progress=partial(record.note, file.path.name),
        units_at_once=PAGES_AT_ONCE,
    ) as result:
        record.models |= dict.fromkeys(result.models)


@dataclass
class _Record:
    """What the call has done so far; results are written page by page.

    Args:
        folder: Output folder.
        total: Pages of all files.
    """

    folder: Path
    total: int
    entries: list[dict[str, object]] = field(default_factory=list)
    failed: list[dict[str, object]] = field(default_factory=list)
    models: dict[ModelUse, None] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    done: int = 0

    def refuse(self, failure: FileFailure) -> None:
        """Note a file of which no page can be opened."""
        error = failure.error
        self._fail(failure.file_name, None, error.code, str(error))

    def note(self, file: str, step: InlineStep) -> None:
        """Write the files of a page, or note why there are none; say how far it is."""
        outcome = step.outcome
        if outcome.file is None:
            message = outcome.error_message or ""
            self._fail(file, int(outcome.key), outcome.error_code, message)
        else:
            page = decode_page(step.read(outcome.file))
            stem = page.identity.stem
            write_page(self.folder, stem, page_files(page.reading, page.identity))
            figures = figures_from(outcome.data)
            self.entries.append(figures.as_entry())
            self.seconds.append(figures.seconds)
        self.done += 1
        sys.stderr.write(f"{self._progress()}\n")

    def _fail(self, file: str, page: int | None, code: str | None, message: str) -> None:
        self.failed.append({"file": file, "page": page, "code": code, "message": message})

    def _progress(self) -> str:
        line = f"Seite {self.done} von {self.total} gelesen"
        left = forecast(self.done, self.total, self.seconds, PAGES_AT_ONCE)
        if left is None or self.done == self.total:
            return line
        return f"{line}, noch etwa {max(1, round(left.middle_s))} s"


def _refuse(error: UrbanKiError, code: int) -> int:
    sys.stderr.write(f"{refusal(error)}\n")
    return code


def _stop(number: int, frame: FrameType | None) -> None:
    """End like Ctrl+C, so that a model server started on the way is ended too."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
