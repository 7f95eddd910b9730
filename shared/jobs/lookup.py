"""Find the definition of a job: `JOBS` in `apps/<app>/jobs.py`.

A row of the database names an app and a job, never a module. An app's module is imported only when
its file lies in the folder of the apps; further modules come from the setting `job_modules` alone.
"""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Iterator
from functools import lru_cache

from shared.errors import N_, JobUnknown
from shared.jobs.definition import JobDefinition
from shared.settings import REPOSITORY, get_settings

ANY_UNIT = (N_("Teil"), N_("Teile"))
"""Words for the units of a job that this version does not know any more."""
_APP = re.compile(r"[a-z][a-z0-9_]{0,31}")
_log = logging.getLogger(__name__)


def find_definition(app: str, job: str) -> JobDefinition:
    """Return the definition of a job.

    Args:
        app: App id.
        job: Name of the job within the app.

    Raises:
        JobUnknown: This version has no such job, or its module cannot be loaded.
    """
    for module in _modules(app):
        for definition in _jobs_of(module):
            if (definition.app, definition.name) == (app, job):
                return definition
    raise JobUnknown(name=f"{app}/{job}")


def unit_word(app: str, job: str) -> tuple[str, str]:
    """Return the German words for one and several units of a job; plain ones for an unknown job."""
    try:
        return find_definition(app, job).unit_word
    except JobUnknown:
        return ANY_UNIT


def _modules(app: str) -> Iterator[str]:
    yield from filter(None, (name.strip() for name in get_settings().job_modules.split(",")))
    if _APP.fullmatch(app) and (REPOSITORY / "apps" / app / "jobs.py").is_file():
        yield f"apps.{app}.jobs"


@lru_cache(maxsize=64)
def _jobs_of(module: str) -> tuple[JobDefinition, ...]:
    try:
        return tuple(importlib.import_module(module).JOBS)
    except Exception:
        # Code of any app: one that cannot be loaded harms no other.
        _log.exception("%s cannot be loaded", module)
        return ()
