"""Step 5 of a page: take the result along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from shared.auth.audited_work import FileToTake, may_take, take_along
from shared.report.names import file_name as file_name
from shared.ui.kiosk import REPORT_MIME, is_kiosk
from shared.ui.shell import AppContext


@dataclass(frozen=True, slots=True)
class Download:
    """One file that can be taken along.

    Args:
        label: Translated label, for example "Tabelle (CSV)".
        file_name: Name made by `file_name`.
        mime: Content type.
        content: All bytes, or a function that makes them when somebody asks for the file; it runs
            beside the page, so it must not use Streamlit.
    """

    label: str
    file_name: str
    mime: str
    content: bytes | Callable[[], bytes]


def export_bar(
    ctx: AppContext,
    downloads: Sequence[Download],
    *,
    run_id: str = "",
    note: str | None = None,
) -> None:
    """Show one button per file that the person may take along; visitors get the report alone.

    Whether she may is asked again when she takes it, and the audit tells of it.

    Args:
        ctx: Context of the page.
        downloads: The files.
        run_id: The run that they come from, for the audit; empty where there is none.
        note: Translated sentence below the buttons where not every file names its origin.
    """
    if is_kiosk():
        downloads = [one for one in downloads if one.mime == REPORT_MIME]
    allowed = [one for one in downloads if may_take(ctx.principal, _to_take(ctx, one, run_id))]
    with st.container(horizontal=True):
        for download in allowed:
            st.download_button(
                download.label,
                _taken(ctx, download, run_id),
                file_name=download.file_name,
                mime=download.mime,
                key=f"{ctx.manifest.id}_download_{download.file_name}",
                on_click="ignore",
            )
    if len(allowed) < len(downloads):
        st.caption(ctx.t("Weitere Dateien darf die Sachbearbeitung herunterladen."))
    st.caption(note or ctx.t("Die Dateien nennen Herkunft, Modell und Einstellungen."))


def _to_take(ctx: AppContext, download: Download, run_id: str) -> FileToTake:
    return FileToTake(run_id, ctx.manifest.id, is_report=download.mime == REPORT_MIME)


def _taken(ctx: AppContext, download: Download, run_id: str) -> Callable[[], bytes]:
    """Return what gives the file to whoever asks for it, beside the page and without Streamlit."""
    file, content = _to_take(ctx, download, run_id), download.content

    def make() -> bytes:
        return content if isinstance(content, bytes) else content()

    return lambda: take_along(ctx.principal, ctx.store, file, make, now=datetime.now(UTC))
