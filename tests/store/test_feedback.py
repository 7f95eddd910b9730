"""Hints without a person: kept, listed and exported for the administration alone."""

from datetime import timedelta

import pytest

from shared.errors import NotAllowed, NotFound, TextInvalid, TextTooLong
from shared.store import feedback
from shared.store.models import FeedbackRow
from shared.store.store import Store
from tests.store.filled import NOW, finished
from tests.store.servers import acting

ANNA, ADMIN = acting(), acting(role="admin", subject="chefin")


def test_a_hint_is_kept_and_listed_newest_first(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    first = feedback.flag(ANNA, store, "aviary", 0, " Carport als Dach ", now=NOW, run_id=run.id)
    second = feedback.flag(
        acting(role="viewer"), store, "archivair", 4, "", now=NOW + timedelta(seconds=1)
    )
    assert first.text == "Carport als Dach"
    assert feedback.list_feedback(ADMIN, store) == [second, first]
    assert feedback.list_feedback(ADMIN, store, app="aviary") == [first]
    assert feedback.list_feedback(ADMIN, store, limit=1) == [second]


def test_no_person_is_noted() -> None:
    names = set(FeedbackRow.__table__.columns.keys())
    assert names == {"id", "tenant", "app", "run_id", "rating", "text", "created_at"}


def test_the_export_opens_in_german_excel_and_runs_no_formula(store: Store) -> None:
    feedback.flag(ANNA, store, "aviary", 1, "=HYPERLINK(1);ä", now=NOW)
    content = feedback.export_feedback(ADMIN, store, str.upper)
    lines = content.decode("utf-8").splitlines()
    assert lines[0] == "\ufeffZEITPUNKT;ANWENDUNG;BEWERTUNG;HINWEIS;ERGEBNIS"
    assert lines[1].startswith(f"{NOW:%Y-%m-%d %H:%M:%S}")
    assert """;aviary;1;"'=HYPERLINK(1);ä";""" in lines[1]
    assert len(lines) == 2
    assert feedback.export_feedback(ADMIN, store, app="sovia").count(b"\r\n") == 1


def test_only_the_administration_reads(store: Store) -> None:
    for role in ("gast", "viewer", "sachbearbeitung", "service"):
        with pytest.raises(NotAllowed):
            feedback.list_feedback(acting(role=role), store)
        with pytest.raises(NotAllowed):
            feedback.export_feedback(acting(role=role), store)


def test_unusable_hints_are_refused(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    with pytest.raises(TextTooLong):
        feedback.flag(ANNA, store, "aviary", 1, "x" * 501, now=NOW)
    with pytest.raises(TextInvalid):
        feedback.flag(ANNA, store, "aviary", 1, "\0", now=NOW)
    with pytest.raises(ValueError, match="0 to 4"):
        feedback.flag(ANNA, store, "aviary", 5, "", now=NOW)
    with pytest.raises(NotFound):
        feedback.flag(ANNA, store, "archivair", 1, "", now=NOW, run_id=run.id)
    with pytest.raises(NotFound):
        feedback.flag(acting("herten"), store, "aviary", 1, "", now=NOW, run_id=run.id)
    assert feedback.list_feedback(ADMIN, store) == []
