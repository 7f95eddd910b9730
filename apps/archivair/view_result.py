"""Step 3 of the page: figures of the file, failed pages, choice of a page."""

from __future__ import annotations

import streamlit as st

from apps.archivair.file_run import FileRun, KeptPage
from apps.archivair.quality import needs_review
from apps.archivair.reading import PageReading
from apps.archivair.view_run import retry_failed
from shared.errors import ModelServerError
from shared.ui import AppContext, Column, Figure, figures, table

SECONDS_PER_MINUTE = 60


def show_figures(ctx: AppContext, run: FileRun, outage: ModelServerError | None) -> None:
    """Say in one sentence what the file cost, and in figures what came out.

    Args:
        ctx: Context of the page.
        run: The reading of the file.
        outage: What the model server said when it broke off.
    """
    t, read = ctx.t, len(run.read)
    sentence = t.plural(
        "Diese Akte: {count} Seite in {minutes} min.",
        "Diese Akte: {count} Seiten in {minutes} min.",
        read,
        minutes=clock_minutes(run.seconds),
    )
    st.markdown(f"**{sentence}**")
    if run.unread:
        text = t(
            "Noch nicht gelesen: {left} von {total} Seiten.", left=len(run.unread), total=run.total
        )
        if outage is not None:
            text += " " + t("Es geht hier weiter, sobald der Modellserver wieder antwortet.")
        st.warning(text)
    confidence = run.mean_confidence
    figures(
        [
            Figure(
                t("Seiten gelesen"),
                read,
                note=t("von {total}", total=run.total) if read < run.total else None,
            ),
            Figure(t("Zeilen"), sum(len(one.lines) for one in run.readings)),
            Figure(t("Unsichere Wörter"), run.doubtful_words, note=_words_note(ctx, run)),
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


def _words_note(ctx: AppContext, run: FileRun) -> str | None:
    t, words = ctx.t, ctx.t.number(run.words)
    if not run.words:
        return None
    if run.doubtful_words:
        return t("von {words}; bitte zuerst prüfen", words=words)
    return t("von {words}", words=words)


def show_failures(ctx: AppContext, run: FileRun) -> None:
    """List every page that could not be read, with its reason and a way to try again.

    Args:
        ctx: Context of the page.
        run: The reading of the file.
    """
    t = ctx.t
    if not run.failed:
        return
    reasons = []
    for page in run.failed:
        if page.error is not None:
            message, advice = t.error(page.error)
            number = page.identity.index
            reasons.append("- " + t("Seite {number}:", number=number) + f" {message} {advice}")
    st.error(
        "\n".join(reasons),
        title=t.plural(
            "{count} Seite konnte nicht gelesen werden",
            "{count} Seiten konnten nicht gelesen werden",
            len(run.failed),
        ),
    )
    st.button(
        t("Gescheiterte Seiten noch einmal lesen"), key="archivair_retry", on_click=retry_failed
    )


def choose_page(ctx: AppContext, run: FileRun) -> KeptPage | None:
    """Let the person choose a page; None when none was read.

    Args:
        ctx: Context of the page.
        run: The reading of the file.
    """
    t = ctx.t
    pages = {page.identity.index: page for page in run.read}
    if not pages:
        return None
    if run.total == 1:
        return next(iter(pages.values()))
    if st.session_state.get("archivair_page") not in pages:
        st.session_state["archivair_page"] = next(iter(pages))
    number = st.selectbox(
        t("Seite zeigen"),
        list(pages),
        format_func=lambda index: _page_name(ctx, index, pages[index].reading),
        key="archivair_page",
    )
    with st.expander(t("Alle Seiten als Tabelle"), key="archivair_overview"):
        _overview(ctx, run)
    return pages[number]


def _page_name(ctx: AppContext, number: int, reading: PageReading | None) -> str:
    t = ctx.t
    name = t("Seite {number}", number=number)
    if reading is None or not needs_review(reading):
        return name
    return t("{page}, bitte vergleichen", page=name)


def _overview(ctx: AppContext, run: FileRun) -> None:
    t = ctx.t
    columns = (
        Column("page", t("Seite"), "number"),
        Column("state", t("Stand")),
        Column("lines", t("Zeilen"), "number"),
        Column("doubtful", t("Unsichere Wörter"), "number"),
        Column("confidence", t("Sicherheit"), "percent", 1),
    )
    rows = [_overview_row(ctx, page) for page in run.pages]
    alt = t("Alle Seiten der Akte mit Zeilen, unsicheren Wörtern und Sicherheit.")
    table(rows, columns=columns, key="archivair_pages", alt=alt, t=t)


def _overview_row(ctx: AppContext, page: KeptPage) -> dict[str, object]:
    t, reading = ctx.t, page.reading
    if reading is None:
        return {"page": page.identity.index, "state": t("gescheitert")}
    return {
        "page": page.identity.index,
        "state": t("bitte vergleichen") if needs_review(reading) else t("gelesen"),
        "lines": len(reading.lines),
        "doubtful": sum(line.doubtful_words for line in reading.lines),
        "confidence": reading.mean_confidence,
    }


def clock_minutes(seconds: float) -> str:
    """Write seconds as minutes and seconds, `3:20`, never below one second."""
    whole = max(1, round(seconds))
    return f"{whole // SECONDS_PER_MINUTE}:{whole % SECONDS_PER_MINUTE:02d}"
