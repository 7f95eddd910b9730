"""The steps of a job with their checks, the same in a worker and in a headless command.

Code of an app may return or raise anything; behind these functions there are only values that every
database can keep, and errors with a code.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import ModelUse
from shared.errors import ResultUnusable, UrbanKiError, new_reference
from shared.jobs.definition import (
    MOST_ROW_BYTES,
    MOST_SUMMARY_BYTES,
    JobContext,
    JobDefinition,
    ResultSummary,
    UnitOutcome,
    UnitResult,
)
from shared.jobs.messages import Failure
from shared.jobs.outcomes import plain_data
from shared.store.file_store import LONGEST_NAME

MOST_UNITS_OF_RUN = 1_000_000
LONGEST_KEY = 1000
MOST_KEY_CHARACTERS = 64_000_000
"""All keys of a run together: the supervisor holds them once."""
LONGEST_MESSAGE = 2000
_LONGEST_MEDIA_TYPE = 100
_HASH = re.compile(r"[0-9a-f]{64}")
AppErrors = (Exception, SystemExit)
"""What code of an app may raise without harm to anything else."""
_log = logging.getLogger(__name__)


def unit_keys(definition: JobDefinition, context: JobContext) -> list[str]:
    """Cut the input.

    Raises:
        ResultUnusable: Two units have one key, there are too many, or a key cannot be kept.
        Exception: What the app raised.
    """
    found = definition.split(context)
    if isinstance(found, str):  # its letters are no keys
        raise ResultUnusable()
    keys: list[str] = []
    size = 0
    for key in islice(found, MOST_UNITS_OF_RUN + 1):
        if not _is_text(key, LONGEST_KEY):  # the text of any other object may differ each time
            raise ResultUnusable()
        keys.append(str(key))
        size += len(key)
        if size > MOST_KEY_CHARACTERS:
            raise ResultUnusable()
    if len(keys) > MOST_UNITS_OF_RUN or len(set(keys)) != len(keys):
        raise ResultUnusable()
    return keys


def unit_result(definition: JobDefinition, key: str, context: JobContext) -> UnitResult:
    """Do one unit.

    Raises:
        ResultUnusable: Its result cannot be kept.
        Exception: What the app raised.
    """
    result = definition.process(key, context)
    if not isinstance(result, UnitResult) or not (result.file is None or _is_file(result.file)):
        raise ResultUnusable()
    models = tuple(result.models)
    if not all(isinstance(model, ModelUse) for model in models):
        raise ResultUnusable()
    return UnitResult(plain_data(result.data, MOST_ROW_BYTES), result.file, models)


def run_summary(
    definition: JobDefinition, outcomes: Iterator[UnitOutcome], context: JobContext
) -> ResultSummary:
    """Join the results.

    Raises:
        ResultUnusable: The summary cannot be kept.
        Exception: What the app raised.
    """
    summary = definition.finish(outcomes, context)
    if not isinstance(summary, ResultSummary):
        raise ResultUnusable()
    files = tuple(summary.files)
    if not all(map(_is_file, files)) or len({file.name for file in files}) != len(files):
        raise ResultUnusable()
    return ResultSummary(plain_data(summary.data, MOST_SUMMARY_BYTES), files)


def app_failure(error: BaseException, what: str) -> Failure:
    """Return what is told about an error; what nobody foresaw goes into the log with a number.

    Args:
        error: What was raised.
        what: Names the step for the log.
    """
    if isinstance(error, UrbanKiError):
        message = _storable(str(error))[:LONGEST_MESSAGE]
        return Failure(error.code, message, _plain(error.details), error.retry)
    reference = new_reference()
    _log.error("%s %s", reference, what, exc_info=error)
    return Failure(UrbanKiError.code, UrbanKiError.user_message, {"reference": reference})


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and value == _storable(value)


def _is_file(file: object) -> bool:
    """Say whether it can be a file that `JobContext.write` has returned."""
    return (
        isinstance(file, StoredFile)
        and _is_text(file.name, LONGEST_NAME)
        and _is_text(file.media_type, _LONGEST_MEDIA_TYPE)
        and _is_text(file.sha256, 64)
        and _HASH.fullmatch(file.sha256) is not None
        and type(file.bytes) is int
        and 0 <= file.bytes < 2**63
    )


def _plain(details: Mapping[str, object]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in details.items()}


def _plain_value(value: object) -> str | int | float | None:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _storable(str(value))[:LONGEST_MESSAGE]


def _storable(text: str) -> str:
    """Return a text as every database can keep it: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
