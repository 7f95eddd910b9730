"""Search a batch, or all of the municipality: hits as list and equal table, on scan and map."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.search import Hit, Query, search_pages
from apps.archivair.search_facts import corrected_lines, pages_of
from apps.archivair.views.search_form import Asked, ask
from apps.archivair.views.search_hits import Found, list_hits
from apps.archivair.views.search_map import show_map
from apps.archivair.views.search_scan import show_scan
from apps.archivair.views.search_sources import MOST_BATCHES, Source, all_sources, load_source
from shared.store.run_views import RunView
from shared.ui import AppContext, empty_state

MOST_HITS = 200


def show_search(ctx: AppContext, run: RunView, batch: Batch) -> None:
    """Show fields, hits, the chosen hit on its scan and where the properties lie.

    Args:
        ctx: Context of the page.
        run: The run.
        batch: Its documents as they stand.
    """
    asked = ask(ctx)
    if not Query(asked.words).terms and asked.wanted.is_empty:
        st.caption(ctx.t("Geben Sie ein Suchwort ein, oder grenzen Sie ein."))
        return
    sources = _sources(ctx, run, batch, everywhere=asked.everywhere)
    found = sorted(
        (one for source in sources for one in _search(source, asked)),
        key=lambda one: -one.hit.score,
    )
    _tell_count(ctx, found, sources)
    if not found:
        if sources:
            empty_state(
                ctx.t("Nichts gefunden"),
                ctx.t(
                    "Versuchen Sie weniger oder andere Wörter, oder heben Sie die Eingrenzung auf."
                ),
            )
        return
    shown = found[:MOST_HITS]
    with st.container(key=f"user_{ctx.manifest.id}_search"):
        # Beside each other: who chooses a hit sees at once where it stands.
        hits, scan = st.columns([2, 3], gap="medium")
        with hits:
            chosen = list_hits(ctx, shown)
        with scan:
            show_scan(ctx, chosen.source, chosen.hit.page, chosen.excerpt().marks)
        show_map(ctx, [(one.source.batch, one.hit.page) for one in shown], run)
    st.caption(
        ctx.t(
            "Falsch gelesene Wörter und Handschrift kann die Suche verfehlen. Kein Treffer heißt "
            "nicht, dass nichts in der Akte steht."
        )
    )


def _sources(ctx: AppContext, run: RunView, batch: Batch, *, everywhere: bool) -> list[Source]:
    """Return the batches to search, and say which cannot be."""
    t = ctx.t
    if not everywhere:
        source = load_source(ctx, run, batch)
        if source is None:
            waits = t("Suchen können Sie, sobald alle Seiten gelesen sind.")
            old = t("Dieser Stapel wurde ohne Suche gelesen. Bitte lesen Sie ihn noch einmal.")
            st.info(waits if run.is_active else old)
        return [] if source is None else [source]
    with st.spinner(t("Alle Akten werden durchsucht.")):
        every = list(all_sources(ctx, run))
    usable = [source for source in every if source is not None]
    missing = len(every) - len(usable)
    if missing:
        st.warning(
            t.plural(
                "{count} Stapel lässt sich nicht durchsuchen; bitte lesen Sie ihn noch einmal.",
                "{count} Stapel lassen sich nicht durchsuchen; bitte lesen Sie sie noch einmal.",
                missing,
            )
        )
    if len(every) >= MOST_BATCHES:
        st.caption(t("Durchsucht sind die neuesten {count} Stapel.", count=t.number(MOST_BATCHES)))
    return usable


def _search(source: Source, asked: Asked) -> list[Found]:
    """Return the hits of one batch; without words the first page of each document that fits."""
    pages = pages_of(source.batch, asked.wanted)
    query = Query(asked.words)
    if not query.terms:
        firsts = {one.first_page for one in source.batch.documents} & (pages or frozenset())
        return [Found(source, Hit(page, 1.0, ()), by_words=False) for page in sorted(firsts)]
    corrections = corrected_lines(source.batch)
    hits = search_pages(source.index, query, pages=pages, corrections=corrections)
    return [Found(source, hit, by_words=True) for hit in hits]


def _tell_count(ctx: AppContext, found: list[Found], sources: list[Source]) -> None:
    t = ctx.t
    if not sources:
        return
    pages = sum(len(source.batch.pages) for source in sources)
    words = t.plural(
        "{count} Treffer auf {pages} Seiten.",
        "{count} Treffer auf {pages} Seiten.",
        len(found),
        pages=t.number(pages),
    )
    with st.container(key=f"live_{ctx.manifest.id}_search"):
        st.markdown(f"**{words}**")
    if len(found) > MOST_HITS:
        st.caption(t("Gezeigt werden die ersten {count}.", count=t.number(MOST_HITS)))
