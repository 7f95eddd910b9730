"""The outcome of a run as JSON and as a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from model_server.bench.plan import Plan
from model_server.bench.session import Results
from model_server.bench.targets import safety_targets, speed_targets

Json = dict[str, Any]
_COLUMNS = (
    ("Server", "name"),
    ("Arbeiter", "workers"),
    ("Stapel", "batch"),
    ("Clients", "clients"),
    ("Bilder je Anfrage", "bundle"),
    ("CPU-ms je Bild", "cpu_ms_per_item"),
    ("Wirkungsgrad", "efficiency"),
    ("Aufschlag CPU-ms", "overhead_ms"),
    ("Bilder/s", "items_per_s"),
    ("p50 ms", "p50_ms"),
    ("p95 ms", "p95_ms"),
    ("PSS MiB", "pss_mib"),
)


def make_report(
    plan: Plan,
    machine: Json,
    results: Results,
    bare: Mapping[str, Sequence[Mapping[str, float]]],
    clients: int,
) -> Json:
    """Put the outcome of a run together.

    Args:
        plan: What was measured.
        machine: Where.
        results: What was found.
        bare: Rounds of the in-process limit by model.
        clients: Number of clients at which settings were compared.

    Raises:
        ValueError: The run has not chosen a setting.
    """
    if (choice := results.choice) is None:
        raise ValueError("the run is not complete")
    targets = speed_targets(results.final, clients) + safety_targets(
        results.torture,
        results.recovery,
        results.memory[choice.workers],
        results.starts_s[choice.workers],
    )
    return {
        "machine": machine,
        "plan": {**asdict(plan), "out": None, "markdown": None},
        "in_process": in_process(bare[plan.model]),
        "servers": _servers(results),
        "chosen": asdict(choice),
        "memory_all_models": results.memory,
        "starts_s": results.starts_s,
        "torture": results.torture,
        "recovery": results.recovery,
        "mixed_calls": results.mixed,
        "targets": [target.to_json() for target in targets],
    }


def _servers(results: Results) -> list[Json]:
    rows = [{**row, "phase": "sweep"} for row in results.sweep]
    rows += [{**row, "phase": "final"} for row in results.final]
    return rows + [{"name": name, "state": state} for name, state in results.left_out.items()]


def in_process(rounds: Sequence[Mapping[str, float]]) -> Json:
    """Sum the rounds of the in-process limit up."""
    cpu = [figures["cpu_ms"] for figures in rounds]
    return {
        "cpu_ms": round(statistics.median(cpu), 3),
        "img_per_s": round(statistics.median(figures["img_per_s"] for figures in rounds), 2),
        "rss_mib": round(max(figures["rss_mib"] for figures in rounds), 1),
        "peak_rss_mib": round(max(figures["peak_rss_mib"] for figures in rounds), 1),
        "rounds": len(rounds),
        "spread": {"cpu_ms": (round(min(cpu), 3), round(max(cpu), 3))},
    }


def all_met(report: Json) -> bool:
    """Say whether the run met every target."""
    return all(target["ok"] for target in report["targets"])


def markdown(report: Json, command: str) -> str:
    """Write the outcome as a German page with tables.

    Args:
        report: Result of `make_report`.
        command: Command that repeats the run.
    """
    rows = [row for row in report["servers"] if row.get("phase") == "final"]
    left_out = [row for row in report["servers"] if "state" in row]
    lines = [
        "# Modellserver: Messung",
        "",
        "Diese Seite schreibt der Befehl selbst; bitte nicht von Hand ändern. Wiederholen:",
        "",
        f"    {command}",
        "",
        *_where_lines(report["machine"]),
        "",
        _explanation(report["in_process"]),
        "",
        *_table([title for title, _ in _COLUMNS], [_cells(row) for row in rows]),
        "",
        *(f"{row['name']}: {row['state']}." for row in left_out),
        *_choice_lines(report),
        "",
        "## Ziele",
        "",
        *_table(["Ziel", "Wert", "Grenze", "erfüllt"], _target_cells(report["targets"])),
    ]
    return "\n".join(lines) + "\n"


def _where_lines(machine: Json) -> list[str]:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return [
        f"Gemessen am {machine['date']}: {machine['processor']}, {machine['cores']} Kerne, "
        f"{machine['memory_mib']} MiB, Python {machine['python']}, "
        f"Last vor Beginn {_number(machine['load_before'])}.",
        "",
        f"Software: {packages}.",
    ]


def _explanation(bare: Json) -> str:
    return (
        f"Das Modell allein, ohne Server: {_number(bare['cpu_ms'])} CPU-ms je Bild "
        f"({_span(bare['spread']['cpu_ms'])}; {bare['rounds']} Runden), "
        f"{_number(bare['img_per_s'])} Bilder/s, {_number(bare['peak_rss_mib'])} MiB. "
        "Wirkungsgrad = diese CPU-Zeit geteilt durch die aller Prozesse des Servers, je Bild; "
        "gemessen wird das Modell allein vor und nach jeder Messung eines Servers. "
        "Aufschlag = CPU-Zeit je Aufruf über der eines Modells, das nur dekodiert. "
        "Die CPU-Zeit der Clients zählt nie mit. Die anderen Server prüfen weder Ausweis noch "
        "Grenzen und trennen kein schlechtes Bild von seinen Nachbarn."
    )


def _choice_lines(report: Json) -> list[str]:
    chosen = report["chosen"]
    return [
        f"Gewählt: {chosen['workers']} Arbeitsprozess(e), Stapel bis {chosen['max_batch_size']}. "
        f"{chosen['reason']}."
    ]


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    head = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    return head + [f"| {' | '.join(row)} |" for row in rows]


def _cells(row: Json) -> list[str]:
    cells = ["" if row[key] is None else _number(row[key]) for _, key in _COLUMNS[1:]]
    span = row["spread"]["efficiency"]
    cells[_EFFICIENCY] += f" ({_span(span)})"
    return [row["name"], *cells]


_EFFICIENCY = [key for _, key in _COLUMNS[1:]].index("efficiency")


def _target_cells(targets: Sequence[Json]) -> list[list[str]]:
    return [
        [row["id"], _number(row["value"]), _number(row["limit"]), "ja" if row["ok"] else "nein"]
        for row in targets
    ]


def _span(span: Sequence[float]) -> str:
    return f"{_number(span[0])}-{_number(span[1])}"


def _number(value: float) -> str:
    if value == round(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.{3 if abs(value) < 1 else 2}f}".replace(".", ",")
