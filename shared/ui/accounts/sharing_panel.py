"""Which other municipalities may read the layers of this one."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.auth.tenants import NO_MUNICIPALITIES, tenant_names
from shared.contracts.identity.policy import DATASPACE_SHARE, require
from shared.contracts.identity.principal import Principal
from shared.errors import UrbanKiError
from shared.i18n import N_, Translator
from shared.store import dataspace
from shared.store.layers import Layer, Share
from shared.store.store import Store
from shared.ui.accounts.said import say_done, show_done
from shared.ui.failures import show_failure
from shared.ui.result import Column, escape_markdown, table

KINDS = {
    "eigene": N_("nur diese Kommune"),
    "alle": N_("alle Kommunen"),
    "genannte": N_("diese Kommunen"),
}


def sharing_panel(principal: Principal, store: Store, t: Translator) -> None:
    """Show the layers of the active municipality, and say anew who may read the chosen one.

    Args:
        principal: Who administers.
        store: Where they are kept.
        t: Translator.

    Raises:
        NotAllowed: Only the administration shares.
    """
    require(principal, DATASPACE_SHARE)
    show_done()
    found = dataspace.list_layers(principal, store, all_versions=True)
    own = [layer for layer in found if layer.is_own]
    if not own:
        st.info(t("Diese Kommune hat noch nichts im Datenraum."))
        return
    names = tenant_names(store.engine)
    chosen = _choose(own, names, t)
    if chosen is not None:
        others = {
            slug: name
            for slug, name in names.items()
            if slug not in NO_MUNICIPALITIES | {principal.active_tenant}
        }
        _form(principal, store, chosen, others, t)


def _choose(layers: list[Layer], names: dict[str, str], t: Translator) -> Layer | None:
    rows = [
        {
            "title": layer.title_de,
            "version": str(layer.version),
            "name": layer.name,
            "share": share_words(layer.shared_with or "eigene", names, t),
        }
        for layer in layers
    ]
    columns = [
        Column("title", t("Titel")),
        Column("version", t("Fassung")),
        Column("name", t("Datensatz")),
        Column("share", t("Wer darf es lesen?")),
    ]
    with st.container(key="user_accounts_layers"):
        selected = table(
            rows,
            columns=columns,
            key="accounts_layers",
            alt=t("Alle eigenen Datensätze und wer sie lesen darf"),
            selection="single",
            t=t,
        )
    return layers[selected.rows[0]] if selected.rows else None


def share_words(share: Share, names: dict[str, str], t: Translator) -> str:
    """Say who may read a layer.

    Args:
        share: Who.
        names: Names of municipalities by their slugs.
        t: Translator.
    """
    if isinstance(share, tuple):
        return ", ".join(names.get(slug, slug) for slug in share)
    return t(KINDS[share])


def _form(
    principal: Principal, store: Store, layer: Layer, others: dict[str, str], t: Translator
) -> None:
    now = layer.shared_with or "eigene"
    named = list(now) if isinstance(now, tuple) else []
    key = f"accounts_share_{layer.id}"
    kind = st.radio(
        t("Wer darf es lesen?"),
        list(KINDS) if others or named else ["eigene", "alle"],
        index=2 if named else int(now == "alle"),
        format_func=lambda name: t(KINDS[name]),
        key=f"{key}_kind",
    )
    chosen: list[str] = []
    if kind == "genannte":
        chosen = st.multiselect(
            t("Kommunen"),
            sorted(others.keys() | set(named)),
            default=named,
            format_func=lambda slug: others.get(slug, slug),
            key=f"{key}_tenants",
        )
    if st.button(t("Freigabe speichern"), key=f"{key}_save"):
        if kind == "genannte" and not chosen:
            st.warning(t("Bitte wählen Sie mindestens eine Kommune."))
            return
        share: Share = (
            tuple(chosen) if kind == "genannte" else "alle" if kind == "alle" else "eigene"
        )
        try:
            _save(principal, store, layer, share, f"freigabe:{kind}")
        except UrbanKiError as error:
            show_failure(error, t)
            return
        title = escape_markdown(layer.title_de)
        say_done(t("Die Freigabe von „{title}“ ist gespeichert.", title=title))
        st.rerun()


def _save(principal: Principal, store: Store, layer: Layer, share: Share, reason_code: str) -> None:
    dataspace.share(principal, store, layer.id, share)
    event = AuditEvent(
        Event.DATASPACE_PUBLISH, principal, object_id=layer.id, reason_code=reason_code
    )
    audit.write(store.engine, store.settings, event, now=datetime.now(UTC))
