"""Preview of the redacted pages, and boxes that a person adds by numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from apps.archivair.archive_files.page_content import Box
from apps.archivair.batch.contents import Document
from apps.archivair.redaction.choices import ChosenHit
from apps.archivair.redaction.profiles import Profile
from apps.archivair.redaction.proposal import PageOfFile, covered, words_page
from apps.archivair.redaction.redact import redact_pages
from apps.archivair.redaction.withholding import is_held
from apps.archivair.views.deciding import may_decide
from apps.archivair.views.redaction_desk import NAME, RedactionDesk
from apps.archivair.views.redaction_search import FoundFile

_PERCENT = 100
_SIDES = ("left", "top", "width", "height")
_USUAL = {"left": 10, "top": 10, "width": 30, "height": 5}


def show_pages_of(
    desk: RedactionDesk, profile: Profile, document: Document, chosen: Sequence[ChosenHit],
    found: FoundFile,
) -> None:  # fmt: skip
    """Show a page as it would be handed out; fields beside it add a box.

    Args:
        desk: Where boxes are kept.
        profile: Who gets the document.
        document: The document.
        chosen: What was found on it.
        found: The file.
    """
    t = desk.ctx.t
    st.subheader(t("Vorschau"), anchor=False)
    _warn(desk, document, found)
    number = st.selectbox(t("Seite"), list(document.pages), format_func=str, key=f"{NAME}_page")
    page = found.pages(number)
    if page is None:
        st.caption(t("Seite {number} wurde nicht gelesen.", number=number))
        return
    shown, fields = st.columns([3, 2])
    with fields:
        drawn = _box_fields(desk, page)
    boxes = _boxes(page, chosen) | ({drawn: False} if drawn else {})
    held = is_held(profile, page.kinds)
    caption = (
        t("Seite {number}: wird zurückgehalten und durch einen Hinweis ersetzt", number=number)
        if held
        else t("Seite {number}, wie sie herausgegeben würde", number=number)
    )
    with shown:
        picture = covered(page, boxes, page.picture())
        st.image(picture, caption=caption, alt=caption, width="stretch")


def _warn(desk: RedactionDesk, document: Document, found: FoundFile) -> None:
    t = desk.ctx.t
    unread = sorted(found.proposal.unread & set(document.pages))
    if unread:
        st.warning(
            t.plural(
                "Auf Seite {numbers} steht Schrift, die nicht gelesen wurde. Bitte sehen Sie "
                "diese Seite selbst durch und decken Sie Personenangaben mit Kästen ab.",
                "Auf den Seiten {numbers} steht Schrift, die nicht gelesen wurde. Bitte sehen Sie "
                "diese Seiten selbst durch und decken Sie Personenangaben mit Kästen ab.",
                len(unread),
                numbers=", ".join(str(one) for one in unread),
            )
        )
    missing = sorted(found.missing & set(document.pages))
    if missing:
        st.warning(
            t.plural(
                "Seite {numbers} wurde nicht gelesen. Dieses Dokument kann nicht "
                "herausgegeben werden.",
                "Die Seiten {numbers} wurden nicht gelesen. Dieses Dokument kann nicht "
                "herausgegeben werden.",
                len(missing),
                numbers=", ".join(str(one) for one in missing),
            )
        )


def _boxes(page: PageOfFile, chosen: Sequence[ChosenHit]) -> dict[Box, bool]:
    """Return the boxes of a page as large as they will be written."""
    own = [
        replace(one.hit, page=1) for one in chosen if one.is_removed and one.hit.page == page.page
    ]
    return dict.fromkeys(redact_pages([words_page(page)], own)[0].boxes, True)


def _box_fields(desk: RedactionDesk, page: PageOfFile) -> Box | None:
    """Show four fields in percent of the page; the box is outlined until it is kept."""
    t = desk.ctx.t
    if not may_decide(desk.ctx):
        return None
    if not st.toggle(t("Eigenen Kasten hinzufügen"), key=f"{NAME}_own"):
        return None
    st.caption(
        t(
            "Angaben in Prozent der Seite, von links und von oben. Der Umriss im Bild zeigt den "
            "Kasten; er gilt erst, wenn Sie ihn hinzufügen."
        )
    )
    words = (t("Von links (%)"), t("Von oben (%)"), t("Breite (%)"), t("Höhe (%)"))
    left, top, width, height = (
        st.number_input(word, 0, 100, _USUAL[side], 1, key=f"{NAME}_{side}")
        for side, word in zip(_SIDES, words, strict=True)
    )
    box = percent_box(page.size, left, top, width, height)
    if box is None:
        st.caption(t("Der Kasten ist leer oder liegt außerhalb der Seite."))
        return None
    st.button(t("Kasten hinzufügen"), key=f"{NAME}_add", on_click=partial(desk.draw_box, page, box))
    return box


def percent_box(
    size: tuple[int, int], left: float, top: float, width: float, height: float
) -> Box | None:
    """Return a box of a page in pixels, None for an empty one.

    Args:
        size: Width and height of the page [px].
        left: Distance from the left edge [%].
        top: Distance from the upper edge [%].
        width: Width of the box [%].
        height: Height of the box [%].
    """
    x0, x1 = (round(min(one, 100.0) / _PERCENT * size[0]) for one in (left, left + width))
    y0, y1 = (round(min(one, 100.0) / _PERCENT * size[1]) for one in (top, top + height))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None
