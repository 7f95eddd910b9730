"""Jobs for the tests: each unit does what its key says, `<what>` or `<what> <value>`."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from shared.contracts.provenance import ModelUse
from shared.errors import DamagedImage, ModelServerDown, ModelServerFault
from shared.jobs.definition import JobContext, JobDefinition, ResultSummary, UnitOutcome, UnitResult

APP = "probe"
MODULE = "tests.jobs.sample_jobs"
TIMEOUT_S = 2.0
MODEL = ModelUse("probe", "1.0.0", "a" * 64)
NEWER_MODEL = ModelUse("probe", "1.1.0", "b" * 64)
_WORDS = ("Seite", "Seiten")


def split(context: JobContext) -> list[str]:
    """Name the keys of the parameters; `count` makes more, `split` says what else to do."""
    prepare = context.parameters.get("split")
    if prepare is not None:
        _do(prepare, context)
    keys = list(context.parameters.get("keys", ()))
    return [*keys, *(f"ok {number}" for number in range(context.parameters.get("count", 0)))]


def process(key: str, context: JobContext) -> UnitResult:
    """Do what the key says."""
    return _do(key, context)


def finish(outcomes: Iterator[UnitOutcome], context: JobContext) -> ResultSummary:
    """Write a table of all units."""
    prepare = context.parameters.get("finish")
    if prepare is not None:
        _do(prepare, context)
    lines = [
        f"{unit.ordinal} {unit.key} {unit.error_code} "
        f"{context.read(unit.file).decode() if unit.file else '-'}\n"
        for unit in outcomes
    ]
    table = context.write("Übersicht.txt", "".join(lines).encode(), "text/plain")
    return ResultSummary({"units": len(lines)}, (table,))


def _do(what: str, context: JobContext) -> UnitResult:
    kind, _, value = what.partition(" ")
    return _KINDS[kind](value, context)


def _ok(value: str, context: JobContext) -> UnitResult:
    time.sleep(context.parameters.get("seconds", 0.0))
    return UnitResult({"value": value, "bytes": len(context.input_path().read_bytes())})


def _file(value: str, context: JobContext) -> UnitResult:
    name = value if value.strip("x") else f"{'x' * 400}.txt"
    return UnitResult({}, context.write(name, f"content of {value}".encode(), "text/plain"))


def _model(value: str, _context: JobContext) -> UnitResult:
    return UnitResult({}, models=(NEWER_MODEL if value == "new" else MODEL,))


def _sleep(value: str, _context: JobContext) -> UnitResult:
    time.sleep(float(value))
    return UnitResult({"pid": os.getpid()})


def _after(value: str, context: JobContext) -> UnitResult:
    """Do something only once a file is there: no unit is done before the test wants it."""
    file, _, what = value.partition(" ")
    while not Path(file).exists():
        time.sleep(0.02)
    return _do(what, context)


def _crash(_value: str, _context: JobContext) -> UnitResult:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def _crash_once(value: str, _context: JobContext) -> UnitResult:
    if _first_time(Path(value)):
        os.kill(os.getpid(), signal.SIGKILL)
    return UnitResult({})


def _hang(_value: str, _context: JobContext) -> UnitResult:
    time.sleep(3600)
    return UnitResult({})


def _hold_interpreter(_value: str, _context: JobContext) -> UnitResult:
    """Never come back, and let no other thread of the process run either."""
    re.match(r"(a+)+$", "a" * 40 + "b")
    return UnitResult({})


def _allocate(_value: str, _context: JobContext) -> UnitResult:
    taken = []
    while True:
        taken.append(os.urandom(8 << 20))


def _fail_first(value: str, _context: JobContext) -> UnitResult:
    """Fail with a temporary error the first time."""
    if _first_time(Path(value)):
        raise ModelServerFault()
    return UnitResult({"tries": 2})


def _fault(_value: str, _context: JobContext) -> UnitResult:
    raise ModelServerFault()


def _need(value: str, _context: JobContext) -> UnitResult:
    """Work only while a file is there, as if it were the model server."""
    if not Path(value).exists():
        raise ModelServerDown()
    return UnitResult({})


def _ask(value: str, context: JobContext) -> UnitResult:
    """Ask the model server for its catalogue, slowly."""
    time.sleep(context.parameters.get("seconds", 0.0))
    return UnitResult({"value": value, "models": len(context.models.models().models)})


def _call(value: str, context: JobContext) -> UnitResult:
    """Call a model, and then do what the rest says: `call 2 crash-once /file`."""
    times, _, then = value.partition(" ")
    for _ in range(int(times)):
        context.models.segment([b"a"], model="solar", gsd_m=0.1)
    return _do(then or "ok", context)


def _bad(_value: str, _context: JobContext) -> UnitResult:
    raise DamagedImage()


def _bug(_value: str, _context: JobContext) -> UnitResult:
    raise LookupError("a bug with a \0 in its text")


def _leave(_value: str, _context: JobContext) -> UnitResult:
    sys.exit(3)


def _unstorable(_value: str, context: JobContext) -> UnitResult:
    return UnitResult({"context": context})


def _nan(_value: str, _context: JobContext) -> UnitResult:
    return UnitResult({"value": float("nan")})


def _surrogate(_value: str, _context: JobContext) -> UnitResult:
    return UnitResult({"value": "\ud800"})


def _nul(_value: str, _context: JobContext) -> UnitResult:
    return UnitResult({"value": "a\0b"})


def _large(_value: str, _context: JobContext) -> UnitResult:
    return UnitResult({"value": "ä" * 100_000})


def _wrong_type(_value: str, _context: JobContext) -> UnitResult:
    return {"value": 1}  # type: ignore[return-value]


def _first_time(marker: Path) -> bool:
    if marker.exists():
        return False
    marker.touch()
    return True


_KINDS: dict[str, Callable[[str, JobContext], UnitResult]] = {
    "ok": _ok,
    "file": _file,
    "model": _model,
    "sleep": _sleep,
    "after": _after,
    "crash": _crash,
    "crash-once": _crash_once,
    "hang": _hang,
    "hold": _hold_interpreter,
    "allocate": _allocate,
    "fail-first": _fail_first,
    "fault": _fault,
    "need": _need,
    "ask": _ask,
    "call": _call,
    "bad": _bad,
    "bug": _bug,
    "leave": _leave,
    "unstorable": _unstorable,
    "nan": _nan,
    "surrogate": _surrogate,
    "nul": _nul,
    "large": _large,
    "wrong-type": _wrong_type,
}

PROBE = JobDefinition("probe", APP, split, process, finish, TIMEOUT_S, _WORDS)
LONG = JobDefinition("long", APP, split, process, finish, 60.0, _WORDS)
JOBS = (PROBE, LONG)
