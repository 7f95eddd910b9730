"""Known sources of aerial images: a data file, off until the operator allows their hosts."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from apps.aviary.recipe_book.schema import Key, Metres
from shared.geo.wms import MapLayer
from shared.settings import Settings

PATH = Path(__file__).resolve().parent / "imagery_presets.toml"
YEAR = "{year}"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Address = Annotated[str, StringConstraints(pattern=r"^https://[\w.-]+/[\w./{}-]*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Key
    title_de: Text
    gsd_m: Metres | None = None
    status: Literal["ungeprueft", "geprueft"]
    checked_on: date | None = None
    note_de: Text

    @model_validator(mode="after")
    def _checked_on_a_day(self) -> Self:
        if (self.status == "geprueft") != (self.checked_on is not None):
            raise ValueError("what is checked has a day, and nothing else has")
        return self


class Service(_Entry):
    """A map service; what is unknown about it is left out.

    `date_layer` tells the day of the flight; `true_ortho` says whether roofs lie above their
    ground plans.
    """

    kind: Literal["wms", "wfs"]
    url: Address | None = None
    layers: Text | None = None
    date_layer: Text | None = None
    true_ortho: bool | None = None

    @property
    def host(self) -> str:
        """Name of its host; empty where the address is unknown."""
        return urlsplit(self.url or "").hostname or ""

    @property
    def needs_year(self) -> bool:
        """True where the user must choose a year."""
        return YEAR in (self.url or "") + (self.layers or "")

    def layer(self, year: int | None = None) -> MapLayer:
        """Return what a map service is asked for.

        Args:
            year: Year of the flight, where there is one service or layer for each.

        Raises:
            ValueError: The entry is not complete, or the year is missing.
        """
        if self.kind != "wms" or self.url is None or self.layers is None:
            raise ValueError(f"{self.id} cannot be asked for pictures")
        if self.needs_year and year is None:
            raise ValueError(f"{self.id} needs a year")
        told = str(year)
        return MapLayer(self.url.replace(YEAR, told), self.layers.replace(YEAR, told))


class FileKind(_Entry):
    """Files that providers hand out; `pattern` is a regular expression for their names."""

    pattern: Text
    example: Text
    side_px: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _example_fits(self) -> Self:
        if not re.fullmatch(self.pattern, self.example):
            raise ValueError("the example does not fit the pattern")
        return self


class ImageryPresets(BaseModel):
    """Content of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    licence: Text
    source: Text
    services: tuple[Service, ...]
    files: tuple[FileKind, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [one.id for one in (*self.services, *self.files)]
        if len(set(names)) < len(names):
            raise ValueError("each id once")
        return self


@lru_cache(maxsize=1)
def load_presets() -> ImageryPresets:
    """Read and check the file; nobody is asked.

    Raises:
        ValueError: A key is missing, unknown or wrong.
    """
    return ImageryPresets.model_validate(tomllib.loads(PATH.read_text(encoding="utf-8")))


def allowed_services(settings: Settings) -> tuple[Service, ...]:
    """Return the map services that can be asked for pictures and whose host is allowed.

    Args:
        settings: `wms_hosts` names the hosts; none by default.
    """
    hosts = {host.strip().lower() for host in settings.wms_hosts.split(",")} - {""}
    return tuple(
        one
        for one in load_presets().services
        if one.kind == "wms" and one.layers is not None and one.host in hosts
    )
