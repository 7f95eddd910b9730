"""A person releases what is to be written, as a job."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from apps.archivair.batch.contents import Batch, Document
from apps.archivair.redaction.choices import choose, make_plan
from apps.archivair.redaction.job import redact_order
from apps.archivair.redaction.plan import MEDIA_TYPE, PLAN_NAME, encode_plan
from apps.archivair.redaction.profiles import Profile
from apps.archivair.views.redaction_desk import NAME, RedactionDesk
from apps.archivair.views.redaction_search import FoundFile
from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.contracts.provenance import LOCAL_ZONE
from shared.errors import UrbanKiError, new_reference
from shared.store import artifacts, runs
from shared.store.run_views import RunView
from shared.ui import (
    error_box,
    is_kiosk,
)

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
    st.subheader(t("Freigabe"), anchor=False)
    st.caption(
        t(
            "Die Software schlägt vor, Sie entscheiden. Nach der Freigabe wird das Dokument neu "
            "geschrieben und geprüft. Findet die Prüfung noch etwas, entsteht keine Datei."
        )
    )
    documents = _choose_documents(desk, document, found)
    looked = _ask_whether_looked(desk, profile, documents)
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


def _ask_whether_looked(
    desk: RedactionDesk, profile: Profile, documents: Sequence[Document]
) -> bool:
    """Ask anew for each choice: who looked at one document for one reader saw no other."""
    about = "_".join(str(one.document) for one in documents)
    return st.checkbox(
        desk.ctx.t("Ich habe jede Seite in der Vorschau selbst geprüft."),
        key=f"{NAME}_looked_{profile.name}_{about}",
    )


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
