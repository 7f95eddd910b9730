"""Checked answers of the model server: nobody ever gets another item's result."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from shared.contracts.model_server import (
    MAX_LINES,
    MAX_TILES,
    EmbedValue,
    ErrorBody,
    ErrorText,
    InstancesValue,
    ItemFailed,
    ItemOk,
    ItemWarning,
    ModelIdentity,
    OcrLineValue,
    OcrPageValue,
    TaskResponse,
    Wire,
)
from shared.errors import (
    AnswerMismatch,
    ModelChanged,
    ModelCrashed,
    ModelServerFault,
    ModelServerRefusal,
    UrbanKiError,
    error_class,
)

Value = TypeVar("Value", bound=Wire)
Kind = TypeVar("Kind", bound="Answer[Any]")


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """The good result of one item.

    Args:
        index: Position of the item in the call.
        value: What the model found.
        model: Which model answered.
        warnings: What a person should know about this result.
        input_sha256: Hash of the bytes that were sent, checked against them.
    """

    value_class: ClassVar[type[Wire]]
    most_per_request: ClassVar[int]

    index: int
    value: Value
    model: ModelIdentity
    warnings: tuple[ItemWarning, ...]
    input_sha256: str


class SegmentResult(Answer[InstancesValue]):
    """Objects found in one image."""

    value_class = InstancesValue
    most_per_request = MAX_TILES


class OcrPageResult(Answer[OcrPageValue]):
    """Lines found on one page; without text in mode `detect`."""

    value_class = OcrPageValue
    # A page runs alone and for seconds: several in one request would share one time limit.
    most_per_request = 1


class OcrLineResult(Answer[OcrLineValue]):
    """Text of one line crop."""

    value_class = OcrLineValue
    most_per_request = MAX_LINES


class EmbedResult(Answer[EmbedValue]):
    """Vector of one text."""

    value_class = EmbedValue
    # The longest text takes a busy machine 3 s, and all of a request share one time limit.
    most_per_request = 8

    @property
    def vector(self) -> NDArray[np.float32]:
        """Return the vector, float32 of length `value.dim`."""
        return np.frombuffer(base64.b64decode(self.value.vector), dtype="<f4").astype(np.float32)


class ModelPin:
    """Remembers the first model that answers a job and refuses any other."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._first: ModelIdentity | None = None

    def check(self, model: ModelIdentity) -> None:
        """Compare with the first answer.

        Raises:
            ModelChanged: Name, version or weights differ.
        """
        with self._lock:
            first = self._first = self._first or model
        if (first.name, first.version, first.sha256) != (model.name, model.version, model.sha256):
            raise ModelChanged()


def check_answer(body: bytes, sent: Sequence[bytes], model: str) -> TaskResponse:
    """Parse an answer and prove that each result belongs to the item that was sent.

    Args:
        body: JSON of the answer.
        sent: Bytes of the items in the order of the request.
        model: Name of the model that was asked for.

    Raises:
        AnswerMismatch: Count, order, input hash or model name differ, or the body is no answer.
    """
    try:
        answer = TaskResponse.model_validate_json(body)
    except ValidationError as cause:
        raise AnswerMismatch() from cause
    hashes = [hashlib.sha256(item).hexdigest() for item in sent]
    if (
        [result.index for result in answer.results] != list(range(len(sent)))
        or [result.input_sha256 for result in answer.results] != hashes
        or answer.model.name != model
    ):
        raise AnswerMismatch()
    return answer


def typed_results(
    answer: TaskResponse, kind: type[Kind], first_index: int
) -> list[Kind | ItemFailed]:
    """Turn the results of a checked answer into typed ones.

    Args:
        answer: The checked answer.
        kind: Class of a good result.
        first_index: Position of the request's first item in the whole call.

    Raises:
        AnswerMismatch: A value has another shape than the task promises.
    """
    typed: list[Kind | ItemFailed] = []
    for result in answer.results:
        index = first_index + result.index
        if isinstance(result, ItemOk):
            value = _parse_value(result, kind.value_class)
            typed.append(
                kind(index, value, answer.model, tuple(result.warnings), result.input_sha256)
            )
        else:
            typed.append(result.model_copy(update={"index": index}))
    return typed


def crashed_item(item: bytes, error: ModelCrashed) -> ItemFailed:
    """Return the failure of an item over which the server broke off."""
    text = ErrorText(code=error.code, message=str(error), what_to_do=error.remedy)
    return ItemFailed(index=0, error=text, input_sha256=hashlib.sha256(item).hexdigest())


def _parse_value(result: ItemOk, value_class: type[Wire]) -> Wire:
    try:
        value = value_class.model_validate(result.value)
        if isinstance(value, EmbedValue):
            raw = base64.b64decode(value.vector, validate=True)
            if len(raw) != 4 * value.dim:
                raise AnswerMismatch()
    except (ValidationError, binascii.Error) as cause:
        raise AnswerMismatch() from cause
    return value


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
