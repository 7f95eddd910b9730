"""Whether this process serves its pages behind the guard; pages ask, the guard answers."""

from __future__ import annotations

_state = {"active": False}


def is_active() -> bool:
    """Say whether this process serves its pages behind the guard."""
    return _state["active"]


def set_active() -> None:
    """Note that the guard stands before the application."""
    _state["active"] = True
