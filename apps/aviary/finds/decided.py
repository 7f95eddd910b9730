"""What people decided about the finds of a result, as its pictures and files say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.aviary.finds.joining import FoundObject
from apps.aviary.review import (
    REJECTED,
    Progress,
    ReviewList,
    Verdicts,
    checked_beginning,
    count_progress,
)

LEFT_OUT = "rejected_left_out"
"""Name by which files say that rejected finds are missing on purpose."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions about the finds of a result.

    Args:
        by_number: What was decided, by `object_id`; finds without a decision are missing.
        said: All decisions, counted.
        at_random: Those about the beginning of the random sample, which stand for all finds.
        leave_out_rejected: True where somebody wants rejected finds neither seen nor written.
    """

    by_number: Mapping[int, str]
    said: Progress
    at_random: Progress
    leave_out_rejected: bool = False

    def kept(self, objects: Sequence[FoundObject]) -> tuple[FoundObject, ...]:
        """Return the finds that pictures and files show: all, unless somebody wants fewer."""
        if not self.leave_out_rejected:
            return tuple(objects)
        return tuple(one for one in objects if self.by_number.get(one.object_id) != REJECTED)


def decide_about(listed: ReviewList, verdicts: Verdicts, *, leave_out_rejected: bool) -> Decided:
    """Bring finds and decisions together.

    Args:
        listed: The finds.
        verdicts: What was decided, by `object_key`; about other finds too.
        leave_out_rejected: See `Decided`.
    """
    pairs = zip(listed.objects, listed.keys, strict=True)
    return Decided(
        {one.object_id: verdicts[key] for one, key in pairs if key in verdicts},
        count_progress(listed.keys, verdicts),
        count_progress(checked_beginning(listed.sample, verdicts), verdicts),
        leave_out_rejected,
    )


def review_facts(decided: Decided) -> dict[str, Any]:
    """Return the decisions in figures, as plain values for a file.

    Args:
        decided: The decisions.
    """
    said = decided.said
    return {
        "finds": said.objects,
        "accepted": said.accepted,
        "rejected": said.rejected,
        "unclear": said.unclear,
        "open": said.left,
        **_precision(said),
        "random_sample": {"checked": decided.at_random.checked, **_precision(decided.at_random)},
        LEFT_OUT: decided.leave_out_rejected,
    }


def _precision(said: Progress) -> dict[str, Any]:
    interval = said.interval
    return {
        "precision": None if said.precision is None else round(said.precision, 4),
        "interval_95": None if interval is None else [round(end, 4) for end in interval],
        "interval_method": "Wilson 1927, doi:10.1080/01621459.1927.10502953",
    }
