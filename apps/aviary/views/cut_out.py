"""Pictures of a place in the images of a run, plain and marked; several are cut out at once."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import streamlit as st
from PIL import Image
from pydantic import TypeAdapter

from apps.aviary.finds.cut_out import CutOut, CutPictures, cut_older, cut_pictures
from apps.aviary.parameters import IMAGE, RunParameters
from apps.aviary.recipe_book.schema import InputName
from shared.errors import FileGone, NotFound
from shared.geo.raster import OpenOptions, RasterInfo
from shared.limited_reading import read_limited
from shared.store import artifacts
from shared.store.run_views import RunView
from shared.ui import AppContext

OLDER: InputName = "before"
AHEAD = 12
MOST_KEPT = 48
_KEPT = "aviary_cut_outs"

Kept = dict[CutOut, CutPictures]


def show_cut_out(
    ctx: AppContext,
    run: RunView,
    info: RasterInfo,
    overview: bytes,
    places: Sequence[CutOut],
    alt: str,
) -> None:
    """Show the first of some places; the others are cut out along with it, because they come next.

    Args:
        ctx: Context of the page.
        run: The run.
        info: Its image.
        overview: The image, shrunk, as JPEG; stands in where the image itself is gone.
        places: The place and those that will probably follow.
        alt: Translated description of the place.

    Raises:
        InputError: The image cannot be read.
    """
    t = ctx.t
    pictures, is_shrunk = _pictures(ctx, run, info, overview, places)
    named = [(t("Ausschnitt"), pictures.plain), (t("Mit Markierung"), pictures.marked)]
    if pictures.older:
        named.insert(0, (t("Im älteren Bild"), pictures.older))
    for column, (caption, picture) in zip(st.columns(len(named)), named, strict=True):
        shown = f"{alt}. {caption}"
        column.image(base64.b64decode(picture), caption=caption, width="stretch", alt=shown)
    if is_shrunk:
        st.caption(
            t("Das Luftbild ist nicht mehr gespeichert. Die Ausschnitte zeigen es verkleinert.")
        )


def _pictures(
    ctx: AppContext, run: RunView, info: RasterInfo, overview: bytes, places: Sequence[CutOut]
) -> tuple[CutPictures, bool]:
    """Take the pictures from this session, or cut out the next ones."""
    run_id, kept, is_shrunk = st.session_state.get(_KEPT, ("", {}, False))
    if run_id != run.id:
        kept = {}
    if places[0] not in kept:
        wanted = tuple(islice((one for one in places if one not in kept), AHEAD))
        found, is_shrunk = _cut(ctx, run, info, overview, wanted)
        latest = list((kept | dict(zip(wanted, found, strict=True))).items())[-MOST_KEPT:]
        kept = dict(latest)
        st.session_state[_KEPT] = (run.id, kept, is_shrunk)
    return kept[places[0]], is_shrunk


def _cut(
    ctx: AppContext, run: RunView, info: RasterInfo, overview: bytes, wanted: tuple[CutOut, ...]
) -> tuple[tuple[CutPictures, ...], bool]:
    """Cut out of the image in a process of its own, since others have made the file."""
    parameters = TypeAdapter(RunParameters).validate_python(dict(run.parameters))
    files = dict(zip(parameters.inputs, run.inputs, strict=False))
    try:
        paths = {
            name: str(artifacts.local_path(ctx.principal, ctx.store, files[name]))
            for name in (IMAGE, OLDER)
            if name in files
        }
    except (FileGone, NotFound):
        with Image.open(io.BytesIO(overview)) as shrunk:
            scale = shrunk.width / info.width
        return read_limited(cut_pictures, overview, "", OpenOptions(), wanted, scale), True
    options = parameters.options
    found = read_limited(cut_pictures, b"", paths[IMAGE], options, wanted)
    if OLDER in paths:
        older = read_limited(cut_older, b"", paths[OLDER], options, info, wanted)
        pairs = zip(found, older, strict=True)
        found = tuple(replace(pictures, older=before) for pictures, before in pairs)
    return found, False
