"""Which kinds a page of a batch may be of: a profile holds it back for any one of them.

A floor plan inside a building application is held back though its document has another class, and
so is a page whose class a person chose: what is held back too much can be handed out later.
"""

from __future__ import annotations

from collections.abc import Collection

from apps.archivair.batch.contents import BatchPage, Document
from apps.archivair.redaction.profiles import Profile

LEAST_CHANCE = 0.5
"""From this probability on a page is taken for what it looks like by itself."""


def kinds_of(page: BatchPage, document: Document) -> frozenset[str]:
    """Return the class of a page by itself and with its document, and what a person chose.

    Args:
        page: The page.
        document: Its document; its class is a person's where one chose it.
    """
    alone = {name for name, chance in page.class_probabilities.items() if chance >= LEAST_CHANCE}
    return frozenset({page.page_class, document.document_class} | alone)


def is_held(profile: Profile, kinds: Collection[str]) -> bool:
    """Say whether a profile holds a page back.

    Args:
        profile: Who gets the file.
        kinds: Kinds of the page by `kinds_of`.
    """
    return not profile.withheld.isdisjoint(kinds)


def class_for(profile: Profile, page: BatchPage, document: Document) -> str:
    """Return the class for which a profile holds a page back; its own where it is handed out.

    Args:
        profile: Who gets the file.
        page: The page.
        document: Its document.
    """
    held = sorted(profile.withheld & kinds_of(page, document))
    return held[0] if held else page.page_class
