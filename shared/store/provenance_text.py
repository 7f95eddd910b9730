"""The JSON form of an origin, the same in every kind of file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from shared.contracts.provenance import Provenance

SCHEMA = "urbanki-provenance/1"
DECISION = "Entscheidung trifft ein Mensch"
MOST_BYTES = 2_000_000
"""Largest origin that is read from a file of unknown origin."""


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Provenance]:
    return TypeAdapter(Provenance)


def to_dict(provenance: Provenance) -> dict[str, Any]:
    """Return an origin as plain values with fixed order.

    Args:
        provenance: Where a result comes from.

    Raises:
        ValueError: A parameter has no JSON form.
    """
    content: dict[str, Any] = _adapter().dump_python(provenance, mode="json")
    for name in ("parameters", "seeds"):
        content[name] = dict(sorted(content[name].items()))
    return {"schema": SCHEMA, "decision": DECISION, **content}


def to_json(provenance: Provenance | Mapping[str, object]) -> str:
    """Write an origin as one line of ASCII; the same origin gives the same text.

    ASCII fits into every container: XML, PNG, TIFF, spreadsheets.

    Args:
        provenance: Where a result comes from; plain values go in as they are, for files that must
            be the same for the same input and so name no time.

    Raises:
        ValueError: A parameter has no JSON form.
    """
    told = provenance if isinstance(provenance, Mapping) else to_dict(provenance)
    return json.dumps(dict(told), allow_nan=False, separators=(",", ":"))


def from_json(text: str | bytes) -> Provenance:
    """Read what `to_json` wrote; unknown fields of later versions are left out.

    Args:
        text: JSON text of unknown origin.

    Raises:
        ValueError: It is too large, no JSON, or no origin.
    """
    if len(text) > MOST_BYTES:
        message = f"more than {MOST_BYTES} bytes"
        raise ValueError(message)
    try:
        content = json.loads(text)
    except RecursionError as cause:
        message = "nested too deeply"
        raise ValueError(message) from cause
    return from_dict(content)


def from_dict(content: object) -> Provenance:
    """Read what `to_dict` returned.

    Raises:
        ValueError: It is no origin.
    """
    if not isinstance(content, Mapping) or content.get("schema") != SCHEMA:
        message = f"no {SCHEMA}"
        raise ValueError(message)
    try:
        return _adapter().validate_python(content)
    except ValidationError as cause:
        message = "fields do not fit"
        raise ValueError(message) from cause


def _read(value: object) -> Provenance:
    return value if isinstance(value, Provenance) else from_dict(value)


ProvenanceJson = Annotated[Provenance, PlainValidator(_read), PlainSerializer(to_dict)]
"""An origin as part of a larger JSON form."""
