"""Load at the start what the first person would wait for."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Iterator

from shared.registry.discover import APPS_FOLDER, manifests
from shared.registry.start_pictures import start_pictures
from shared.settings import Settings

MAPS = "folium"
_log = logging.getLogger(__name__)


def warm_up(settings: Settings) -> threading.Thread:
    """Import the pages' modules and make the start pictures, in a thread.

    `streamlit_folium` is left out: it registers its component when it is imported first, and that
    works in the script of a page alone.

    Args:
        settings: Which apps are shown.
    """
    thread = threading.Thread(target=_load, args=(settings,), name="warm-up", daemon=True)
    thread.start()
    return thread


def _load(settings: Settings) -> None:
    for name in (MAPS, *_modules(settings)):
        try:
            importlib.import_module(name)
        except Exception:
            # Code of any app: its own page says what is wrong with it.
            _log.exception("%s cannot be loaded", name)
    for app in manifests(only=settings.app_ids):
        start_pictures(app.id)


def _modules(settings: Settings) -> Iterator[str]:
    for app in manifests(only=settings.app_ids):
        folder = APPS_FOLDER / app.id
        for path in sorted([*folder.glob("view_*.py"), *folder.glob("views/[!_]*.py")]):
            yield ".".join(path.relative_to(APPS_FOLDER.parent).with_suffix("").parts)
