"""Pages in another order: in their document, into another one, and what stays with a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from apps.archivair.batch.actions import add_cut, move_cut, name_class, remove_cut
from apps.archivair.batch.contents import decode_batch, encode_batch
from apps.archivair.batch.edits import edits_of, field_key, field_reason
from apps.archivair.batch.making import make_batch
from apps.archivair.batch.order import between, in_order
from apps.archivair.batch.placing import as_scanned, move_page, step_page
from apps.archivair.review import make_review
from tests.apps.archivair.batch.streams import sheet, stream, value

THREE = stream(
    sheet(1, "bauantrag"),
    sheet(2, "bauantrag"),
    sheet(3, "bauantrag"),
    sheet(4, "genehmigung", 0.99),
    sheet(5, "genehmigung"),
    sheet(6, "foto", 0.99),
    candidates=(
        value(1, "bauherr", "Karl Eiche"),
        value(2, "vorhaben", "Neubau einer Garage"),
        value(5, "gebuehr_betrag", "184.50", box=(10.0, 20.0, 30.0, 40.0)),
    ),
)


@dataclass(frozen=True)
class Said:
    """A decision as far as it is read."""

    value: str
    reason: str = ""


@dataclass
class Table:
    """A batch with the decisions about it, as the log of a run keeps them."""

    stream: object = THREE
    said: dict[str, Said] = field(default_factory=dict)

    @property
    def batch(self):
        return make_batch(self.stream, edits_of(self.said))

    def make(self, changes):
        """Decide all of an action; the later of two about one item stands last."""
        for one in changes:
            self.said.pop(one.item_key, None)
            self.said[one.item_key] = Said(one.value, one.reason)
        return changes

    def step(self, page, step):
        return self.make(step_page(self.batch, page, step, self.said))

    def move(self, page, document):
        return self.make(move_page(self.batch, page, document, self.said))

    @property
    def documents(self):
        return [list(one.pages) for one in self.batch.documents]


def test_pages_change_places_and_nothing_else_moves():
    table = Table()
    table.step(2, 1)
    assert table.documents == [[1, 3, 2], [4, 5], [6]]
    assert [page.page for page in table.batch.pages] == [1, 3, 2, 4, 5, 6]
    assert [page.starts_document for page in table.batch.pages] == [
        True, False, False, True, False, True,
    ]  # fmt: skip
    fields = {one.name: one for one in table.batch.documents[1].fields}
    assert (fields["gebuehr_betrag"].page, fields["gebuehr_betrag"].bbox_px) == (
        5, (10.0, 20.0, 30.0, 40.0),
    )  # fmt: skip
    table.step(2, -1)
    assert table.documents == [[1, 2, 3], [4, 5], [6]]
    assert not any(one.order for one in table.batch.documents)


@pytest.mark.parametrize(("page", "step", "first"), [(1, 1, 2), (2, -1, 2), (4, 1, 5)])
def test_another_page_can_begin_a_document(page, step, first):
    table = Table()
    table.step(page, step)
    pages = {one.first_page: list(one.pages) for one in table.batch.documents}
    assert pages[first][:2] == [first, first - 1]
    assert [len(one) for one in table.documents] == [3, 2, 1]
    assert table.batch.pages[0].starts_document
    table.step(first, 1)
    assert table.documents == [[1, 2, 3], [4, 5], [6]]


def test_there_is_no_step_out_of_a_document():
    batch = Table().batch
    assert step_page(batch, 1, -1, {}) == step_page(batch, 3, 1, {}) == ()
    assert step_page(batch, 6, 1, {}) == step_page(batch, 6, -1, {}) == ()
    assert step_page(batch, 4, -1, {}) == ()


def test_a_page_goes_to_the_end_of_another_document():
    table = Table()
    table.move(2, 2)
    assert table.documents == [[1, 3], [4, 5, 2], [6]]
    assert table.batch.documents[0].order == (1, 3), "2 is not between them any more"
    assert {one.name for one in table.batch.documents[1].fields} >= {"vorhaben"}
    table.move(2, 3)
    table.move(2, 1)
    assert table.documents == [[1, 3, 2], [4, 5], [6]]
    assert move_page(table.batch, 2, 1, table.said) == ()


def test_the_first_page_and_the_only_page_of_a_document_can_go():
    table = Table()
    table.move(4, 1)
    assert table.documents == [[1, 2, 3, 4], [5], [6]]
    table.move(6, 1)
    assert table.documents == [[1, 2, 3, 4, 6], [5]]
    table.move(1, 2)
    assert table.documents == [[2, 3, 4, 6], [5, 1]]
    assert table.batch.pages[0].starts_document


def test_cuts_after_another_order_follow_what_is_shown():
    table = Table()
    table.step(3, -1)
    table.step(3, -1)
    assert table.documents[0] == [3, 1, 2]
    table.make(add_cut(table.batch, 1, table.said))
    assert table.documents == [[3], [1, 2], [4, 5], [6]]
    table.make(move_cut(table.batch, 4, -1, table.said))
    assert table.documents == [[3], [1], [2, 4, 5], [6]]
    table.make(remove_cut(table.batch, 2))
    table.make(remove_cut(table.batch, 1))
    assert table.documents == [[3, 1, 2, 4, 5], [6]]
    table.make(move_cut(table.batch, 6, -1, table.said))
    assert table.documents == [[3, 1, 2, 4], [5, 6]]
    table.make(as_scanned(table.batch.documents[0], table.said))
    assert table.documents == [[1, 2, 3, 4], [5, 6]]
    assert as_scanned(table.batch.documents[0], table.said) == ()


def test_the_order_of_scans_comes_back_with_pages_from_elsewhere_in_it():
    table = Table()
    table.move(1, 2)
    table.step(1, -1)
    assert table.documents == [[2, 3], [4, 1, 5], [6]]
    table.make(as_scanned(table.batch.documents[1], table.said))
    assert table.documents == [[2, 3], [1, 4, 5], [6]]


def test_places_of_pages_that_are_gone_say_nothing():
    said = {"platz:2": Said("3.5"), "platz:99": Said("1.5"), "platz:5": Said("vorn")}
    assert Table(said=said).documents == [[1, 3, 2], [4, 5], [6]]


def test_two_people_at_the_same_gap_get_one_order_that_can_be_changed():
    one, other = Table(), Table()
    first, second = one.move(1, 2), other.move(3, 2)
    both = Table()
    both.make(first)
    both.make(second)
    assert both.documents[1] == [4, 5, 1, 3]
    both.step(3, -1)
    assert both.documents[1] == [4, 5, 3, 1]


def test_blank_and_repeated_pages_are_pages_like_others():
    pages = [sheet(1, "foto"), sheet(2, ""), sheet(3, "foto", duplicate_of=1)]
    table = Table(stream(*pages))
    table.step(2, -1)
    table.step(3, -1)
    assert table.documents == [[2, 3, 1]]
    assert table.batch.pages[0].page_class == "leer"


def test_the_order_is_written_and_read_again():
    table = Table()
    assert b'"pages": [' not in encode_batch(table.batch).split(b'"documents"')[1]
    table.step(2, 1)
    table.move(6, 2)
    again = decode_batch(encode_batch(table.batch))
    assert again == table.batch
    assert [list(one.pages) for one in again.documents] == [[1, 3, 2], [4, 5, 6]]


def test_a_decided_class_stays_with_the_document_that_its_page_leaves():
    table = Table()
    table.make(name_class(table.batch.documents[1], "statik", table.said))
    table.move(4, 1)
    first, second, _ = table.batch.documents
    assert (first.document_class, second.document_class) == ("bauantrag", "statik")
    assert second.confidence == 1.0
    assert first.confidence < 1.0, "nobody chose the class of the other"


def test_a_correction_stays_where_its_value_stands():
    table = Table()
    table.said[field_key(1, "vorhaben")] = Said(
        "korrigiert", field_reason("Neubau einer Garage", "Neubau zweier Garagen")
    )
    table.move(1, 3)
    assert table.documents == [[2, 3], [4, 5], [6, 1]]
    values = {one.name: one.value for one in table.batch.documents[0].fields}
    assert values["vorhaben"] == "Neubau zweier Garagen"
    table.move(2, 2)
    values = {one.name: one.value for one in table.batch.documents[1].fields}
    assert values["vorhaben"] == "Neubau zweier Garagen", "the value goes along with its page"


def test_a_correction_of_a_correction_survives_each_order():
    table = Table()
    table.step(1, 1)
    (key,) = (one.key for one in fields(table) if one.found.name == "bauherr")
    table.said[key] = Said(
        "korrigiert", field_reason("Karl Eich", "Karl Eichen", found="Karl Eiche")
    )
    for page, step in ((1, -1), (1, 1), (2, 1), (2, 1)):
        table.step(page, step)
        values = {one.name: one.value for one in table.batch.documents[0].fields}
        assert values["bauherr"] == "Karl Eichen", table.documents
        (one,) = (one for one in fields(table) if one.found.name == "bauherr")
        assert (one.key, one.value) == (key, "Karl Eichen")


def fields(table):
    """The fields of the review."""
    found = make_batch(table.stream, edits_of(
        {key: one for key, one in table.said.items() if not key.startswith("feld:")}
    ))  # fmt: skip
    return make_review(found, table.said, 0.5).fields


def test_a_correction_is_not_put_over_what_another_document_says():
    said = {field_key(4, "gebuehr_betrag"): Said("korrigiert", field_reason("18.50", "17.50"))}
    pages = THREE.pages
    candidates = (value(6, "gebuehr_betrag", "99.00"),)
    table = Table(stream(*pages, candidates=candidates), said)
    table.move(4, 3)
    values = {one.name: one.value for one in table.batch.documents[2].fields}
    assert table.documents[2] == [6, 4]
    assert values["gebuehr_betrag"] == "99.00"


def test_places_between_are_short_and_never_on_one_of_both():
    low, high = Decimal(4), Decimal(5)
    for _ in range(900):
        found = between(low, high)
        assert low < found < high
        low = found
    assert len(str(low)) <= 6
    assert between(Decimal(4), Decimal(4)) is None
    assert [one.page for one in in_order(THREE.pages, {3: Decimal("1.001")})][:3] == [1, 3, 2]


ACTIONS = st.tuples(
    st.sampled_from(["step", "move", "scans", "cut", "join"]),
    st.integers(1, 6),
    st.integers(1, 3),
    st.sampled_from([-1, 1]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS, max_size=12))
def test_whatever_is_done_each_page_is_in_one_document(actions):
    table = Table()
    for kind, page, document, step in actions:
        before = [set(one) for one in table.documents]
        if kind == "step":
            table.step(page, step)
            assert [set(one) for one in table.documents] == before
        elif kind == "move" and document <= len(before):
            table.move(page, document)
            assert page in table.documents[min(document, len(table.documents)) - 1] or any(
                page in one and before[document - 1] <= set(one) for one in table.documents
            )
        elif kind == "scans":
            one = next(one for one in table.batch.documents if page in one.pages)
            table.make(as_scanned(one, table.said))
            assert [set(one) for one in table.documents] == before
            assert sorted(one.pages) in table.documents
        elif kind == "cut":
            table.make(add_cut(table.batch, page, table.said))
            assert page in {one[0] for one in table.documents}
        elif kind == "join":
            table.make(remove_cut(table.batch, page))
        batch = table.batch
        assert sorted(page.page for page in batch.pages) == [1, 2, 3, 4, 5, 6]
        assert [page.page for page in batch.pages] == [
            page for one in table.documents for page in one
        ]
        assert decode_batch(encode_batch(batch)) == batch


def test_a_correction_survives_a_split_between_its_page_and_its_value():
    table = Table()
    old, new = "Neubau einer Garage", "Neubau zweier Garagen"
    table.said[field_key(1, "vorhaben")] = Said("korrigiert", field_reason(old, new))
    table.make(add_cut(table.batch, 2, table.said))
    assert table.documents[:2] == [[1], [2, 3]]
    values = {one.name: one.value for one in table.batch.documents[1].fields}
    assert values["vorhaben"] == new
    table.make(move_cut(table.batch, 2, 1, table.said))
    assert table.documents[:2] == [[1, 2], [3]]
    values = {one.name: one.value for one in table.batch.documents[0].fields}
    assert values["vorhaben"] == new
