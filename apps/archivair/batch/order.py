"""The order of the pages of a batch: as they were scanned, except where a person placed one.

Each page has a place, at first its number. A page between two others gets a place between theirs,
so placing one changes nothing about the rest, and two people who place pages at the same time
get one order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from typing import Protocol, TypeVar

LEAST_DIGITS, MOST_DIGITS = 3, 20
_EXACT = Context(prec=40)


class Numbered(Protocol):
    """What has the number of a page."""

    @property
    def page(self) -> int:
        """Number of the page in the batch, from 1."""


Page = TypeVar("Page", bound=Numbered)


def place_of(page: int, places: Mapping[int, Decimal]) -> Decimal:
    """Return the place of a page.

    Args:
        page: Number of the page.
        places: Places that people gave, by number of the page.
    """
    return places.get(page, Decimal(page))


def in_order(pages: Iterable[Page], places: Mapping[int, Decimal]) -> list[Page]:
    """Return pages in their order; of two at the same place the one scanned earlier comes first.

    Args:
        pages: The pages.
        places: Places that people gave; those of other pages than these say nothing.
    """
    return sorted(pages, key=lambda one: (place_of(one.page, places), one.page))


def between(low: Decimal, high: Decimal) -> Decimal | None:
    """Return a place behind one and before another, close to the lower one.

    Close, so that a thousand pages can be put one after the other into the same gap before their
    places become longer.

    Args:
        low: The lower place.
        high: The higher place.

    Returns:
        None where nothing fits between.
    """
    for digits in range(LEAST_DIGITS, MOST_DIGITS + 1):
        step = Decimal(1).scaleb(-digits)
        found = _EXACT.add(low.quantize(step, rounding="ROUND_FLOOR", context=_EXACT), step)
        if low < found < high:
            return found
    return None
