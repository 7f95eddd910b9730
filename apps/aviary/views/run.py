"""A stored run with its result, read from its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import streamlit as st

from apps.aviary.class_maps.map_file import (
    CLASS_MAP_FILE,
    CODES_FILE,
    CONFIDENCE_FILE,
    OUTLINES_FILE,
    ClassMap,
    read_class_map,
)
from apps.aviary.class_maps.outlines import Outline, from_lines
from apps.aviary.class_maps.picture import ReducedMap, reduce_map
from apps.aviary.finds.analysis import Analysis, Result, count
from apps.aviary.finds.detection_file import DETECTION_FILE, read_detection
from apps.aviary.finds.tile_marks import hatch
from apps.aviary.work import OVERVIEW_FILE
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import Provenance
from shared.store import artifacts, runs
from shared.store.provenance import describe, from_dict
from shared.store.run_views import RunView
from shared.ui import AppContext

RESULTS_HELD = 8
COUNTS_HELD = 32


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run with its result.

    Args:
        run: The stored run.
        analysis: What the model found at any score.
        overview: The image, shrunk, as JPEG; tiles without result and unusual ones are hatched.
        sha256: Hash of the file that holds what was found.
    """

    run: RunView
    analysis: Analysis
    overview: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class ShownMap:
    """A run with its class map.

    Args:
        run: The stored run.
        content: The map with its totals.
        overview: See `ShownRun`.
        reduced: Its pixels, reduced.
        files: Its files by name.
    """

    run: RunView
    content: ClassMap
    overview: bytes
    reduced: ReducedMap
    files: Mapping[str, StoredFile]


def load_result(ctx: AppContext, run: RunView) -> ShownRun | ShownMap | None:
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
    if OVERVIEW_FILE not in files:
        return None
    if CLASS_MAP_FILE in files:
        return _load_map(ctx, run, files)
    if DETECTION_FILE not in files:
        return None
    detection, overview = files[DETECTION_FILE], files[OVERVIEW_FILE]

    def read() -> tuple[Analysis, bytes]:
        analysis = read_detection(artifacts.read(ctx.principal, ctx.store, detection))
        picture = artifacts.read(ctx.principal, ctx.store, overview)
        return analysis, hatch(picture, analysis.info, analysis.marks)

    found = _results()(ctx.tenant, detection.sha256, overview.sha256, read)
    return ShownRun(run, *found, detection.sha256)


def _load_map(ctx: AppContext, run: RunView, files: Mapping[str, StoredFile]) -> ShownMap:
    names = (CLASS_MAP_FILE, OVERVIEW_FILE, CODES_FILE, CONFIDENCE_FILE)

    def read() -> FoundMap:
        stored, overview, codes, confidence = (
            artifacts.read(ctx.principal, ctx.store, files[name]) for name in names
        )
        content = read_class_map(stored)
        return content, hatch(overview, content.info, content.marks), reduce_map(codes, confidence)

    key = "-".join(files[one].sha256 for one in names)
    return ShownMap(run, *_maps()(ctx.tenant, key, read), files)


def read_outlines(ctx: AppContext, shown: ShownMap) -> list[Outline]:
    """Return the areas of a class map that are large enough for its recipe.

    Args:
        ctx: Context of the page.
        shown: The run with its class map.

    Raises:
        FileDamaged: The stored file is not what was stored.
        FileGone: It was removed.
        StorageUnreachable: The place of the files does not answer.
    """
    stored = artifacts.read(ctx.principal, ctx.store, shown.files[OUTLINES_FILE])
    return list(from_lines(stored.splitlines()))


def count_finds(ctx: AppContext, shown: ShownRun, threshold: float, min_area_m2: float) -> Result:
    """Count the finds; asks no model, and counts the same only once.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        threshold: Least score in force.
        min_area_m2: Least ground area in force [m2].
    """
    return _counts()(ctx.tenant, shown.sha256, threshold, min_area_m2, shown.analysis)


def origin_of(
    shown: ShownRun | ShownMap,
    tenant: str,
    threshold: float | None = None,
    min_area_m2: float | None = None,
) -> Provenance:
    """Return where the result comes from, with the settings in force.

    Args:
        shown: The run with its result.
        tenant: Municipality of the run.
        threshold: Least score in force; None for a class map, which has none.
        min_area_m2: Least ground area in force [m2]; None for a class map.
    """
    run = shown.run
    stored = from_dict(run.provenance) if run.provenance else describe(run, tenant=tenant)
    settings = {"threshold": threshold, "min_area_m2": min_area_m2}
    told = {name: value for name, value in settings.items() if value is not None}
    return replace(stored, parameters={**stored.parameters, **told})


Found = tuple[Analysis, bytes]
FoundMap = tuple[ClassMap, bytes, ReducedMap]


@lru_cache(maxsize=1)
def _results() -> Callable[[str, str, str, Callable[[], Found]], Found]:
    """Return the cache of read results; made late, because it needs a running server."""

    def load(tenant: str, detection: str, overview: str, _read: Callable[[], Found]) -> Found:
        return _read()

    return st.cache_resource(max_entries=RESULTS_HELD, show_spinner=False)(load)


@lru_cache(maxsize=1)
def _maps() -> Callable[[str, str, Callable[[], FoundMap]], FoundMap]:
    """Return the cache of read class maps; made late, because it needs a running server."""

    def load(tenant: str, key: str, _read: Callable[[], FoundMap]) -> FoundMap:
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
