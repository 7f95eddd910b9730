"""Which of several models an app uses, and why not the better ones."""

from __future__ import annotations

import pytest

from shared.clients.catalog import NO_REASON, UNKNOWN, find_entry, first_available, why_not
from shared.contracts.model_catalog import Catalog, CatalogEntry

WISHES = ["landcover", "landcover_rules"]


def entry(
    name: str, version: str = "1.0.0", *, available: bool = True, reason: str = ""
) -> CatalogEntry:
    return CatalogEntry(
        name=name,
        version=version,
        available=available,
        state="available" if available else "failed",
        reason=reason,
    )


def catalog(*entries: CatalogEntry) -> Catalog:
    return Catalog(models=list(entries))


PLANNED = entry("landcover", "", available=False, reason="Noch nicht trainiert.")
RULES = entry("landcover_rules")
OTHER = entry("solar")


def test_the_newest_version_that_works_is_found() -> None:
    broken = entry("solar", "9.0.0", available=False)
    new = entry("solar", "0.10.0")
    assert find_entry(catalog(broken, entry("solar", "0.9.0"), new), "solar") == new
    assert find_entry(catalog(broken), "solar") == broken
    assert find_entry(catalog(PLANNED), "landcover") == PLANNED
    assert find_entry(catalog(RULES), "landcover") is None


def test_the_first_wish_wins_where_it_is_there() -> None:
    trained = entry("landcover")
    assert first_available(catalog(RULES, OTHER, trained), WISHES) == trained
    assert why_not(catalog(RULES, OTHER, trained), WISHES) == {}


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ([], UNKNOWN),
        ([PLANNED], "Noch nicht trainiert."),
        ([entry("landcover", "2.0.0", available=False)], NO_REASON),
        (
            [
                entry("landcover", "1.0.0", available=False, reason="Die alte fehlt."),
                entry("landcover", "2.0.0", available=False, reason="Die neue fehlt."),
            ],
            "Die neue fehlt.",
        ),
    ],
)
def test_the_next_wish_stands_in_and_the_reason_is_said(
    first: list[CatalogEntry], reason: str
) -> None:
    known = catalog(*first, RULES)
    assert first_available(known, WISHES) == RULES
    assert why_not(known, WISHES) == {"landcover": reason}


def test_without_any_wish_that_works_all_reasons_are_said() -> None:
    known = catalog(PLANNED, OTHER)
    assert first_available(known, WISHES) is None
    assert why_not(known, WISHES) == {"landcover": PLANNED.reason, "landcover_rules": UNKNOWN}
    assert first_available(known, []) is None
    assert why_not(known, []) == {}


def test_an_older_version_that_works_comes_before_another_model() -> None:
    old = entry("landcover", "0.9.0")
    known = catalog(entry("landcover", "1.0.0", available=False), old, RULES)
    assert first_available(known, WISHES) == old
    assert why_not(known, WISHES) == {}
