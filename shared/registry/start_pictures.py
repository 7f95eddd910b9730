"""Pictures that an app makes from its example data, for the start page of the kiosk."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from functools import lru_cache

from shared.registry.discover import APPS_FOLDER

MODULE = "start_pictures"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StartPicture:
    """One picture.

    Args:
        jpeg: The picture.
        alt: German description.
        alt_en: The same in English.
    """

    jpeg: bytes
    alt: str
    alt_en: str

    def description(self, language: str) -> str:
        """Return the description in the language."""
        return self.alt_en if language == "en" else self.alt


@lru_cache(maxsize=32)
def start_pictures(slug: str) -> tuple[StartPicture, ...]:
    """Return the pictures of an app, made once; none where it brings none or cannot make them.

    Args:
        slug: App folder, from the registry.
    """
    if not (APPS_FOLDER / slug / f"{MODULE}.py").is_file():
        return ()
    try:
        made: tuple[StartPicture, ...] = importlib.import_module(
            f"apps.{slug}.{MODULE}"
        ).start_pictures()
    except Exception:
        # Code of any app: one that fails harms no other.
        _log.exception("the start pictures of %s cannot be made", slug)
        return ()
    return made
