"""The steps of a job with their checks, the same in a worker and in a headless command.

Code of an app may return or raise anything; behind these functions there are only values that every
database can keep, and errors with a code.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
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

MOST_UNITS_OF_RUN = 1_000_000
LONGEST_KEY = 1000
LONGEST_MESSAGE = 2000
AppErrors = (Exception, SystemExit)
"""What code of an app may raise without harm to anything else."""
_log = logging.getLogger(__name__)


def unit_keys(definition: JobDefinition, context: JobContext) -> list[str]:
    """Cut the input.

    Raises:
        ResultUnusable: Two units have one key, there are too many, or a key cannot be kept.
        Exception: What the app raised.
    """
    keys = [str(key) for key in definition.split(context)]
    distinct = len(set(keys)) == len(keys)
    if not distinct or len(keys) > MOST_UNITS_OF_RUN or not all(map(_is_key, keys)):
        raise ResultUnusable()
    return keys


def unit_result(definition: JobDefinition, key: str, context: JobContext) -> UnitResult:
    """Do one unit.

    Raises:
        ResultUnusable: Its result cannot be kept.
        Exception: What the app raised.
    """
    result = definition.process(key, context)
    if not isinstance(result, UnitResult) or not _is_file(result.file):
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
    names = {file.name for file in files if isinstance(file, StoredFile)}
    if len(names) != len(files):
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


def _is_key(key: str) -> bool:
    return 0 < len(key) <= LONGEST_KEY and key == _storable(key)


def _is_file(file: object) -> bool:
    return file is None or isinstance(file, StoredFile)


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
