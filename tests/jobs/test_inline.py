"""Jobs without database and Dask: the same functions, the same rules, everything in order."""

import threading
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.provenance import ModelUse
from shared.errors import (
    Cancelled,
    DamagedImage,
    FileDamaged,
    FileMissing,
    ModelServerDown,
    ModelServerFault,
    ResultUnusable,
    StorageUnreachable,
    UrbanKiError,
)
from shared.jobs import faults
from shared.jobs.definition import (
    JobContext,
    JobDefinition,
    ResultSummary,
    UnitResult,
)
from shared.jobs.inline import InlineFile, InlineResult, InlineStep, run_inline

MODEL_A = ModelUse("roofs", "1.0.0", "a" * 64)
MODEL_B = ModelUse("ocr", "2.0.0", "b" * 64)
SMALL_MB = 20


@pytest.fixture
def order(tmp_path: Path) -> list[InlineFile]:
    """One input file."""
    name, content = faults.example_input()
    path = tmp_path / "eingabe"
    path.write_bytes(content)
    return [InlineFile(path, name, "text/plain")]


class Sleeps(list[float]):
    """Notes how long somebody would have slept."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def job(process: Callable[[str, JobContext], UnitResult], **changes: Any) -> JobDefinition:
    """A job with another unit."""
    return replace(faults.WORK, process=process, finish=faults.count, **changes)


def run(
    definition: JobDefinition, order: list[InlineFile], units: int = 4, **options: Any
) -> InlineResult:
    """Do a job whose sleeps are only noted."""
    options.setdefault("sleep", Sleeps())
    parameters = {"units": units, **options.pop("parameters", {})}
    return run_inline(definition, order, parameters, **options)


def test_a_job_gives_summary_outcomes_and_files(order: list[InlineFile]) -> None:
    with run(faults.WORK, order, 30) as result:
        outcomes = list(result.outcomes())
        (table,) = result.summary.files
        lines = result.read(table).decode().splitlines()
        with_file = [one for one in outcomes if one.file is not None]
        assert [one.ordinal for one in outcomes] == list(range(30))
        assert [one.key for one in outcomes] == [f"{place:06d}" for place in range(30)]
        assert (result.units_total, result.units_failed) == (30, 0)
        assert result.summary.data == {"lines": 31, "failed": 0}
        assert len(lines) == 31
        assert 0 < len(with_file) < 30
        first = with_file[0]
        assert first.file is not None
        assert result.read(first.file).decode().startswith(first.key)


def test_several_threads_give_the_same_as_one(order: list[InlineFile]) -> None:
    with run(faults.WORK, order, 60) as one, run(faults.WORK, order, 60, units_at_once=4) as four:
        assert one.lines.read_bytes() == four.lines.read_bytes()
        assert one.summary == four.summary


def test_only_so_many_units_are_worked_on_at_once(order: list[InlineFile]) -> None:
    both = threading.Barrier(2, timeout=20)
    lock, running, most = threading.Lock(), 0, 0

    def process(unit: str, context: JobContext) -> UnitResult:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()  # breaks the test unless two units really run at the same time
        with lock:
            running -= 1
        return UnitResult({"unit": unit, "inputs": len(context.inputs)})

    with run(job(process), order, 10, units_at_once=2) as result:
        assert result.units_failed == 0
    assert most == 2


def test_progress_hears_of_each_unit_in_order(order: list[InlineFile]) -> None:
    steps: list[InlineStep] = []
    run(faults.WORK, order, 12, units_at_once=3, progress=steps.append).close()
    assert [(step.done, step.total) for step in steps] == [(n + 1, 12) for n in range(12)]
    assert [step.outcome.ordinal for step in steps] == list(range(12))


def test_progress_may_stop_the_work(order: list[InlineFile], tmp_path: Path) -> None:
    begun: list[str] = []

    def process(unit: str, context: JobContext) -> UnitResult:
        begun.append(unit)
        return UnitResult({"inputs": len(context.inputs)})

    def stop(step: InlineStep) -> None:
        if step.done == 2:
            raise Cancelled()

    for at_once, most in ((1, 2), (2, 10)):
        begun.clear()
        with pytest.raises(Cancelled):
            run(job(process), order, 500, units_at_once=at_once, progress=stop, folder=tmp_path)
        assert 2 <= len(begun) <= most


def test_a_bad_unit_is_listed_and_harms_no_other(order: list[InlineFile]) -> None:
    mischief = {"000001": "bad input", "000002": "bug"}
    with run(faults.MISCHIEF, order, 5, parameters={"mischief": mischief}) as result:
        failed = {one.key: one for one in result.outcomes() if one.error_code is not None}
        assert result.units_failed == 2
        assert result.summary.data["failed"] == 2
    assert set(failed) == set(mischief)
    assert failed["000001"].error_code == DamagedImage.code
    assert failed["000001"].error_message == DamagedImage.user_message
    assert failed["000002"].error_code == UrbanKiError.code
    assert failed["000002"].error_message == UrbanKiError.user_message
    assert failed["000001"].data is None


@pytest.mark.parametrize("what", ["unstorable", "not a number", "too large", "no result"])
def test_a_result_that_cannot_be_stored_is_listed(order: list[InlineFile], what: str) -> None:
    with run(faults.MISCHIEF, order, 3, parameters={"mischief": {"000001": what}}) as result:
        codes = [one.error_code for one in result.outcomes()]
    assert codes == [None, ResultUnusable.code, None]


def test_a_temporary_error_is_tried_again_after_1_and_5_seconds(order: list[InlineFile]) -> None:
    tries: list[str] = []

    def process(unit: str, context: JobContext) -> UnitResult:
        tries.append(unit)
        if unit == "000001" and tries.count(unit) < 3:
            raise ModelServerFault()
        return UnitResult({"inputs": len(context.inputs)})

    sleeps = Sleeps()
    with run(job(process), order, 3, sleep=sleeps) as result:
        assert result.units_failed == 0
    assert sleeps == [1.0, 5.0]
    assert tries == ["000000", "000001", "000001", "000001", "000002"]


def test_a_temporary_error_that_stays_is_listed_after_all_attempts(
    order: list[InlineFile],
) -> None:
    sleeps = Sleeps()
    definition = replace(faults.MISCHIEF, attempts=5)
    parameters = {"mischief": {"000000": "server fault"}}
    with run(definition, order, 1, sleep=sleeps, parameters=parameters) as result:
        (outcome,) = result.outcomes()
    assert outcome.error_code == ModelServerFault.code
    assert sleeps == [1.0, 5.0, 25.0, 25.0]


@pytest.mark.parametrize("at_once", [1, 3])
def test_what_would_wait_ends_a_command(order: list[InlineFile], at_once: int) -> None:
    def process(unit: str, context: JobContext) -> UnitResult:
        if unit == "000002":
            raise ModelServerDown()
        return UnitResult({"inputs": len(context.inputs)})

    with pytest.raises(ModelServerDown):
        run(job(process), order, 9, units_at_once=at_once)


def test_errors_of_split_and_finish_reach_the_command(order: list[InlineFile]) -> None:
    def refuse(*_: object) -> Any:
        raise DamagedImage()

    for definition in (replace(faults.WORK, split=refuse), replace(faults.WORK, finish=refuse)):
        with pytest.raises(DamagedImage):
            run(definition, order)


@pytest.mark.parametrize(
    "changes",
    [
        {"split": lambda context: ["twice", "twice"]},
        {"finish": lambda outcomes, context: {"no": "summary"}},
        {"finish": lambda outcomes, context: ResultSummary({"far": "x" * 300_000})},
    ],
)
def test_what_cannot_be_a_run_is_refused(
    order: list[InlineFile], changes: Mapping[str, Any]
) -> None:
    with pytest.raises(ResultUnusable):
        run(replace(faults.WORK, **changes), order)


def test_a_job_without_units_is_finished(order: list[InlineFile]) -> None:
    with run(faults.WORK, order, 0) as result:
        assert (result.units_total, list(result.outcomes())) == (0, [])
        assert result.summary.data["lines"] == 1


def test_an_input_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = InlineFile(tmp_path / "weg.pdf", "Plan Nord.pdf", "application/pdf")
    with pytest.raises(FileMissing, match=r"Plan Nord\.pdf"):
        run(faults.WORK, [missing])


def test_a_temporary_folder_ends_with_the_result(order: list[InlineFile]) -> None:
    with run(faults.WORK, order) as result:
        folder = result.lines.parent
        (table,) = result.summary.files
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(StorageUnreachable):
        result.read(table)


def test_a_failed_run_leaves_no_temporary_folder(
    order: list[InlineFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    def refuse(context: JobContext) -> list[str]:
        raise ModelServerDown()

    with pytest.raises(ModelServerDown):
        run(replace(faults.WORK, split=refuse), order)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_folder_of_the_caller_stays(order: list[InlineFile], tmp_path: Path) -> None:
    folder = tmp_path / "mein Ordner mit Leerzeichen & Ümlaut #1"
    folder.mkdir()
    with run(faults.WORK, order, folder=folder) as result:
        (table,) = result.summary.files
    assert result.read(table)


def test_a_changed_file_is_never_read(order: list[InlineFile], tmp_path: Path) -> None:
    with run(faults.WORK, order, folder=tmp_path) as result:
        (table,) = result.summary.files
        (stored,) = (path for path in (tmp_path / "files").rglob(table.sha256))
        content = bytearray(stored.read_bytes())
        content[3] ^= 1
        stored.write_bytes(bytes(content))
        with pytest.raises(FileDamaged, match=table.name):
            result.read(table)


def test_the_functions_see_what_was_ordered(order: list[InlineFile]) -> None:
    seen: list[Any] = []

    def process(unit: str, context: JobContext) -> UnitResult:
        seen.append((context.inputs, context.parameters, context.is_example))
        return UnitResult({"pair": (1, 2), 3: unit, "input": context.input_path().name})

    parameters = {"pair": (1, 2)}
    with run(job(process), order, 1, is_example=True, parameters=parameters) as result:
        (outcome,) = result.outcomes()
    ((inputs, ordered, is_example),) = seen
    name, content = faults.example_input()
    assert [(file.name, file.media_type, file.bytes) for file in inputs] == [
        (name, "text/plain", len(content))
    ]
    assert ordered == {"units": 1, "pair": [1, 2]}
    assert is_example is True
    assert outcome.data == {"pair": [1, 2], "3": "000000", "input": "eingabe"}


def test_models_are_listed_once_in_order_of_use(order: list[InlineFile]) -> None:
    def process(unit: str, context: JobContext) -> UnitResult:
        models = (MODEL_B, MODEL_A) if unit == "000000" else (MODEL_A,)
        return UnitResult({"inputs": len(context.inputs)}, models=models)

    with run(job(process), order, 3) as result:
        assert result.models == (MODEL_B, MODEL_A)


def test_a_client_of_the_command_is_used_and_stays_open(order: list[InlineFile]) -> None:
    class Client:
        closed = False

        def close(self) -> None:
            self.closed = True

    client = Client()
    seen: list[object] = []

    def process(unit: str, context: JobContext) -> UnitResult:
        seen.append(context.models)
        return UnitResult({})

    run(job(process), order, 2, models=client).close()
    assert seen == [client, client]
    assert not client.closed


def test_finish_holds_one_outcome_at_a_time(order: list[InlineFile]) -> None:
    """Results of 60 MB pass through; no more than a few are in memory at once."""

    def process(unit: str, context: JobContext) -> UnitResult:
        return UnitResult({"text": unit * 10_000})

    tracemalloc.start()
    try:
        with run(job(process), order, 1000) as result:
            assert result.lines.stat().st_size > 55_000_000
            assert result.summary.data == {"done": 1000, "failed": 0}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < SMALL_MB * 2**20


def test_a_failed_unit_keeps_what_its_texts_need(order: list[InlineFile]) -> None:
    def process(unit: str, context: JobContext) -> UnitResult:
        raise FileMissing(name=Path("plan.pdf"), pages=4, share=0.5)

    with run(job(process), order, 1) as result:
        (outcome,) = result.outcomes()
    assert outcome.error_code == FileMissing.code
    assert outcome.error_message == "„plan.pdf“ gibt es nicht oder ist nicht lesbar."
    assert outcome.error_details == {"name": "plan.pdf", "pages": 4, "share": 0.5}
