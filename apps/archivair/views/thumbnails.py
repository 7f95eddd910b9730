"""Small pictures of pages, upright as people have turned them; made once for all sessions."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache

import streamlit as st
from PIL import Image

from apps.archivair.batch.contents import BatchPage
from apps.archivair.kept_page import decode_page
from shared.contracts.jobs import StoredFile
from shared.store import artifacts
from shared.ui import AppContext

SMALL_PX, LARGE_PX = 208, 900
"""Longest sides of a picture in a strip and of one to look at."""
PICTURES_HELD = 2_000
JPEG_QUALITY = 72
FULL_DEG = 360


def page_picture(ctx: AppContext, file: StoredFile, page: BatchPage, side_px: int) -> bytes:
    """Return a page as JPEG, turned as the batch says.

    Args:
        ctx: Context of the page.
        file: Stored file of the page.
        page: The page.
        side_px: Longest side [px].

    Raises:
        FileDamaged: It is not what was stored.
        ReadingUnusable: Another version of this program wrote it.
    """

    def draw() -> bytes:
        kept = decode_page(artifacts.read(ctx.principal, ctx.store, file))
        # The kept picture is upright by the reading: only what a person turned further is left.
        further = page.rotation_deg - kept.reading.rotation_deg
        return _shrunk(kept.picture, further % FULL_DEG, side_px)

    return _pictures()(ctx.tenant, file.sha256, page.rotation_deg, side_px, draw)


def _shrunk(jpeg: bytes, clockwise_deg: int, side_px: int) -> bytes:
    with Image.open(io.BytesIO(jpeg)) as opened:
        opened.draft(opened.mode, (side_px, side_px))
        picture = opened.rotate(-clockwise_deg, expand=True)
    picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


@lru_cache(maxsize=1)
def _pictures() -> Callable[[str, str, int, int, Callable[[], bytes]], bytes]:
    """Return the cache of pictures; made late, because it needs a running server."""

    def load(
        tenant: str, sha256: str, turn_deg: int, side_px: int, _draw: Callable[[], bytes]
    ) -> bytes:
        return _draw()

    return st.cache_data(max_entries=PICTURES_HELD, show_spinner=False)(load)
