"""The checks of `python -m apps.aviary.endurance`: what is asked, when the exit code says no."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.aviary import endurance
from apps.aviary.endurance import CHECKS, Check
from apps.aviary.evaluation import limits
from apps.aviary.evaluation.runtime import TimedRun
from apps.aviary.recipes import find_recipe
from shared.settings import get_settings


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("URBANKI_DATA_DIR", "")  # set back afterwards
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []

    def check(settings: Any, folder: Path, side_px: int, recipes: Any) -> Any:
        seen.append((side_px, tuple(recipes)))
        assert settings.data_dir == get_settings().data_dir == folder / "data"
        return {"within_limit": side_px < 100}

    monkeypatch.setattr(endurance, "CHECKS", {"seams": Check(check, 90, ("trees",))})
    return seen


def test_a_check_takes_its_own_size_and_recipes_or_the_named_ones(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert endurance.main(["seams"]) == 0
    assert json.loads(capsys.readouterr().out) == {"within_limit": True}
    assert endurance.main(["seams", "--side", "200", "--recipes", "water,solar"]) == 1
    assert asked == [(90, ("trees",)), (200, ("water", "solar"))]


def test_an_unknown_check_is_refused(asked: list[Any]) -> None:
    with pytest.raises(SystemExit):
        endurance.main(["speed"])
    assert asked == []


def test_recipes_of_the_checks_need_no_file_beside_the_image() -> None:
    for check in CHECKS.values():
        assert not [name for name in check.recipes if find_recipe(name).inputs]


@pytest.mark.parametrize(("peak_mib", "kept"), [(1500, True), (1600, False)])
def test_memory_is_held_against_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peak_mib: int, kept: bool
) -> None:
    class Server:
        settings, process_id = get_settings(), 0

        def __enter__(self) -> Server:
            return self

        def __exit__(self, *_: object) -> None: ...

    class Watch:
        def __init__(self, family: object) -> None:
            self.peaks_mib = {"server": 500.0}

        __enter__ = __exit__ = lambda self, *_: None

    monkeypatch.setattr(limits, "write_image", lambda path, side: None)
    monkeypatch.setattr(limits, "start_model_server", lambda settings: Server())
    monkeypatch.setattr(limits.psutil, "Process", lambda number: None)
    monkeypatch.setattr(limits, "MemoryWatch", Watch)
    run = TimedRun(3.0, peak_mib * 2**20)
    monkeypatch.setattr(limits, "timed_run", lambda settings, words: run)
    told = limits.check_memory(get_settings(), tmp_path, 10, ("landcover", "trees"))
    assert told["within_limit"] is kept
    assert told["recipes"]["trees"] == {"seconds": 3.0, "peak_mib": peak_mib}
