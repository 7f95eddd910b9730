"""Which workers and which largest batch this machine should use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.settings import LOCAL_SETTINGS

MEMORY_LIMIT_MIB = 1536.0
ALIKE = 0.03
"""Figures that differ by less than this share are alike: measurements swing by as much."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The setting for this machine.

    Args:
        workers: Worker processes.
        max_batch_size: Largest batch on a model.
        reason: German sentence.
    """

    workers: int
    max_batch_size: int
    reason: str


def choose(rows: Sequence[Mapping[str, Any]], memory_mib: Mapping[int, float]) -> Choice:
    """Choose by least CPU time per item among what fits the memory.

    Of settings that are alike the one with the most items per second wins.

    Args:
        rows: Measured rows of the model server at one number of clients.
        memory_mib: Resident memory with all models loaded, in MiB, by number of workers.
    """
    fitting = [row for row in rows if memory_mib[row["workers"]] <= MEMORY_LIMIT_MIB]
    least_memory = min(memory_mib.values())
    allowed = fitting or [row for row in rows if memory_mib[row["workers"]] == least_memory]
    least_ms = min(row["cpu_ms_per_item"] for row in allowed)
    alike = [row for row in allowed if row["cpu_ms_per_item"] <= least_ms * (1 + ALIKE)]
    best = max(alike, key=lambda row: (row["items_per_s"], -row["batch"]))
    return Choice(
        best["workers"], best["batch"], _reason(best, len(rows), memory_mib, bool(fitting))
    )


def _reason(
    best: Mapping[str, Any], tried: int, memory_mib: Mapping[int, float], fits: bool
) -> str:
    memory = memory_mib[best["workers"]]
    within = f"mit allen Modellen {memory:.0f} MiB von höchstens {MEMORY_LIMIT_MIB:.0f} MiB"
    if not fits:
        within = (
            f"keine Einstellung hält {MEMORY_LIMIT_MIB:.0f} MiB ein, diese braucht am wenigsten"
        )
    cpu_ms, per_s = (
        f"{best[key]:.1f}".replace(".", ",") for key in ("cpu_ms_per_item", "items_per_s")
    )
    return (
        f"{cpu_ms} CPU-ms und {per_s} Bilder/s bei "
        f"{best['clients']} Clients, die meisten Bilder/s unter den sparsamsten von {tried} "
        f"Einstellungen; {within}"
    )


def apply(choice: Choice, file: Path = LOCAL_SETTINGS) -> None:
    """Write the choice into the settings of this installation.

    Args:
        choice: What was chosen.
        file: Settings of least priority; variables and `.env` overrule it.
    """
    lines = (
        "# Gemessen und geschrieben von python -m model_server.bench --apply",
        f"model_server_workers = {choice.workers}",
        f"model_server_max_batch = {choice.max_batch_size}",
    )
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
