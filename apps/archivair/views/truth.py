"""How well the invented examples were read, compared with what truly stands on them."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.kept_page import KeptPage
from apps.archivair.metrics import cer
from apps.archivair.sample import sample_text
from apps.archivair.sample_batch import true_documents
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


def show_batch_truth(ctx: AppContext, batch: Batch) -> None:
    """Compare cuts and classes as they stand with those of the invented batch.

    Args:
        ctx: Context of the page.
        batch: The example, with all that people decided.
    """
    t, truth = ctx.t, true_documents()
    found = {one.first_page: one.document_class for one in batch.documents}
    hit = truth.keys() & found.keys()
    right = sum(found[page] == truth[page] for page in hit)
    cuts = t(
        "Im Beispielstapel beginnen {count} Dokumente. Davon sind {hit} gefunden und {right} "
        "richtig benannt; {wrong} Schnitte sind zu viel.",
        count=len(truth),
        hit=len(hit),
        right=right,
        wrong=len(found.keys() - truth.keys()),
    )
    limits = t(
        "Gezählt ist der Stand jetzt, mit Ihren Entscheidungen. Der Stapel ist künstlich: Auf "
        "echten Akten kann es anders sein."
    )
    with st.container(key="archivair_truth"):
        st.info(f"{cuts} {limits}", title=t("Vergleich mit der Wahrheit"))
