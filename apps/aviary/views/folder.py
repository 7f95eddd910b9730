"""Part of step 2 of the page: choose an image that lies on the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from apps.aviary.inputs.image_folder import FolderImage, list_images, open_in_place
from shared.contracts.identity.policy import UPLOAD, decide
from shared.errors import FileTypeRefused, InputError
from shared.ui import AppContext, ChosenData, is_kiosk
from shared.ui.failures import show_failure
from shared.ui.intake import (
    AcceptedFile,
    DataKind,
    describe_kinds,
    sanitize_name,
    sniff_kind,
)
from shared.ui.shell import SAMPLE_PARAMETER

KEY = "aviary_folder_image"
KINDS: Final[tuple[DataKind, ...]] = ("tiff", "jpeg", "png", "webp")
_HEAD_BYTES = 16
_MB = 2**20


@dataclass(frozen=True, slots=True)
class PlacedFile(AcceptedFile):
    """A file whose bytes stay on disk; `content` is empty and `sha256` the mark of the file.

    Args:
        path: Where it lies.
    """

    path: str = ""


def path_of(file: AcceptedFile) -> str:
    """Return where a file lies; empty where its bytes are given."""
    return file.path if isinstance(file, PlacedFile) else ""


def accept_image(image: FolderImage) -> PlacedFile:
    """Check an image of a folder like an upload, by its first bytes.

    Raises:
        FileMissing: It is gone, or it is no plain file any more.
        FileTypeRefused: It is no image that the app reads.
    """
    with open_in_place(image.path) as stream:
        kind = sniff_kind(stream.read(_HEAD_BYTES))
    if kind is None or kind not in KINDS:
        raise FileTypeRefused(allowed=describe_kinds(KINDS))
    return PlacedFile(sanitize_name(image.name), kind, b"", image.mark, str(image.path))


def choose_in_folder(ctx: AppContext) -> tuple[bool, ChosenData | None]:
    """Offer the images in the folder of the municipality, where the operator has set one up.

    Args:
        ctx: Context of the page.

    Returns:
        Whether an image was chosen, and the image unless it cannot be used.
    """
    t, root = ctx.t, ctx.settings.image_dir
    came_for_sample = st.query_params.get(SAMPLE_PARAMETER) == "1"
    if root is None or came_for_sample or is_kiosk() or not decide(ctx.principal, UPLOAD).allowed:
        return False, None
    try:
        images = {one.name: one for one in list_images(root, ctx.principal.active_tenant)}
    except InputError as error:
        show_failure(error, t, ctx.manifest.id)
        return False, None
    if not images:
        return False, None
    name = st.selectbox(
        t("Bild aus dem Ordner Ihrer Verwaltung"),
        list(images),
        index=None,
        format_func=lambda one: _label(ctx, images[one]),
        placeholder=t("keines: Beispiel oder eigene Datei"),
        key=KEY,
        help=t(
            "Diese Bilder liegen auf dem Server und werden nicht hochgeladen. Die Auswertung "
            "arbeitet mit einer Kopie. Weltdateien daneben zählen nicht."
        ),
    )
    if name is None:
        return False, None
    try:
        file = accept_image(images[name])
    except InputError as error:
        show_failure(error, t, ctx.manifest.id)
        return True, None
    return True, ChosenData(file, False, False, t("Auswerten"))


def _label(ctx: AppContext, image: FolderImage) -> str:
    size = ctx.t.number(image.size_bytes / _MB, 1)
    return f"{image.name} ({size} MB, {ctx.t.date(image.changed)})"
