"""Facts and points of the building files for other applications; a person publishes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

import streamlit as st

from apps.archivair.address_register import AddressRegister, load_register
from apps.archivair.batch.contents import Batch
from apps.archivair.publishing import (
    FACTS_SCHEMA,
    FACTS_TOPIC,
    LAYER_SCHEMA,
    LAYER_TOPIC,
    FileFacts,
    facts_csv,
    facts_of,
    points_report,
)
from apps.archivair.views.answers import origin_of
from apps.archivair.views.storage_facts import show_facts
from shared.contracts.identity.policy import DATASPACE_PUBLISH, decide
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import LOCAL_ZONE
from shared.report.geo_out import render_gpkg
from shared.report.names import file_name
from shared.store import artifacts
from shared.store.layer_files import CSV, GEOPACKAGE, Schema
from shared.store.layers import LONGEST_TEXT, Publication
from shared.store.run_views import RunView
from shared.themes import load_theme
from shared.ui import AppContext, publish_button

NAME = "archivair_publish_facts"
TABLE, MAP = "tabelle", "karte"
LICENCE = "interne Nutzung"
LONGEST_AREA = 34


@dataclass(frozen=True, slots=True)
class Offer:
    """What would be published.

    Args:
        run: The reading.
        facts: What is told of the files.
        register: Addresses of the municipality.
        choice: Table or points.
    """

    run: RunView
    facts: list[FileFacts]
    register: AddressRegister
    choice: str

    @property
    def topic(self) -> str:
        """Second part of the name in the data space."""
        return FACTS_TOPIC if self.choice == TABLE else LAYER_TOPIC

    @property
    def schema(self) -> Schema:
        """Columns and their types."""
        return FACTS_SCHEMA if self.choice == TABLE else LAYER_SCHEMA

    @property
    def title_de(self) -> str:
        """Title for readers in other applications."""
        what = "Angaben aus Bauakten" if self.choice == TABLE else "Bauakten als Punkte"
        return f"{what}: {self.run.title}"[:LONGEST_TEXT]


def show_publishing(ctx: AppContext, run: RunView, batch: Batch) -> None:
    """Show what would be published and let a person publish it.

    Args:
        ctx: Context of the page.
        run: The reading.
        batch: Its documents as they stand.
    """
    t = ctx.t
    if not decide(ctx.principal, DATASPACE_PUBLISH, app=run.app).allowed:
        st.caption(t("Für den Datenraum freigeben darf die Sachbearbeitung."))
        return
    register = load_register(ctx.principal, ctx.store, ctx.settings, is_example=run.is_example)
    facts = facts_of(batch, register)
    st.markdown(
        t(
            "Für andere Anwendungen gibt es nur Angaben zu Grundstück, Art, Jahr und Klasse. "
            "Namen von Personen sind nicht dabei."
        )
    )
    show_facts(ctx, batch, facts, register)
    if not facts:
        return
    choice = TABLE
    if any(one.place is not None for one in facts):
        choices = {
            TABLE: t("Tabelle mit Angaben je Akte"),
            MAP: t("Punkte je Anschrift für Karten"),
        }
        choice = st.radio(
            t("Was möchten Sie freigeben?"),
            list(choices),
            format_func=choices.__getitem__,
            key=NAME,
        )
    _publish(ctx, Offer(run, facts, register, choice))


def _publish(ctx: AppContext, offer: Offer) -> None:
    """Keep the file when somebody asks for it; unless it is published, it goes after a day."""
    # A decision that changes what is told needs another file.
    state = repr((offer.run.id, offer.choice, offer.facts, offer.register.source))
    ready: dict[str, StoredFile] = st.session_state.setdefault(f"{NAME}_ready", {})
    if state not in ready:
        label = ctx.t("Freigabe vorbereiten")
        if not st.button(label, key=f"{NAME}_make_{offer.choice}"):
            return
        ready.clear()
        ready[state] = _store(ctx, offer)
        st.rerun()
    publication = Publication(
        name=f"{ctx.manifest.id}/{offer.topic}/{_area(offer.run.title)}",
        title_de=offer.title_de,
        file=ready[state],
        schema=offer.schema,
        licence=LICENCE,
        credit_line=f"{_tenant(ctx)}, {ctx.manifest.title}",
    )
    publish_button(ctx, offer.run, publication)


def _content(ctx: AppContext, offer: Offer) -> bytes:
    if offer.choice == TABLE:
        return facts_csv(offer.facts)
    origin = origin_of(ctx.tenant, offer.run)
    return render_gpkg(points_report(offer.facts, offer.register, origin, _tenant(ctx)))


def _store(ctx: AppContext, offer: Offer) -> StoredFile:
    moment = offer.run.finished_at or offer.run.created_at
    ending, kind = ("csv", CSV) if offer.choice == TABLE else ("gpkg", GEOPACKAGE)
    day = moment.astimezone(LOCAL_ZONE).date()
    return artifacts.save(
        ctx.principal,
        ctx.store,
        _content(ctx, offer),
        name=file_name(ctx.manifest.id, _stem(offer.run.title), day, ending),
        media_type=kind,
        kind="result",
        is_example=offer.run.is_example,
        now=datetime.now(UTC),
    )


def _tenant(ctx: AppContext) -> str:
    return load_theme(ctx.settings.theme).name


def _stem(title: str) -> str:
    return PurePath(title.partition(" (+")[0]).stem


def _area(title: str) -> str:
    """Return the name of a batch as the last part of a name in the data space."""
    subject = file_name("x", _stem(title), datetime.now(UTC).date(), "x").split("_")[1]
    return subject.replace("-", "_")[:LONGEST_AREA].strip("_") or "stapel"
