"""The end of a batch: how long it is kept, and its deletion, which first says what goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from apps.archivair.data_files import retention
from apps.archivair.views.redaction_releases import releases_of
from apps.archivair.views.storage_export import exports_of
from shared.auth.audited_work import delete_run
from shared.contracts.identity.policy import decide
from shared.store import dataspace, decisions
from shared.store.rights import delete_action
from shared.store.run_views import RunView
from shared.ui import AppContext, Column, hide_run, is_kiosk, table
from shared.ui.confirm import ask_back

BYTES_PER_MB = 1_000_000
NAME = "archivair_batch_delete"


@dataclass(frozen=True, slots=True)
class Going:
    """What a deletion would remove.

    Args:
        files: Delivered files.
        bytes: Their size.
        pages: Pages that were read.
        decisions: Rows of the log of decisions.
        exports: Exports and redacted releases of the batch.
        layers: Versions in the data space.
    """

    files: int
    bytes: int
    pages: int
    decisions: int
    exports: tuple[RunView, ...]
    layers: tuple[str, ...]


def show_retention(ctx: AppContext) -> None:
    """Show the notes on keeping building files, and that nobody has checked them.

    Args:
        ctx: Context of the page.
    """
    t, kept = ctx.t, retention()
    st.warning(
        t(
            "Diese Hinweise sind ungeprüft (Stand {date}). Es gilt das Recht Ihres Landes.",
            date=t.iso_date(kept.valid_from),
        )
    )
    table(
        [
            {
                "area": one.area if one.area != "allgemein" else t("allgemein"),
                "text": one.text_en if ctx.language == "en" else one.text,
                "source": one.source,
            }
            for one in kept.rules
        ],
        columns=(
            Column("area", t("Gilt für")),
            Column("text", t("Hinweis")),
            Column("source", t("Quelle")),
        ),
        key="archivair_retention",
        alt=t("Hinweise zur Aufbewahrung von Bauakten, ungeprüft."),
        t=t,
    )


def show_deletion(ctx: AppContext, run: RunView) -> None:
    """Offer to delete the batch with all that was made of it.

    Args:
        ctx: Context of the page.
        run: The reading.
    """
    t = ctx.t
    if is_kiosk():
        return
    exports = (*exports_of(ctx, run), *releases_of(ctx, run, everybody=True))
    allowed = all(
        decide(ctx.principal, delete_action(ctx.principal, one.started_by)).allowed
        for one in (run, *exports)
    )
    if not allowed:
        st.caption(t("Löschen darf, wer den Stapel gelesen hat, oder die Administration."))
    elif st.button(t("Stapel löschen"), key=NAME):
        st.dialog(t("Stapel löschen?"))(_confirm)(ctx, run, what_goes(ctx, run))


def what_goes(ctx: AppContext, run: RunView) -> Going:
    """Return what a deletion would remove.

    Args:
        ctx: Context of the page.
        run: The reading.
    """
    exports = (*exports_of(ctx, run), *releases_of(ctx, run, everybody=True))
    ids = {run.id, *(one.id for one in exports)}
    layers = dataspace.list_layers(ctx.principal, ctx.store, app=run.app, all_versions=True)
    return Going(
        files=len(run.inputs),
        bytes=sum(file.bytes for file in run.inputs),
        pages=run.units_done,
        decisions=len(decisions.history(ctx.principal, ctx.store, run.id)),
        exports=exports,
        layers=tuple(
            f"{one.name} ({one.version})" for one in layers if one.is_own and one.run_id in ids
        ),
    )


def delete_batch(ctx: AppContext, run: RunView, going: Going) -> None:
    """Delete a batch with its exports; the audit tells of each.

    Args:
        ctx: Context of the page.
        run: The reading.
        going: What the person was told.

    Raises:
        DeletionIncomplete: A job still writes.
        LayerInUse: Others use what was published of it.
        NotAllowed: Somebody else ordered it.
    """
    now = datetime.now(UTC)
    for one in (*going.exports, run):
        delete_run(ctx.principal, ctx.store, one, now=now)


def _confirm(ctx: AppContext, run: RunView, going: Going) -> None:
    t = ctx.t
    rows = [
        (t("Gelieferte Dateien"), t.number(going.files)),
        (t("Größe der Dateien"), t.number(going.bytes / BYTES_PER_MB, 1, "MB")),
        (t("Gelesene Seiten"), t.number(going.pages)),
        (t("Entscheidungen"), t.number(going.decisions)),
        (t("Exporte und Freigaben"), t.number(len(going.exports))),
        (t("Fassungen im Datenraum"), ", ".join(going.layers) or t.number(0)),
    ]
    table(
        [{"what": what, "count": count} for what, count in rows],
        columns=(Column("what", t("Gelöscht wird")), Column("count", t("Umfang"))),
        key=f"{NAME}_rows",
        alt=t("Was mit dem Stapel gelöscht wird."),
        t=t,
    )
    st.markdown(t("Das lässt sich nicht rückgängig machen. Das Papier bleibt unberührt."))

    def delete() -> None:
        delete_batch(ctx, run, going)
        hide_run()

    ask_back(t("Ja, löschen"), t("Nein, behalten"), NAME, delete, t)
