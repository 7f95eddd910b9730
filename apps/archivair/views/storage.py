"""What becomes of a batch: files for the archive, lists, the sample, the data space, its end."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.batch_words import batch_words
from apps.archivair.views.answers import answer_about
from apps.archivair.views.storage_delete import show_deletion, show_retention
from apps.archivair.views.storage_export import show_export_job
from apps.archivair.views.storage_fields import show_field_list
from apps.archivair.views.storage_publish import show_publishing
from apps.archivair.views.storage_sample import show_sample
from shared.store.run_views import RunView
from shared.ui import AppContext, is_kiosk


def show_storage(ctx: AppContext, run: RunView, batch: Batch) -> None:
    """Show all that can be done with a batch that was read.

    Args:
        ctx: Context of the page.
        run: The reading.
        batch: Its documents as they stand.

    Raises:
        ReadingUnusable: Another version of this program read the batch.
    """
    t = ctx.t
    if run.is_active:
        st.caption(t("Ablegen können Sie, sobald alle Seiten gelesen sind."))
        return
    st.subheader(t("Dateien für das Archiv"), anchor=False)
    show_export_job(ctx, run)
    st.subheader(t("Liste der Felder"), anchor=False)
    show_field_list(ctx, run)
    st.subheader(t("Stichprobe für vier Augen"), anchor=False)
    show_sample(ctx, run, batch)
    if not is_kiosk():
        st.subheader(t("Andere Anwendungen"), anchor=False)
        show_publishing(ctx, run, batch)
    st.subheader(t("Aufbewahren und löschen"), anchor=False)
    show_retention(ctx)
    show_deletion(ctx, run)
    answer_about(
        ctx,
        run,
        what=batch_words(batch, t),
        how_sure=t(
            "Was niemand geprüft hat, kann falsch gelesen oder falsch geschnitten sein. Die "
            "Dateien sind nach eigenen Regeln auf ihren Aufbau geprüft (PDF/A-3b), nicht von einer "
            "amtlichen Stelle."
        ),
        next_step=t(
            "Prüfen Sie zuerst die unsicheren Felder, erstellen Sie dann die Ablage und "
            "vergleichen Sie die Stichprobe. Heben Sie das Papier auf."
        ),
    )
