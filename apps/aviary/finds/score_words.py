"""What the score of a find is called: certainty of a model, or similarity to examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from apps.aviary.recipes import Recipe
from shared.i18n import N_


@dataclass(frozen=True, slots=True)
class ScoreWords:
    """Texts about scores, to be translated.

    Args:
        column: Name of the column in layers of the data space.
        title: Title of the score.
        least: Title of the least score that is shown.
        mean: Sentence about the mean of all finds, with a place for it.
        nothing: What a person can do where no find reaches the least score.
    """

    column: str
    title: str
    least: str
    mean: str
    nothing: str


_CERTAINTY: Final = ScoreWords(
    "sicherheit",
    N_("Sicherheit"),
    N_("Kleinste Sicherheit in Prozent"),
    N_(
        "Die mittlere Sicherheit der Funde ist {mean}; das ist die Einschätzung des Modells, "
        "keine gemessene Trefferquote."
    ),
    N_(
        "Mit diesen Einstellungen gibt es keinen Fund. Das heißt nicht, dass es nichts gibt. "
        "Senken Sie die kleinste Sicherheit oder die kleinste Fläche."
    ),
)
_SIMILARITY: Final = ScoreWords(
    "aehnlichkeit",
    N_("Ähnlichkeit"),
    N_("Kleinste Ähnlichkeit in Prozent"),
    N_(
        "Die mittlere Ähnlichkeit der Funde ist {mean}; sie gibt eine Reihenfolge an, keine "
        "Wahrscheinlichkeit."
    ),
    N_(
        "Mit diesen Einstellungen gibt es keinen Fund. Das heißt nicht, dass es nichts gibt. "
        "Senken Sie die kleinste Ähnlichkeit oder die kleinste Fläche."
    ),
)


def score_words(recipe: Recipe) -> ScoreWords:
    """Return what the scores of a recipe are called.

    Args:
        recipe: What is looked for.
    """
    return _SIMILARITY if recipe.kind == "similar" else _CERTAINTY
