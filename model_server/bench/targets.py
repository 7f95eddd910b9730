"""The targets of the model server and whether a run met them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from model_server.bench.choice import ALIKE, MEMORY_LIMIT_MIB
from model_server.bench.server import OWN

LEAST_EFFICIENCY = 0.90
LEAST_BUNDLED_EFFICIENCY = 0.97
BUNDLED = (8, 16)
MOST_OVERHEAD_MS = 5.0
RECOVERY_LIMIT_S = 15.0
START_LIMIT_S = 15.0
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One target.

    Args:
        id: Its name.
        value: What was measured.
        limit: What is allowed.
        ok: Whether it was met.
    """

    id: str
    value: float
    limit: float
    ok: bool

    @classmethod
    def at_least(cls, name: str, value: float, limit: float) -> Target:
        """Return a target that must be reached."""
        return cls(name, value, limit, value >= limit)

    @classmethod
    def at_most(cls, name: str, value: float, limit: float) -> Target:
        """Return a target that must not be exceeded."""
        return cls(name, value, limit, value <= limit)

    def to_json(self) -> dict[str, Any]:
        """Return the target as a JSON object."""
        return asdict(self)


def speed_targets(final: Sequence[Row], clients: int) -> list[Target]:
    """Return the targets for CPU time.

    Args:
        final: Rows of the chosen setting and of the peers.
        clients: Number of clients that counts.
    """
    own = [row for row in final if row["name"] == OWN]
    (single,) = [row for row in own if row["clients"] == clients and row["bundle"] == 1]
    targets = [
        Target.at_least("efficiency", single["efficiency"], LEAST_EFFICIENCY),
        Target.at_most(
            "overhead_ms",
            max(row["overhead_ms"] for row in own if row["overhead_ms"] is not None),
            MOST_OVERHEAD_MS,
        ),
    ]
    targets += [
        Target.at_least(
            f"efficiency_bundle_{row['bundle']}", row["efficiency"], LEAST_BUNDLED_EFFICIENCY
        )
        for row in own
        if row["bundle"] in BUNDLED
    ]
    lost = sum(sum(row["errors"].values()) for row in own)
    targets.append(Target.at_most("errors", lost, 0))
    if len(final) > len(own):
        largest = max(row["bundle"] for row in own)
        targets += [
            Target.at_most(f"rank_bundle_{bundle}", rank(final, clients, bundle), 1)
            for bundle in dict.fromkeys((1, largest))
        ]
    return targets


def rank(final: Sequence[Row], clients: int, bundle: int) -> int:
    """Return our place by CPU time per item; a peer that is alike does not stand before us."""
    rows = [row for row in final if row["clients"] == clients and row["bundle"] == bundle]
    (own,) = [row["cpu_ms_per_item"] for row in rows if row["name"] == OWN]
    better = {row["name"] for row in rows if row["cpu_ms_per_item"] < own * (1 - ALIKE)}
    return 1 + len(better)


def safety_targets(
    torture: Row, recovery: Row, memory: Row, starts_s: Sequence[float]
) -> list[Target]:
    """Return the targets for right answers, recovery, memory and start.

    Args:
        torture: Report of the torture.
        recovery: Recovery after a kill.
        memory: Memory with all models loaded.
        starts_s: Seconds from each start to ready.
    """
    return [
        Target.at_most("torture_wrong", torture["wrong"], 0),
        Target.at_most("torture_lost", torture["lost"], 0),
        Target.at_most("torture_neighbours_harmed", torture["neighbours_harmed"], 0),
        Target.at_least("largest_dispatched_batch", torture["largest_dispatched_batch"], 2),
        Target.at_most("recovery_s", recovery["seconds"], RECOVERY_LIMIT_S),
        Target.at_most("recovery_failed_calls", recovery["failed_calls"], 0),
        Target.at_most("rss_mib_all_models", memory["rss_mib"], MEMORY_LIMIT_MIB),
        Target.at_most("start_s", max(starts_s), START_LIMIT_S),
    ]
