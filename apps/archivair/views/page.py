"""One page on the screen: the scan with outlined lines, its text, what to know, an equal table."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from apps.archivair.kept_page import KeptPage, decode_page
from apps.archivair.reading import PageReading, TextLine
from apps.archivair.upright import upright_corners, upright_size
from shared.contracts.jobs import StoredFile
from shared.store import artifacts
from shared.ui import (
    AppContext,
    Column,
    ImageBase,
    LegendEntry,
    MapSpec,
    Shape,
    empty_state,
    map_with_table,
    show_checks,
)

SURE, DOUBTFUL = "sure", "doubtful"
SURE_COLOUR, DOUBTFUL_COLOUR = "#1a6fb5", "#c2410c"
PICTURE_HEIGHT_PX = 640
EMPTY_WIDTH_PX = 220
PAGES_HELD = 16


def load_page(ctx: AppContext, file: StoredFile) -> KeptPage:
    """Read the stored file of a page; the latest ones are held for all sessions.

    Args:
        ctx: Context of the page.
        file: The file.

    Raises:
        FileDamaged: It is not what was stored.
        ReadingUnusable: Another version of this program wrote it.
    """
    return _pages()(
        ctx.tenant,
        file.sha256,
        lambda: decode_page(artifacts.read(ctx.principal, ctx.store, file)),
    )


@lru_cache(maxsize=1)
def _pages() -> Callable[[str, str, Callable[[], KeptPage]], KeptPage]:
    """Return the cache of read pages; made late, because it needs a running server."""

    def load(tenant: str, sha256: str, _read: Callable[[], KeptPage]) -> KeptPage:
        return _read()

    return st.cache_resource(max_entries=PAGES_HELD, show_spinner=False)(load)


def show_page(ctx: AppContext, page: KeptPage) -> None:
    """Show a page that was read.

    Args:
        ctx: Context of the page.
        page: The page.
    """
    t, reading = ctx.t, page.reading
    if page.identity.pages > 1:
        number, total = page.identity.index, page.identity.pages
        title = t("Seite {number} von {total}", number=number, total=total)
        st.subheader(title, anchor=False)
    show_checks(reading.findings, t)
    if not reading.lines:
        st.image(
            page.picture, caption=t("Die Seite, wie sie gescannt wurde."), width=EMPTY_WIDTH_PX
        )
        empty_state(
            t("Kein Text auf dieser Seite"),
            t("Ist doch etwas zu lesen, scannen Sie die Seite bitte heller oder feiner."),
        )
        return
    # Text of a file is user data: the gallery neither translates nor judges its words.
    with st.container(key=f"user_{ctx.manifest.id}_page"):
        _scan(ctx, page, reading)


def _scan(ctx: AppContext, page: KeptPage, reading: PageReading) -> None:
    t = ctx.t
    shapes = [_shape(ctx, row, line, reading) for row, line in enumerate(reading.lines)]
    map_with_table(
        MapSpec(
            _picture(page, reading), shapes, _legend(ctx, reading), height_px=PICTURE_HEIGHT_PX
        ),
        [_row(line) for line in reading.lines],
        columns=(
            Column("text", t("Gelesener Text")),
            Column("confidence", t("Sicherheit"), "percent", 1),
            Column("check", t("Bitte prüfen")),
        ),
        # Another page is another picture: a selected line must not stay selected.
        key=f"{ctx.manifest.id}_{page.identity.sha256[:8]}_{page.identity.index}",
        alt=t(
            "Scan mit {count} umrandeten Zeilen; die Tabelle nennt dieselben Zeilen.",
            count=len(reading.lines),
        ),
        beside=lambda: _running_text(ctx, reading),
        t=t,
    )


def _running_text(ctx: AppContext, reading: PageReading) -> None:
    title = ctx.t("Text zum Lesen und Kopieren")
    st.markdown(f"**{title}**")
    with st.container(key=f"lang_de_{ctx.manifest.id}_text"):
        st.code(reading.text, language=None, wrap_lines=True)


def _picture(page: KeptPage, reading: PageReading) -> ImageBase:
    width, height = upright_size(reading)
    return ImageBase(page.picture, "image/jpeg", width, height)


def _shape(ctx: AppContext, row: int, line: TextLine, reading: PageReading) -> Shape:
    t = ctx.t
    label = t(
        "Zeile {number}, Sicherheit {score}: {line}",
        number=row + 1,
        score=t.percent(line.confidence, 1),
        line=line.text,
    )
    kind = DOUBTFUL if line.doubtful_words else SURE
    return Shape(row, (upright_corners(line.corners, reading),), kind, label)


def _legend(ctx: AppContext, reading: PageReading) -> list[LegendEntry]:
    t = ctx.t
    entries = {
        SURE: LegendEntry(SURE, t("gelesene Zeile"), SURE_COLOUR, quiet=True),
        DOUBTFUL: LegendEntry(
            DOUBTFUL, t("Zeile mit unsicheren Wörtern"), DOUBTFUL_COLOUR, dashed=True
        ),
    }
    used = {DOUBTFUL if line.doubtful_words else SURE for line in reading.lines}
    return [entry for key, entry in entries.items() if key in used]


def _row(line: TextLine) -> dict[str, object]:
    doubtful = [word.text for word in line.words if word.is_doubtful]
    return {
        "text": line.text,
        "confidence": line.confidence,
        "check": ", ".join(doubtful) if doubtful else None,
    }
