"""What a person can change about the documents of a batch, as items of the log of decisions.

One action may be several decisions; they are made at the same moment and taken back together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from apps.archivair.batch.changes import Change, class_stays, fields_follow
from apps.archivair.batch.contents import Batch, BatchPage, Document, document_of
from apps.archivair.batch.edits import (
    NO,
    YES,
    Decided,
    class_key,
    cut_key,
    edits_of,
    other_file_key,
    rotation_key,
)
from shared.store.decisions import Decision

QUARTER_DEG = 90
FULL_DEG = 360
KINDS = ("schnitt", "klasse", "drehung", "andere_akte", "platz")
"""Beginnings of the keys of these items."""


def add_cut(batch: Batch, page: int, decided: Mapping[str, Decided]) -> tuple[Change, ...]:
    """Let a document begin at a page; nothing where one begins already.

    Args:
        batch: The batch.
        page: Number of the page.
        decided: What is decided now, by item.
    """
    document = document_of(batch.documents, page)
    if document.first_page == page:
        return ()
    pages = list(document.pages)
    at = pages.index(page)
    return Change(cut_key(page), YES), *fields_follow(document, (pages[:at], pages[at:]), decided)


def remove_cut(batch: Batch, page: int) -> tuple[Change, ...]:
    """Join a document with the one before it.

    A class that a person chose for one of them holds for both; where two were chosen that differ,
    the class is asked again.

    Args:
        batch: The batch.
        page: Number of the page where the cut is.
    """
    return () if _document_before(batch, page) is None else (Change(cut_key(page), NO),)


def move_cut(
    batch: Batch, page: int, step: int, decided: Mapping[str, Decided]
) -> tuple[Change, ...]:
    """Let a document begin one page earlier or later.

    Args:
        batch: The batch.
        page: Number of the page where the cut is.
        step: -1 for earlier, 1 for later.
        decided: What is decided now, by item.

    Returns:
        No change where the document before, or this one, would be left without a page.
    """
    before = _document_before(batch, page)
    if before is None:
        return ()
    document = document_of(batch.documents, page)
    loser = before if step < 0 else document
    if loser.first_page == loser.last_page:
        return ()
    rest = list(loser.pages)
    gone = rest.pop(-1 if step < 0 else 0)
    goal = gone if step < 0 else rest[0]
    return (
        Change(cut_key(page), NO),
        Change(cut_key(goal), YES),
        *class_stays(gone, rest, edits_of(decided)),
        *fields_follow(loser, ([gone], rest), decided),
    )


def name_class(
    document: Document, document_class: str, decided: Collection[str]
) -> tuple[Change, ...]:
    """Say of which class a document is.

    Documents that were joined may hold several decisions about their class: all become this one.

    Args:
        document: The document.
        document_class: One of the 20 classes.
        decided: Items that are decided now.
    """
    pages = [
        page for page in document.pages if page == document.first_page or class_key(page) in decided
    ]
    return tuple(Change(class_key(page), document_class) for page in pages)


def turn(page: BatchPage) -> tuple[Change, ...]:
    """Turn a page by a quarter, clockwise.

    Args:
        page: The page.
    """
    turned = (page.rotation_deg + QUARTER_DEG) % FULL_DEG
    return (Change(rotation_key(page.page), str(turned)),)


def mark_elsewhere(page: int, *, elsewhere: bool) -> tuple[Change, ...]:
    """Say whether a page belongs to another file.

    Args:
        page: Number of the page.
        elsewhere: True where it does.
    """
    return (Change(other_file_key(page), YES if elsewhere else NO),)


def latest_action(decided: Mapping[str, Decision]) -> tuple[Decision, ...]:
    """Return the decisions of the latest action that stands, newest first; empty for none.

    Args:
        decided: What is decided now, by item.
    """
    mine = [one for one in decided.values() if one.item_key.split(":")[0] in KINDS]
    if not mine:
        return ()
    moment: datetime = max(mine, key=lambda one: one.id).decided_at
    together = (one for one in decided.values() if one.decided_at == moment)
    return tuple(sorted(together, key=lambda one: one.id, reverse=True))


def _document_before(batch: Batch, page: int) -> Document | None:
    """Return the document before a cut; None where there is no cut, or nothing before it."""
    before = None
    for document in batch.documents:
        if document.first_page == page:
            return before
        before = document
    return None
