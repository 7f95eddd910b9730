"""How a person changes the order of pages: a step in their document, or into another document.

A cut belongs to the page that begins a document. Where another page comes to begin it, the cut goes
over to that one; so do decisions about the document that are kept under a page which leaves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from apps.archivair.batch.changes import Change, class_stays, fields_follow
from apps.archivair.batch.contents import Batch, Document, document_of
from apps.archivair.batch.edits import (
    NO,
    OTHER_DOCUMENT,
    YES,
    BatchEdits,
    Decided,
    cut_key,
    edits_of,
    place_key,
)
from apps.archivair.batch.order import between, place_of


def step_page(
    batch: Batch, page: int, step: int, decided: Mapping[str, Decided]
) -> tuple[Change, ...]:
    """Let a page and the next one of its document change places.

    Args:
        batch: The batch.
        page: Number of the page.
        step: -1 towards the front, 1 towards the back.
        decided: What is decided now, by item.

    Returns:
        No change at the end of the document.
    """
    pages = list(document_of(batch.documents, page).pages)
    goal = pages.index(page) + step
    if not 0 <= goal < len(pages):
        return ()
    at = min(goal, goal - step)
    front, back = pages[at], pages[at + 1]
    edits = edits_of(decided)
    places = place_of(front, edits.places), place_of(back, edits.places)
    changes = _begin(front, back) if at == 0 else ()
    if places[0] != places[1]:
        return *changes, _at(front, places[1], edits), _at(back, places[0], edits)
    # Two people put a page into the same gap at the same time.
    free = between(places[0], _behind(batch, back, edits))
    return (*changes, _at(front, free, edits)) if free is not None else ()


def move_page(
    batch: Batch, page: int, document: int, decided: Mapping[str, Decided]
) -> tuple[Change, ...]:
    """Put a page behind the last one of another document.

    Args:
        batch: The batch.
        page: Number of the page.
        document: Number of the document that it belongs to.
        decided: What is decided now, by item.

    Returns:
        No change where it is in that document already.
    """
    source, edits = document_of(batch.documents, page), edits_of(decided)
    if source.document == document:
        return ()
    last = batch.documents[document - 1].pages[-1]
    place = between(place_of(last, edits.places), _behind(batch, last, edits, without=page))
    if place is None:
        return ()
    rest = [one for one in source.pages if one != page]
    changes: tuple[Change, ...] = ()
    if source.first_page == page:
        changes = _begin(page, rest[0]) if rest else (Change(cut_key(page), NO),)
    return (
        *changes,
        Change(place_key(page), _written(place), OTHER_DOCUMENT),
        *class_stays(page, rest, edits),
        *fields_follow(source, ([page], rest), decided),
    )


def as_scanned(document: Document, decided: Mapping[str, Decided]) -> tuple[Change, ...]:
    """Put the pages of a document into the order in which they were scanned.

    Pages from other documents stay in it: they take their part in the order.

    Args:
        document: The document.
        decided: What is decided now, by item.

    Returns:
        No change where they lie so already.
    """
    edits, wanted = edits_of(decided), sorted(document.pages)
    if list(document.pages) == wanted:
        return ()
    places = sorted(place_of(one, edits.places) for one in wanted)
    begins = _begin(document.first_page, wanted[0]) if wanted[0] != document.first_page else ()
    return *begins, *(
        _at(page, place, edits)
        for page, place in zip(wanted, places, strict=True)
        if place_of(page, edits.places) != place
    )


def _begin(before: int, after: int) -> tuple[Change, ...]:
    """Let another page begin the document."""
    return Change(cut_key(before), NO), Change(cut_key(after), YES)


def _at(page: int, place: Decimal, edits: BatchEdits) -> Change:
    """Give a page of a document another place in it; one from elsewhere stays known as such."""
    reason = OTHER_DOCUMENT if page in edits.moved else ""
    return Change(place_key(page), _written(place), reason)


def _written(place: Decimal) -> str:
    text = f"{place:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _behind(batch: Batch, page: int, edits: BatchEdits, without: int = 0) -> Decimal:
    """Return the first place behind that of a page; that of a page still to come at the end."""
    own = place_of(page, edits.places)
    others = (place_of(one.page, edits.places) for one in batch.pages if one.page != without)
    still_to_come = Decimal(max(one.page for one in batch.pages) + 1)
    return min((place for place in others if place > own), default=max(still_to_come, own + 1))
