"""`evaluation.json` of an app: the measured quality that cards and Steckbrief show."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class MeasuredFigure(_Part):
    """One quality figure with everything that is needed to repeat it.

    Args:
        name: What was measured, in German, for example "Zeichenfehlerrate".
        value: The figure; a share between 0 and 1 where `unit` is "percent".
        unit: "percent", or the unit to print, empty for none.
        digits: Digits after the decimal separator.
        interval_95: Ends of the 95 per cent interval.
        data: What it was measured on, in German.
        items: Number of cases.
        command: Command that repeats it.
        measured_on: Day of the measurement.
    """

    name: Text
    name_en: Text
    value: float = Field(allow_inf_nan=False)
    unit: Literal["percent"] | str = ""
    digits: int = Field(2, ge=0, le=6)
    interval_95: tuple[float, float] | None = None
    data: Text
    data_en: Text
    items: int = Field(ge=1)
    command: Text
    measured_on: date


class Evaluation(_Part):
    """All figures of an app, the most telling one first; other keys are the app's own."""

    figures: tuple[MeasuredFigure, ...] = Field(min_length=1)


def read_evaluation(folder: Path) -> Evaluation | None:
    """Read an app's `evaluation.json`; None while nothing was measured.

    Raises:
        ValueError: The file does not fit (pydantic's error is a ValueError).
        OSError: The file cannot be read.
    """
    path = folder / "evaluation.json"
    if not path.is_file():
        return None
    return Evaluation.model_validate_json(path.read_text(encoding="utf-8"))
