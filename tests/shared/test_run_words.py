"""A run in words, in both languages, without a page."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.contracts.jobs import RunState
from shared.contracts.provenance import LOCAL_ZONE
from shared.errors import ClusterUnreachable, FileTooLarge, ModelServerBusy, ModelServerDown
from shared.i18n import get_translator
from shared.jobs.forecast import Interval
from shared.store.run_views import RunView, UnitView
from shared.ui import run_words as words

DE, EN = get_translator("de"), get_translator("en")
NOW = datetime(2026, 5, 4, 12, 5, tzinfo=UTC)
PAGES = ("Seite", "Seiten")
RUN = RunView(
    id="0198a000-0000-7000-8000-000000000000",
    app="probe",
    job="lesen",
    title="Akte.pdf",
    started_by="local",
    state="running",
    inputs=(),
    parameters={},
    is_example=True,
    units_total=140,
    units_done=40,
    units_failed=0,
    seconds_per_unit=None,
    message_code=None,
    message_details={},
    summary=None,
    provenance=None,
    created_at=NOW,
    started_at=NOW,
    finished_at=None,
    cancel_requested=False,
    expires_at=None,
)
UNIT = UnitView(2, "3", "failed", None, None, None, None, {}, None)


@pytest.mark.parametrize(
    ("state", "failed", "runner_away", "word"),
    [
        ("queued", 0, False, "wartet"),
        ("queued", 0, True, "wartet"),
        ("running", 0, False, "läuft"),
        ("running", 3, False, "läuft"),
        ("running", 0, True, "unterbrochen (läuft von selbst weiter)"),
        ("waiting", 0, False, "unterbrochen (läuft von selbst weiter)"),
        ("done", 0, False, "fertig"),
        ("done", 0, True, "fertig"),
        ("done", 3, False, "fertig mit Fehlern"),
        ("cancelled", 0, False, "abgebrochen"),
        ("failed", 140, False, "gescheitert"),
    ],
)
def test_every_state_has_its_word(
    state: RunState, failed: int, runner_away: bool, word: str
) -> None:
    run = replace(RUN, state=state, units_failed=failed)
    assert words.state_word(run, runner_away=runner_away).text == word
    assert EN(word) != word, "the English catalogue has this word"


def test_a_stop_is_told_until_it_happened() -> None:
    assert words.state_word(replace(RUN, cancel_requested=True)) == words.STOPS
    stopped = replace(RUN, cancel_requested=True, state="cancelled")
    assert words.state_word(stopped) == words.CANCELLED


def test_counts_say_what_is_done_and_what_failed() -> None:
    assert words.counts(RUN, PAGES, DE) == "Seiten: 40 von 140 fertig"
    broken = replace(RUN, units_total=14_000, units_done=1_370, units_failed=3)
    assert words.counts(broken, PAGES, DE) == "Seiten: 1.370 von 14.000 fertig, 3 gescheitert"
    assert words.counts(replace(RUN, units_total=None), PAGES, DE) == (
        "Der Auftrag wird vorbereitet."
    )
    assert words.counts(replace(RUN, units_total=None, state="failed"), PAGES, DE) == ""


def test_share_never_leaves_its_bar() -> None:
    assert words.share_done(replace(RUN, units_total=None)) == 0
    assert words.share_done(replace(RUN, units_total=0)) == 0
    assert words.share_done(replace(RUN, units_done=100, units_failed=41)) == 1
    assert words.share_done(replace(RUN, units_done=30, units_failed=5)) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("low_s", "high_s", "sentence"),
    [
        (1, 9, "Nur noch wenige Sekunden."),
        (3, 14, "Noch höchstens 15\u202fs (gemessen an 40 fertigen Teilen)."),
        (41, 63, "Noch etwa 40\u202fs bis 65\u202fs (gemessen an 40 fertigen Teilen)."),
        (170, 250, "Noch etwa 3\u202fMin. bis 4\u202fMin. (gemessen an 40 fertigen Teilen)."),
        (181, 184, "Noch etwa 3\u202fMin. (gemessen an 40 fertigen Teilen)."),
    ],
)
def test_forecast_is_a_measured_span(low_s: float, high_s: float, sentence: str) -> None:
    assert words.time_left(Interval(low_s, high_s), 40, DE) == sentence


def test_without_a_forecast_nothing_is_said() -> None:
    assert words.time_left(None, 4, DE) == ""
    assert words.time_left(Interval(0, 0), 140, DE) == ""


def test_place_in_the_queue() -> None:
    assert words.place_in_queue(0, DE) == "Ihr Auftrag ist als Nächster an der Reihe."
    assert words.place_in_queue(1, DE) == "Vor Ihrem Auftrag ist noch 1 anderer."
    assert words.place_in_queue(3, DE) == "Vor Ihrem Auftrag sind noch 3 andere."


def test_a_waiting_run_says_why() -> None:
    busy = replace(RUN, state="waiting", message_code=ModelServerBusy.code)
    assert words.why_it_waits(busy, DE) == (
        "Modellserver ausgelastet, Ihr Auftrag bleibt in der Warteschlange."
    )
    down = words.why_it_waits(replace(busy, message_code=ModelServerDown.code), DE)
    assert down.startswith("Der Modellserver antwortet nicht.")
    assert down.endswith("Ihr Auftrag geht von selbst weiter.")
    cluster = words.why_it_waits(replace(busy, message_code=ClusterUnreachable.code), EN)
    assert cluster
    assert "Rechenverbund" not in cluster
    assert words.why_it_waits(RUN, DE) == ""


def test_reasons_are_said_in_the_language_of_the_page() -> None:
    unit = replace(
        UNIT,
        error_code=FileTooLarge.code,
        error_message="Die Datei ist größer als 20 MB.",
        error_details={"limit_mb": 20},
    )
    assert words.unit_reason(unit, DE).startswith("Die Datei ist größer als 20 MB.")
    assert words.unit_reason(unit, EN).startswith("The file is larger than 20 MB.")


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("kennt_niemand", {}),
        (FileTooLarge.code, {}),
        (FileTooLarge.code, {"other": 1}),
        (FileTooLarge.code, {"text": "x", "self": 1}),
        (None, {}),
    ],
)
def test_reasons_of_another_version_keep_their_stored_words(
    code: str | None, details: dict[str, object]
) -> None:
    unit = replace(UNIT, error_code=code, error_details=details, error_message="Alte Worte.")
    assert words.unit_reason(unit, DE) == "Alte Worte."
    assert words.unit_reason(replace(unit, error_message=None), DE) == (
        "Es ist ein unerwarteter Fehler aufgetreten."
    )


def test_moments_carry_date_and_time() -> None:
    assert words.moment(NOW, DE) == f"4. Mai 2026, {DE.time(NOW.astimezone(LOCAL_ZONE))}"
