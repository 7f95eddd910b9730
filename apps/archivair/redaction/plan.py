"""What a person released: which pages, which boxes, for whom; the input of the job `redact`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from apps.archivair.errors import ReadingUnusable
from apps.archivair.redaction.hits import PiiHit

MEDIA_TYPE = "application/json"
PLAN_NAME = "schwaerzung.json"


@dataclass(frozen=True, slots=True)
class PlannedPage:
    """A page that is redacted.

    Args:
        page: Its number in the batch, from 1.
        rotation_deg: Clockwise turn of the delivered image that puts it upright.
        page_class: Its class; the profile may hold it back.
    """

    page: int
    rotation_deg: int
    page_class: str


@dataclass(frozen=True, slots=True)
class PlannedDocument:
    """A document that is redacted.

    Args:
        document: Its number in the batch, from 1.
        name: Name of its files without ending; no personal data.
        pages: Its pages in order.
        removed: What is taken out; pages are those of the batch.
        kept: What was found and stays.
    """

    document: int
    name: str
    pages: tuple[PlannedPage, ...]
    removed: tuple[PiiHit, ...]
    kept: tuple[PiiHit, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person released.

    Args:
        profile: Name of the profile.
        documents: Documents in order.
        allowed: Texts that stay, such as the property's address.
        released_at: Moment of the release, with zone.
        role: Role of the person, never a name.
        left: How many proposals of the software she left in the file.
        added: How many boxes of her own she added.
    """

    schema: Literal["archivair-redaction-plan/1"]
    profile: str
    documents: tuple[PlannedDocument, ...]
    allowed: tuple[str, ...]
    released_at: datetime
    role: str
    left: int
    added: int


_PLAN = TypeAdapter(Plan)


def encode_plan(plan: Plan) -> bytes:
    """Return the stored form; the same bytes for the same plan.

    Args:
        plan: The plan.
    """
    return bytes(_PLAN.dump_json(plan))


def decode_plan(content: bytes) -> Plan:
    """Return the plan of a stored file.

    Args:
        content: What `encode_plan` returned.

    Raises:
        ReadingUnusable: It is something else, or another version of this program wrote it.
    """
    try:
        return _PLAN.validate_json(content)
    except ValidationError as cause:
        raise ReadingUnusable() from cause
