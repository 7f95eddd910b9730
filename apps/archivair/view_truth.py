"""How well the invented example was read, compared with what truly stands on it."""

from __future__ import annotations

import streamlit as st

from apps.archivair.file_run import FileRun
from apps.archivair.metrics import cer
from apps.archivair.sample import sample_text
from shared.ui import AppContext


def show_sample_truth(ctx: AppContext, run: FileRun) -> None:
    """Compare the reading with the text that was set on the example.

    Args:
        ctx: Context of the page.
        run: The reading of the example.
    """
    t = ctx.t
    text = "\n".join(reading.text for reading in run.readings)
    count = cer(sample_text(), text)
    st.info(
        t(
            "Auf dem Beispiel stehen {characters} Zeichen. Die Lesung weicht an {edits} Stellen "
            "davon ab, das sind {rate}; auch fehlende Leerzeichen zählen. Das Blatt ist künstlich: "
            "Auf echten Akten kann es anders sein.",
            characters=t.number(count.characters),
            edits=t.number(count.edits),
            rate=t.percent(count.rate, 1),
        ),
        title=t("Vergleich mit der Wahrheit"),
    )
