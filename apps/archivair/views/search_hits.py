"""The hits of a search as a list with a button each, and as an equal table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from apps.archivair.batch.contents import Document, document_of
from apps.archivair.batch_words import document_words, property_words
from apps.archivair.search import Excerpt, Hit, excerpt
from apps.archivair.search_facts import file_of
from apps.archivair.search_synonyms import shown_word
from apps.archivair.views.search_sources import Source
from shared.ui import AppContext, Column, escape_markdown, table

HITS_PER_PART = 5
_CHOSEN, _PART = "archivair_search_chosen", "archivair_search_part"


@dataclass(frozen=True, slots=True)
class Found:
    """A hit with its batch.

    Args:
        source: The batch.
        hit: The hit.
        by_words: Whether words were searched; else the page begins a document that fits.
    """

    source: Source
    hit: Hit
    by_words: bool

    @property
    def document(self) -> Document:
        """Document of the page."""
        return document_of(self.source.batch.documents, self.hit.page)

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.source.run.id} {self.hit.page}"

    def excerpt(self) -> Excerpt:
        """Return the words around it."""
        return excerpt(self.hit, self.source.lines(self.hit.page))


def list_hits(ctx: AppContext, found: Sequence[Found]) -> Found:
    """Show a part of the hits with a button each, and return the one that is looked at.

    Args:
        ctx: Context of the page.
        found: The hits, at least one, the best first.
    """
    by_name = {one.name: one for one in found}
    if st.session_state.get(_CHOSEN) not in by_name:
        st.session_state[_CHOSEN] = found[0].name
    parts = -(-len(found) // HITS_PER_PART)
    part = st.pagination(parts, key=_PART) if parts > 1 else 1
    first = (min(part, parts) - 1) * HITS_PER_PART
    several = len({one.source.run.id for one in found}) > 1
    for rank, one in enumerate(found[first : first + HITS_PER_PART], first + 1):
        with st.container(border=True, gap="small"):
            _entry(ctx, rank, one, several=several)
    with st.expander(ctx.t("Alle Treffer als Tabelle"), key="archivair_search_table_box"):
        _table(ctx, found)
    return by_name[st.session_state[_CHOSEN]]


def _entry(ctx: AppContext, rank: int, one: Found, *, several: bool) -> None:
    t, hit = ctx.t, one.hit
    about = [document_words(one.document, t), t("Seite {number}", number=hit.page)]
    if several:
        about.append(one.source.run.title)
    name = t("Treffer {number}", number=rank)
    st.markdown(f"**{name}:** {escape_markdown(' · '.join(about))}")
    parts = [
        f"**{escape_markdown(word)}**" if is_hit else escape_markdown(word)
        for word, is_hit in one.excerpt().parts
    ]
    st.markdown(f"… {' '.join(parts)} …" if parts else t("Kein Text auf dieser Seite"))
    is_chosen = st.session_state[_CHOSEN] == one.name
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            t("Auf dem Scan gezeigt")
            if is_chosen
            else t("Treffer {number} auf dem Scan zeigen", number=rank),
            key=f"archivair_search_show_{rank}",
            disabled=is_chosen,
            on_click=_choose,
            args=(one.name,),
        )
        notes = _notes(ctx, one)
        if notes:
            st.caption(" ".join(notes))


def _notes(ctx: AppContext, one: Found) -> list[str]:
    """Say how sure the hit is and what of the search it does not hold."""
    t, hit = ctx.t, one.hit
    if not one.by_words:
        return []
    notes = [t("Übereinstimmung {score}.", score=t.percent(hit.score, 0))]
    if hit.others:
        words = ", ".join(shown_word(word) for word in hit.others)
        notes.append(t("Gefunden über: {words}.", words=escape_markdown(words)))
    if hit.missing:
        words = escape_markdown(", ".join(hit.missing))
        notes.append(t("Nicht genau gefunden: {words}.", words=words))
    return notes


def _choose(name: str) -> None:
    st.session_state[_CHOSEN] = name


def _table(ctx: AppContext, found: Sequence[Found]) -> None:
    t = ctx.t
    table(
        [_row(ctx, one) for one in found],
        columns=(
            Column("document", t("Dokument")),
            Column("page", t("Seite"), "number"),
            Column("text", t("Fundstelle")),
            Column("file", t("Akte")),
            Column("batch", t("Stapel")),
            Column("score", t("Übereinstimmung"), "percent"),
        ),
        key="archivair_search_table",
        alt=t("Alle Treffer mit Dokument, Seite, Fundstelle, Akte und Übereinstimmung."),
        t=t,
    )


def _row(ctx: AppContext, one: Found) -> dict[str, object]:
    file = file_of(one.source.batch).get(one.document.document)
    return {
        "document": document_words(one.document, ctx.t),
        "page": one.hit.page,
        "text": one.excerpt().text,
        "file": property_words(file, ctx.t) if file is not None else None,
        "batch": one.source.run.title,
        "score": one.hit.score if one.by_words else None,
    }
