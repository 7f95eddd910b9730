"""The job `images`: the aerial images of Musterstadt, one unit for each tile.

The tiles lie in a folder of the installation, because the town is the same for all municipalities;
a tile that is there already costs nothing, whoever orders it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from apps.musterstadt.place import city_store, wanted_tiles
from shared.errors import N_
from shared.jobs.definition import (
    JobContext,
    JobDefinition,
    ResultSummary,
    UnitOutcome,
    UnitResult,
)

TILE_TIMEOUT_S = 900
"""The first tile builds the town, which takes minutes on a slow or busy machine."""


def split(ctx: JobContext) -> Sequence[str]:
    """Name the tiles that this installation wants, the centre of the newest flight first.

    Args:
        ctx: The run.
    """
    del ctx
    return [tile.key for tile in wanted_tiles()]


def process(key: str, ctx: JobContext) -> UnitResult:
    """Render a tile unless it is there.

    Args:
        key: Name of the tile.
        ctx: The run.

    Raises:
        StorageFull: There is too little space.
    """
    del ctx
    store = city_store()
    return UnitResult({"rendered": store.prepare(store.tile(key), datetime.now(UTC))})


def finish(outcomes: Iterator[UnitOutcome], ctx: JobContext) -> ResultSummary:
    """Count the tiles.

    Args:
        outcomes: What became of them.
        ctx: The run.
    """
    del ctx
    ready = sum(outcome.data is not None for outcome in outcomes)
    return ResultSummary({"tiles": ready})


IMAGES = JobDefinition(
    name="images",
    app="musterstadt",
    split=split,
    process=process,
    finish=finish,
    unit_timeout_s=TILE_TIMEOUT_S,
    unit_word=(N_("Kachel"), N_("Kacheln")),
)
JOBS = (IMAGES,)
