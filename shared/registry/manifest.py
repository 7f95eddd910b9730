"""The manifest `app.toml` of an app: what the gallery must know without importing the app."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

RESERVED_IDS = frozenset(
    {
        *("start", "modelle", "datenraum", "impressum", "barrierefreiheit", "datenschutz"),
        *("component", "healthz", "konto", "media", "oberflaeche", "static", "verwaltung"),
    }
)
"""First parts of the gallery's own addresses; an app of that name would hide them."""

Topic = Literal["klima", "mobilitaet", "sicherheit", "verwaltung"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Tagline = Annotated[Text, StringConstraints(max_length=80)]
Description = Annotated[Text, StringConstraints(max_length=300)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UploadLimits(_Part):
    """Largest input that the app takes."""

    upload_mb: int = Field(ge=1, le=2000)
    megapixels: int = Field(ge=1, le=1000)
    pages: int = Field(1, ge=1, le=10_000)


class Retention(_Part):
    """Days that things are kept after their run has ended; 0 keeps them until the session ends.

    `URBANKI_RETENTION_...` comes first.
    """

    uploads_days: int = Field(30, ge=0, le=36_500)
    results_days: int = Field(365, ge=0, le=36_500)
    decisions_days: int = Field(730, ge=0, le=36_500)


class Sample(_Part):
    """The one-click example."""

    id: Text
    title: Text
    title_en: Text
    seconds: int = Field(ge=1, le=60)


class AiAct(_Part):
    """Self-assessment under Regulation (EU) 2024/1689."""

    risk: Literal["minimal", "transparency", "high"]
    reason: Text
    reason_en: Text
    oversight: Text
    oversight_en: Text


class AppManifest(_Part):
    """One app as `app.toml` describes it; the folder name is the id."""

    id: str = Field(pattern=r"^[a-z][a-z0-9]{1,31}$")
    title: Text
    tagline: Tagline
    description: Description
    tagline_en: Tagline
    description_en: Description
    title_en: Text
    topic: Topic
    icon: str = Field(pattern=r"^[a-z0-9_]+\.svg$")
    order: int = Field(100, ge=0, le=1000)
    status: Literal["prototyp", "pilot", "betrieb"]
    municipality: Text
    roles_min: Literal["gast", "viewer", "sachbearbeitung", "admin"] = "gast"
    model_tasks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    network: tuple[Literal["none", "wms", "llm", "scan"], ...] = ("none",)
    limits: UploadLimits
    retention: Retention = Retention()
    keywords: tuple[Text, ...] = Field(min_length=3)
    sample: Sample
    legal: Text
    contact: Text
    since: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    human_decision: Text
    human_decision_en: Text
    personal_data: Text
    personal_data_en: Text
    not_for: Text
    not_for_en: Text
    ai_act: AiAct

    @field_validator("id")
    @classmethod
    def _address_is_free(cls, value: str) -> str:
        if value in RESERVED_IDS:
            message = f"{value!r} is an address of the gallery itself"
            raise ValueError(message)
        return value

    @field_validator("network")
    @classmethod
    def _none_stands_alone(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "none" in value and len(value) > 1:
            raise ValueError('"none" excludes every other network use')
        return value

    @model_validator(mode="after")
    def _plain_words(self) -> AppManifest:
        if re.search(r"\bVersto(ß|ss)", self.description + self.tagline):
            raise ValueError('the gallery says "prüfen", never "Verstoß"')
        return self

    def localized(self, field: str, language: str) -> str:
        """Return a text field in the language, German where no twin exists.

        Args:
            field: Name of the German field, for example "tagline".
            language: "de" or "en".
        """
        german = str(getattr(self, field))
        return str(getattr(self, f"{field}_en", german)) if language == "en" else german

    def sample_title(self, language: str) -> str:
        """Return the title of the example in the language."""
        return self.sample.title_en if language == "en" else self.sample.title

    def ai_act_text(self, field: Literal["reason", "oversight"], language: str) -> str:
        """Return a sentence of the self-assessment in the language."""
        suffix = "_en" if language == "en" else ""
        return str(getattr(self.ai_act, field + suffix))


def load_manifest(path: Path) -> AppManifest:
    """Read and check one `app.toml`.

    Raises:
        ValueError: The file is no TOML, a key is missing, unknown or wrong, or the id differs from
            the folder (pydantic's and tomllib's errors are ValueErrors).
        OSError: The file cannot be read.
    """
    manifest = AppManifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    if manifest.id != path.parent.name:
        message = f"id {manifest.id!r} differs from the folder {path.parent.name!r}"
        raise ValueError(message)
    return manifest
