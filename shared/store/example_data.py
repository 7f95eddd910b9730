"""Keeps example data and real data apart: no sum, no map and no run mixes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from shared.errors import SampleMixed


class Marked(Protocol):
    """Anything that says whether it is example data: a run, a layer, a result."""

    @property
    def is_example(self) -> bool:
        """True for synthetic example data."""


def combine_check(parts: Iterable[Marked]) -> bool:
    """Return whether the parts are example data; nothing at all is not.

    Args:
        parts: Everything that goes into one sum, one map or one run.

    Raises:
        SampleMixed: Some parts are example data and some are real.
    """
    kinds = {part.is_example for part in parts}
    if len(kinds) > 1:
        raise SampleMixed()
    return True in kinds
