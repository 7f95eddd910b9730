"""The root of the tree, and what fills the placeholders of its texts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import ClassVar, Literal

REFERENCE_PREFIX = "UK-"


def new_reference() -> str:
    """Return a fresh number that names one failure on the page and in the log."""
    return REFERENCE_PREFIX + secrets.token_hex(4).upper()


Retry = Literal["never", "attempts", "wait"]
"""What a job does with a unit that failed so: give up, try a few times, or wait until it works."""


def N_(text: str) -> str:  # gettext's own name for "mark, translate later"
    """Mark a text for the message catalogue without translating it."""
    return text


class CatalogueText(str):
    """A detail that is itself a German text of the catalogue, so that it is translated too."""

    __slots__ = ()


class UrbanKiError(Exception):
    """Base of all errors; `details` fill the placeholders of both texts."""

    code: ClassVar[str] = "unerwarteter_fehler"
    user_message: ClassVar[str] = N_("Es ist ein unerwarteter Fehler aufgetreten.")
    what_to_do: ClassVar[str] = N_("Bitte versuchen Sie es noch einmal.")
    http_status: ClassVar[int] = 500
    retry: ClassVar[Retry] = "never"

    def __init__(self, **details: object) -> None:
        self.details = details
        super().__init__(self.user_message.format(**in_german(details)))

    @property
    def remedy(self) -> str:
        """German advice with its placeholders filled."""
        return self.what_to_do.format(**in_german(self.details))


def in_german(details: Mapping[str, object]) -> dict[str, object]:
    """Write the decimal numbers of placeholders the German way, with at most three places."""
    return {
        name: f"{value:.3f}".rstrip("0").rstrip(".").replace(".", ",")
        if isinstance(value, float)
        else value
        for name, value in details.items()
    }
