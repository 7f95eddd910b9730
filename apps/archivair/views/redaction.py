"""Redact and hand out: whom for, what goes, how it looks, and a person who releases it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from apps.archivair.batch.contents import Batch, Document
from apps.archivair.batch_words import document_words
from apps.archivair.class_words import class_word
from apps.archivair.redaction.choices import ChosenHit, choose
from apps.archivair.redaction.profiles import Profile, load_profile
from apps.archivair.redaction.withholding import is_held, kinds_of
from apps.archivair.redaction.words import PROFILE_WORDS, profile_names, removed_words
from apps.archivair.views.answers import answer_about
from apps.archivair.views.deciding import may_decide
from apps.archivair.views.redaction_desk import NAME, RedactionDesk
from apps.archivair.views.redaction_facts import show_facts
from apps.archivair.views.redaction_list import show_hits
from apps.archivair.views.redaction_pages import show_pages_of
from apps.archivair.views.redaction_release import show_release
from apps.archivair.views.redaction_releases import show_releases
from apps.archivair.views.redaction_search import search_file
from apps.archivair.views.result import load_pages
from shared.errors import UrbanKiError
from shared.store import runs
from shared.store.decisions import current
from shared.store.run_views import RunView
from shared.ui import AppContext

_UNCHECKED = "ungeprueft"
_NEVER_FOUND = frozenset({"photo_person"})
"""Categories without a finder: people cover them with boxes of their own."""


def show_redaction(ctx: AppContext, run: RunView, batch: Batch) -> None:
    """Show what would be removed and let a person release it; a click runs this part alone.

    Args:
        ctx: Context of the page.
        run: The run.
        batch: Its documents as they stand.
    """
    if run.is_active:
        st.caption(ctx.t("Schwärzen können Sie, sobald alle Seiten gelesen sind."))
        return
    st.fragment(_redaction)(ctx, run.id, batch)
    show_releases(ctx, run)


def _redaction(ctx: AppContext, run_id: str, batch: Batch) -> None:
    try:
        run = runs.get(ctx.principal, ctx.store, run_id)
        desk = RedactionDesk(ctx, run_id, current(ctx.principal, ctx.store, run_id))
        pages = load_pages(ctx, run)
    except UrbanKiError as error:
        st.warning(ctx.t.error(error)[0])
        return
    profile = _choose_profile(ctx)
    document = _choose_document(ctx, batch)
    if document is None:
        st.caption(ctx.t("In diesem Stapel ist kein Dokument."))
        return
    show_facts(desk)
    found = search_file(desk, batch, document, pages)
    chosen = choose(profile, found.proposal, desk.decided)
    own = [one for one in chosen if one.hit.page in document.pages]
    with st.container(key=f"user_{NAME}"):
        _say_limits(ctx)
        _say_withheld(ctx, profile, batch, document)
        show_hits(desk, profile, own, found)
        show_pages_of(desk, profile, document, own, found)
    if may_decide(ctx):
        show_release(desk, run, batch, document, profile, found)
    else:
        st.caption(ctx.t("Freigeben darf die Sachbearbeitung."))
    _answers(ctx, run, own)


def _answers(ctx: AppContext, run: RunView, chosen: Sequence[ChosenHit]) -> None:
    t = ctx.t
    answer_about(
        ctx,
        run,
        what=t.plural(
            "Auf diesem Dokument ist {count} Stelle gefunden; entfernt würden {removed}.",
            "Auf diesem Dokument sind {count} Stellen gefunden; entfernt würden {removed}.",
            len(chosen),
            removed=t.number(sum(one.is_removed for one in chosen)),
        ),
        how_sure=t(
            "Wie viele Stellen fehlen, kann die Software nicht sagen. Die Prüfung nach der "
            "Freigabe sucht nur, was hier entfernt wird; was nicht gefunden wurde, findet auch "
            "sie nicht."
        ),
        next_step=t(
            "Sehen Sie jede Seite in der Vorschau an. Ergänzen Sie Namen und eigene Kästen, und "
            "geben Sie erst dann frei."
        ),
    )


def _choose_profile(ctx: AppContext) -> Profile:
    t = ctx.t
    name = st.selectbox(
        t("Für wen?"), profile_names(), format_func=lambda one: t(PROFILE_WORDS[one]),
        key=f"{NAME}_profile",
    )  # fmt: skip
    profile = load_profile(name)
    searched = replace(profile, remove=profile.remove - _NEVER_FOUND)
    removed = removed_words(searched, t)
    st.caption(
        t("Entfernt wird: {what}.", what=", ".join(removed))
        if removed
        else t("Entfernt wird nichts; jede Seite trägt „{mark}“.", mark=profile.watermark)
    )
    if profile.remove & _NEVER_FOUND:
        st.caption(
            t(
                "Personen auf Fotos erkennt die Software nicht. Decken Sie sie mit eigenen Kästen "
                "ab."
            )
        )
    if profile.withheld:
        classes = ", ".join(class_word(one, t) for one in sorted(profile.withheld))
        st.caption(t("Nicht herausgegeben werden Seiten dieser Art: {classes}.", classes=classes))
    if profile.status == _UNCHECKED:
        st.info(
            t(
                "Dieses Profil ist rechtlich ungeprüft. Lassen Sie es von Ihrer Kommune prüfen, "
                "bevor Sie Dateien herausgeben."
            )
        )
    return profile


def _choose_document(ctx: AppContext, batch: Batch) -> Document | None:
    t = ctx.t
    names = {one.document: document_words(one, t) for one in batch.documents}
    if not names:
        return None
    number = st.selectbox(
        t("Dokument"), list(names), format_func=lambda one: names[one], key=f"{NAME}_document"
    )
    return next((one for one in batch.documents if one.document == number), None)


def _say_limits(ctx: AppContext) -> None:
    """Say before the list what it cannot do: nobody may take it for complete."""
    st.warning(
        ctx.t(
            "Das ist ein Vorschlag und oft unvollständig: Namen, die die Texterkennung falsch "
            "liest, findet die Suche häufig nicht. Gesichter sucht sie gar nicht, Handschrift "
            "deckt sie nicht sicher ab. Ein Mensch muss jede Seite ansehen, bevor sie das Haus "
            "verlässt."
        )
    )


def _say_withheld(ctx: AppContext, profile: Profile, batch: Batch, document: Document) -> None:
    """Name the pages that the profile holds back."""
    held = withheld_pages(profile, batch, document)
    if held:
        st.warning(
            ctx.t.plural(
                "Zurückgehalten wird Seite {numbers}.",
                "Zurückgehalten werden die Seiten {numbers}.",
                len(held),
                numbers=", ".join(str(one) for one in held),
            )
        )


def withheld_pages(profile: Profile, batch: Batch, document: Document) -> Sequence[int]:
    """Return the pages of a document that a profile holds back.

    Args:
        profile: Who gets it.
        batch: The batch.
        document: The document.
    """
    return [
        page.page
        for page in batch.pages
        if page.page in document.pages and is_held(profile, kinds_of(page, document))
    ]
