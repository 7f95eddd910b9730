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
    found = t.plural(
        "Die Lesung weicht an {count} Stelle davon ab, das sind {rate}.",
        "Die Lesung weicht an {count} Stellen davon ab, das sind {rate}.",
        count.edits,
        rate=t.percent(count.rate, 1),
    )
    st.info(
        t("Auf dem Beispiel stehen {characters} Zeichen.", characters=t.number(count.characters))
        + f" {found} "
        + t(
            "Auch fehlende Leerzeichen zählen. Das Blatt ist künstlich: Auf echten Akten kann es "
            "anders sein."
        ),
        title=t("Vergleich mit der Wahrheit"),
    )
