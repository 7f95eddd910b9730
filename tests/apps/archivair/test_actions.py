"""What an action on the documents of a batch decides, and which action is the latest."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.archivair.batch.actions import (
    add_cut,
    latest_action,
    mark_elsewhere,
    move_cut,
    name_class,
    remove_cut,
    turn,
)
from apps.archivair.batch.changes import Change
from apps.archivair.batch.contents import Batch, BatchPage, Document
from shared.store.decisions import Decision
from shared.store.ids import new_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def batch(*spans):
    """A batch of documents (first page, last page, class)."""
    documents = tuple(
        Document(number, first, last, name, 0.9, ())
        for number, (first, last, name) in enumerate(spans, 1)
    )
    pages = tuple(
        BatchPage(page, 1, f"a_p{page}", "unklar", {}, (), 0, "antiqua", page == one.first_page,
                  0.9, one.document)
        for one in documents
        for page in one.pages
    )  # fmt: skip
    return Batch("archivair-batch/1", (), pages, documents, (), (), (), 0.0)


TWO = batch((1, 3, "bauantrag"), (4, 5, "genehmigung"))


def decided(**items):
    """Decisions by item; `klasse_4="foto"` is about `klasse:4`."""
    return {
        key.replace("_", ":"): Decision(
            new_id(place), key.replace("_", ":"), value, "", "sachbearbeitung", NOW, False
        )
        for place, (key, value) in enumerate(items.items())
    }


def test_a_cut_is_added_only_where_none_is():
    assert add_cut(TWO, 2, {}) == (Change("schnitt:2", "ja"),)
    assert add_cut(TWO, 4, {}) == ()


def test_a_removed_cut_joins_documents_and_decides_nothing_else():
    assert remove_cut(TWO, 4) == (Change("schnitt:4", "nein"),)
    assert remove_cut(TWO, 1) == remove_cut(TWO, 2) == ()


def test_a_moved_cut_leaves_no_document_empty_and_takes_its_class_along():
    assert move_cut(TWO, 4, -1, {}) == (Change("schnitt:4", "nein"), Change("schnitt:3", "ja"))
    assert move_cut(TWO, 4, 1, decided(klasse_4="genehmigung")) == (
        Change("schnitt:4", "nein"),
        Change("schnitt:5", "ja"),
        Change("klasse:5", "genehmigung"),
        Change("klasse:4", "uebergeben"),
    )
    single = batch((1, 1, "bauantrag"), (2, 2, "genehmigung"), (3, 4, "foto"))
    assert move_cut(single, 2, -1, {}) == ()
    assert move_cut(single, 2, 1, {}) == ()
    assert move_cut(single, 1, 1, {}) == ()


def test_a_class_is_said_for_all_pages_that_hold_one():
    changes = name_class(TWO.documents[0], "foto", {"klasse:3", "klasse:5"})
    assert changes == (Change("klasse:1", "foto"), Change("klasse:3", "foto"))


@pytest.mark.parametrize(("before", "after"), [(0, "90"), (270, "0")])
def test_a_page_is_turned_by_quarters(before, after):
    page = TWO.pages[0]
    turned = BatchPage(**{name: getattr(page, name) for name in page.__slots__} | {
        "rotation_deg": before
    })  # fmt: skip
    assert turn(turned) == (Change("drehung:1", after),)


def test_a_page_can_be_marked_and_unmarked():
    assert mark_elsewhere(2, elsewhere=True) == (Change("andere_akte:2", "ja"),)
    assert mark_elsewhere(2, elsewhere=False) == (Change("andere_akte:2", "nein"),)


def test_the_latest_action_is_everything_of_its_moment_and_nothing_of_fields():
    log = decided(schnitt_4="nein", schnitt_3="ja")
    earlier = Decision(
        new_id(0), "klasse:1", "foto", "", "admin", NOW - timedelta(minutes=1), False
    )
    later = Decision(
        new_id(9), "feld:1:flur", "stimmt", "", "admin", NOW + timedelta(minutes=1), False
    )
    found = latest_action({"klasse:1": earlier, **log, later.item_key: later})
    assert [one.item_key for one in found] == ["schnitt:3", "schnitt:4"]
    assert latest_action({later.item_key: later}) == ()
