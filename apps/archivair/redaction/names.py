"""Find names of people: by the words around them, by given names, and again wherever they recur."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.archivair.documents.folding import fold
from apps.archivair.redaction.hits import CaseFacts, PiiHit, Role, TextRow
from apps.archivair.redaction.lexicon import bare, load_lexicon
from apps.archivair.redaction.misread import (
    as_word,
    is_nearly,
    nearest,
    starts_nearly,
    with_misread,
)
from apps.archivair.redaction.places import FoundAddress

_NAME_WORD = re.compile(
    r"[A-ZÄÖÜ][a-zäöüßſéèçáàóíşğıćčšž]+(?:-[A-ZÄÖÜ][a-zäöüßſéè]+)*[.,;:]?|[A-ZÄÖÜ]{3,}[,;]?"
)
_INITIAL = re.compile(r"[A-ZÄÖÜ]\.")
_LONGEST_NAME = 4
_LINES_BELOW_CLOSING = 6
_HEAD_SHARE = 0.4
_END = (",", ";", ":", ".")
_OFFICE_ENDINGS = ("amt", "amtes", "amts", "behoerde")
_BELOW_CLOSING, _BELOW_INK = "Name unter einer Schlussformel", "Name unter einem Schriftzug"


@dataclass(frozen=True, slots=True)
class FoundName:
    """A name where the words around it say that it is one.

    Args:
        row: Its line.
        words: Its words.
        role: Whose it is; empty if unknown.
        reason: Why, a German phrase.
    """

    row: TextRow
    words: range
    role: Role
    reason: str

    @property
    def signs(self) -> bool:
        """Whether it was taken for a name only because it stands where people sign."""
        return self.reason in (_BELOW_CLOSING, _BELOW_INK)

    @property
    def parts(self) -> tuple[str, ...]:
        """Folded words without degrees."""
        lexicon = load_lexicon()
        found = (bare(self.row.words[one].text) for one in self.words)
        return tuple(one for one in found if one and one not in lexicon.academic)


def names_by_context(
    rows: Sequence[TextRow], addresses: Sequence[FoundAddress]
) -> Iterator[FoundName]:
    """Yield names that titles, labels, given names, addresses or closing formulae announce.

    Args:
        rows: Lines of all pages.
        addresses: Addresses that were found.
    """
    for row in rows:
        yield from _after_titles(row)
        yield from _after_labels(row)
        yield from _after_given_names(row)
    yield from _below_labels(rows)
    yield from _at_addresses(rows, addresses)
    yield from _below_closings(rows)


def name_hits(
    rows: Sequence[TextRow], found: Sequence[FoundName], facts: CaseFacts
) -> Iterator[PiiHit]:
    """Yield the names that were found and every other place where they or known names stand.

    Args:
        rows: Lines of all pages.
        found: Names by context.
        facts: What is known of the case.
    """
    from apps.archivair.redaction.known_names import KnownNames

    officials = {fold(one) for one in facts.officials}
    known = KnownNames.of(found, facts)
    for one in found:
        role = "official" if fold(" ".join(one.parts)) in officials else one.role
        yield one.row.hit("person_name", one.words, one.reason, role)
    for row in rows:
        yield from known.hits_in(row)
    for row, following in pairwise(rows):
        yield from known.broken_hits(row, following)
        yield from known.parted_hits(row, following)


def name_at(row: TextRow, start: int, most: int = _LONGEST_NAME) -> range:
    """Return the words of a name that begins at a word, empty if none does.

    Args:
        row: The line.
        start: Number of the first word.
        most: Most words with initials and particles.
    """
    lexicon = load_lexicon()
    end, real = start, 0
    while end < len(row.words) and end - start < most:
        text = as_word(row.words[end].text)
        word = bare(text)
        if word in lexicon.academic or word in lexicon.particles or _INITIAL.fullmatch(text):
            end += 1
            continue
        if not _NAME_WORD.fullmatch(text) or word in lexicon.not_names or word in lexicon.office:
            break
        if any(word.endswith(one) for one in lexicon.street_endings) and _is_number(row, end + 1):
            break
        end, real = end + 1, real + 1
        if text.endswith(_END) and not text.endswith("."):
            break
    while end > start and bare(row.words[end - 1].text) in lexicon.particles | lexicon.academic:
        end -= 1
    return range(start, end) if real else range(0)


def _is_number(row: TextRow, number: int) -> bool:
    return number < len(row.words) and row.words[number].text[:1].isdigit()


def _after_titles(row: TextRow) -> Iterator[FoundName]:
    lexicon = load_lexicon()
    for number, word in enumerate(row.words[:-1]):
        if (
            word.text[:1].isupper()
            and bare(word.text) in with_misread(lexicon.titles)
            and not word.text.endswith((",", ":"))
        ):
            label = bare(word.text).startswith(("bauherr", "eigentuemer"))
            words = name_at(row, number + 1, 3 if not label else _LONGEST_NAME)
            if words and (not label or len(words) > 1):
                yield FoundName(row, words, "", "Name nach einer Anrede")


def _after_labels(row: TextRow) -> Iterator[FoundName]:
    lexicon = load_lexicon()
    words = [bare(word.text) for word in row.words]
    for number in range(len(words) - 1):
        for length in (3, 2, 1):
            last = number + length - 1
            if last + 1 >= len(words):
                continue
            text = row.words[last].text
            told = " ".join(words[number : number + length])
            label = _label_of(told, text)
            if label is None:
                continue
            sure = label == told and (
                text.endswith(":") or (label == "gez" and text.endswith((".", ",")))
            )
            starts = number == 0 or row.words[number - 1].text.endswith((".", ";", ",", ":"))
            name = name_at(row, last + 1)
            if name and (sure or (starts and _looks_like_name(row, name))):
                yield FoundName(row, name, lexicon.labels[label], "Name nach einer Beschriftung")
            break


def _label_of(words: str, last: str) -> str | None:
    """Return the label that words are; one is taken for misread only where a colon follows."""
    labels = load_lexicon().labels
    if words in labels:
        return words
    return nearest(words, labels) if last.endswith(":") else None


def _looks_like_name(row: TextRow, words: range) -> bool:
    """Say whether words after a label without colon are a name: a given name, or two words."""
    lexicon = load_lexicon()
    first = bare(row.words[words[0]].text)
    ends = words[-1] + 1 == len(row.words) or row.words[words[-1]].text.endswith(",")
    return first in lexicon.first_names or (len(words) == 2 and ends)


def _after_given_names(row: TextRow) -> Iterator[FoundName]:
    lexicon = load_lexicon()
    skip_to = 0
    for number, word in enumerate(row.words):
        text = as_word(word.text)
        if number < skip_to or bare(text) not in lexicon.first_names or not text[:1].isupper():
            continue
        words = name_at(row, number)
        if len(words) >= 2:
            skip_to = words[-1] + 1
            yield FoundName(row, words, "", "Vorname mit Nachname")


def _below_labels(rows: Sequence[TextRow]) -> Iterator[FoundName]:
    """A label alone in its line, the name below it in the same column."""
    lexicon = load_lexicon()
    for row, following in pairwise(rows):
        label = " ".join(bare(word.text) for word in row.words)
        if (
            row.page != following.page
            or label not in lexicon.labels
            or not _is_below(row, following)
        ):
            continue
        words = name_at(following, 0)
        if words and _whole(following, words):
            yield FoundName(
                following, words, lexicon.labels[label], "Name unter einer Beschriftung"
            )


def _is_below(row: TextRow, following: TextRow) -> bool:
    gap = following.box[1] - row.box[3]
    return -row.height < gap < 3 * row.height and following.box[0] < row.box[2] + 2 * row.height


def _whole(row: TextRow, words: range) -> bool:
    """Say whether a name fills its line or ends at a comma."""
    return words[-1] + 1 == len(row.words) or row.words[words[-1]].text.endswith(",")


def _at_addresses(
    rows: Sequence[TextRow], addresses: Sequence[FoundAddress]
) -> Iterator[FoundName]:
    """Find "Orla Sauer, Amselweg 7" and the line above "Amselweg 7" in a letter's address."""
    place = {(row.page, row.line): number for number, row in enumerate(rows)}
    for address in addresses:
        row, first = address.row, address.words[0]
        if first >= 2:
            for start in range(max(0, first - 3), first):
                words = name_at(row, start)
                if (
                    len(words) >= 2
                    and words[-1] + 1 == first
                    and (
                        start == 0
                        or not row.words[start - 1].text[:1].isupper()
                        or row.words[start - 1].text.endswith(_END)
                    )
                ):
                    yield FoundName(row, words, "", "Name vor einer Anschrift")
                    break
        number = place[row.page, row.line]
        if first == 0 and number and rows[number - 1].page == row.page:
            above = rows[number - 1]
            words = name_at(above, 0)
            if 2 <= len(words) <= 3 and len(words) == len(above.words) and _is_below(above, row):
                yield FoundName(above, words, "", "Name über einer Anschrift")


