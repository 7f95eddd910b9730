"""Steps 1 and 2 of the page: choose a batch, say what script it is in, see the checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import streamlit as st

from apps.archivair.errors import StemTaken
from apps.archivair.file_check import FileCheck
from apps.archivair.pages import Limits
from apps.archivair.sample_batch import BATCH_FILES, BATCH_PAGES
from apps.archivair.script import SCRIPT_CHOICES, ScriptChoice
from apps.archivair.views.checks import batch_findings, check_files, twin_of
from apps.archivair.views.sources import (
    BATCH,
    FILE,
    PAGE,
    Delivered,
    came_for_sample,
    choose_source,
    own_files,
    sample_files,
    show_refusal,
)
from shared.contracts.finding import Finding
from shared.errors import InputError
from shared.i18n import N_
from shared.store.retention import periods
from shared.ui import AppContext, show_checks, step
from shared.ui.failures import show_failure
from shared.ui.intake import AcceptedFile

SECONDS_PER_HOUR = 3600
SCRIPTS = {
    "auto": N_("automatisch erkennen"),
    "antiqua": N_("Druckschrift"),
    "typewriter": N_("Schreibmaschine"),
    "fraktur": N_("Fraktur"),
}
MEDIA_TYPES = {BATCH: "application/pdf", PAGE: "image/jpeg"}


@dataclass(frozen=True, slots=True)
class ReadyBatch:
    """Files that may be read.

    Args:
        files: Each with its kind, such as "application/pdf".
        pages: Number of pages of all files.
        script: What a person knows about the script.
        is_sample: True for an invented example.
        run_at_once: True when the person came for the example and waits for its result.
        start_label: Translated label of the main button.
    """

    files: tuple[tuple[Delivered, str], ...]
    pages: int
    script: ScriptChoice
    is_sample: bool
    run_at_once: bool
    start_label: str


def choose_batch(ctx: AppContext) -> ReadyBatch | None:
    """Show both steps; None until there is something that may be read.

    Args:
        ctx: Context of the page.
    """
    t, limits = ctx.t, _limits(ctx)
    waits = st.session_state.get("archivair_source") == FILE and not st.session_state.get(
        "archivair_upload"
    )
    with step(ctx, 1, t("Stapel wählen"), done=not waits):
        source = choose_source(ctx)
        chosen = own_files(ctx) if source == FILE else ()
        script = _more(ctx, limits, source)
    if source != FILE:
        return _sample(ctx, source, script)
    if not chosen:
        return None
    return _own(ctx, chosen, script, limits)


def _sample(ctx: AppContext, source: str, script: ScriptChoice) -> ReadyBatch:
    t = ctx.t
    pages = BATCH_PAGES if source == BATCH else 1
    with step(ctx, 2, t("Prüfen"), done=True):
        if source == BATCH:
            found = Finding(
                "ok",
                "beispielstapel",
                N_("Der Stapel hat {pages} Seiten aus {files} Akten der Musterstadt."),
                details={"pages": pages, "files": BATCH_FILES},
            )
        else:
            found = Finding("ok", "eine_seite", N_("Die Datei hat eine Seite."))
        show_checks([found], t)
    files = tuple((one, MEDIA_TYPES[source]) for one in sample_files(ctx, source))
    label = t("Mit Beispiel ausprobieren")
    return ReadyBatch(files, pages, script, True, came_for_sample(), label)


def _own(
    ctx: AppContext, chosen: Sequence[AcceptedFile], script: ScriptChoice, limits: Limits
) -> ReadyBatch | None:
    t = ctx.t
    checked = check_files(chosen, limits)
    usable = [
        (file, found)
        for file, found in zip(chosen, checked, strict=True)
        if isinstance(found, FileCheck)
    ]
    pages = sum(found.pages for _, found in usable)
    may_go_on = bool(usable) and pages <= limits.pages
    with step(ctx, 2, t("Prüfen"), done=may_go_on):
        for file, found in zip(chosen, checked, strict=True):
            if isinstance(found, InputError):
                show_refusal(ctx, file.name, found, alone=len(chosen) == 1)
        findings = batch_findings(usable, pages, limits, alone=len(chosen) == 1)
        stem = twin_of([file.name for file, _ in usable])
        if stem is not None:
            show_failure(StemTaken(stem=stem), t, ctx.manifest.id)
            return None
        if not show_checks(findings, t) or not may_go_on:
            return None
    files = tuple(
        (Delivered(file.name, partial(_content, file)), found.media_type) for file, found in usable
    )
    return ReadyBatch(files, pages, script, False, False, t("Auswerten"))


def _content(file: AcceptedFile) -> bytes:
    return file.content


def _limits(ctx: AppContext) -> Limits:
    stated = ctx.manifest.limits
    return Limits(file_mb=stated.upload_mb, pages=stated.pages, page_megapixels=stated.megapixels)


def _more(ctx: AppContext, limits: Limits, source: str) -> ScriptChoice:
    t = ctx.t
    if source == FILE:
        st.caption(
            t(
                "Möglich sind höchstens {pages} Seiten je Datei. Mit dem Lesen wird die Datei auf "
                "diesem Rechner gespeichert, bis Sie sie löschen. {deadline}",
                pages=t.number(limits.pages),
                deadline=_deadline(ctx),
            )
        )
    else:
        st.caption(t("Beispieldaten, künstlich erzeugt, keine echten Daten."))
    with st.expander(t("Mehr Einstellungen"), key="archivair_more"):
        return st.radio(
            t("Schrift der Akte"),
            SCRIPT_CHOICES,
            format_func=lambda key: t(SCRIPTS[key]),
            horizontal=True,
            key="archivair_script",
            help=t("Handschrift wird nicht gelesen. Automatisch passt fast immer."),
        )


def _deadline(ctx: AppContext) -> str:
    """Say how long files and readings are kept, as this installation is set."""
    kept = periods(ctx.settings, ctx.manifest.id)
    if kept is None:
        return ""
    return ctx.t(
        "Spätestens nach {uploads} wird sie gelöscht, die Lesung nach {results}.",
        uploads=_period(ctx, kept.uploads),
        results=_period(ctx, kept.results),
    )


def _period(ctx: AppContext, period: timedelta) -> str:
    if period.days:
        return ctx.t.plural("{count} Tag", "{count} Tagen", period.days)
    hours = max(1, round(period.total_seconds() / SECONDS_PER_HOUR))
    return ctx.t.plural("{count} Stunde", "{count} Stunden", hours)
