"""Decisions: a log that only grows, one valid decision for each item, no lost click."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from shared.errors import (
    ChangedMeanwhile,
    NotAllowed,
    NotFound,
    TextInvalid,
    TextTooLong,
)
from shared.store import decisions
from shared.store.decisions import TAKEN_BACK
from shared.store.engine import read_scope
from shared.store.models import DecisionRow
from shared.store.store import Store
from tests.store.filled import NOW, finished
from tests.store.servers import acting

ANNA = acting()


@pytest.fixture
def run_id(store: Store) -> str:
    return finished(store, ANNA, "eins").id


def test_the_newest_decision_is_the_valid_one(store: Store, run_id: str) -> None:
    first = decisions.decide(ANNA, store, run_id, "dach 1", "bestaetigt", now=NOW)
    other = decisions.decide(ANNA, store, run_id, "dach 2", "unklar", "Schatten", now=NOW)
    second = decisions.decide(
        ANNA, store, run_id, "dach 1", "abgelehnt", "Wintergarten", now=NOW, seen=first.id
    )
    assert decisions.current(ANNA, store, run_id) == {"dach 1": second, "dach 2": other}
    assert (second.value, second.reason, second.role) == (
        "abgelehnt",
        "Wintergarten",
        "sachbearbeitung",
    )
    assert [one.value for one in decisions.history(ANNA, store, run_id, "dach 1")] == [
        "bestaetigt",
        "abgelehnt",
    ]


def test_taking_back_shows_the_one_before_and_adds_to_the_log(store: Store, run_id: str) -> None:
    first = decisions.decide(ANNA, store, run_id, "dach", "bestaetigt", now=NOW)
    second = decisions.decide(ANNA, store, run_id, "dach", "abgelehnt", now=NOW, seen=first.id)
    valid = decisions.undo(ANNA, store, run_id, "dach", now=NOW, seen=second.id)
    assert valid == first
    assert decisions.undo(ANNA, store, run_id, "dach", now=NOW, seen=first.id) is None
    assert decisions.current(ANNA, store, run_id) == {}
    log = decisions.history(ANNA, store, run_id)
    assert [(one.value, one.taken_back) for one in log] == [
        ("bestaetigt", True),
        ("abgelehnt", True),
        (TAKEN_BACK, False),
        (TAKEN_BACK, False),
    ]
    third = decisions.decide(ANNA, store, run_id, "dach", "unklar", now=NOW)
    assert decisions.current(ANNA, store, run_id) == {"dach": third}


def test_a_second_tab_is_told_and_nothing_is_written(store: Store, run_id: str) -> None:
    first = decisions.decide(ANNA, store, run_id, "dach", "bestaetigt", now=NOW)
    for seen in (None, "00000000-0000-7000-8000-000000000000"):
        with pytest.raises(ChangedMeanwhile):
            decisions.decide(ANNA, store, run_id, "dach", "abgelehnt", now=NOW, seen=seen)
    with pytest.raises(ChangedMeanwhile):
        decisions.undo(ANNA, store, run_id, "dach", now=NOW, seen="gestern")
    with pytest.raises(ChangedMeanwhile):
        decisions.undo(ANNA, store, run_id, "anderes", now=NOW, seen=first.id)
    assert decisions.history(ANNA, store, run_id) == [first]


def test_of_two_clicks_at_once_exactly_one_counts(store: Store, run_id: str) -> None:
    start, outcomes = threading.Barrier(6), []

    def click(value: str) -> None:
        start.wait()
        try:
            decisions.decide(ANNA, store, run_id, "dach", value, now=NOW)
            outcomes.append(value)
        except ChangedMeanwhile:
            outcomes.append(None)

    threads = [threading.Thread(target=click, args=(f"wert {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [value for value in outcomes if value is not None]
    assert len(outcomes) == 6
    assert [one.value for one in decisions.history(ANNA, store, run_id)] == won
    assert len(won) == 1


def test_a_clock_that_goes_back_changes_no_order(store: Store, run_id: str) -> None:
    seen = None
    for step in range(20):
        moment = NOW - timedelta(minutes=step)
        seen = decisions.decide(
            ANNA, store, run_id, "dach", f"wert {step}", now=moment, seen=seen
        ).id
    assert decisions.current(ANNA, store, run_id)["dach"].value == "wert 19"
    values = [one.value for one in decisions.history(ANNA, store, run_id)]
    assert values == [f"wert {step}" for step in range(20)]


@pytest.mark.parametrize(
    ("texts", "error"),
    [
        (("x" * 201, "ja", ""), TextTooLong),
        (("dach", "x" * 41, ""), TextTooLong),
        (("dach", "ja", "x" * 501), TextTooLong),
        (("", "ja", ""), TextTooLong),
        (("dach", " ", ""), TextTooLong),
        (("dach", "ja", "eins\0zwei"), TextInvalid),
        (("dach", "ja", "\ud83d"), TextInvalid),
    ],
)
def test_unusable_texts_are_refused(
    store: Store, run_id: str, texts: tuple[str, str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        decisions.decide(ANNA, store, run_id, *texts, now=NOW)
    with read_scope(store.engine) as session:
        assert session.scalar(select(func.count()).select_from(DecisionRow)) == 0


def test_umlauts_and_the_longest_texts_come_back_unchanged(store: Store, run_id: str) -> None:
    item, value, reason = "ä" * 200, "ß" * 40, "😀" * 500
    kept = decisions.decide(ANNA, store, run_id, item, value, reason, now=NOW)
    assert decisions.current(ANNA, store, run_id) == {item: kept}
    assert (kept.value, kept.reason) == (value, reason)


def test_who_only_looks_decides_nothing(store: Store, run_id: str) -> None:
    for role in ("gast", "viewer", "service"):
        with pytest.raises(NotAllowed):
            decisions.decide(acting(role=role), store, run_id, "dach", "ja", now=NOW)
        with pytest.raises(NotAllowed):
            decisions.undo(acting(role=role), store, run_id, "dach", now=NOW, seen="x")
    assert decisions.current(acting(role="viewer"), store, run_id) == {}


def test_nobody_can_decide_the_word_of_the_log(store: Store, run_id: str) -> None:
    with pytest.raises(ValueError, match="undo"):
        decisions.decide(ANNA, store, run_id, "dach", TAKEN_BACK, now=NOW)


def test_another_municipality_sees_and_decides_nothing(store: Store, run_id: str) -> None:
    kept = decisions.decide(ANNA, store, run_id, "dach", "ja", now=NOW)
    bert = acting("herten", "bert", "admin")
    for call in (
        lambda: decisions.decide(bert, store, run_id, "dach", "nein", now=NOW, seen=kept.id),
        lambda: decisions.undo(bert, store, run_id, "dach", now=NOW, seen=kept.id),
        lambda: decisions.current(bert, store, run_id),
        lambda: decisions.history(bert, store, run_id),
    ):
        with pytest.raises(NotFound):
            call()
    assert decisions.history(ANNA, store, run_id) == [kept]


def test_spaces_around_an_item_make_no_other_item(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    first = decisions.decide(ANNA, store, run.id, " dach 1 ", "bestaetigt", now=NOW)
    assert decisions.history(ANNA, store, run.id, " dach 1 ") == [first]
    assert decisions.undo(ANNA, store, run.id, " dach 1 ", now=NOW, seen=first.id) is None
    assert decisions.current(ANNA, store, run.id) == {}
