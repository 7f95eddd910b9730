"""The fields of the search: words, where to look, what to narrow the results to."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from apps.archivair.class_words import class_word
from apps.archivair.documents.page_classes import UNCLEAR, class_ids
from apps.archivair.search import LONGEST_QUERY
from apps.archivair.search_facts import SearchFilter
from shared.ui import AppContext

FIRST_YEAR, LAST_YEAR = 1700, 2100
_LONGEST_NAME = 80
_LONGEST_NUMBER = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody searches.

    Args:
        words: The words as typed.
        wanted: What the results are narrowed to.
        everywhere: Whether all batches of the municipality are searched.
    """

    words: str
    wanted: SearchFilter
    everywhere: bool


def ask(ctx: AppContext) -> Asked:
    """Show the fields and return what stands in them.

    Args:
        ctx: Context of the page.
    """
    t = ctx.t
    words = st.text_input(
        t("Suchwörter"),
        key="archivair_search_words",
        max_chars=LONGEST_QUERY,
        placeholder=t("zum Beispiel Muehlenstrasse 12 oder Bauschein"),
        help=t(
            "Groß und klein, ä und ae, ß und ss gelten gleich. Kleine Lesefehler und alte "
            "Schreibweisen werden mitgefunden, Zahlen nur genau."
        ),
    )
    everywhere = st.toggle(t("In allen Akten suchen"), key="archivair_search_everywhere")
    with st.expander(t("Eingrenzen"), key="archivair_search_filter"):
        wanted = _narrow(ctx)
    return Asked(words, wanted, everywhere)


def _narrow(ctx: AppContext) -> SearchFilter:
    t = ctx.t
    classes = st.multiselect(
        t("Art des Dokuments"),
        [*class_ids(), UNCLEAR],
        format_func=lambda one: class_word(one, t),
        key="archivair_search_classes",
        placeholder=t("alle Arten"),
    )
    left, right = st.columns(2)
    with left:
        first = _year(t("Jahr von"), "archivair_search_first_year")
    with right:
        last = _year(t("Jahr bis"), "archivair_search_last_year")
    wide, middle, narrow = st.columns([2, 1, 1])
    with wide:
        street = st.text_input(t("Straße"), key="archivair_search_street", max_chars=_LONGEST_NAME)
    with middle:
        flur = st.text_input(t("Flur"), key="archivair_search_flur", max_chars=_LONGEST_NUMBER)
    with narrow:
        plot = st.text_input(
            t("Flurstück"),
            key="archivair_search_plot",
            max_chars=_LONGEST_NUMBER,
            placeholder="116/3",
        )
    st.caption(t("Jahre stammen aus den erkannten Daten der Dokumente, Straßen aus den Akten."))
    return SearchFilter(frozenset(classes), first, last, street, flur, plot)


def _year(label: str, key: str) -> int | None:
    value = st.number_input(
        label, min_value=FIRST_YEAR, max_value=LAST_YEAR, value=None, step=1, key=key
    )
    return None if value is None else int(value)
