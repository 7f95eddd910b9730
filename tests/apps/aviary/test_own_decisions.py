"""Who decided what, kept in memory alone and never without end."""

from apps.aviary.views import own_decisions
from apps.aviary.views.own_decisions import OwnDecisions


def test_each_person_has_her_own_list_of_each_run():
    known = OwnDecisions()
    known.note("run-1", "anna", "d1")
    known.note("run-1", "ben", "d2")
    known.note("run-2", "anna", "d3")
    known.note("run-1", "anna", "d4")
    assert known.of("run-1", "anna") == ("d1", "d4")
    assert known.of("run-1", "ben") == ("d2",)
    assert known.of("run-3", "anna") == ()


def test_old_lists_and_old_decisions_are_let_go(monkeypatch):
    monkeypatch.setattr(own_decisions, "MOST_LISTS", 2)
    monkeypatch.setattr(own_decisions, "MOST_HELD", 3)
    known = OwnDecisions()
    for number in range(5):
        known.note("run-1", "anna", f"d{number}")
    assert known.of("run-1", "anna") == ("d2", "d3", "d4")
    known.note("run-2", "anna", "e")
    known.note("run-1", "anna", "d5")
    known.note("run-3", "anna", "f")
    assert known.of("run-2", "anna") == ()
    assert known.of("run-1", "anna")[-1] == "d5"
