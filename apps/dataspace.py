"""Page "Datenraum": what apps have published, with origin, licence, preview and download."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from shared.auth.audited_work import FileToTake, may_take, take_along
from shared.auth.session import principal
from shared.errors import UrbanKiError
from shared.i18n import N_, Translator
from shared.registry.discover import manifests
from shared.store import dataspace
from shared.store.layer_files import LayerKind
from shared.store.layers import Layer, app_of
from shared.store.lineage import Origin, lineage
from shared.store.store import process_store
from shared.ui.failures import show_failure
from shared.ui.language import translator
from shared.ui.result import Column, escape_markdown, table
from shared.ui.run_words import moment

PREVIEW_ROWS = 50
FRACTION_DIGITS = 2
KINDS: dict[LayerKind, str] = {
    "vector": N_("Geodaten"),
    "raster": N_("Rasterbild"),
    "table": N_("Tabelle"),
}
ORIGINS = {"layer": N_("Datensatz"), "run": N_("Auswertung"), "file": N_("Datei")}


def overview(layers: list[Layer], t: Translator) -> Layer | None:
    """Show all layers as one table and return the selected one."""
    titles = {app.id: app.localized("title", t.language) for app in manifests()}
    rows = [
        {
            "title": layer.title_de,
            "app": titles.get(app_of(layer.name), app_of(layer.name)),
            "kind": t(KINDS[layer.kind]),
            "version": str(layer.version),
            "owner": t("eigene Kommune") if layer.is_own else layer.owner,
            "data": t("Beispieldaten") if layer.is_example else t("echte Daten"),
            "created": t.date(layer.created_at),
        }
        for layer in layers
    ]
    columns = [
        Column("title", t("Titel")),
        Column("app", t("Anwendung")),
        Column("kind", t("Art")),
        Column("version", t("Fassung")),
        Column("owner", t("Herkunft")),
        Column("data", t("Daten")),
        Column("created", t("Stand")),
    ]
    selected = table(
        rows,
        columns=columns,
        key="dataspace_layers",
        alt=t("Alle Datensätze mit Anwendung, Fassung und Herkunft"),
        selection="single",
        t=t,
    )
    return layers[selected.rows[0]] if selected.rows else None


def details(layer: Layer, t: Translator) -> None:
    """Show one layer: licence, preview, origin, download."""
    st.header(escape_markdown(layer.title_de), anchor=False)
    st.markdown(
        t(
            "Fassung {version} vom {moment}. Lizenz: {licence}. Quellenangabe: {credit}.",
            version=str(layer.version),
            moment=moment(layer.created_at, t),
            licence=escape_markdown(layer.licence),
            credit=escape_markdown(layer.credit_line),
        )
    )
    st.caption(t("Name für andere Anwendungen:"))
    st.code(layer.name, language=None)
    if may_take(acting, FileToTake(layer.id)):
        st.download_button(
            t("Herunterladen"),
            content_of(layer),
            file_name=layer.file.name,
            mime=layer.file.media_type,
            key="dataspace_download",
            on_click="ignore",
        )
    preview(layer, t)
    st.subheader(t("Woher kommt das?"), anchor=False)
    show_origin(lineage(acting, store, layer.id), t)


def content_of(layer: Layer) -> Callable[[], bytes]:
    """Return what reads the file when somebody asks for it, with the rights of that moment."""

    def taken() -> bytes:
        now_acting = principal(beside=acting.session_id)
        return take_along(
            now_acting,
            store,
            FileToTake(layer.id),
            lambda: dataspace.layer_path(now_acting, store, layer.id).read_bytes(),
            now=datetime.now(UTC),
        )

    return taken


def preview(layer: Layer, t: Translator) -> None:
    """Show the first rows of a table or of the table behind geodata."""
    if layer.kind == "raster":
        st.caption(t("Von Rasterbildern gibt es hier keine Vorschau."))
        return
    frame = dataspace.read_table(
        acting, store, layer.name, version=layer.version, owner=layer.owner
    )
    st.subheader(t("Vorschau"), anchor=False)
    st.caption(t.plural("{count} Zeile", "{count} Zeilen", len(frame)))
    head = frame.head(PREVIEW_ROWS).astype(object)
    rows = head.where(head.notna(), None).to_dict("records")
    with st.container(key="user_dataspace_preview"):
        table(
            [{str(name): value for name, value in row.items()} for row in rows],
            columns=[column_of(str(name), layer) for name in frame.columns],
            key="dataspace_preview",
            alt=t("Die ersten Zeilen des Datensatzes"),
            t=t,
        )


def column_of(name: str, layer: Layer) -> Column:
    """Return how to write a column of a layer."""
    kind = layer.schema.get(name)
    if kind not in {"integer", "number"}:
        return Column(name, name)
    return Column(name, name, "number", 0 if kind == "integer" else FRACTION_DIGITS)


def show_origin(origin: Origin, t: Translator) -> None:
    """Write the tree of runs, layers and files as an indented list."""
    lines: list[str] = []

    def add(node: Origin, depth: int) -> None:
        text = f"{t(ORIGINS[node.kind])}: {escape_markdown(node.title)}"
        if node.created_at is not None:
            text += f" ({moment(node.created_at, t)})"
        lines.append(f"{'  ' * depth}- {text}")
        for parent in node.parents:
            add(parent, depth + 1)

    add(origin, 0)
    st.markdown("\n".join(lines))


t = translator()
acting = principal()
store = process_store()
st.title(t("Datenraum"), anchor=False)
st.markdown(
    t("Was Anwendungen freigegeben haben, kann jede andere lesen, mit Herkunft und Lizenz.")
)
try:
    found = dataspace.list_layers(acting, store)
    if not found:
        st.info(t("Hier ist noch nichts freigegeben."))
    else:
        chosen = overview(found, t)
        if chosen is not None:
            details(chosen, t)
except UrbanKiError as error:
    show_failure(error, t)
