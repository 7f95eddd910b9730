"""Headless command: `python -m apps.archivair ocr FILE... --out DIR`.

Exit codes: 0 done, 2 bad input, 3 model server not available, 4 stopped by a person. Errors are
one German line on stderr, progress stands there too; the summary is one JSON line on stdout.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

from apps.archivair.batch import PageOutcome, Survey, read_files, survey
from apps.archivair.commands import build_parser
from apps.archivair.errors import NoPageRead
from apps.archivair.forecast import Forecast
from apps.archivair.outputs import (
    PageIdentity,
    check_free,
    check_writable,
    models_json,
    page_files,
    page_summary,
    write_page,
)
from apps.archivair.pages import Limits, open_path
from apps.archivair.piece_reading import Engines
from apps.archivair.recognise import MODEL, ServerReader
from apps.archivair.tesseract import find_tesseract
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.contracts.provenance import ModelUse
from shared.errors import Cancelled, InputError, ModelServerError, OperationError, UrbanKiError
from shared.settings import get_settings

DONE, BAD_INPUT, NO_MODEL_SERVER, STOPPED = 0, 2, 3, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        return _ocr(build_parser().parse_args(arguments))
    except (KeyboardInterrupt, Cancelled):
        return _refuse(Cancelled(), STOPPED)
    except ModelServerError as error:
        return _refuse(error, NO_MODEL_SERVER)
    except (InputError, OperationError) as error:
        return _refuse(error, BAD_INPUT)


def _ocr(options: Namespace) -> int:
    start = time.monotonic()
    limits = Limits()
    found = survey(options.files, limits)
    check_writable(options.out)
    _check_all_free(found, options, limits)
    failed = [_failure(one.file_name, None, one.error) for one in found.failures]
    entries: list[dict[str, object]] = []
    models: dict[str, ModelUse] = {}
    if found.total:
        with ExitStack() as stack:
            forecast = Forecast(found.total, time.monotonic())
            for outcome in read_files(
                found.paths, _engines(stack), script=options.script, limits=limits
            ):
                if outcome.reading is None or outcome.error is not None:
                    failed.append(_page_failure(outcome))
                else:
                    stem = outcome.identity.stem
                    files = page_files(outcome.reading, outcome.identity)
                    write_page(options.out, stem, files)
                    entries.append(page_summary(outcome.reading, stem))
                    models |= {model.name: model for model in outcome.reading.models}
                forecast.count(time.monotonic())
                sys.stderr.write(f"{forecast.german_line()}\n")
    summary = {
        "command": "ocr",
        "pages": len(entries),
        "failed": failed,
        "seconds": round(time.monotonic() - start, 2),
        "per_page": entries,
        "models": models_json(list(models.values())),
    }
    sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    if not entries:
        raise NoPageRead(reason=failed[0]["message"])
    return DONE


def _engines(stack: ExitStack) -> Engines:
    settings = get_settings().model_copy(update={"model_server_preload": MODEL})
    server = stack.enter_context(ensure_model_server(settings))
    client = stack.enter_context(ModelServerClient(server.settings))
    return Engines(ServerReader(client), find_tesseract())


def _check_all_free(found: Survey, options: Namespace, limits: Limits) -> None:
    """Refuse before the first page is read, not after the tenth."""
    for path in found.paths:
        source = open_path(path, limits)
        for index in range(1, source.count + 1):
            stem = source.page_stem(index)
            identity = PageIdentity(stem, source.name, source.sha256, index, source.count)
            check_free(options.out, identity, force=options.force)
        source.close()


def _page_failure(outcome: PageOutcome) -> dict[str, object]:
    identity = outcome.identity
    return _failure(identity.file_name, identity.index, outcome.error or UrbanKiError())


def _failure(file_name: str, page: int | None, error: UrbanKiError) -> dict[str, object]:
    return {"file": file_name, "page": page, "code": error.code, "message": str(error)}


def _refuse(error: UrbanKiError, code: int) -> int:
    line = " ".join(f"{error} {error.remedy}".split())
    sys.stderr.write(f"{line}\n")
    return code


def _stop(number: int, frame: FrameType | None) -> None:
    """End like Ctrl+C, so that a model server started on the way is ended too."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
