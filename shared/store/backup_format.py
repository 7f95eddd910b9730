"""What a backup file holds, as both who writes and who reads it know it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator

FORMAT = "urbanki-sicherung"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
DATABASE = "datenbank.sqlite"
FILES = "dateien/"
_KEY = re.compile(r"[a-z0-9_-]{1,64}/([0-9a-f]{2})/\1[0-9a-f]{62}")
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0, le=1 << 60)]


class StoredDatabase(BaseModel):
    """The copy of the database."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Sha256
    bytes: Size


class BackupManifest(BaseModel):
    """The first thing that is read of a backup; everything else must be as it says.

    Args:
        format: Name of the format.
        format_version: Counts up when a reader must know more.
        software_version: Version of the program that wrote it.
        created_at: Moment of the copy of the database.
        revision: Version of the tables.
        database: The copy.
        files: Bytes by key; the key ends in the hash.
        unreadable: Keys of files that were missing or damaged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str = Field(pattern=f"^{FORMAT}$")
    format_version: int = Field(ge=FORMAT_VERSION, le=FORMAT_VERSION)
    software_version: str = Field(max_length=100)
    created_at: AwareDatetime
    revision: str = Field(pattern=r"^[0-9a-z_]{1,64}$")
    database: StoredDatabase
    files: dict[str, Size]
    unreadable: tuple[str, ...]

    @field_validator("files", "unreadable")
    @classmethod
    def _keys_are_keys(cls, value: dict[str, int] | tuple[str, ...]) -> object:
        if not all(_KEY.fullmatch(key) for key in value):
            raise ValueError("not the key of a stored file")
        return value


def split_key(key: str) -> tuple[str, str]:
    """Return municipality and hash of a key that was checked."""
    tenant, _, sha256 = key.split("/")
    return tenant, sha256


def zip_date(moment: datetime) -> tuple[int, int, int, int, int, int]:
    """Return a moment as ZIP files write it; they know no year before 1980."""
    year = max(moment.year, 1980)
    return year, moment.month, moment.day, moment.hour, moment.minute, moment.second
