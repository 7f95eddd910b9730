"""One decision of an action, and how decisions about a document follow what they are about.

Decisions about the class and the fields of a document are kept under one of its pages. Where pages
part, those that are about the other part are handed on to a page of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from apps.archivair.batch.contents import Document
from apps.archivair.batch.edits import (
    HANDED_ON,
    BatchEdits,
    Decided,
    class_key,
    edits_of,
    field_key,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One decision that an action makes.

    Args:
        item_key: What is decided about.
        value: What is decided.
        reason: What is kept with it; for a field its old and new value.
    """

    item_key: str
    value: str
    reason: str = ""


def class_stays(page: int, rest: Sequence[int], edits: BatchEdits) -> Iterator[Change]:
    """Let a decision about the class stay with the document when its page goes.

    Args:
        page: Number of the page that goes.
        rest: Numbers of the pages that stay.
        edits: What is decided now.
    """
    if page not in edits.classes:
        return
    if rest and not any(one in edits.classes for one in rest):
        yield Change(class_key(rest[0]), edits.classes[page])
    yield Change(class_key(page), HANDED_ON)


def fields_follow(
    document: Document, parts: Sequence[Sequence[int]], decided: Mapping[str, Decided]
) -> Iterator[Change]:
    """Let each decision about a field go to the part of the document where the value stands.

    Args:
        document: The document as it is before its pages part.
        parts: Its pages as they part.
        decided: What is decided now, by item.
    """
    edits = edits_of(decided)
    part_of = {page: part for part in parts for page in part}
    stands_on = {one.name: one.page for one in document.fields}
    for told, name in edits.fields:
        part = part_of.get(stands_on.get(name, 0), ())
        if told not in part_of or not part or told in part:
            continue
        heir = min(set(part) - edits.moved, default=part[0])
        if (heir, name) not in edits.fields:
            said = decided[field_key(told, name)]
            yield Change(field_key(heir, name), said.value, said.reason)
            yield Change(field_key(told, name), HANDED_ON)
