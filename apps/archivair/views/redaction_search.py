"""The search of a property's file, held for all sessions until something changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from apps.archivair.batch.contents import Batch, Document
from apps.archivair.redaction.choices import facts_of
from apps.archivair.redaction.hits import CaseFacts
from apps.archivair.redaction.proposal import PageOfFile, Proposal, propose
from apps.archivair.redaction.withholding import kinds_of
from apps.archivair.run_pages import RunPages
from apps.archivair.views.page import load_page
from apps.archivair.views.redaction_desk import RedactionDesk

SEARCHES_HELD = 16


@dataclass(frozen=True, slots=True)
class FoundFile:
    """What was found in the file of a property.

    Args:
        proposal: What the software found.
        pages: Opens a page by its number in the batch; None for one that was not read.
        facts: What people told of the case.
        documents: The documents of the property.
        missing: Numbers of their pages that were not read.
    """

    proposal: Proposal
    pages: Callable[[int], PageOfFile | None]
    facts: CaseFacts
    documents: tuple[Document, ...]
    missing: frozenset[int]


def search_file(
    desk: RedactionDesk, batch: Batch, document: Document, pages: RunPages
) -> FoundFile:
    """Search all pages of the property that a document belongs to.

    Args:
        desk: Names the run and what people told.
        batch: The batch.
        document: The document.
        pages: Stored files of the pages.
    """
    documents = _documents_of_file(batch, document)
    numbers = sorted(number for one in documents for number in one.pages)
    known = {page.page: page for page in batch.pages}
    classes = [(number, known[number].page_class) for number in numbers if number in known]
    facts = facts_of(desk.decided, classes)
    kinds = {
        number: kinds_of(known[number], one)
        for one in documents
        for number in one.pages
        if number in known
    }

    def opened(number: int) -> PageOfFile | None:
        file, page = pages.files.get(number), known.get(number)
        if file is None or page is None:
            return None
        return PageOfFile(number, load_page(desk.ctx, file), page.rotation_deg, kinds[number])

    def search() -> Proposal:
        found = [one for number in numbers if (one := opened(number)) is not None]
        return propose(found, facts)

    told = [(number, sorted(kinds[number])) for number in sorted(kinds)]
    state = (desk.run_id, told, _turns(batch, numbers), facts)
    with st.spinner(desk.ctx.t("Personenangaben werden gesucht.")):
        proposal = _searches()(desk.ctx.tenant, repr(state), search)
    missing = frozenset(number for number in numbers if number not in pages.files)
    return FoundFile(proposal, opened, facts, documents, missing)


def _documents_of_file(batch: Batch, document: Document) -> tuple[Document, ...]:
    """Return all documents of the same property, in order."""
    for file in batch.files:
        if document.document in file.documents:
            return tuple(one for one in batch.documents if one.document in file.documents)
    return (document,)


def _turns(batch: Batch, numbers: Sequence[int]) -> tuple[int, ...]:
    return tuple(page.rotation_deg for page in batch.pages if page.page in set(numbers))


@lru_cache(maxsize=1)
def _searches() -> Callable[[str, str, Callable[[], Proposal]], Proposal]:
    """Return the cache of searches; made late, because it needs a running server."""

    def load(tenant: str, state: str, _search: Callable[[], Proposal]) -> Proposal:
        return _search()

    return st.cache_resource(max_entries=SEARCHES_HELD, show_spinner=False)(load)
