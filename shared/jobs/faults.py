"""Jobs that do nothing useful in a known way: for the bench, the torture and the tests.

Only who names this module in `URBANKI_JOB_MODULES` can order them. Their parameters say how many
units there are, how long each takes, and what goes wrong with which of them.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.errors import N_, DamagedImage, ModelServerFault
from shared.jobs.definition import (
    JobContext,
    JobDefinition,
    ResultSummary,
    UnitOutcome,
    UnitResult,
)

APP = "erprobung"
MODULE = "shared.jobs.faults"
"""What `URBANKI_JOB_MODULES` must name."""
FILE_EVERY = 10
"""Every so many units of `WORK` write a file."""
_HASHES = 200
_PIECE_BYTES = 16 * 2**20
_MOST_PIECES = 4096
"""64 GiB: more than any machine gives a worker."""
_UNIT_WORD = (N_("Teil"), N_("Teile"))


def split(context: JobContext) -> list[str]:
    """Name as many units as the parameter `units` says; `names` may name the first ones."""
    names = [str(name) for name in context.parameters.get("names", ())]
    return [*names, *(f"{place:06d}" for place in range(len(names), context.parameters["units"]))]


def process_nothing(unit: str, context: JobContext) -> UnitResult:
    """Do nothing: what remains is what the house itself costs."""
    del unit, context
    return UnitResult({})


def count(outcomes: Iterator[UnitOutcome], context: JobContext) -> ResultSummary:
    """Count the units."""
    del context
    done = failed = 0
    for outcome in outcomes:
        done += outcome.error_code is None
        failed += outcome.error_code is not None
    return ResultSummary({"done": done, "failed": failed})


def process_work(unit: str, context: JobContext) -> UnitResult:
    """Work a little, always with the same result; every tenth unit writes a file."""
    digest = hashlib.sha256(unit.encode())
    digest.update(context.input_path().read_bytes())
    for _ in range(_HASHES):
        digest.update(digest.digest())
    time.sleep(context.parameters.get("seconds", 0.0))
    file = None
    if digest.digest()[0] % FILE_EVERY == 0:
        content = f"{unit} {digest.hexdigest()}\n".encode() * 40
        file = context.write(f"{unit}.txt", content, "text/plain")
    return UnitResult({"value": digest.hexdigest(), "unit": unit}, file)


def join(outcomes: Iterator[UnitOutcome], context: JobContext) -> ResultSummary:
    """Write one line for each unit, with the content of its file; holds only hashes."""
    digest = hashlib.sha256()
    lines: list[str] = []
    failed = 0
    for outcome in outcomes:
        if outcome.data is None:
            failed += 1
            lines.append(f"{outcome.ordinal};{outcome.key};{outcome.error_code}")
            continue
        content = context.read(outcome.file) if outcome.file is not None else b""
        digest.update(content)
        value = outcome.data["value"]
        lines.append(f"{outcome.ordinal};{outcome.key};{value};{len(content)}")
    lines.append(digest.hexdigest())
    table = context.write("ergebnis.csv", ("\n".join(lines) + "\n").encode(), "text/csv")
    return ResultSummary({"lines": len(lines), "failed": failed}, (table,))


def process_mischief(unit: str, context: JobContext) -> UnitResult:
    """Do what the parameter `mischief` says of this unit, otherwise work."""
    what = context.parameters.get("mischief", {}).get(unit)
    if what is None:
        return process_work(unit, context)
    return _MISCHIEF[what](context)


def ask_model_server(unit: str, context: JobContext) -> UnitResult:
    """Ask the model server for its catalogue."""
    time.sleep(context.parameters.get("seconds", 0.0))
    return UnitResult({"value": unit, "models": len(context.models.models().models)})


def _crash(context: JobContext) -> UnitResult:
    del context
    os.kill(os.getpid(), signal.SIGKILL)
    return UnitResult({})


def _crash_once(context: JobContext) -> UnitResult:
    """End the process the first time only; the parameter `marker` names a file that tells."""
    marker = Path(context.parameters["marker"])
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return UnitResult({"value": "second try"})


def _hang(context: JobContext) -> UnitResult:
    time.sleep(3600)
    return UnitResult({"parameters": len(context.parameters)})


def _allocate(context: JobContext) -> UnitResult:
    """Take memory without end, slowly enough to be watched."""
    del context
    taken: list[bytes] = []
    for _ in range(_MOST_PIECES):
        taken.append(os.urandom(_PIECE_BYTES))
    return UnitResult({"pieces": len(taken)})


def _unstorable(context: JobContext) -> UnitResult:
    values: Mapping[str, Any] = {"context": context}
    return UnitResult(values)


def _not_a_number(context: JobContext) -> UnitResult:
    del context
    return UnitResult({"value": float("nan")})


def _too_large(context: JobContext) -> UnitResult:
    del context
    return UnitResult({"value": "ä" * 100_000})


def _no_result(context: JobContext) -> Any:  # noqa: ANN401  # wrong on purpose
    del context
    return {"value": 1}


def _bug(context: JobContext) -> UnitResult:
    raise LookupError(f"{len(context.inputs)} inputs and a bug")


def _bad_input(context: JobContext) -> UnitResult:
    del context
    raise DamagedImage()


def _server_fault(context: JobContext) -> UnitResult:
    del context
    raise ModelServerFault()


_MISCHIEF: Mapping[str, Callable[[JobContext], UnitResult]] = {
    "crash": _crash,
    "crash once": _crash_once,
    "hang": _hang,
    "allocate": _allocate,
    "unstorable": _unstorable,
    "not a number": _not_a_number,
    "too large": _too_large,
    "no result": _no_result,
    "bug": _bug,
    "bad input": _bad_input,
    "server fault": _server_fault,
}

NOTHING = JobDefinition("nothing", APP, split, process_nothing, count, 60.0, _UNIT_WORD)
WORK = JobDefinition("work", APP, split, process_work, join, 60.0, _UNIT_WORD)
MISCHIEF = JobDefinition("mischief", APP, split, process_mischief, join, 3.0, _UNIT_WORD)
MODEL = JobDefinition("model", APP, split, ask_model_server, count, 60.0, _UNIT_WORD)
JOBS = (NOTHING, WORK, MISCHIEF, MODEL)


def example_input() -> tuple[str, bytes]:
    """Return name and content of the file that these jobs read."""
    return "Prüfung.txt", "Ein Text mit Umlauten: äöüß\n".encode() * 100
