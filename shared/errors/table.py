"""The tree as a table, and the way from a code back to its class."""

from __future__ import annotations

from shared.errors.base import UrbanKiError


def error_class(code: str) -> type[UrbanKiError] | None:
    """Find the class of a stable code; None for a code of another version."""
    waiting: list[type[UrbanKiError]] = [UrbanKiError]
    while waiting:
        candidate = waiting.pop()
        if candidate.code == code:
            return candidate
        waiting.extend(candidate.__subclasses__())
    return None


def error_table() -> str:
    """Write every error with code, HTTP status, German message and advice as a Markdown table."""
    lines = ["| Kennung | HTTP | Meldung | Was tun |", "| --- | --- | --- | --- |"]

    def add(kind: type[UrbanKiError]) -> None:
        cells = (f"`{kind.code}`", str(kind.http_status), kind.user_message, kind.what_to_do)
        lines.append(f"| {' | '.join(cells)} |")
        for child in kind.__subclasses__():
            add(child)

    add(UrbanKiError)
    return "\n".join(lines) + "\n"
