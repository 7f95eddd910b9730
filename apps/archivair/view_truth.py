"""How well the invented example was read, compared with what truly stands on it."""

from __future__ import annotations

import streamlit as st

from apps.archivair.kept_page import KeptPage
from apps.archivair.metrics import cer
from apps.archivair.sample import sample_text
from shared.ui import AppContext


def show_sample_truth(ctx: AppContext, page: KeptPage) -> None:
    """Compare the reading with the text that was set on the example.

    Args:
        ctx: Context of the page.
        page: The example as it was read.
    """
    t = ctx.t
    count = cer(sample_text(), page.reading.text)
    found = t.plural(
        "Die Lesung weicht an {count} Stelle davon ab, das sind {rate}.",
        "Die Lesung weicht an {count} Stellen davon ab, das sind {rate}.",
        count.edits,
        rate=t.percent(count.rate, 1),
    )
    written = t(
        "Auf dem Beispiel stehen {characters} Zeichen.", characters=t.number(count.characters)
    )
    limits = t(
        "Auch fehlende Leerzeichen zählen. Das Blatt ist künstlich: Auf echten Akten kann es "
        "anders sein."
    )
    with st.container(key="archivair_truth"):
        st.info(f"{written} {found} {limits}", title=t("Vergleich mit der Wahrheit"))
