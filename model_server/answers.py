"""Outcomes become the answer of one request, or an error body."""

from __future__ import annotations

from collections.abc import Sequence

from model_server.batching import Bad, Good
from model_server.items import Outcome
from shared.contracts.model_server import (
    ErrorBody,
    ErrorText,
    ItemFailed,
    ItemOk,
    TaskResponse,
    Timing,
)
from shared.errors import ModelServerFault, UrbanKiError


def build_answer(outcomes: Sequence[Outcome]) -> TaskResponse:
    """Return the answer of one request.

    Raises:
        ModelServerFault: The outcomes are not exactly the items of one request, in order.
    """
    if not outcomes:
        raise ModelServerFault()
    ticket = outcomes[0].item.ticket
    indices = [outcome.item.index for outcome in outcomes]
    # The framework put the outcomes of many requests apart again; nobody may get another's.
    if indices != list(range(ticket.count)) or any(o.item.ticket is not ticket for o in outcomes):
        raise ModelServerFault()
    return TaskResponse(
        request_id=ticket.request_id,
        model=outcomes[0].identity,
        results=[_item(outcome) for outcome in outcomes],
        timing_ms=_timing(outcomes),
    )


def error_text(error: UrbanKiError) -> ErrorText:
    """Return the public text of an error."""
    return ErrorText(
        code=error.code,
        message=_writable(str(error)),
        what_to_do=_writable(error.remedy),
        details=_details(error),
    )


def error_body(error: UrbanKiError, request_id: str) -> ErrorBody:
    """Return the body of a refused request."""
    return ErrorBody(**error_text(error).model_dump(), request_id=request_id)


def _item(outcome: Outcome) -> ItemOk | ItemFailed:
    index, sha256 = outcome.item.index, outcome.input_sha256
    match outcome.result:
        case Bad(error):
            return ItemFailed(index=index, error=error_text(error), input_sha256=sha256)
        case Good(found):
            return ItemOk(
                index=index,
                value=found.value.model_dump(mode="json", by_alias=True),
                warnings=list(found.warnings),
                input_sha256=sha256,
            )


def _timing(outcomes: Sequence[Outcome]) -> Timing:
    good = [outcome.result for outcome in outcomes if isinstance(outcome.result, Good)]
    return Timing(
        queue=_milliseconds(max(outcome.queue_s for outcome in outcomes)),
        decode=_milliseconds(sum(result.decode_s for result in good)),
        predict=_milliseconds(max((result.predict_s for result in good), default=0)),
        encode=_milliseconds(sum(result.encode_s for result in good)),
        batch_size=max((result.batch_size for result in good), default=1),
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _details(error: UrbanKiError) -> dict[str, str | int | float]:
    return {
        name: value if isinstance(value, int | float) else _writable(str(value))
        for name, value in error.details.items()
    }


def _writable(text: str) -> str:
    """Replace halves of characters that somebody sent and no answer could carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
