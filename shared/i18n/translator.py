"""The translator: German texts are the keys, English stands in gettext catalogues."""

from __future__ import annotations

import gettext
import io
import logging
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from shared.errors import CatalogueText, UrbanKiError
from shared.i18n import formats
from shared.i18n.formats import LANGUAGES, Language
from shared.settings import REPOSITORY

SHARED_LOCALE = Path(__file__).resolve().parent / "locale"
APPS_FOLDER = REPOSITORY / "apps"
logger = logging.getLogger(__name__)


class _NotTranslated(gettext.NullTranslations):
    """End of the chain of catalogues: gives the German text back and notes it."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self.language = language
        self.texts: set[str] = set()

    def gettext(self, message: str) -> str:
        self._note(message)
        return message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        self._note(msgid1)
        return msgid1 if n == 1 else msgid2

    def _note(self, text: str) -> None:
        if self.language != "de" and text not in self.texts:
            self.texts.add(text)
            logger.warning("no %s text for %r", self.language, text[:80])


class Translator:
    """Translates German texts and writes numbers and dates in one language.

    A text without translation is shown in German and listed in `missing`, never left blank.

    Args:
        language: "de" or "en".
        catalogues: Compiled catalogues, asked in this order; empty for German.
    """

    def __init__(
        self, language: Language, catalogues: Iterable[gettext.GNUTranslations] = ()
    ) -> None:
        self.language = language
        self._end = _NotTranslated(language)
        chain: list[gettext.NullTranslations] = [*catalogues, self._end]
        for catalogue, fallback in pairwise(chain):
            catalogue.add_fallback(fallback)
        self._first = chain[0]

    def __call__(self, text: str, **details: object) -> str:
        """Translate a text and fill its `{placeholders}`.

        Args:
            text: German text, the key of the catalogue.
            **details: Values of the placeholders; numbers with a fraction get the language's comma.
        """
        return self._fill(self._first.gettext(text), details) if text else ""

    def plural(self, singular: str, plural: str, count: int, **details: object) -> str:
        """Translate a text that depends on a count; `{count}` is filled with its digits."""
        text = self._first.ngettext(singular, plural, count)
        return self._fill(text, {"count": self.number(count), **details})

    def error(self, error: UrbanKiError) -> tuple[str, str]:
        """Return message and advice of an error in this language."""
        return (
            self(error.user_message, **error.details),
            self(error.what_to_do, **error.details),
        )

    def number(self, value: float | None, digits: int = 0, unit: str = "") -> str:
        """Write a number, see `shared.i18n.formats.format_number`."""
        return formats.format_number(value, digits, unit, self.language)

    def percent(self, share: float | None, digits: int = 1) -> str:
        """Write a share between 0 and 1 as per cent."""
        return formats.format_percent(share, digits, self.language)

    def date(self, value: date | datetime | None) -> str:
        """Write a date with the month as a word."""
        return formats.format_date(value, self.language)

    def iso_date(self, text: str) -> str:
        """Write a date given as `YYYY-MM-DD`; anything else stays as it is."""
        try:
            return self.date(date.fromisoformat(text))
        except ValueError:
            return text

    def time(self, value: datetime | None) -> str:
        """Write a time of day to the minute."""
        return formats.format_time(value, self.language)

    def duration(self, seconds: float) -> str:
        """Write a duration the way a person would say it."""
        return formats.format_duration(seconds, self.language)

    @property
    def missing(self) -> frozenset[str]:
        """German texts that were shown because the language has no translation."""
        return frozenset(self._end.texts)

    def _fill(self, text: str, details: dict[str, object]) -> str:
        if not details:
            return text
        return text.format(**{name: self._written(value) for name, value in details.items()})

    def _written(self, value: object) -> object:
        if isinstance(value, CatalogueText):
            return self._first.gettext(value)
        if not isinstance(value, float):
            return value
        digits = next((n for n in range(4) if abs(round(value, n) - value) < 5e-5), 4)
        return self.number(value, digits)


def read_catalogue(path: Path) -> Catalog:
    """Read a `.po` file.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is no valid catalogue.
    """
    try:
        with path.open("rb") as source:
            return read_po(source, locale=path.stem, abort_invalid=True)
    except PoFileError as cause:
        message = f"{path.name}: {cause}"
        raise ValueError(message) from cause


def load_catalogue(path: Path) -> gettext.GNUTranslations:
    """Compile a `.po` file in memory.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is no valid catalogue.
    """
    target = io.BytesIO()
    write_mo(target, read_catalogue(path))
    target.seek(0)
    return gettext.GNUTranslations(target)


@lru_cache(maxsize=64)
def get_translator(language: Language, slug: str = "") -> Translator:
    """Return the translator of a language, with an app's own catalogue first.

    Args:
        language: "de" or "en".
        slug: App folder; empty for the gallery's own pages.
    """
    if language == "de":
        return Translator("de")
    folders = [SHARED_LOCALE]
    if slug:
        folders.insert(0, APPS_FOLDER / slug / "locale")
    paths = [folder / f"{language}.po" for folder in folders]
    found = [_load_or_report(path) for path in paths if path.is_file()]
    return Translator(language, [catalogue for catalogue in found if catalogue is not None])


def _load_or_report(path: Path) -> gettext.GNUTranslations | None:
    """Load a catalogue; a damaged one leaves its page in German instead of taking it away."""
    try:
        return load_catalogue(path)
    except (OSError, ValueError):
        logger.exception("%s is no usable catalogue", path)
        return None


def preferred_language(accept_language: str) -> Language:
    """Choose the language from a browser's `Accept-Language`; German if it asks for neither.

    Args:
        accept_language: Header value, for example "en-GB,en;q=0.9,de;q=0.8".
    """
    best: tuple[float, Language] = (0.0, "de")
    for part in accept_language[:500].split(","):
        tag, _, quality = "".join(part.split()).lower().partition(";q=")
        language = next((name for name in LANGUAGES if tag.split("-")[0] == name), None)
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if language is not None and weight > best[0]:
            best = (weight, language)
    return best[1]
