"""Commands for operators: `python -m model_server check|card|publish|call`.

Exit codes: 0 fine, 1 a shipped model failed, 2 bad input (one German line), 3 no server answers.
JSON on the standard output.
"""

from __future__ import annotations

import json
import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from model_server.catalog import BUILT_IN
from model_server.commands.call import call_server
from model_server.commands.check import check_models
from model_server.commands.draft import draft_card
from model_server.commands.outcome import BAD_INPUT, DONE, MODEL_FAILED, CommandError, one_line
from model_server.commands.publish import publish_model
from model_server.commands.words import build_parser
from shared.errors import OperationError
from shared.settings import Settings, get_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    # Reasons stand in the results; the log of the catalogue would only double them.
    logging.getLogger("model_server").addHandler(logging.NullHandler())
    try:
        settings = get_settings()
        summary = _run(build_parser(settings).parse_args(arguments), settings)
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.code
    except OperationError as error:
        print(one_line(f"{error} {error.remedy}"), file=sys.stderr)
        return BAD_INPUT
    print(json.dumps(summary, ensure_ascii=False))
    return MODEL_FAILED if summary.get("ok") is False else DONE


def _run(given: Namespace, settings: Settings) -> dict[str, Any]:
    match given.command:
        case "check":
            return check_models(given.model, settings.model_dir, BUILT_IN)
        case "card":
            return draft_card(given.from_onnx, given.out, given.name, given.task)
        case "publish":
            own = [settings.model_dir] if settings.model_dir else []
            return publish_model(given.model, [BUILT_IN, *own])
        case _:
            return call_server(given)


if __name__ == "__main__":
    sys.exit(main())