def _below_closings(rows: Sequence[TextRow]) -> Iterator[FoundName]:
    for number, role in closings(rows):
        for below in rows[number + 1 : number + 1 + _LINES_BELOW_CLOSING]:
            if below.page != rows[number].page or closing_role(below) is not None:
                break  # a further formula has a signer of its own
            if _is_office(below):
                continue
            words = name_at(below, 0)
            whole = len(words) == len(below.words) or below.words[len(words)].text.startswith("(")
            if words and whole and len(below.words) <= _LONGEST_NAME:
                yield FoundName(below, words, role, _BELOW_CLOSING)
                break


def stands_alone(row: TextRow) -> bool:
    """Say whether a line is a name and nothing else.

    Args:
        row: The line.
    """
    words = name_at(row, 0)
    return 0 < len(words) == len(row.words) and closing_role(row) is None and not _is_office(row)


def below_signatures(rows: Sequence[TextRow], signatures: Sequence[PiiHit]) -> Iterator[FoundName]:
    """Yield names that stand alone right below a signature.

    Args:
        rows: Lines of all pages.
        signatures: Signatures that were found.
    """
    for row in rows:
        left, top, right, _ = row.box
        for one in signatures:
            x0, _, x1, bottom = one.boxes[0]
            near = (
                -row.height < top - bottom < 3 * row.height
                and x0 < right + row.height
                and x1 > left
            )
            if one.page == row.page and near and stands_alone(row):
                yield FoundName(row, range(len(row.words)), one.role, _BELOW_INK)
                break


