"""The list of fields at once, as CSV and workbook, with the names of XBau."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath

import streamlit as st

from apps.archivair.batch.batch_files import fields_csv
from apps.archivair.data_files import xbau_map
from apps.archivair.field_report import build_field_report, unchecked_words
from apps.archivair.field_values import field_word
from apps.archivair.views.answers import origin_of
from apps.archivair.views.loading import batch_anew
from shared.contracts.provenance import LOCAL_ZONE
from shared.report.excel import render_xlsx
from shared.store.run_views import RunView
from shared.themes import load_theme
from shared.ui import AppContext, Column, Download, export_bar, file_name, table

CSV = "text/csv"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def show_field_list(ctx: AppContext, run: RunView) -> None:
    """Offer all fields as they are decided at the click.

    Args:
        ctx: Context of the page.
        run: The reading.
    """
    t = ctx.t
    day = (run.finished_at or run.created_at).astimezone(LOCAL_ZONE).date()
    name = partial(file_name, "archivair", f"felder-{PurePath(run.title).stem}", day)
    export_bar(
        ctx,
        [
            Download(t("Felder (CSV)"), name("csv"), CSV, partial(make_csv, ctx, run.id)),
            Download(t("Felder (Excel)"), name("xlsx"), EXCEL, partial(make_excel, ctx, run.id)),
        ],
        run_id=run.id,
        note=t("Die Listen nennen auch Personen. Geben Sie sie nur weiter, wenn Sie es dürfen."),
    )
    xbau = xbau_map()
    with st.expander(t("Zuordnung zu {standard}", standard=xbau.standard), key="archivair_xbau"):
        st.warning(unchecked_words(t))
        table(
            [
                {"field": field_word(name, t), "element": path or None}
                for name, path in xbau.elements.items()
            ],
            columns=(Column("field", t("Feld")), Column("element", t("Element in XBau"))),
            key="archivair_xbau_rows",
            alt=t("Felder und ihre Elemente in XBau, ungeprüft."),
            t=t,
        )


def make_csv(ctx: AppContext, run_id: str) -> bytes:
    """Return the fields as CSV with semicolons, UTF-8 mark and German headings.

    Args:
        ctx: Context of the page.
        run_id: The reading.
    """
    return fields_csv(batch_anew(ctx, run_id)[1])


def make_excel(ctx: AppContext, run_id: str) -> bytes:
    """Return the fields as workbook; arguments as above."""
    run, batch = batch_anew(ctx, run_id)
    tenant = load_theme(ctx.settings.theme).name
    origin = origin_of(ctx.tenant, run)
    return render_xlsx(build_field_report(run.title, batch, origin, tenant, ctx.t))
