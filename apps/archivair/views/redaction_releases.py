"""What became of the releases of a reading: how far each is, its file, or why there is none."""

from __future__ import annotations

from functools import partial

import streamlit as st

from apps.archivair.redaction.job import BATCH, ENDING, PROFILE, REDACT
from apps.archivair.redaction.words import PROFILE_WORDS
from apps.archivair.results_zip import MEDIA_TYPE as ZIP
from apps.archivair.views.redaction_desk import NAME
from apps.archivair.views.side_job import show_active, show_state
from shared.contracts.provenance import LOCAL_ZONE
from shared.store import artifacts, runs
from shared.store.run_views import RunView
from shared.ui import AppContext, Download, export_bar

_LOOKED_AT = 50


def releases_of(ctx: AppContext, run: RunView, *, everybody: bool = False) -> list[RunView]:
    """Return the releases of a reading, newest first.

    Args:
        ctx: Context of the page.
        run: The reading.
        everybody: Whether those of other people count, too.
    """
    known = runs.recent(
        ctx.principal, ctx.store, app=REDACT.app, job=REDACT.name, limit=_LOOKED_AT,
        everybody=everybody,
    )  # fmt: skip
    return [one for one in known if one.parameters.get(BATCH) == run.id]


def show_releases(ctx: AppContext, run: RunView) -> None:
    """Show what became of the releases of a reading, newest first.

    Args:
        ctx: Context of the page.
        run: The reading.
    """
    t = ctx.t
    own = releases_of(ctx, run)
    if not own:
        return
    st.subheader(t("Freigegebene Fassungen"), anchor=False)
    newest, *older = own
    shown = newest
    if older:
        names = {one.id: _name(ctx, one) for one in own}
        chosen = st.selectbox(
            t("Freigabe"), list(names), format_func=lambda one: names[one], key=f"{NAME}_run"
        )
        shown = next(one for one in own if one.id == chosen)
    if shown.is_active:
        show_active(ctx, shown, f"{NAME}_release")
    else:
        show_state(ctx, shown, f"{NAME}_release")
        _show_outcome(ctx, shown)


def _name(ctx: AppContext, run: RunView) -> str:
    t, moment = ctx.t, run.created_at.astimezone(LOCAL_ZONE)
    profile = t(PROFILE_WORDS[str(run.parameters[PROFILE])])
    return f"{profile}, {t.date(moment)}, {t.time(moment)}"


def _show_outcome(ctx: AppContext, run: RunView) -> None:
    """Offer what was proved, and say plainly where there is no file."""
    t = ctx.t
    if run.units_failed:
        st.error(
            t(
                "{count} Dokumente wurden nicht herausgegeben: Die Prüfung nach der Schwärzung ist "
                "nicht bestanden, oder alle Seiten sind zurückgehalten. Es gibt dafür keine Datei. "
                "Ergänzen Sie Namen oder Kästen und geben Sie neu frei.",
                count=run.units_failed,
            )
        )
    files = runs.result_files(ctx.principal, ctx.store, run.id)
    for name, file in files.items():
        if name.endswith(ENDING):
            load = partial(artifacts.read, ctx.principal, ctx.store, file)
            download = Download(t("Geschwärzte Dokumente mit Prüfbericht (ZIP)"), name, ZIP, load)
            note = t(
                "PDF/A-3b (strukturell geprüft) und je Dokument ein Bericht, der nennt, was "
                "entfernt und wie es geprüft wurde."
            )
            export_bar(ctx, [download], run_id=run.id, note=note)
