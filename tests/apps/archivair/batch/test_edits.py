"""Decisions as edits of a batch: what is understood, and that odd ones never harm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, strategies as st

from apps.archivair.batch.edits import (
    LONGEST_FIELD_VALUE,
    NO_EDITS,
    BatchEdits,
    FieldEdit,
    class_key,
    cut_key,
    edits_of,
    field_key,
    field_reason,
    other_file_key,
    rotation_key,
)
from apps.archivair.documents.page_classes import class_ids
from shared.store.decisions import LONGEST_ITEM, LONGEST_REASON


@dataclass(frozen=True)
class Said:
    """A decision as far as it is read."""

    value: str
    reason: str = ""


def test_every_kind_of_decision_is_understood() -> None:
    decisions = {
        cut_key(4): Said("ja"),
        cut_key(6): Said("nein"),
        class_key(4): Said("grundriss"),
        rotation_key(5): Said("270"),
        other_file_key(9): Said("ja"),
        other_file_key(10): Said("nein"),
        field_key(4, "bauherr"): Said("korrigiert", field_reason("Muller", "Müller")),
        field_key(4, "flur"): Said("stimmt", field_reason("7", "7")),
        field_key(4, "plz"): Said("unleserlich", field_reason("4S879", "")),
        field_key(4, "ort"): Said("spaeter"),
    }
    assert edits_of(decisions) == BatchEdits(
        cuts={4: True, 6: False},
        classes={4: "grundriss"},
        rotations={5: 270},
        other_file=frozenset({9}),
        fields={
            (4, "bauherr"): FieldEdit("korrigiert", "Müller", "Muller"),
            (4, "flur"): FieldEdit("stimmt", old="7"),
            (4, "plz"): FieldEdit("unleserlich", old="4S879"),
            (4, "ort"): FieldEdit("spaeter"),
        },
    )


def test_no_decision_is_no_edit() -> None:
    assert edits_of({}) == NO_EDITS


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("schnitt:4", "vielleicht", ""),
        ("schnitt:0", "ja", ""),
        ("schnitt:04", "ja", ""),
        ("schnitt:-1", "ja", ""),
        ("schnitt:٣", "ja", ""),
        ("schnitt:4\n", "ja", ""),
        ("schnitt:4:bauherr", "ja", ""),
        ("schnitt:99999999999999999999", "ja", ""),
        ("klasse:4", "leer", ""),
        ("klasse:4", "../grundriss", ""),
        ("drehung:4", "45", ""),
        ("drehung:4", "-90", ""),
        ("andere_akte:vier", "ja", ""),
        ("feld:4", "stimmt", ""),
        ("feld:4:kontonummer", "stimmt", ""),
        ("feld:4:bauherr", "ja", ""),
        ("feld:4:bauherr", "korrigiert", ""),
        ("feld:4:bauherr", "korrigiert", "{"),
        ("feld:4:bauherr", "korrigiert", "[" * 400),
        ("feld:4:bauherr", "korrigiert", '"Müller"'),
        ("feld:4:bauherr", "korrigiert", '{"alt": "a", "neu": 7}'),
        ("feld:4:bauherr", "korrigiert", '{"alt": "a", "neu": "  "}'),
        ("feld:4:bauherr", "korrigiert", json.dumps({"neu": "x" * (LONGEST_FIELD_VALUE + 1)})),
        ("fund:4", "ja", ""),
        ("", "", ""),
    ],
)
def test_what_cannot_be_understood_counts_as_not_decided(key: str, value: str, reason: str) -> None:
    assert edits_of({key: Said(value, reason)}) == NO_EDITS


def test_a_corrected_value_is_one_line() -> None:
    decisions = {
        field_key(1, "vorhaben"): Said("korrigiert", field_reason("", " Neubau\n Garage "))
    }
    assert edits_of(decisions).fields[1, "vorhaben"].value == "Neubau Garage"


def test_the_longest_values_fit_into_a_decision() -> None:
    longest = "ä" * LONGEST_FIELD_VALUE
    reason = field_reason(longest + "x", longest)
    assert len(reason) <= LONGEST_REASON
    assert edits_of({field_key(1, "bauherr"): Said("korrigiert", reason)}).fields == {
        (1, "bauherr"): FieldEdit("korrigiert", longest, longest)
    }
    assert len(field_reason('"' * LONGEST_FIELD_VALUE, '"' * LONGEST_FIELD_VALUE)) <= LONGEST_REASON
    assert len(field_key(9_999_999, "flurstueck_zaehler")) <= LONGEST_ITEM


@given(
    st.dictionaries(
        st.one_of(st.text(max_size=20), st.from_regex(r"(schnitt|klasse|feld):\d+(:\w+)?")),
        st.builds(Said, st.text(max_size=12), st.text(max_size=30)),
        max_size=4,
    )
)
def test_nothing_that_is_stored_can_stop_the_batch(decisions: Mapping[str, Said]) -> None:
    edits = edits_of(decisions)
    assert set(edits.classes.values()) <= set(class_ids())
    assert all(page > 0 for page in edits.cuts)
