"""Step 5 of a page: take the result along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from shared.contracts.identity.policy import EXPORT_FILE, EXPORT_REPORT, Fact, decide
from shared.contracts.identity.principal import DEMO_TENANT
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


def export_bar(ctx: AppContext, downloads: Sequence[Download], *, note: str | None = None) -> None:
    """Show one button per file that the person may take along; visitors get the report alone.

    Args:
        ctx: Context of the page.
        downloads: The files.
        note: Translated sentence below the buttons where not every file names its origin.
    """
    if is_kiosk():
        downloads = [one for one in downloads if one.mime == REPORT_MIME]
    allowed = [one for one in downloads if _is_allowed(ctx, one)]
    with st.container(horizontal=True):
        for download in allowed:
            st.download_button(
                download.label,
                download.content,
                file_name=download.file_name,
                mime=download.mime,
                key=f"{ctx.manifest.id}_download_{download.file_name}",
                on_click="ignore",
            )
    if len(allowed) < len(downloads):
        st.caption(ctx.t("Weitere Dateien darf die Sachbearbeitung herunterladen."))
    st.caption(note or ctx.t("Die Dateien nennen Herkunft, Modell und Einstellungen."))


def _is_allowed(ctx: AppContext, download: Download) -> bool:
    # The demo municipality has nothing but example data.
    given: set[Fact] = {"example"} if ctx.tenant == DEMO_TENANT else set()
    return decide(
        ctx.principal,
        EXPORT_REPORT if download.mime == REPORT_MIME else EXPORT_FILE,
        app=ctx.manifest.id,
        given=given,
    ).allowed
