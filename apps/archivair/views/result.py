"""Step 3 of the page: figures of the file and the choice of a page, also while others are read."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from apps.archivair.page_figures import PageFigures
from apps.archivair.run_pages import RunPages, pages_of, working_seconds
from shared.errors import UrbanKiError
from shared.store import runs
from shared.store.run_views import RunView
from shared.ui import AppContext, Column, Figure, figures, table

REFRESH_S = 4
FIRST_LOOK_S = 1
"""Whoever waits for the first page of a batch sees it at once."""
SECONDS_PER_MINUTE = 60
_PAGE, _SHOWN = "archivair_page", "archivair_shown"


def choose_page(ctx: AppContext, run: RunView) -> tuple[RunPages, int | None]:
    """Show the figures and let the person choose a page.

    While the run is active this part refreshes by itself; the page that is looked at stays as it
    is.

    Args:
        ctx: Context of the page.
        run: The run.

    Returns:
        All pages as they stand now, and the number of the chosen one, None while there is none.
    """
    pages = load_pages(ctx, run)
    number = _kept_choice(pages)
    st.session_state[_SHOWN] = (run.id, number)
    if run.is_active:
        refresh = REFRESH_S if pages.read else FIRST_LOOK_S
        st.fragment(_follow, run_every=refresh)(ctx, run.id)
    else:
        _overview(ctx, run, pages)
    return pages, number


def load_pages(ctx: AppContext, run: RunView) -> RunPages:
    """Return figures and files of all pages that are over.

    Args:
        ctx: Context of the page.
        run: The run.
    """
    return pages_of(run, runs.units(ctx.principal, ctx.store, run.id))


def _kept_choice(pages: RunPages) -> int | None:
    """Keep the chosen page if the run has it, else take the first one."""
    chosen = st.session_state.get(_PAGE)
    if chosen not in pages.files:
        chosen = pages.read[0].page if pages.read else None
        st.session_state[_PAGE] = chosen
    return chosen


def _follow(ctx: AppContext, run_id: str) -> None:
    """Look again while pages are read; another choice shows another page."""
    try:
        run = runs.get(ctx.principal, ctx.store, run_id)
        pages = load_pages(ctx, run)
    except UrbanKiError as error:
        st.warning(ctx.t.error(error)[0])
        return
    _kept_choice(pages)
    _overview(ctx, run, pages)
    if st.session_state[_SHOWN] != (run_id, st.session_state[_PAGE]):
        st.rerun()


def _overview(ctx: AppContext, run: RunView, pages: RunPages) -> None:
    if not pages.read:
        if run.is_active:
            st.caption(ctx.t("Sobald eine Seite gelesen ist, steht sie hier."))
        return
    with st.container(key="archivair_figures"):
        _show_figures(ctx, run, pages)
    if (pages.total or 0) > 1:
        by_number = {page.page: page for page in pages.read}
        st.selectbox(
            ctx.t("Seite zeigen"),
            list(by_number),
            format_func=lambda number: _page_name(ctx, by_number[number]),
            key=_PAGE,
        )
        _steps(ctx, list(by_number))
        with st.expander(ctx.t("Alle Seiten als Tabelle"), key="archivair_overview"):
            _all_pages(ctx, pages)


def _steps(ctx: AppContext, numbers: list[int]) -> None:
    """Lead to the page before and after; a list of hundreds is a long way."""
    t, place = ctx.t, numbers.index(st.session_state[_PAGE])
    with st.container(horizontal=True, gap="small"):
        for name, label, tip, step in (
            ("back", t("Zurück"), t("Zur Seite davor"), -1),
            ("forward", t("Weiter"), t("Zur nächsten Seite"), 1),
        ):
            goal = place + step
            there = 0 <= goal < len(numbers)
            st.button(
                label,
                key=f"archivair_pages_{name}",
                help=tip,
                disabled=not there,
                on_click=_turn_to,
                args=(numbers[goal] if there else 0,),
            )


def _turn_to(number: int) -> None:
    st.session_state[_PAGE] = number


def _show_figures(ctx: AppContext, run: RunView, pages: RunPages) -> None:
    t, sums = ctx.t, pages.figures
    sentence = t.plural(
        "Diese Akte: {count} Seite in {minutes} min.",
        "Diese Akte: {count} Seiten in {minutes} min.",
        sums.pages,
        minutes=clock_minutes(working_seconds(run, sums, datetime.now(UTC))),
    )
    st.markdown(f"**{sentence}**")
    total = pages.total or sums.pages
    confidence = sums.confidence
    figures(
        [
            Figure(
                t("Seiten gelesen"),
                sums.pages,
                note=t("von {total}", total=t.number(total)) if sums.pages < total else None,
            ),
            Figure(t("Zeilen"), sums.lines),
            Figure(t("Unsichere Wörter"), sums.doubtful_words, note=_words_note(ctx, pages)),
            Figure(
                t("Sicherheit im Mittel"),
                None if confidence is None else 100 * confidence,
                "%",
                digits=1,
                note=None if confidence is None else t("Schätzung der Software"),
            ),
        ],
        t,
    )


def _words_note(ctx: AppContext, pages: RunPages) -> str | None:
    t, sums = ctx.t, pages.figures
    words = t.number(sums.words)
    if not sums.words:
        return None
    if sums.doubtful_words:
        return t("von {words}; bitte zuerst prüfen", words=words)
    return t("von {words}", words=words)


def _page_name(ctx: AppContext, page: PageFigures) -> str:
    name = ctx.t("Seite {number}", number=page.page)
    return ctx.t("{page}, bitte vergleichen", page=name) if page.needs_review else name


def _all_pages(ctx: AppContext, pages: RunPages) -> None:
    t = ctx.t
    columns = (
        Column("page", t("Seite"), "number"),
        Column("state", t("Stand")),
        Column("lines", t("Zeilen"), "number"),
        Column("doubtful", t("Unsichere Wörter"), "number"),
        Column("confidence", t("Sicherheit"), "percent", 1),
    )
    rows = [_row(ctx, page) for page in pages.read]
    rows += [{"page": number, "state": t("gescheitert")} for number in pages.failed]
    rows.sort(key=lambda row: int(str(row["page"])))
    alt = t("Alle Seiten der Akte mit Zeilen, unsicheren Wörtern und Sicherheit.")
    table(rows, columns=columns, key="archivair_pages", alt=alt, t=t)


def _row(ctx: AppContext, page: PageFigures) -> dict[str, object]:
    return {
        "page": page.page,
        "state": ctx.t("bitte vergleichen") if page.needs_review else ctx.t("gelesen"),
        "lines": page.lines,
        "doubtful": page.doubtful_words,
        "confidence": page.confidence,
    }


def clock_minutes(seconds: float) -> str:
    """Write seconds as minutes and seconds, `3:20`, never below one second."""
    whole = max(1, round(seconds))
    return f"{whole // SECONDS_PER_MINUTE}:{whole % SECONDS_PER_MINUTE:02d}"
