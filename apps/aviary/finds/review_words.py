"""What people decided, in words and figures, the same on the page and in the report."""

from __future__ import annotations

from apps.aviary.finds.decided import Decided
from apps.aviary.finds.words import KeyFigure
from apps.aviary.review import ACCEPTED, REJECTED, UNCLEAR, Progress
from shared.i18n import N_, Translator

WORDS = {ACCEPTED: N_("angenommen"), REJECTED: N_("abgelehnt"), UNCLEAR: N_("unklar")}
SIGN_WORDS = {
    ACCEPTED: N_("{kind}, angenommen (Haken)"),
    REJECTED: N_("{kind}, abgelehnt (Kreuz, gestrichelt)"),
    UNCLEAR: N_("{kind}, unklar (Fragezeichen, gestrichelt)"),
}
DASHED = frozenset((REJECTED, UNCLEAR))
"""What is drawn with a broken line; a find that somebody accepted is no longer doubtful."""


def decision_word(verdict: str | None, t: Translator) -> str:
    """Return what was decided about a find as a word.

    Args:
        verdict: What was decided; None for nothing yet.
        t: Translator of the app.
    """
    return t(WORDS[verdict]) if verdict in WORDS else t("noch offen")


def review_sentence(decided: Decided, t: Translator) -> str:
    """Say how far the review is.

    Args:
        decided: The decisions.
        t: Translator of the app.
    """
    said = decided.said
    return t(
        "Gesichtet sind {checked} von {objects} Funden: {accepted} angenommen, {rejected} "
        "abgelehnt, {unclear} unklar. Noch offen sind {left}.",
        checked=t.number(said.checked),
        objects=t.number(said.objects),
        accepted=t.number(said.accepted),
        rejected=t.number(said.rejected),
        unclear=t.number(said.unclear),
        left=t.number(said.left),
    )


def review_figures(decided: Decided, t: Translator) -> list[KeyFigure]:
    """Return the shares of right finds, each with its 95 % interval; none without a decision.

    Args:
        decided: The decisions.
        t: Translator of the app.
    """
    shares = (
        (
            t("Treffer unter den gesichteten Funden"),
            decided.said,
            t("95-Prozent-Bereich nach Wilson; unklare zählen nicht mit"),
        ),
        (
            t("Treffer in der zufälligen Stichprobe"),
            decided.at_random,
            t("steht für alle Funde; 95-Prozent-Bereich nach Wilson"),
        ),
    )
    figures = (_share(label, said, note) for label, said, note in shares)
    return [one for one in figures if one is not None]


def _share(label: str, said: Progress, note: str) -> KeyFigure | None:
    if said.precision is None or said.interval is None:
        return None
    low, high = said.interval
    return KeyFigure(label, 100 * said.precision, "%", 100 * low, 100 * high, note)


def left_out_sentence(decided: Decided, t: Translator) -> str:
    """Say which finds are missing on purpose; empty where none is.

    Args:
        decided: The decisions.
        t: Translator of the app.
    """
    if not decided.leave_out_rejected:
        return ""
    return t.plural(
        "Abgelehnte Funde sind auf Wunsch weggelassen: {count} Fund fehlt in Bild, Tabelle und "
        "Geodaten. Kennzahlen und Flächen zählen ihn mit.",
        "Abgelehnte Funde sind auf Wunsch weggelassen: {count} Funde fehlen in Bild, Tabelle und "
        "Geodaten. Kennzahlen und Flächen zählen sie mit.",
        decided.said.rejected,
    )
