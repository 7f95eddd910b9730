"""Step 4 of the page: the files of the shown page and of all pages, named as the command does."""

from __future__ import annotations

from pathlib import PurePath

import streamlit as st

from apps.archivair.file_run import FileRun, KeptPage, pack
from apps.archivair.outputs import page_files
from shared.ui import AppContext, Download, export_bar

MIMES = {".txt": "text/plain", ".alto.xml": "application/xml", ".json": "application/json"}


def show_export(ctx: AppContext, run: FileRun, page: KeptPage) -> None:
    """Offer text, ALTO and JSON of the page, and one ZIP when there are several.

    Args:
        ctx: Context of the page.
        run: The reading of the file.
        page: The page that is shown.
    """
    if page.reading is None:
        return
    t = ctx.t
    labels = {".txt": t("Text (TXT)"), ".alto.xml": t("Text mit Orten (ALTO)"), ".json": "JSON"}
    downloads = [
        Download(labels[ending], page.identity.stem + ending, MIMES[ending], content)
        for ending, content in page_files(page.reading, page.identity).items()
    ]
    if run.total > 1:
        label = t("Alle gelesenen Seiten (ZIP)")
        name = PurePath(run.file_name).stem + ".zip"
        downloads.append(Download(label, name, "application/zip", _packed(run)))
    note = t("ALTO und JSON nennen Herkunft, Modell und Einstellungen; TXT enthält nur den Text.")
    missing = [str(number) for number in (*_failed(run), *run.unread)]
    if run.total > 1 and missing:
        note += " " + t("Im ZIP fehlen diese Seiten: {numbers}.", numbers=", ".join(missing))
    export_bar(ctx, downloads, note=note)


def _failed(run: FileRun) -> list[int]:
    return [page.identity.index for page in run.failed]


def _packed(run: FileRun) -> bytes:
    """Pack once per state of the run."""
    key = (run.key, run.created_at, len(run.read), len(run.pages))
    stored: tuple[object, bytes] | None = st.session_state.get("archivair_zip")
    if stored is None or stored[0] != key:
        stored = (key, pack(run))
        st.session_state["archivair_zip"] = stored
    return stored[1]
