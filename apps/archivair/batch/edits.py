"""What people decided about a batch, read from the log of decisions of its run.

    edits = edits_of(current(principal, store, run_id))

A decision that says nothing about a batch, or nothing that can be understood, counts as not made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol, get_args

from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.patterns import FIELD_NAMES
from shared.store.decisions import LONGEST_REASON

Verdict = Literal["stimmt", "korrigiert", "unleserlich", "spaeter"]
CONFIRMED: Verdict = "stimmt"
CORRECTED: Verdict = "korrigiert"
UNREADABLE: Verdict = "unleserlich"
LATER: Verdict = "spaeter"
YES, NO = "ja", "nein"
HANDED_ON = "uebergeben"
"""Value of a decision that another page carries on: by itself it says nothing any more."""
OTHER_DOCUMENT = "anderes_dokument"
"""Reason of a place: a person put the page into another document than it was scanned in."""
LONGEST_FIELD_VALUE = 180
"""Most characters of a value: an old and a new one fit into the reason of a decision."""
FIELD_KEYS = "feld:"
"""Beginning of the items about fields."""
_VERDICTS = frozenset(get_args(Verdict))
_YES_NO = {YES: True, NO: False}
_TURNS = {"0": 0, "90": 90, "180": 180, "270": 270}
_KEY = re.compile(
    r"(?P<kind>schnitt|klasse|drehung|andere_akte|platz|feld):"
    r"(?P<page>[1-9][0-9]{0,6})(?::(?P<name>\w+))?"
)
_PLACE = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,20})?")


class Decided(Protocol):
    """What is read of a decision."""

    @property
    def value(self) -> str:
        """What was decided."""

    @property
    def reason(self) -> str:
        """Why; for a field its old and new value."""


@dataclass(frozen=True, slots=True)
class FieldEdit:
    """What a person said about a field.

    Args:
        verdict: Whether it is right, was corrected, cannot be read or was put off.
        value: Its new value when it was corrected; else empty.
        old: The value that the person saw; empty where the log does not tell it.
        found: What the software had found, where that is not what the person saw.
    """

    verdict: Verdict
    value: str = ""
    old: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class BatchEdits:
    """What people decided about a batch.

    Args:
        cuts: Whether a document begins at a page, by number of the page.
        classes: Class of the document that holds a page.
        rotations: Clockwise turn that makes a page upright: 0, 90, 180 or 270.
        other_file: Pages that belong to another file.
        fields: What was said about a field, by page of the document and name of the field.
        places: Place of a page in the order of the batch; that of all others is their number.
        moved: Pages that a person put into another document.
    """

    cuts: Mapping[int, bool] = field(default_factory=dict)
    classes: Mapping[int, str] = field(default_factory=dict)
    rotations: Mapping[int, int] = field(default_factory=dict)
    other_file: frozenset[int] = frozenset()
    fields: Mapping[tuple[int, str], FieldEdit] = field(default_factory=dict)
    places: Mapping[int, Decimal] = field(default_factory=dict)
    moved: frozenset[int] = frozenset()


NO_EDITS = BatchEdits()


def cut_key(page: int) -> str:
    """Return the item of the question whether a document begins at a page.

    Args:
        page: Number of the page, from 1.
    """
    return f"schnitt:{page}"


def class_key(page: int) -> str:
    """Return the item of the question of which class a document is.

    Args:
        page: Number of its first page, from 1.
    """
    return f"klasse:{page}"


def rotation_key(page: int) -> str:
    """Return the item of the question how a page is turned.

    Args:
        page: Number of the page, from 1.
    """
    return f"drehung:{page}"


def other_file_key(page: int) -> str:
    """Return the item of the question whether a page belongs to another file.

    Args:
        page: Number of the page, from 1.
    """
    return f"andere_akte:{page}"


def place_key(page: int) -> str:
    """Return the item of the question where a page stands in the order of the batch.

    Args:
        page: Number of the page, from 1.
    """
    return f"platz:{page}"


def field_key(page: int, name: str) -> str:
    """Return the item of the question whether a field is right.

    Args:
        page: Number of the first page of its document, from 1.
        name: Name of the field.
    """
    return f"{FIELD_KEYS}{page}:{name}"


def field_reason(old: str, new: str, found: str = "") -> str:
    """Return the old and the new value of a field as the reason of a decision.

    Args:
        old: Value that the person saw; cut to `LONGEST_FIELD_VALUE` characters, and left out
            where both do not fit.
        new: Value from now on, likewise.
        found: What the software had found; kept where it differs from `old` and all three fit.
    """
    values = {"alt": old[:LONGEST_FIELD_VALUE], "neu": new[:LONGEST_FIELD_VALUE]}
    if found not in ("", old):
        whole = json.dumps(values | {"gelesen": found}, ensure_ascii=False)
        if len(whole) <= LONGEST_REASON and len(found) <= LONGEST_FIELD_VALUE:
            return whole
    reason = json.dumps(values, ensure_ascii=False)
    if len(reason) > LONGEST_REASON:  # quotes and backslashes take two characters
        values["alt"] = ""
        reason = json.dumps(values, ensure_ascii=False)
    return reason


def edits_of(decisions: Mapping[str, Decided]) -> BatchEdits:
    """Return what decisions mean for the batch; those about other things are left out.

    Args:
        decisions: Valid decisions by item, the older ones first.
    """
    classes = {page: value for page, value in _values("klasse", decisions) if value in class_ids()}
    other = {page for page, value in _values("andere_akte", decisions) if value == YES}
    return BatchEdits(
        cuts={
            page: _YES_NO[value]
            for page, value in _values("schnitt", decisions)
            if value in _YES_NO
        },
        classes=classes,
        rotations={
            page: _TURNS[value] for page, value in _values("drehung", decisions) if value in _TURNS
        },
        other_file=frozenset(other),
        fields=dict(_field_edits(decisions)),
        places={
            page: Decimal(value)
            for page, value in _values("platz", decisions)
            if _PLACE.fullmatch(value)
        },
        moved=frozenset(
            page
            for page, _ in _values("platz", decisions)
            if decisions[place_key(page)].reason == OTHER_DOCUMENT
        ),
    )


def _values(kind: str, decisions: Mapping[str, Decided]) -> Iterator[tuple[int, str]]:
    for key, decided in decisions.items():
        found = _KEY.fullmatch(key)
        if found and found["kind"] == kind and found["name"] is None:
            yield int(found["page"]), decided.value


def _field_edits(
    decisions: Mapping[str, Decided],
) -> Iterator[tuple[tuple[int, str], FieldEdit]]:
    for key, decided in decisions.items():
        found = _KEY.fullmatch(key)
        if not found or found["kind"] != "feld" or found["name"] not in FIELD_NAMES:
            continue
        edit = _field_edit(decided)
        if edit is not None:
            yield (int(found["page"]), found["name"]), edit


def _field_edit(decided: Decided) -> FieldEdit | None:
    verdict = next((one for one in _VERDICTS if one == decided.value), None)
    if verdict is None:
        return None
    old, new, seen = _values_of(decided.reason)
    if verdict != CORRECTED:
        return FieldEdit(verdict, old=old, found=seen)
    return FieldEdit(verdict, value=new, old=old, found=seen) if new else None


def _values_of(reason: str) -> tuple[str, str, str]:
    """Return old, new and found; a text that nobody could have written by the page counts not."""
    try:
        content = json.loads(reason) if reason else {}
    except (ValueError, RecursionError):
        return "", "", ""
    if not isinstance(content, dict):
        return "", "", ""
    old, new, seen = (_text(content.get(name)) for name in ("alt", "neu", "gelesen"))
    return old, new, seen


def _text(value: object) -> str:
    """Return a value as one line of at most `LONGEST_FIELD_VALUE` characters."""
    if not isinstance(value, str) or len(value) > LONGEST_FIELD_VALUE:
        return ""
    return " ".join(value.split())
