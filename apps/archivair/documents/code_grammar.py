"""Grammar of file numbers: every office writes them in its own way.

No pattern of one office is assumed. A number goes on as long as its words look like parts of one:
figures, Roman numerals, short capitals, abbreviations, strokes. Where all that stands behind a
label looks so, all of it is the number.
"""

from __future__ import annotations

import re
from itertools import islice

from apps.archivair.documents.values import Part, Surroundings, skip_lead

_WORD = re.compile(r"\S+")
_WITH_FIGURE = re.compile(r"(?!.*[a-zäöüß]{6})(?=\S*\d)[\w(/\[][\w./\-–:+()\[\]]*")
_WITHOUT_FIGURE = re.compile(
    r"[A-ZÄÖÜ]{1,6}[./\-–]?|[IVX]{1,5}[a-z]?[./)]?|[/\-–.]|[a-z]{1,2}[./)]?|"
    r"(?:[A-ZÄÖÜ][A-Za-zäöü]{0,4}[./\-–])+(?:Nr\.?)?|[A-ZÄÖÜ][a-zäöü]{1,3}|"
    r"\([A-ZÄÖÜ]?[A-Za-zäöü]{1,4}\)"
)
_REGISTER = re.compile(r"[A-ZÄÖÜ][a-zäöüß]{3,10}")
_NO_PARTS = frozenset((
    "in", "am", "an", "im", "zu", "um", "ab", "der", "die", "das", "vom", "von", "den", "dem",
    "und", "für", "auf", "aus", "bei", "ist", "m", "qm", "cm", "kg", "dm", "rm", "mk", "eur",
    "Uhr", "Herr", "Frau",
))  # fmt: skip
_COUNTED = re.compile(r"[A-ZÄÖÜ][a-zäöü]+ \d+")
_JOINING = re.compile(r"[/\-–]|Nr\.")
_JOINED = re.compile(r"(?:[/\-–.]|Nr\.?)$")
_DATE_LIKE = re.compile(r"\d{1,2}\.\d{1,2}\.(\d{2}|\d{4})$")
_SIGNS = re.compile(r"[\s:.,;=\-–_]*")
_MOST_WORDS, _SHORTEST = 6, 3
_ZERO = re.compile(r"(?<=[\d/\-])[Oo](?=\d)|(?<=\d)O(?=[\d/\-]|$)")
_ONE = re.compile(r"(?<=\d)[lI|](?=[\d/\-]|$)|(?<=[/\-.])[lI|](?=\d)|\|(?=\d)")


def code(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read the number of a file.

    Args:
        text: Text of a row.
        start: Where the label ends.
        around: What helps to read values.
    """
    first = _first(text, start)
    end = _end(text, first)
    raw = text[first:end].rstrip(" .,;:-–")
    end = first + len(raw)
    if not any(char.isdigit() for char in raw) or len(raw) < _SHORTEST or _DATE_LIKE.match(raw):
        return []
    if _COUNTED.fullmatch(raw):
        return []
    value = figures_restored(" ".join(raw.split()))
    return [Part("value", first, end, value, 0.9 if re.search(r"[/\-.]", value) else 0.6)]


def joined_code(text: str, start: int, around: Surroundings) -> list[Part]:
    """Read a number of a file that has a stroke; a mere number is of a form or a receipt.

    Args:
        text: Text of a row.
        start: Where the label ends.
        around: What helps to read values.
    """
    parts = code(text, skip_lead(text, start), around)
    return [part for part in parts if re.search(r"\d.*[/\-]|[/\-].*\d", part.value)]


def figures_restored(value: str) -> str:
    """Return a number with 0 and 1 where letters that look like them stand among figures.

    Args:
        value: As read.
    """
    return _ONE.sub("1", _ZERO.sub("0", value))


def _first(text: str, start: int) -> int:
    """Return where the number begins; behind a colon "Nr." is a part of it."""
    signs = _SIGNS.match(text, start)
    behind = signs.end() if signs else start
    return behind if ":" in text[start:behind] or not start else skip_lead(text, start)


def _end(text: str, first: int) -> int:
    """Return where a number of a file ends: words of letters and figures that are joined."""
    matches = list(islice(_WORD.finditer(text, first), _MOST_WORDS + 1))
    words = [match[0] for match in matches]
    if 1 < len(words) <= _MOST_WORDS and _is_whole(words):
        return matches[-1].end()
    end, figures = first, False
    for match in matches[:_MOST_WORDS]:
        word = match[0].rstrip(",;:")
        word = word if word.count("(") == word.count(")") else word.rstrip(")")
        if not _is_part(word):
            break
        if figures and not (_JOINING.match(word) or _JOINED.search(text[first:end])):
            break
        end = match.start() + len(word)
        figures = figures or any(char.isdigit() for char in word)
        if word != match[0]:
            break
    return end


def _is_whole(words: list[str]) -> bool:
    """Say whether all words belong to one number, the name of a register before it included."""
    *others, last = words
    words = [*others, last.rstrip(".,;:")]
    named = bool(_REGISTER.fullmatch(words[0])) and bool(re.search(r"\d.*[/\-]", " ".join(words)))
    return all(_is_part(word) for word in (words[1:] if named else words))


def _is_part(word: str) -> bool:
    if _DATE_LIKE.match(word) or word.strip(".,;:") in _NO_PARTS:
        return False
    return bool(_WITH_FIGURE.fullmatch(word) or _WITHOUT_FIGURE.fullmatch(word))
