"""Repairs by rule: characters an engine cannot write, German quotes, spaced-out words.

Every function is idempotent and never adds a word.
"""

from __future__ import annotations

import re
import unicodedata

from apps.archivair.recognise import Candidate

_LOOKALIKES = str.maketrans(
    {
        "ā": "ä",
        "ō": "ö",
        "ū": "ü",
        "Ā": "Ä",
        "Ō": "Ö",
        "Ū": "Ü",
        "ă": "ä",
        "ő": "ö",
        "ű": "ü",
        "Ő": "Ö",
        "Ű": "Ü",
        "β": "ß",
        "А": "A",
        "В": "B",
        "Е": "E",
        "К": "K",
        "М": "M",
        "Н": "H",
        "О": "O",
        "Р": "P",
        "С": "C",
        "Т": "T",
        "Х": "X",
        "а": "a",
        "е": "e",
        "о": "o",
        "р": "p",
        "с": "c",
        "х": "x",
        "у": "y",
        "。": ".",
        "、": ",",
        "丨": "|",
        "一": "-",
        "～": "~",
        "「": "„",
        "」": "“",
        "″": '"',
        "＂": '"',
        "…": "...",
    }
)
_FOREIGN = re.compile(r"[\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]")
_SPACED_WORD = re.compile(
    r"(?<!\S)[^\W\d_] (?:(?:[^\W\d_]|1) ){2,}(?:[^\W\d_]|1)(?=[.,;:!?)]?(?:\s|$)|-[^\W\d_])"
)
_LONE_ONE = re.compile(r"(?<=[^\W\d_])1(?=[^\W\d_]|$)")
_LEGAL_WORDS = r"\d+[a-z]?[ \n]?(?:Abs|Satz|Ziff|Nr|ff?\b|BauO|LBO|BGB|BauGB|BauNVO|VwGO)"
# A digit read for the sign stands alone; joined to the number it may be part of it.
_PARAGRAPH_SIGN = re.compile(
    rf"(?<![\w§])(?<!§ )(?:[Ss$](?=[ \n]?{_LEGAL_WORDS})|[589](?=[ \n]{_LEGAL_WORDS}))"
)
_SQUARE_METRES = re.compile(r"(?<=\d )m[2?®](?![\w²³])")
_LONE_B = re.compile(r"(?<=[a-zäöü])B(?=[a-zäöü]|$)")
_DOUBLED_LOW = re.compile(r"(?<!\S),,(?=\w)")
_LOW_COMMA = re.compile(r"(?<!\S)([,‚])(?=[^\W\d_])")
_LOW_QUOTE = re.compile(r"(?<!\S)‚(?=[^\W\d_])")
_CLOSING_DOUBLE = '"“”'
_CLOSING_SINGLE = "'‘’"
_LIMIT = 400


def to_german_alphabet(candidate: Candidate) -> Candidate:
    """Replace look-alikes of other alphabets and drop characters that no German page holds.

    Args:
        candidate: Reading of an engine.
    """
    pairs: list[tuple[str, float]] = []
    for char, score in zip(candidate.text, candidate.scores, strict=True):
        plain = char.translate(_LOOKALIKES)
        if _FOREIGN.match(plain):
            plain = unicodedata.normalize("NFKC", plain)
        pairs += [(one, score) for one in plain if not _FOREIGN.match(one)]
    text = "".join(char for char, _ in pairs)
    return Candidate(candidate.engine, text, tuple(score for _, score in pairs))


def repair_line(text: str) -> str:
    """Fold blanks, close up spaced-out words and raise the 2 of square metres after a number.

    Args:
        text: Text of one line.
    """
    folded = " ".join(unicodedata.normalize("NFC", text).split())
    closed = _SPACED_WORD.sub(_close_up, folded)
    return _SQUARE_METRES.sub("m²", closed)


def restore_paragraph_signs(text: str) -> str:
    """Restore the paragraph sign where a number and the words of a legal reference follow.

    Args:
        text: A block with line breaks: number and "Abs." may stand on different lines.

    Returns:
        A text of the same length.
    """
    return _PARAGRAPH_SIGN.sub("§", text)


def _close_up(found: re.Match[str]) -> str:
    """Join spaced-out letters; among them a capital B is an sz and a 1 is an l."""
    letters = found.group().replace(" ", "")
    return _LONE_ONE.sub("l", _LONE_B.sub("ß", letters))


def restore_quotes(text: str) -> str:
    """Restore German opening quotes that an engine read as commas and close what was opened.

    A comma at the start of a word becomes an opening quote only when its partner follows; a
    straight or English closing quote becomes a German one only after a German opening quote.

    Args:
        text: One line or a block with line breaks.
    """
    restored = _DOUBLED_LOW.sub("„", text)
    restored = _open_where_closed(restored)
    restored = _close_what_is_open(restored, "„", _CLOSING_DOUBLE, "“")
    restored = _close_what_is_open(restored, "‚", _CLOSING_SINGLE, "‘")
    return _drop_lonely(restored)


def _drop_lonely(text: str) -> str:
    """Drop low single quotes that nothing closes: specks of dust look like them."""
    return _LOW_QUOTE.sub(
        lambda found: "‚" if "‘" in text[found.end() : found.end() + _LIMIT] else "", text
    )


def _open_where_closed(text: str) -> str:
    """Turn a low comma at a word's start into the opening quote its partner asks for."""
    result = text
    for found in reversed(list(_LOW_COMMA.finditer(text))):
        rest = text[found.end() : found.end() + _LIMIT]
        closing = _partner(rest)
        if closing in ("“", "”", '"'):
            quote = "„"
        elif closing in ("‘", "’"):
            quote = "‚"
        else:
            continue
        result = result[: found.start(1)] + quote + result[found.end(1) :]
    return result


def _partner(rest: str) -> str:
    """Return the first closing quote that ends a word before any new opening, empty if none."""
    for place, char in enumerate(rest):
        if char in "„‚":
            return ""
        if char in '“”‘’"' and place and not rest[place - 1].isspace():
            follows = rest[place + 1 : place + 2]
            if not follows or not follows.isalnum():
                return char
    return ""


def _close_what_is_open(text: str, opening: str, closings: str, closing: str) -> str:
    """Give each opening quote the German closing one at the next quote that ends a word."""
    chars = list(text)
    is_open = False
    for place, char in enumerate(chars):
        if char == opening:
            is_open = True
        elif is_open and char in closings and place and not chars[place - 1].isspace():
            follows = chars[place + 1] if place + 1 < len(chars) else " "
            if follows.isalnum():
                continue
            chars[place] = closing
            is_open = False
    return "".join(chars)
