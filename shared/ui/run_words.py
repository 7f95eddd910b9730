"""A run in words: its state, its counts, how long it takes, why something failed. No Streamlit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.contracts.jobs import JsonObject
from shared.contracts.provenance import LOCAL_ZONE
from shared.errors import N_, ModelServerBusy, UrbanKiError, error_class
from shared.i18n import Translator
from shared.jobs.forecast import Interval
from shared.store.run_views import RunView, UnitView

SHORT_S = 10.0
STEP_S = 5.0
"""A forecast to the second would only seem exact."""
Colour = Literal["gray", "blue", "green", "orange", "red"]


@dataclass(frozen=True, slots=True)
class StateWord:
    """The state of a run for people.

    Args:
        text: German, the key of the catalogue.
        colour: Colour of its badge; says nothing that the word does not say.
    """

    text: str
    colour: Colour


WAITS = StateWord(N_("wartet"), "gray")
RUNS = StateWord(N_("läuft"), "blue")
STOPS = StateWord(N_("wird abgebrochen"), "orange")
INTERRUPTED = StateWord(N_("unterbrochen (läuft von selbst weiter)"), "orange")
DONE = StateWord(N_("fertig"), "green")
DONE_WITH_FAILURES = StateWord(N_("fertig mit Fehlern"), "orange")
CANCELLED = StateWord(N_("abgebrochen"), "gray")
FAILED = StateWord(N_("gescheitert"), "red")


def state_word(run: RunView, *, runner_away: bool = False) -> StateWord:
    """Return the one word for where a run stands.

    Args:
        run: The run.
        runner_away: True when no process works on the jobs.
    """
    if run.is_active and run.cancel_requested:
        return STOPS
    if run.state == "queued":
        return WAITS
    if run.state == "running":
        return INTERRUPTED if runner_away else RUNS
    if run.state == "waiting":
        return INTERRUPTED
    if run.state == "done":
        return DONE_WITH_FAILURES if run.units_failed else DONE
    return CANCELLED if run.state == "cancelled" else FAILED


def counts(run: RunView, unit_word: tuple[str, str], t: Translator) -> str:
    """Say how many units are done and how many failed.

    Args:
        run: The run.
        unit_word: German words for one and several units.
        t: Translator of the app.
    """
    total = run.units_total
    if total is None:
        return t("Der Auftrag wird vorbereitet.") if run.is_active else ""
    text = t(
        "{units}: {done} von {total} fertig",
        units=t(unit_word[1]),
        done=t.number(run.units_done),
        total=t.number(total),
    )
    if not run.units_failed:
        return text
    return text + t(", {failed} gescheitert", failed=t.number(run.units_failed))


def share_done(run: RunView) -> float:
    """Return the share of units that are over, from 0 to 1."""
    if not run.units_total:
        return 0.0
    return min(1.0, (run.units_done + run.units_failed) / run.units_total)


def time_left(interval: Interval | None, measured: int, t: Translator) -> str:
    """Say how long it will take and what that is taken from; empty while nobody can know.

    Args:
        interval: The forecast.
        measured: Units that are over.
        t: Translator.
    """
    if interval is None or interval.high_s <= 0:
        return ""
    if interval.high_s < SHORT_S:
        return t("Nur noch wenige Sekunden.")
    high = t.duration(math.ceil(interval.high_s / STEP_S) * STEP_S)
    if interval.low_s < SHORT_S:
        return t(
            "Noch höchstens {time} (gemessen an {count} fertigen Teilen).",
            time=high,
            count=t.number(measured),
        )
    low = t.duration(math.floor(interval.low_s / STEP_S) * STEP_S)
    return t(
        "Noch etwa {time} (gemessen an {count} fertigen Teilen).",
        time=high if low == high else t("{low} bis {high}", low=low, high=high),
        count=t.number(measured),
    )


def place_in_queue(ahead: int, t: Translator) -> str:
    """Say how many runs come first."""
    if not ahead:
        return t("Ihr Auftrag ist als Nächster an der Reihe.")
    return t.plural(
        "Vor Ihrem Auftrag ist noch {count} anderer.",
        "Vor Ihrem Auftrag sind noch {count} andere.",
        ahead,
    )


def why_it_waits(run: RunView, t: Translator) -> str:
    """Say what a run waits for; empty when it does not wait."""
    if run.state != "waiting":
        return ""
    if run.message_code == ModelServerBusy.code:
        return t("Modellserver ausgelastet, Ihr Auftrag bleibt in der Warteschlange.")
    goes_on = t("Ihr Auftrag geht von selbst weiter.")
    return f"{reason_text(run.message_code, run.message_details, '', t)} {goes_on}"


def unit_reason(unit: UnitView, t: Translator) -> str:
    """Say why a unit failed, in the language of the page where its error is known."""
    return reason_text(unit.error_code, unit.error_details, unit.error_message or "", t)


def reason_text(code: str | None, details: JsonObject, fallback: str, t: Translator) -> str:
    """Return message and advice of a stored error.

    Args:
        code: Stable code of `shared.errors`; of an app when its page is open.
        details: What fills the placeholders.
        fallback: The German words that were stored, for a code of another version.
        t: Translator of the app.
    """
    kind = error_class(code) if code else None
    if kind is None:
        return fallback or t(UrbanKiError.user_message)
    try:
        message, advice = t.error(kind(**details))
    except (KeyError, IndexError, TypeError, ValueError):  # stored by another version
        return fallback or t(UrbanKiError.user_message)
    return f"{message} {advice}"


def moment(value: datetime, t: Translator) -> str:
    """Write a moment with date and time of day as everywhere in the gallery."""
    local = value.astimezone(LOCAL_ZONE)
    return t("{date}, {time}", date=t.date(local), time=t.time(local))


def dates(run: RunView, t: Translator) -> str:
    """Say when a run was ordered, when it ended and when it will be deleted."""
    parts = [t("In Auftrag gegeben: {moment}.", moment=moment(run.created_at, t))]
    if run.finished_at is not None:
        parts.append(t("Beendet: {moment}.", moment=moment(run.finished_at, t)))
    if run.expires_at is not None:
        day = t.date(run.expires_at.astimezone(LOCAL_ZONE))
        parts.append(t("Wird gelöscht am {day}.", day=day))
    return " ".join(parts)
