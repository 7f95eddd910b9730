"""What travels through the server for one request: a ticket, its items, their outcomes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from model_server.batching import ItemResult
from model_server.catalog import ServableModel
from shared.contracts.model_server import (
    ChangeOptions,
    ClassifyOptions,
    EmbedOptions,
    ImageEmbedOptions,
    ItemWarning,
    LayoutOptions,
    ModelIdentity,
    OcrOptions,
    SegmentOptions,
    Wire,
    pair_digest,
)
from shared.errors import WARNINGS, in_german

Options = (
    SegmentOptions
    | ChangeOptions
    | OcrOptions
    | LayoutOptions
    | ClassifyOptions
    | ImageEmbedOptions
    | EmbedOptions
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What all items of a request share.

    Args:
        request_id: Name of the request in answers and logs.
        options: Checked options.
        model: The model that must answer.
        arrived_s: Monotonic seconds when the request was complete.
        count: Items of the request.
    """

    request_id: str
    options: Options
    model: ServableModel
    arrived_s: float
    count: int


@dataclass(frozen=True, slots=True)
class Item:
    """One image, pair of images or text of a request.

    Args:
        ticket: The request.
        index: Position in the request.
        data: Encoded image (of a pair the one before), or the text in UTF-8.
        after: The second image of a pair, None for everything else.
    """

    ticket: Ticket
    index: int
    data: bytes
    after: bytes | None = None

    @property
    def sha256(self) -> str:
        """Hash by which the caller recognises what was sent."""
        if self.after is None:
            return hashlib.sha256(self.data).hexdigest()
        return pair_digest(self.data, self.after)


@dataclass(frozen=True, slots=True)
class Found:
    """Value of one item.

    Args:
        value: As the contract defines it for the task.
        warnings: What a person should know about it.
    """

    value: Wire
    warnings: tuple[ItemWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item.

    Args:
        item: The item.
        result: Good with a `Found`, or bad with an error.
        identity: The model that ran.
        queue_s: Seconds the item waited for its batch.
        input_sha256: Hash of the item's bytes.
    """

    item: Item
    result: ItemResult[Found]
    identity: ModelIdentity
    queue_s: float
    input_sha256: str


def warn(code: str, **details: str | int | float) -> ItemWarning:
    """Return a warning with its German text."""
    message = WARNINGS[code].format(**in_german(details))
    return ItemWarning(code=code, message=message, details=details)
