"""German and English: catalogues, numbers, dates."""

from shared.errors import N_
from shared.i18n.formats import LANGUAGES, Language, ParsedNumber, parse_number
from shared.i18n.translator import Translator, get_translator, preferred_language

__all__ = [
    "LANGUAGES",
    "N_",
    "Language",
    "ParsedNumber",
    "Translator",
    "get_translator",
    "parse_number",
    "preferred_language",
]
