"""Where the files of a batch come from: the sample batch, a single sample page, or own files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from apps.archivair.sample import SAMPLE_NAME, sample_jpeg
from apps.archivair.sample_batch import BATCH_NAME, sample_batch
from shared.auth.audited_work import note_upload
from shared.contracts.identity.policy import UPLOAD, decide
from shared.errors import InputError
from shared.i18n import N_
from shared.ui import AppContext, escape_markdown, is_kiosk
from shared.ui.failures import show_failure
from shared.ui.intake import EXTENSIONS, AcceptedFile, DataKind, accept_upload, describe_kinds
from shared.ui.shell import SAMPLE_PARAMETER

BATCH, PAGE, FILE = "sample", "page", "file"
KINDS: tuple[DataKind, ...] = ("pdf", "tiff", "jpeg", "png")
SOURCES = {
    BATCH: N_("Beispielstapel mit drei Akten"),
    PAGE: N_("Beispiel mit einer Seite"),
    FILE: N_("Eigene Datei"),
}
_SOURCE, _UPLOAD, _ACCEPTED = "archivair_source", "archivair_upload", "archivair_accepted"


@dataclass(frozen=True, slots=True)
class Delivered:
    """One file of a batch.

    Args:
        name: File name.
        load: Returns all bytes.
    """

    name: str
    load: Callable[[], bytes]


def choose_source(ctx: AppContext) -> str:
    """Let the person choose a sample or files of her own, if she may upload any.

    Args:
        ctx: Context of the page.
    """
    t = ctx.t
    if is_kiosk():
        return PAGE
    may_upload = decide(ctx.principal, UPLOAD).allowed
    offered = [one for one in SOURCES if one != FILE or may_upload]
    chosen = st.radio(
        t("Womit möchten Sie arbeiten?"),
        offered,
        format_func=lambda key: t(SOURCES[key]),
        horizontal=True,
        key=_SOURCE,
        on_change=_forget_sample_request,
    )
    return chosen or BATCH


def came_for_sample() -> bool:
    """Say whether the person came by "Mit Beispiel ausprobieren" and waits for a result."""
    return st.query_params.get(SAMPLE_PARAMETER) == "1"


def sample_files(ctx: AppContext, source: str) -> tuple[Delivered, ...]:
    """Return the files of a sample; they are made when somebody asks for their content.

    Args:
        ctx: Context of the page.
        source: `BATCH` or `PAGE`.
    """
    if source == PAGE:
        return (Delivered(SAMPLE_NAME, sample_jpeg),)
    return (Delivered(BATCH_NAME, partial(sample_batch, ctx.settings)),)


def own_files(ctx: AppContext) -> tuple[AcceptedFile, ...]:
    """Let the person choose files; several are one batch. Those that are refused are named.

    Args:
        ctx: Context of the page.
    """
    t = ctx.t
    limit_mb = min(ctx.manifest.limits.upload_mb, ctx.settings.max_upload_mb)
    uploads = st.file_uploader(
        t(
            "Dateien wählen ({kinds}, höchstens {limit_mb} MB je Datei); mehrere sind ein Stapel",
            kinds=describe_kinds(KINDS),
            limit_mb=limit_mb,
        ),
        type=[ending for kind in KINDS for ending in EXTENSIONS[kind]],
        accept_multiple_files=True,
        key=_UPLOAD,
        max_upload_size=limit_mb,
    )
    known: dict[str, AcceptedFile | InputError] = st.session_state.get(_ACCEPTED, {})
    held = {one.file_id: known.get(one.file_id) or _accept(ctx, one, limit_mb) for one in uploads}
    st.session_state[_ACCEPTED] = held
    for upload in uploads:
        result = held[upload.file_id]
        if isinstance(result, InputError):
            show_refusal(ctx, upload.name, result, alone=len(uploads) == 1)
    return _each_once([one for one in held.values() if isinstance(one, AcceptedFile)])


def show_refusal(ctx: AppContext, name: str, error: InputError, *, alone: bool) -> None:
    """Say why a file cannot be used.

    Args:
        ctx: Context of the page.
        name: Its name.
        error: Why.
        alone: False names the file, because there are others.
    """
    if not alone:
        with st.container(key=f"user_{ctx.manifest.id}_refused_{abs(hash(name))}"):
            st.markdown(f"**{escape_markdown(name)}**")
    show_failure(error, ctx.t, ctx.manifest.id)


def _accept(ctx: AppContext, upload: UploadedFile, limit_mb: int) -> AcceptedFile | InputError:
    """Check the outside of a file, once; a page sees the same upload at each of its runs."""
    try:
        file = accept_upload(upload.name, upload.getvalue(), KINDS, limit_mb)
    except InputError as error:
        return error
    note_upload(ctx.principal, ctx.store, ctx.manifest.id, file.sha256, now=datetime.now(UTC))
    return file


def _each_once(files: Sequence[AcceptedFile]) -> tuple[AcceptedFile, ...]:
    return tuple({(one.sha256, one.name): one for one in files}.values())


def _forget_sample_request() -> None:
    st.query_params.pop(SAMPLE_PARAMETER, None)
