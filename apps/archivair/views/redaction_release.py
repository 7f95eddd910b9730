"""A person releases what is to be written; below it what became of earlier releases."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from apps.archivair.batch.contents import Batch, Document
from apps.archivair.redaction.choices import choose, make_plan
from apps.archivair.redaction.job import BATCH, ENDING, PROFILE, REDACT, redact_order
from apps.archivair.redaction.plan import MEDIA_TYPE, PLAN_NAME, encode_plan
from apps.archivair.redaction.profiles import Profile
from apps.archivair.redaction.words import PROFILE_WORDS
from apps.archivair.results_zip import MEDIA_TYPE as ZIP
from apps.archivair.views.redaction_desk import NAME, RedactionDesk
from apps.archivair.views.redaction_search import FoundFile
from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.contracts.provenance import LOCAL_ZONE
from shared.errors import UrbanKiError, new_reference
from shared.store import artifacts, runs
from shared.store.run_views import RunView
from shared.ui import (
    AppContext,
    Download,
    error_box,
    export_bar,
    is_kiosk,
    job_panel,
)

_LOOKED_AT = 50
logger = logging.getLogger(__name__)


def show_release(
    desk: RedactionDesk, run: RunView, batch: Batch, document: Document, profile: Profile,
    found: FoundFile,
) -> None:  # fmt: skip
    """Show the release of a document; a click writes it as a job.

    Args:
        desk: Where it was decided.
        run: The reading.
        batch: The batch.
        document: The document.
        profile: Who gets it.
        found: The file.
    """
    t = desk.ctx.t
    st.subheader(t("Freigeben"), anchor=False)
    st.caption(
        t(
            "Die Software schlägt vor, Sie entscheiden. Nach der Freigabe wird das Dokument neu "
            "geschrieben und geprüft. Findet die Prüfung noch etwas, entsteht keine Datei."
        )
    )
    documents = _choose_documents(desk, document, found)
    looked = st.checkbox(t("Ich habe die Vorschau aller Seiten geprüft."), key=f"{NAME}_looked")
    reason = None
    if is_kiosk():
        reason = t("An der Vorführstation wird nichts herausgegeben.")
    elif any(found.missing & set(one.pages) for one in documents):
        reason = t("Nicht alle Seiten wurden gelesen.")
    elif not looked:
        reason = t("Bitte prüfen Sie zuerst die Vorschau.")
    # No `primary_action`: what waits for the model server there is done again, a release never.
    pressed = st.button(
        t("Freigeben und Datei schreiben"), type="primary", key=f"{NAME}_release",
        disabled=reason is not None,
    )  # fmt: skip
    if reason is not None:
        st.caption(reason)
    elif pressed:
        try:
            _release(desk, run, batch, documents, profile, found)
        except UrbanKiError as error:
            reference = new_reference()
            logger.warning("%s %s", reference, error.code)
            error_box(error, reference=reference, t=t)
            return
        st.rerun()


def _choose_documents(
    desk: RedactionDesk, document: Document, found: FoundFile
) -> Sequence[Document]:
    """Let the person release the shown document, or all of the property at once."""
    t = desk.ctx.t
    if len(found.documents) == 1:
        return found.documents
    together = st.checkbox(
        t("Alle {count} Dokumente dieser Akte zusammen freigeben", count=len(found.documents)),
        key=f"{NAME}_together",
    )
    return found.documents if together else (document,)


def _release(
    desk: RedactionDesk, run: RunView, batch: Batch, documents: Sequence[Document],
    profile: Profile, found: FoundFile,
) -> None:  # fmt: skip
    """Keep the plan, order the job and tell the audit who released for whom."""
    ctx, now = desk.ctx, datetime.now(UTC)
    chosen = choose(profile, found.proposal, desk.decided)
    allowed = found.facts.property_addresses
    plan = make_plan(
        profile, batch, documents, chosen, allowed, now.astimezone(LOCAL_ZONE), ctx.principal.role
    )
    file = artifacts.save(
        ctx.principal, ctx.store, encode_plan(plan), name=PLAN_NAME, media_type=MEDIA_TYPE,
        kind="upload", is_example=run.is_example, now=now,
    )  # fmt: skip
    files = runs.result_files(ctx.principal, ctx.store, run.id)
    order = redact_order(run, files, file, profile.name)
    written = runs.submit(ctx.principal, ctx.store, order, now=now)
    event = AuditEvent(
        Event.EXPORT, ctx.principal, app=run.app, object_id=written.id,
        reason_code=f"schwaerzung:{profile.name}",
    )  # fmt: skip
    audit.write(ctx.store.engine, ctx.store.settings, event, now=now)


def show_releases(ctx: AppContext, run: RunView) -> None:
    """Show what became of the releases of a reading, newest first.

    Args:
        ctx: Context of the page.
        run: The reading.
    """
    t = ctx.t
    known = runs.recent(ctx.principal, ctx.store, app=REDACT.app, job=REDACT.name, limit=_LOOKED_AT)
    own = [one for one in known if one.parameters.get(BATCH) == run.id]
    if not own:
        return
    st.subheader(t("Freigaben"), anchor=False)
    newest, *older = own
    shown = newest
    if older:
        names = {one.id: _name(ctx, one) for one in own}
        chosen = st.selectbox(
            t("Freigabe"), list(names), format_func=lambda one: names[one], key=f"{NAME}_run"
        )
        shown = next(one for one in own if one.id == chosen)
    shown = job_panel(ctx, shown.id)
    if not shown.is_active:
        _show_outcome(ctx, shown)


def _name(ctx: AppContext, run: RunView) -> str:
    moment = run.created_at.astimezone(LOCAL_ZONE)
    profile = ctx.t(PROFILE_WORDS[str(run.parameters[PROFILE])])
    return f"{profile}, {ctx.t.date(moment)} {moment:%H:%M}"


def _show_outcome(ctx: AppContext, run: RunView) -> None:
    """Offer what was proved, and say plainly where there is no file."""
    t = ctx.t
    if run.units_failed:
        st.error(
            t(
                "{count} Dokumente wurden nicht herausgegeben: Die Prüfung nach der Schwärzung ist "
                "nicht bestanden, oder alle Seiten sind zurückgehalten. Es gibt dafür keine Datei. "
                "Ergänzen Sie Namen oder Kästen und geben Sie neu frei.",
                count=run.units_failed,
            )
        )
    files = runs.result_files(ctx.principal, ctx.store, run.id)
    for name, file in files.items():
        if name.endswith(ENDING):
            load = partial(artifacts.read, ctx.principal, ctx.store, file)
            download = Download(t("Geschwärzte Dokumente mit Prüfbericht (ZIP)"), name, ZIP, load)
            note = t(
                "PDF/A-3b (strukturell geprüft) und je Dokument ein Bericht, der nennt, was "
                "entfernt und wie es geprüft wurde."
            )
            export_bar(ctx, [download], run_id=run.id, note=note)
