"""What a check of input or result says to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.errors import in_german

Level = Literal["ok", "hint", "stop"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of a check, like a lamp of a traffic light with words.

    Args:
        level: "ok" nothing to do, "hint" may continue with care, "stop" must be changed first.
        code: Stable name for tests and logs.
        text: German text marked with `N_`, may hold `{placeholders}`.
        remedy: German advice marked with `N_`; empty where nothing is to do.
        details: Values of the placeholders of both texts.
    """

    level: Level
    code: str
    text: str
    remedy: str = ""
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def german(self) -> str:
        """Text and remedy in German, placeholders filled."""
        return f"{self.text} {self.remedy}".strip().format(**in_german(self.details))


def may_continue(findings: tuple[Finding, ...] | list[Finding]) -> bool:
    """Say whether no finding stops the work."""
    return all(finding.level != "stop" for finding in findings)
