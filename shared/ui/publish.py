"""Hand a result over to the other apps: into the data space, by name, with licence and source."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from shared.auth.audited_work import publish
from shared.contracts.identity.policy import DATASPACE_PUBLISH, DATASPACE_SHARE, decide
from shared.errors import N_, NotFound, UrbanKiError
from shared.store import dataspace
from shared.store.layers import LONGEST_TEXT, Layer, Publication, Share
from shared.store.run_views import RunView
from shared.ui.failures import show_failure
from shared.ui.kiosk import is_kiosk
from shared.ui.result import escape_markdown
from shared.ui.shell import AppContext

_SHARES: dict[str, tuple[str, Share]] = {
    "own": (N_("nur diese Kommune"), "eigene"),
    "all": (N_("alle Kommunen"), "alle"),
}


def publish_button(ctx: AppContext, run: RunView, publication: Publication) -> None:
    """Offer to publish a file of a run; once it is there, say under which name and version.

    Visitors are not offered anything.

    Args:
        ctx: Context of the page.
        run: The run that made the file.
        publication: What would be published; title and sharing can be changed by the person.
    """
    if is_kiosk():
        return
    t = ctx.t
    present = _published(ctx, run, publication)
    if present is not None:
        st.caption(
            t(
                "Im Datenraum als „{name}“, Fassung {version}.",
                name=present.name,
                version=str(present.version),
            )
        )
        return
    if not decide(ctx.principal, DATASPACE_PUBLISH, app=run.app).allowed:
        st.caption(t("Für den Datenraum freigeben darf die Sachbearbeitung."))
        return
    if st.button(t("Für andere Anwendungen freigeben"), key=f"{ctx.manifest.id}_publish"):
        st.dialog(t("Für andere Anwendungen freigeben"))(_confirm)(ctx, run, publication)


def _published(ctx: AppContext, run: RunView, publication: Publication) -> Layer | None:
    """Return the version that already holds this file of this run."""
    try:
        newest = dataspace.find_layer(ctx.principal, ctx.store, publication.name)
    except NotFound:
        return None
    same = newest.run_id == run.id and newest.file.sha256 == publication.file.sha256
    return newest if same else None


def _confirm(ctx: AppContext, run: RunView, publication: Publication) -> None:
    t, slug = ctx.t, ctx.manifest.id
    st.markdown(
        t(
            "Andere Anwendungen können „{file}“ dann lesen. Herkunft und Lizenz gehen mit.",
            file=escape_markdown(publication.file.name),
        )
    )
    title = st.text_input(
        t("Titel"),
        value=publication.title_de,
        max_chars=LONGEST_TEXT,
        key=f"{slug}_publish_title",
    )
    chosen = "own"
    if decide(ctx.principal, DATASPACE_SHARE, app=run.app).allowed:
        chosen = st.radio(
            t("Wer darf es lesen?"),
            list(_SHARES),
            format_func=lambda key: t(_SHARES[key][0]),
            key=f"{slug}_publish_share",
        )
    st.caption(
        t(
            "Lizenz: {licence}. Quellenangabe: {credit}.",
            licence=publication.licence,
            credit=publication.credit_line,
        )
    )
    if not st.button(t("Freigeben"), key=f"{slug}_publish_yes", type="primary"):
        return
    order = replace(publication, title_de=title, share=_SHARES[chosen][1])
    try:
        publish(ctx.principal, ctx.store, run, order, now=datetime.now(UTC))
    except UrbanKiError as error:
        show_failure(error, t, slug)
        return
    st.rerun()
