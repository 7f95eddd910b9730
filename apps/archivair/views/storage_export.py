"""The export of a batch as a job: started here, followed here, its ZIP taken along here."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import PurePath

import streamlit as st

from apps.archivair.export_job import EXPORT
from apps.archivair.ordering import export_order
from apps.archivair.results_zip import MEDIA_TYPE
from apps.archivair.views.side_job import show_active, show_state
from shared.contracts.identity.policy import decide
from shared.contracts.provenance import LOCAL_ZONE
from shared.store import artifacts, runs
from shared.store.decisions import current
from shared.store.rights import cancel_action, start_action
from shared.store.run_views import RunOrder, RunView
from shared.ui import AppContext, Download, export_bar

MOST_LOOKED_AT = 50
NAME = "archivair_storage"


def show_export_job(ctx: AppContext, run: RunView) -> None:
    """Offer the files for the archive; decisions made since make a new export possible.

    Args:
        ctx: Context of the page.
        run: The reading; it is over.

    Raises:
        ReadingUnusable: Another version of this program read the batch.
    """
    t = ctx.t
    st.markdown(
        t(
            "Ein ZIP mit PDF/A-3b je Dokument (strukturell geprüft), Texten, Feldern, Manifest "
            "mit Prüfsummen und Transfervermerk. Ihre Entscheidungen gelten darin."
        )
    )
    order = _order(ctx, run)
    exports = exports_of(ctx, run)
    standing = next((one for one in exports if _same(one, order)), None)
    if standing is None:
        _offer_start(ctx, run, order)
    elif standing.is_active:
        show_active(ctx, standing, NAME)
        _offer_stop(ctx, standing)
    else:
        _show_end(ctx, standing)
    older = next((one for one in exports if one.state == "done"), None)
    if standing is None and older is not None:
        moment = older.created_at.astimezone(LOCAL_ZONE)
        st.caption(
            t(
                "Seit dem Export vom {date}, {time}, hat sich etwas geändert.",
                date=t.date(moment),
                time=t.time(moment),
            )
        )


def exports_of(ctx: AppContext, run: RunView) -> list[RunView]:
    """Return the exports of a batch, newest first.

    Args:
        ctx: Context of the page.
        run: The reading.
    """
    stream = {file.sha256 for file in runs.result_files(ctx.principal, ctx.store, run.id).values()}
    found = runs.recent(
        ctx.principal,
        ctx.store,
        app=run.app,
        job=EXPORT.name,
        limit=MOST_LOOKED_AT,
        everybody=True,
    )
    return [one for one in found if any(file.sha256 in stream for file in one.inputs)]


def _order(ctx: AppContext, run: RunView) -> RunOrder:
    files = runs.result_files(ctx.principal, ctx.store, run.id)
    decided = current(ctx.principal, ctx.store, run.id)
    return export_order(run, files, decided, ctx.principal.role)


def _same(one: RunView, order: RunOrder) -> bool:
    hashes = [file.sha256 for file in order.inputs]
    same_files = [file.sha256 for file in one.inputs] == hashes
    return same_files and dict(one.parameters) == dict(order.parameters)


def _offer_start(ctx: AppContext, run: RunView, order: RunOrder) -> None:
    t = ctx.t
    if not decide(ctx.principal, start_action(run.is_example), app=run.app).allowed:
        st.caption(t("Exportieren darf die Sachbearbeitung."))
    elif st.button(t("Ablage erstellen"), key=f"{NAME}_start", type="primary"):
        runs.submit(ctx.principal, ctx.store, order, now=datetime.now(UTC))
        st.rerun()


def _offer_stop(ctx: AppContext, export: RunView) -> None:
    if not decide(ctx.principal, cancel_action(ctx.principal, export), app=export.app).allowed:
        return
    if st.button(ctx.t("Export abbrechen"), key=f"{NAME}_stop", disabled=export.cancel_requested):
        runs.request_cancel(ctx.principal, ctx.store, export.id, now=datetime.now(UTC))
        st.rerun()


def _show_end(ctx: AppContext, export: RunView) -> None:
    t = ctx.t
    show_state(ctx, export, NAME)
    if export.units_failed:
        st.warning(
            t.plural(
                "{count} Dokument konnte nicht geschrieben werden und fehlt im ZIP.",
                "{count} Dokumente konnten nicht geschrieben werden und fehlen im ZIP.",
                export.units_failed,
            )
        )
    files = runs.result_files(ctx.principal, ctx.store, export.id)
    downloads = [
        Download(
            t("Ablage (ZIP)"),
            PurePath(file.name).name,
            MEDIA_TYPE,
            partial(artifacts.read, ctx.principal, ctx.store, file),
        )
        for file in files.values()
    ]
    if downloads:
        note = t("Ob das Papier aufzubewahren ist, entscheidet Ihre Behörde.")
        export_bar(ctx, downloads, run_id=export.id, note=note)
    unfinished = export.state in ("failed", "cancelled") or bool(export.units_failed)
    may = decide(ctx.principal, start_action(export.is_example), app=export.app).allowed
    if unfinished and may and st.button(t("Export fortsetzen"), key=f"{NAME}_again"):
        runs.go_on(ctx.principal, ctx.store, export.id)
        st.rerun()
