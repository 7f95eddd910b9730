"""The files that a recipe works with beside the image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal

import streamlit as st

from apps.aviary.inputs.examples import LEAST_EXAMPLES, MOST_EXAMPLES
from apps.aviary.inputs.image_check import CheckedImage
from apps.aviary.inputs.input_files import TITLES
from apps.aviary.inputs.town_example import TownExample, example_file
from apps.aviary.painted.sample import EARLIER_NAME, render_sample, sample_png
from apps.aviary.recipe_book.schema import InputName
from apps.aviary.recipes import Recipe
from apps.aviary.views.examples import mark_examples
from shared.contracts.finding import Finding
from shared.contracts.identity.policy import UPLOAD, decide
from shared.errors import N_, EmptyFile, FileTooLarge
from shared.ui import AppContext, is_kiosk
from shared.ui.intake import sanitize_name

IMAGES: Final = ("tif", "tiff", "png", "jpg", "jpeg", "webp")
ENDINGS: Final = {
    "parcels": ("geojson", "json", "gpkg"),
    "buildings": ("geojson", "json", "gpkg"),
    "ndsm": ("tif", "tiff"),
    "before": IMAGES,
}
MEDIA_TYPES: Final = {
    "geojson": "application/geo+json",
    "json": "application/geo+json",
    "gpkg": "application/geopackage+sqlite3",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
}


PAINTED: Final = "painted"
"""Name of the painted neighbourhood among the examples."""
AnyExample = TownExample | Literal["painted"]


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file beside the image.

    Args:
        role: What it is for.
        name: File name.
        content: All bytes.
    """

    role: str
    name: str
    content: bytes

    @property
    def media_type(self) -> str:
        """Its kind, by its ending."""
        return MEDIA_TYPES[PurePath(self.name).suffix.lower().lstrip(".")]


def choose_files(
    ctx: AppContext, recipe: Recipe, checked: CheckedImage, example: AnyExample | None
) -> tuple[tuple[GivenFile, ...], tuple[InputName, ...]]:
    """Ask for the files that a recipe works with beside the image.

    Args:
        ctx: Context of the page.
        recipe: Names them.
        checked: The image, on which examples are marked.
        example: The example that was chosen, which brings its files along; None for a file of
            the person's own.

    Returns:
        The files, and what of the needed ones is missing.

    Raises:
        EmptyFile: A file has no content.
        FileTooLarge: A file is too large.
    """
    found = []
    for role in (*recipe.inputs, *recipe.optional_inputs):
        if role == "examples":
            given = _marked(ctx, checked)
        else:
            given = _from_example(ctx, role, example) or _uploaded(ctx, recipe, role)
        if given is not None:
            found.append(given)
    present = {one.role for one in found}
    return tuple(found), tuple(one for one in recipe.inputs if one not in present)


def files_of_example(
    ctx: AppContext, recipe: Recipe, example: AnyExample
) -> tuple[tuple[GivenFile, ...], tuple[InputName, ...]]:
    """Return what an example brings along, and what of the needed files is missing.

    Args:
        ctx: Context of the page.
        recipe: Names the files.
        example: The example.
    """
    roles = [role for role in (*recipe.inputs, *recipe.optional_inputs) if role != "examples"]
    found = [_from_example(ctx, role, example) for role in roles]
    given = tuple(one for one in found if one is not None)
    return given, tuple(one for one in recipe.inputs if one not in {file.role for file in given})


def what_is_missing(ctx: AppContext, role: InputName) -> Finding:
    """Say what a person still has to give, as a finding that stops.

    Args:
        ctx: Context of the page.
        role: What is missing.
    """
    if role == "examples":
        return Finding(
            "stop",
            "beispiele_fehlen",
            N_(
                "Bitte markieren Sie {least} bis {most} Beispiele, dazu höchstens {most} "
                "Gegenbeispiele."
            ),
            details={"least": LEAST_EXAMPLES, "most": MOST_EXAMPLES},
        )
    return Finding(
        "stop",
        "datei_fehlt",
        N_("Das Rezept braucht noch eine Datei: {what}."),
        details={"what": ctx.t(TITLES[role])},
    )


def _marked(ctx: AppContext, checked: CheckedImage) -> GivenFile | None:
    content = mark_examples(ctx, checked)
    return None if content is None else GivenFile("examples", "beispiele.geojson", content)


def _from_example(ctx: AppContext, role: InputName, example: AnyExample | None) -> GivenFile | None:
    if example is None:
        return None
    with st.spinner(ctx.t("Die Beispieldaten werden gelesen.")):
        given = _painted_file(role) if example == PAINTED else _town_file(role, example)
    if given is not None:
        st.caption(ctx.t("Aus dem Beispiel dabei: {what}.", what=ctx.t(TITLES[role])))
    return given


def _painted_file(role: InputName) -> GivenFile | None:
    if role != "before":
        return None
    return GivenFile(role, EARLIER_NAME, sample_png(render_sample(earlier=True)))


def _town_file(role: InputName, example: TownExample) -> GivenFile | None:
    content = example_file(example, role)
    ending = "tif" if role == "before" else "geojson"
    name = f"musterstadt-{example.key}-{role}.{ending}"
    return None if content is None else GivenFile(role, name, content)


def _uploaded(ctx: AppContext, recipe: Recipe, role: InputName) -> GivenFile | None:
    t = ctx.t
    if is_kiosk() or not decide(ctx.principal, UPLOAD).allowed:
        return None
    limit = min(ctx.manifest.limits.upload_mb, ctx.settings.max_upload_mb)
    needed = t("nötig") if role in recipe.inputs else t("wenn vorhanden")
    upload = st.file_uploader(
        t(
            "{what}, {needed} ({kinds}, höchstens {limit} MB)",
            what=t(TITLES[role]),
            needed=needed,
            kinds=", ".join(ENDINGS[role]).upper(),
            limit=limit,
        ),
        type=list(ENDINGS[role]),
        key=f"aviary_file_{role}",
        max_upload_size=limit,
    )
    if upload is None:
        return None
    content = upload.getvalue()
    if not content:
        raise EmptyFile()
    if len(content) > limit * 2**20:
        raise FileTooLarge(limit_mb=limit)
    return GivenFile(role, sanitize_name(upload.name), content)
