"""Step 1 and 2 of a page: choose the sample or a file, see what the checks say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import streamlit as st

from shared.auth.audited_work import note_upload
from shared.contracts.finding import Finding, Level, may_continue
from shared.contracts.identity.policy import UPLOAD, decide
from shared.errors import InputError
from shared.i18n import N_, Translator
from shared.ui.failures import show_failure
from shared.ui.intake import EXTENSIONS, AcceptedFile, DataKind, accept_upload, describe_kinds
from shared.ui.kiosk import is_kiosk
from shared.ui.language import translator
from shared.ui.shell import SAMPLE_PARAMETER, AppContext

_LEVELS: dict[Level, tuple[str, str]] = {
    "ok": ("green", N_("In Ordnung")),
    "hint": ("orange", N_("Hinweis")),
    "stop": ("red", N_("Bitte ändern")),
}
_SOURCES = {"sample": N_("Beispiel"), "file": N_("Eigene Datei")}


@dataclass(frozen=True, slots=True)
class SampleFile:
    """The app's example.

    Args:
        name: File name it would have.
        load: Makes or reads its bytes; the result is kept for all sessions under the name.
        title: Translated title; empty takes that of the manifest.
    """

    name: str
    load: Callable[[], bytes]
    title: str = ""


@dataclass(frozen=True, slots=True)
class ChosenData:
    """What the person works on.

    Args:
        file: The checked file.
        is_sample: True for the synthetic example.
        run_at_once: True when the person came by "Mit Beispiel ausprobieren"; the page then
            starts the work without another click.
        start_label: Translated label for the page's main button.
    """

    file: AcceptedFile
    is_sample: bool
    run_at_once: bool
    start_label: str


def choose_data(
    ctx: AppContext, *, kinds: Sequence[DataKind], sample: SampleFile
) -> ChosenData | None:
    """Let the person choose the example or a file of her own, if she may upload any.

    Args:
        ctx: Context of the page; the upload limit stands in its manifest.
        kinds: Kinds of files the app can read.
        sample: The example.

    Returns:
        The checked choice, or None while there is none or it was refused (the reason is shown).
    """
    t, slug = ctx.t, ctx.manifest.id
    came_for_sample = st.query_params.get(SAMPLE_PARAMETER) == "1"
    has_example_alone = is_kiosk() or not decide(ctx.principal, UPLOAD).allowed
    if has_example_alone or _chosen_source(slug, t) == "sample":
        st.caption(
            t(
                "Beispieldaten: {title}. Künstlich erzeugt, keine echten Daten.",
                title=sample.title or ctx.manifest.sample_title(ctx.language),
            )
        )
        content = _sample_cache()(slug, sample.name, sample.load)
        file = accept_upload(sample.name, content, kinds, ctx.manifest.limits.upload_mb)
        return ChosenData(file, True, came_for_sample, t("Mit Beispiel ausprobieren"))
    file_or_none = _uploaded_file(ctx, kinds)
    if file_or_none is None:
        return None
    return ChosenData(file_or_none, False, False, t("Auswerten"))


def _chosen_source(slug: str, t: Translator) -> str | None:
    return st.radio(
        t("Womit möchten Sie arbeiten?"),
        list(_SOURCES),
        format_func=lambda key: t(_SOURCES[key]),
        horizontal=True,
        key=f"{slug}_source",
        on_change=_forget_sample_request,
    )


def show_checks(findings: Sequence[Finding], t: Translator | None = None) -> bool:
    """Show findings as words with a colour beside them and say whether work may go on.

    Args:
        findings: What the checks found, in the order to show.
        t: Translator of the app; the gallery's by default.
    """
    t = t or translator()
    for finding in findings:
        colour, word = _LEVELS[finding.level]
        text = t(finding.text, **finding.details)
        remedy = t(finding.remedy, **finding.details)
        st.markdown(f":{colour}-badge[{t(word)}] {text} {remedy}".rstrip())
    return may_continue(list(findings))


def _uploaded_file(ctx: AppContext, kinds: Sequence[DataKind]) -> AcceptedFile | None:
    t = ctx.t
    limit_mb = min(ctx.manifest.limits.upload_mb, ctx.settings.max_upload_mb)
    upload = st.file_uploader(
        t(
            "Datei wählen ({kinds}, höchstens {limit_mb} MB)",
            kinds=describe_kinds(kinds),
            limit_mb=limit_mb,
        ),
        type=[ending for kind in kinds for ending in EXTENSIONS[kind]],
        key=f"{ctx.manifest.id}_upload",
        max_upload_size=limit_mb,
    )
    if upload is None:
        return None
    try:
        file = accept_upload(upload.name, upload.getvalue(), kinds, limit_mb)
    except InputError as error:
        show_failure(error, t, ctx.manifest.id)
        return None
    noted = f"{ctx.manifest.id}_upload_noted"
    # A page sees the same upload at each of its runs.
    if st.session_state.get(noted) != upload.file_id:
        note_upload(ctx.principal, ctx.store, ctx.manifest.id, file.sha256, now=datetime.now(UTC))
        st.session_state[noted] = upload.file_id
    return file


@lru_cache(maxsize=1)
def _sample_cache() -> Callable[[str, str, Callable[[], bytes]], bytes]:
    """Return the cache of all samples; made late, because it needs a running server."""

    def load_sample(slug: str, name: str, _load: Callable[[], bytes]) -> bytes:
        return _load()

    return st.cache_data(max_entries=16, show_spinner=False)(load_sample)


def _forget_sample_request() -> None:
    st.query_params.pop(SAMPLE_PARAMETER, None)
