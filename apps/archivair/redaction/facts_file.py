"""Read the names of a case from a JSON file of the caller."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from apps.archivair.redaction.errors import FactsUnusable
from apps.archivair.redaction.hits import CaseFacts
from shared.errors import FileMissing

MOST_BYTES = 1_000_000


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]
_Texts = Annotated[tuple[_Text, ...], BeforeValidator(_listed)]


class _Facts(BaseModel):
    """The content of the file; `owner`, `applicant` and `neighbour` are read like the plural."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    owners: _Texts = ()
    owner: _Texts = ()
    applicants: _Texts = ()
    applicant: _Texts = ()
    neighbours: _Texts = ()
    neighbour: _Texts = ()
    officials: _Texts = ()
    others: _Texts = ()
    property_addresses: _Texts = ()
    property_address: _Texts = ()
    page_classes: dict[int, str] = {}


def read_facts(path: Path | None) -> CaseFacts:
    """Return the facts of a file; nothing is known without one.

    Args:
        path: JSON file or None.

    Raises:
        FileMissing: There is no such file.
        FactsUnusable: It has another form.
    """
    if path is None:
        return CaseFacts()
    try:
        content = path.read_bytes()
    except OSError as cause:
        raise FileMissing(name=path.name) from cause
    if len(content) > MOST_BYTES:
        raise FactsUnusable(name=path.name)
    try:
        found = _Facts.model_validate_json(content)
    except ValidationError as cause:
        raise FactsUnusable(name=path.name) from cause
    return CaseFacts(
        owners=(*found.owners, *found.owner, *found.applicants, *found.applicant),
        neighbours=(*found.neighbours, *found.neighbour),
        officials=found.officials,
        others=found.others,
        property_addresses=(*found.property_addresses, *found.property_address),
        page_classes=tuple(sorted(found.page_classes.items())),
    )
