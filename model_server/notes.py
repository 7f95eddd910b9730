"""What guard, input parser and answer writer know about one request; kept in its ASGI scope."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, cast

from shared.contracts.identity.principal import Principal
from shared.errors import UrbanKiError

_KEY = "urbanki.note"


@dataclass(slots=True)
class RequestNote:
    """Mutable facts about one request.

    Args:
        request_id: Its name in answers and logs.
        error: Why it was refused as a whole.
        model: Model it asked for.
        items: Items it brought.
        principal: Who sent it; None until that is known, and for a program that reads figures.
        refused_for: What was wrong with its token.
    """

    request_id: str
    error: UrbanKiError | None = None
    model: str = ""
    items: int = 0
    principal: Principal | None = None
    refused_for: str = ""

    @property
    def tenant(self) -> str:
        """Municipality it was sent for; empty when unknown."""
        return "" if self.principal is None else self.principal.active_tenant


def put_note(scope: MutableMapping[str, Any], note: RequestNote) -> None:
    """Attach a note to a request."""
    scope[_KEY] = note


def get_note(scope: MutableMapping[str, Any]) -> RequestNote:
    """Return the note of a request.

    Raises:
        KeyError: The request did not come through the guard.
    """
    return cast(RequestNote, scope[_KEY])
