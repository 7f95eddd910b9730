"""A stored run with its result, read from its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import streamlit as st

from apps.aviary.analysis import Analysis, Result, count
from apps.aviary.detection_file import DETECTION_FILE, read_detection
from apps.aviary.work import OVERVIEW_FILE
from shared.contracts.provenance import Provenance
from shared.store import artifacts, runs
from shared.store.provenance import describe, from_dict
from shared.store.run_views import RunView
from shared.ui import AppContext, ImageBase

RESULTS_HELD = 8
COUNTS_HELD = 32


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run with its result.

    Args:
        run: The stored run.
        analysis: What the model found at any score.
        overview: The image, shrunk, as JPEG.
        sha256: Hash of the file that holds what was found.
    """

    run: RunView
    analysis: Analysis
    overview: bytes
    sha256: str

    @property
    def picture(self) -> ImageBase:
        """The image for the map."""
        info = self.analysis.info
        return ImageBase(self.overview, "image/jpeg", info.width, info.height)


def load_result(ctx: AppContext, run: RunView) -> ShownRun | None:
    """Return a run with its result; None while there is none.

    The latest results are held for all sessions: a moved slider reads no file again.

    Args:
        ctx: Context of the page.
        run: The run.

    Raises:
        FileDamaged: A stored file is not what was stored.
        FileGone: A stored file was removed.
        StorageUnreachable: The place of the files does not answer.
    """
    files = runs.result_files(ctx.principal, ctx.store, run.id)
    if DETECTION_FILE not in files or OVERVIEW_FILE not in files:
        return None
    detection, overview = files[DETECTION_FILE], files[OVERVIEW_FILE]

    def read() -> tuple[Analysis, bytes]:
        content = artifacts.read(ctx.principal, ctx.store, detection)
        return read_detection(content), artifacts.read(ctx.principal, ctx.store, overview)

    found = _results()(ctx.tenant, detection.sha256, overview.sha256, read)
    return ShownRun(run, *found, detection.sha256)


def count_finds(ctx: AppContext, shown: ShownRun, threshold: float, min_area_m2: float) -> Result:
    """Count the finds; asks no model, and counts the same only once.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        threshold: Least score in force.
        min_area_m2: Least ground area in force [m2].
    """
    return _counts()(ctx.tenant, shown.sha256, threshold, min_area_m2, shown.analysis)


def origin_of(shown: ShownRun, tenant: str, threshold: float, min_area_m2: float) -> Provenance:
    """Return where the result comes from, with the settings in force.

    Args:
        shown: The run with its result.
        tenant: Municipality of the run.
        threshold: Least score in force.
        min_area_m2: Least ground area in force [m2].
    """
    run = shown.run
    stored = from_dict(run.provenance) if run.provenance else describe(run, tenant=tenant)
    settings = {"threshold": threshold, "min_area_m2": min_area_m2}
    return replace(stored, parameters={**stored.parameters, **settings})


Found = tuple[Analysis, bytes]


@lru_cache(maxsize=1)
def _results() -> Callable[[str, str, str, Callable[[], Found]], Found]:
    """Return the cache of read results; made late, because it needs a running server."""

    def load(tenant: str, detection: str, overview: str, _read: Callable[[], Found]) -> Found:
        return _read()

    return st.cache_resource(max_entries=RESULTS_HELD, show_spinner=False)(load)


@lru_cache(maxsize=1)
def _counts() -> Callable[[str, str, float, float, Analysis], Result]:
    """Return the cache of counts; made late, because it needs a running server."""

    def load(
        tenant: str, detection: str, threshold: float, min_area_m2: float, _analysis: Analysis
    ) -> Result:
        return count(_analysis, threshold=threshold, min_area_m2=min_area_m2)

    return st.cache_resource(max_entries=COUNTS_HELD, show_spinner=False)(load)
