"""What the `[method]` table of a recipe may say to any derivation."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Code = Annotated[int, Field(ge=0, le=254)]
Classes = Annotated[tuple[Code, ...], Field(min_length=1)]
Metres = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
SquareMetres = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class MethodSettings(BaseModel):
    """Settings of a derivation; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
