"""Checked answers of the model server: nobody ever gets another item's result."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from shared.clients.answers import Kind
from shared.clients.calls import Payload, Task
from shared.contracts.model_server import ErrorBody, ErrorText, ItemFailed, ItemOk, TaskResponse
from shared.errors import (
    AnswerMismatch,
    ModelServerFault,
    ModelServerRefusal,
    UrbanKiError,
    error_class,
)


def check_answer(body: bytes, sent: Sequence[Payload], model: str, version: str) -> TaskResponse:
    """Parse an answer and prove that each result belongs to the item that was sent.

    Args:
        body: JSON of the answer.
        sent: The items in the order of the request.
        model: Name of the model that was asked for.
        version: Its version; empty when any may answer.

    Raises:
        AnswerMismatch: Count, order, input hash or model differ, or the body is no answer.
    """
    try:
        answer = TaskResponse.model_validate_json(body)
    except ValidationError as cause:
        raise AnswerMismatch() from cause
    if (
        [result.index for result in answer.results] != list(range(len(sent)))
        or [result.input_sha256 for result in answer.results] != [item.sha256 for item in sent]
        or answer.model.name != model
        or (version and answer.model.version != version)
    ):
        raise AnswerMismatch()
    return answer


def typed_results(
    answer: TaskResponse, task: Task[Kind], first_index: int
) -> list[Kind | ItemFailed]:
    """Turn the results of a checked answer into typed ones.

    Args:
        answer: The checked answer.
        task: What was asked for.
        first_index: Position of the request's first item in the whole call.

    Raises:
        AnswerMismatch: A value has another shape than the task promises.
    """
    typed: list[Kind | ItemFailed] = []
    for result in answer.results:
        index = first_index + result.index
        if isinstance(result, ItemOk):
            typed.append(_typed(answer, result, task, index))
        else:
            typed.append(result.model_copy(update={"index": index}))
    return typed


def failed_item(item: Payload, error: UrbanKiError) -> ItemFailed:
    """Return the failure of an item that was sent alone and answered by an error."""
    figures = {
        name: value for name, value in error.details.items() if isinstance(value, str | int | float)
    }
    text = ErrorText(code=error.code, message=str(error), what_to_do=error.remedy, details=figures)
    return ItemFailed(index=0, error=text, input_sha256=item.sha256)


def error_from_text(text: ErrorText) -> UrbanKiError:
    """Rebuild the error of a wire text, so that pages can show it in their language."""
    known = error_class(text.code)
    if known is not None:
        try:
            return known(**text.details)
        except (KeyError, IndexError):
            # A newer server may fill its texts from other details; its own words still hold.
            return ModelServerRefusal(message=text.message, advice=text.what_to_do)
    return ModelServerRefusal(message=text.message, advice=text.what_to_do)


def error_from_body(body: bytes) -> UrbanKiError:
    """Rebuild the error of a refused request.

    Args:
        body: Body of the answer; anything but an `ErrorBody` counts as a fault of the server.
    """
    try:
        return error_from_text(ErrorBody.model_validate_json(body))
    except ValidationError:
        return ModelServerFault()


def _typed(answer: TaskResponse, result: ItemOk, task: Task[Kind], index: int) -> Kind:
    """Take the first class of the task that fits the value; at most one does."""
    for kind in task.kinds:
        try:
            value = kind.value_class.model_validate(result.value)
        except ValidationError:
            continue
        typed = kind(index, value, answer.model, tuple(result.warnings), result.input_sha256)
        typed.check()
        return typed
    raise AnswerMismatch()
