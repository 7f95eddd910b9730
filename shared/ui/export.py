"""Step 5 of a page: take the result along."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import streamlit as st

from shared.ui.shell import AppContext

_ASCII = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
MAX_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Download:
    """One file that can be taken along.

    Args:
        label: Translated label, for example "Tabelle (CSV)".
        file_name: Name made by `file_name`.
        mime: Content type.
        content: All bytes.
    """

    label: str
    file_name: str
    mime: str
    content: bytes


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


def file_name(slug: str, subject: str, day: date, ending: str) -> str:
    """Return `<slug>_<subject>_<date>.<ending>` in ASCII, at most 80 characters.

    Args:
        slug: App id.
        subject: What the file is about; umlauts and spaces are replaced.
        day: Date of the result.
        ending: File ending without a dot.
    """
    spelled = "".join(_ASCII.get(character, character) for character in subject)
    ascii_only = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9-]+", "-", ascii_only).strip("-").lower()
    fixed = len(slug) + len(ending) + len(day.isoformat()) + 3
    return f"{slug}_{safe[: MAX_NAME_CHARACTERS - fixed] or 'ergebnis'}_{day.isoformat()}.{ending}"
