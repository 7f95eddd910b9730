"""What would be told of the building files of a batch, before anybody publishes it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from apps.archivair.address_register import AddressRegister
from apps.archivair.batch.contents import Batch
from apps.archivair.class_words import class_word
from apps.archivair.publishing import FileFacts
from shared.ui import AppContext, Column, table


def show_facts(
    ctx: AppContext, batch: Batch, facts: Sequence[FileFacts], register: AddressRegister
) -> None:
    """Count the files that name a property, and list what would be told of each.

    Args:
        ctx: Context of the page.
        batch: The batch.
        facts: What would be told.
        register: Addresses of the municipality.
    """
    t = ctx.t
    placed = sum(one.place is not None for one in facts)
    st.caption(
        t(
            "{told} von {total} Akten nennen ein Grundstück, {placed} davon mit einer Anschrift "
            "aus dem Verzeichnis ({source}).",
            told=t.number(len(facts)),
            total=t.number(len(batch.files)),
            placed=t.number(placed),
            source=register.source or t("keines im Datenraum"),
        )
    )
    rows = [
        {
            "address": f"{one.street} {one.house_number}".strip() or None,
            "plot": one.plot or None,
            "classes": ", ".join(class_word(name, t) for name in one.classes) or None,
            "years": "–".join(str(year) for year in sorted({*one.years[:1], *one.years[-1:]}))
            or None,
            "building_class": one.building_class,
        }
        for one in facts
    ]
    with st.expander(t("Was freigegeben würde"), key="archivair_facts_preview"):
        table(
            rows,
            columns=(
                Column("address", t("Anschrift")),
                Column("plot", t("Flurstück")),
                Column("classes", t("Arten")),
                Column("years", t("Jahre")),
                Column("building_class", t("Gebäudeklasse"), "number"),
            ),
            key="archivair_facts_rows",
            alt=t("Angaben je Akte, wie sie freigegeben würden."),
            t=t,
        )
