"""How finds are drawn and named in a legend: class, whether doubtful, what was decided."""

from __future__ import annotations

from typing import NamedTuple

from apps.aviary.finds.joining import FoundObject
from apps.aviary.finds.review_words import DASHED, SIGN_WORDS
from apps.aviary.finds.words import class_title
from apps.aviary.recipes import Recipe
from shared.i18n import Translator


class FindKind(NamedTuple):
    """What finds that look alike in a picture have in common.

    Args:
        class_key: Kind of object.
        verdict: What was decided; empty for nothing yet.
        doubtful: True where nothing is decided and a person should look twice.
    """

    class_key: str
    verdict: str
    doubtful: bool

    @property
    def name(self) -> str:
        """A name for programs; no other kind has it."""
        return "|".join((self.class_key, self.verdict, "doubtful" if self.doubtful else ""))

    @property
    def dashed(self) -> bool:
        """True for a broken line."""
        return self.doubtful or self.verdict in DASHED

    def word(self, recipe: Recipe, t: Translator) -> str:
        """Return the translated entry of the legend.

        Args:
            recipe: What was looked for.
            t: Translator of the app.
        """
        title = class_title(recipe, self.class_key, t)
        if self.verdict:
            return t(SIGN_WORDS[self.verdict], kind=title)
        return t("{kind}, zweifelhaft", kind=title) if self.doubtful else title


def find_kind(one: FoundObject, verdict: str | None) -> FindKind:
    """Return how a find is drawn.

    Args:
        one: The find.
        verdict: What was decided; None for nothing yet.
    """
    known = verdict if verdict in SIGN_WORDS else ""
    return FindKind(one.class_key, known, one.doubtful and not known)
