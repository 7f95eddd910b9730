"""The command behind `evaluation.json`: all figures from one measurement, or nothing."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from apps.musterstadt import evaluate
from shared.registry.evaluation import read_evaluation

MEASURED: dict[str, Any] = {
    "real_images": {
        "tiles": 100,
        "inside_band": 0.9,
        "inside_band_per_measure": {"mean_red": 0.9, "sd_red": 0.9},
    },
    "kolmogorov": {"outline_area_m2": 0.0567, "plane_slope_deg": 0.04, "solar_area_m2": 0.1},
}


def test_the_figures_come_from_the_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def measure(split: str, count: int, data: Path) -> dict[str, Any]:
        asked.extend((split, count))
        return MEASURED

    monkeypatch.setattr(evaluate, "measure_split", measure)
    out = tmp_path / "evaluation.json"
    assert evaluate.main(["--scenes", "7", "--date", "2026-11-28", "--out", str(out)]) == 0
    assert asked == ["test", 7]
    content = json.loads(out.read_text(encoding="utf-8"))
    assert content["measures"] == MEASURED
    read = read_evaluation(tmp_path)
    assert read is not None
    assert [figure.value for figure in read.figures] == [0.9, 0.057, 0.04, 0.1]
    assert read.figures[0].items == 200
    assert {figure.measured_on for figure in read.figures} == {date(2026, 11, 28)}


def test_without_the_real_data_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = {"real_images": None, "kolmogorov": None}
    monkeypatch.setattr(evaluate, "measure_split", lambda *_: nothing)
    out = tmp_path / "evaluation.json"
    assert evaluate.main(["--out", str(out)]) == evaluate.BAD_INPUT
    assert not out.exists()
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("scenes", ["0", "-3", "viele"])
def test_an_impossible_number_of_scenes_is_refused(scenes: str) -> None:
    assert evaluate.main(["--scenes", scenes]) == evaluate.BAD_INPUT
