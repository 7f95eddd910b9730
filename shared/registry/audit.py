"""The last report of `python -m tests.e2e.audit`, which the accessibility statement quotes."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from shared.settings import REPOSITORY

AUDIT_FILE = REPOSITORY / "docs" / "audit.json"
logger = logging.getLogger(__name__)


class Audit(BaseModel):
    """What the statement takes from the report of `python -m tests.e2e.audit`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    audited_at: datetime
    grave: int = Field(ge=0)
    axe_allowances: int = Field(ge=0)
    pages: list[dict[str, object]]


def read_audit(path: Path) -> Audit | None:
    """Read the last report; None if there is none that can be read."""
    if not path.is_file():
        return None
    try:
        return Audit.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        logger.exception("%s is no audit report", path.name)
        return None
