"""Where a demo city is kept, told without building or reading anything."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from shared.demo_city.settings import CitySettings

BUILT: Final = "built"
"""Name of the file that says that tables and paintings are there."""


def folder_of_city(folder: Path, settings: CitySettings) -> Path:
    """Return the folder of one city; other settings or other software have another one.

    Args:
        folder: Folder of all demo cities of an installation.
        settings: The city.
    """
    return folder / f"{settings.fingerprint()}-{software()}"


def is_city_built(folder: Path, settings: CitySettings) -> bool:
    """Say whether tables and paintings of a city are there, without looking into them.

    Args:
        folder: Folder of all demo cities of an installation.
        settings: The city.
    """
    return (folder_of_city(folder, settings) / BUILT).is_file()


@cache
def software() -> str:
    """Return 8 hexadecimal digits that change with this package: other code, other city."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*")):
        if path.suffix in {".py", ".toml"}:
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:8]
