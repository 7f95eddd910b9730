"""Step 5 of a page: take the result along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from shared.report.names import file_name as file_name
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
    """Show one button per file beside each other.

    Args:
        ctx: Context of the page.
        downloads: The files.
        note: Translated sentence below the buttons where not every file names its origin.
    """
    with st.container(horizontal=True):
        for download in downloads:
            st.download_button(
                download.label,
                download.content,
                file_name=download.file_name,
                mime=download.mime,
                key=f"{ctx.manifest.id}_download_{download.file_name}",
                on_click="ignore",
            )
    st.caption(note or ctx.t("Die Dateien nennen Herkunft, Modell und Einstellungen."))