def closings(rows: Sequence[TextRow]) -> Iterator[tuple[int, Role]]:
    """Yield the number of each closing line and whose signature follows.

    An office alone in its line closes a letter where it stands below the head of the page. A
    private formula that "Im Auftrag" or an office follows is an official's.

    Args:
        rows: Lines in order, of one page or several.
    """
    lexicon = load_lexicon()
    ends: dict[int, int] = {}
    for row in rows:
        ends[row.page] = max(ends.get(row.page, 0), row.box[3])
    for number, row in enumerate(rows):
        role = closing_role(row)
        if role is None:
            heading = fold(row.text).startswith(lexicon.offices) or _is_signing_office(row)
            if heading and row.box[1] > _HEAD_SHARE * ends[row.page] and len(row.words) <= 6:
                yield number, "official"
            continue
        for below in rows[number + 1 : number + 4]:
            near = below.page == row.page and below.box[1] - row.box[3] < 5 * row.height
            if near and (closing_role(below) == "official" or _is_authority(below)):
                role = "official"
        yield number, role


def closing_role(row: TextRow) -> Role | None:
    """Say whether a line is a closing formula: "official", "" for a private one, None if neither.

    Args:
        row: The line.
    """
    lexicon = load_lexicon()
    text = fold(row.text).strip(" ,.:!")
    if any(
        is_nearly(text, one.strip(" .")) or text.startswith(one + " ")
        for one in lexicon.official_closings
    ):
        return "official" if len(row.words) <= 4 else None
    if len(row.words) <= 5 and any(starts_nearly(text, one) for one in lexicon.private_closings):
        return ""
    return None


def _is_signing_office(row: TextRow) -> bool:
    """Say whether a line names an office or its head: "Der Leiter des Bauordnungsamtes"."""
    if len(row.words) < 2 or row.words[0].text not in ("Der", "Die", "Das"):
        return False
    second = bare(row.words[1].text)
    is_alone = len(row.words) <= 3 and second.endswith(_OFFICE_ENDINGS)
    is_head = is_alone or nearest(second, load_lexicon().heads) is not None
    return is_head and not row.words[-1].text.endswith(_END) and _is_authority(row)


def _is_office(row: TextRow) -> bool:
    """Say whether a line holds a word of which no name consists."""
    lexicon = load_lexicon()
    return _is_authority(row) or any(word in lexicon.office for word in _pieces(row))


def _is_authority(row: TextRow) -> bool:
    """Say whether a line names an office or who heads it, not what is built or who receives."""
    lexicon = load_lexicon()
    return row.words[0].text != "An" and any(
        word in lexicon.authorities
        or (word.endswith(_OFFICE_ENDINGS) and not word.endswith("gesamt"))
        for word in _pieces(row)
    )


def _pieces(row: TextRow) -> list[str]:
    return [bare(part) for word in row.words for part in word.text.split("-")]
