"""Ids: valid UUIDs of version 7 that sort by time."""

from __future__ import annotations

from uuid import UUID

from shared.store.ids import new_id


def test_ids_are_uuids_of_version_7_with_their_time() -> None:
    value = UUID(new_id(1_700_000_000_123))
    assert value.version == 7
    assert value.variant == "specified in RFC 4122"
    assert value.int >> 80 == 1_700_000_000_123


def test_later_ids_are_larger() -> None:
    moments = range(1_700_000_000_000, 1_700_000_001_000)
    ids = [new_id(moment) for moment in moments]
    assert ids == sorted(ids)


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id(1) for _ in range(10_000)}) == 10_000
