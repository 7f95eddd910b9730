"""Steps 1 and 2 of the page: choose a file, say what script it is in, see the checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import streamlit as st

from apps.archivair.file_check import FileCheck, check_file
from apps.archivair.pages import Limits
from apps.archivair.sample import SAMPLE_NAME, sample_jpeg
from apps.archivair.script import ScriptChoice
from shared.errors import InputError
from shared.i18n import N_
from shared.limited_reading import read_limited
from shared.store.retention import periods
from shared.ui import AppContext, ChosenData, SampleFile, choose_data, show_checks, step
from shared.ui.failures import show_failure

SECONDS_PER_HOUR = 3600
SCRIPTS: dict[ScriptChoice, str] = {
    "auto": N_("automatisch erkennen"),
    "antiqua": N_("Druckschrift"),
    "typewriter": N_("Schreibmaschine"),
}


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """A file that may be read.

    Args:
        chosen: The file.
        media_type: What it is.
        pages: Number of its pages.
        script: What a person knows about the script.
    """

    chosen: ChosenData
    media_type: str
    pages: int
    script: ScriptChoice


def choose_file(ctx: AppContext) -> ReadyFile | None:
    """Show both steps; None until there is a file that may be read.

    Args:
        ctx: Context of the page.
    """
    t = ctx.t
    waiting = st.session_state.get("archivair_source") == "file" and not st.session_state.get(
        "archivair_upload"
    )
    limits = _limits(ctx)
    with step(ctx, 1, t("Akte wählen"), done=not waiting):
        chosen = choose_data(
            ctx,
            kinds=("pdf", "tiff", "jpeg", "png"),
            sample=SampleFile(SAMPLE_NAME, sample_jpeg),
        )
        script = _more(ctx, limits)
        if chosen is None:
            st.session_state.pop("archivair_checked", None)
            return None
    checked = _checked(chosen, limits)
    with step(ctx, 2, t("Prüfen"), done=isinstance(checked, FileCheck)):
        if isinstance(checked, InputError):
            show_failure(checked, t, ctx.manifest.id)
            return None
        if not show_checks(checked.findings, t):
            return None
    return ReadyFile(chosen, checked.media_type, checked.pages, script)


def _limits(ctx: AppContext) -> Limits:
    stated = ctx.manifest.limits
    return Limits(file_mb=stated.upload_mb, pages=stated.pages, page_megapixels=stated.megapixels)


def _more(ctx: AppContext, limits: Limits) -> ScriptChoice:
    t = ctx.t
    if st.session_state.get("archivair_source") == "file":
        st.caption(
            t(
                "Möglich sind höchstens {pages} Seiten je Datei. Mit dem Lesen wird die Datei auf "
                "diesem Rechner gespeichert, bis Sie sie löschen. {deadline}",
                pages=t.number(limits.pages),
                deadline=_deadline(ctx),
            )
        )
    with st.expander(t("Mehr Einstellungen"), key="archivair_more"):
        return st.radio(
            t("Schrift der Akte"),
            list(SCRIPTS),
            format_func=lambda key: t(SCRIPTS[key]),
            horizontal=True,
            key="archivair_script",
            help=t(
                "Fraktur und Handschrift kann diese Fassung nicht lesen. Automatisch passt fast "
                "immer."
            ),
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


def _checked(chosen: ChosenData, limits: Limits) -> FileCheck | InputError:
    """Open and check the file, once per file; a refusal is remembered until another choice."""
    key = (chosen.file.sha256, chosen.file.name)
    stored: tuple[tuple[str, str], FileCheck | InputError] | None
    stored = st.session_state.get("archivair_checked")
    if stored is None or stored[0] != key:
        stored = (key, _check(chosen, limits))
        st.session_state["archivair_checked"] = stored
    return stored[1]


def _check(chosen: ChosenData, limits: Limits) -> FileCheck | InputError:
    """Open our own example here, and what others made in a process of its own."""
    file = chosen.file
    try:
        if chosen.is_sample:
            return check_file(file.content, file.name, limits)
        return read_limited(check_file, file.content, file.name, limits)
    except InputError as error:
        return error
