"""Find personal data on the pages of one file.

    hits = find_pii(pages, CaseFacts(owners=("Hans Müller",)))

General recognition of names is too noisy for building files; here every hit has a reason that a
person can follow: a form with check digits, a word before it, a name of the case, a given name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from apps.archivair.archive_files.page_content import ArchivePage
from apps.archivair.redaction.hits import CaseFacts, PiiHit, TextRow
from apps.archivair.redaction.lexicon import bare
from apps.archivair.redaction.names import below_signatures, name_hits, names_by_context
from apps.archivair.redaction.numbers import find_forms
from apps.archivair.redaction.places import find_addresses
from apps.archivair.redaction.signatures import find_signatures

NOTHING_KNOWN = CaseFacts()
_POSTCODE = re.compile(r"\d{5}|(?!1[5-9]|20)\d{4}")
"""Five digits, or the four of before 1993 where they are no year."""
_NUMBERED = re.compile(r"(flur|flst|parz)\w*|nr|no|blatt|az")
_DATED = re.compile(r"\w+, den \d")


def find_pii(pages: Sequence[ArchivePage], facts: CaseFacts = NOTHING_KNOWN) -> list[PiiHit]:
    """Return personal data of all pages, by page and place; a word may be in several hits.

    Args:
        pages: Upright pages of one file, in order.
        facts: What is known of the case.
    """
    rows = rows_of(pages)
    pairs = [
        one.with_next(other)
        for one, other in pairwise(rows)
        if one.page == other.page and one.line + 1 == other.line
    ]
    private, addresses = find_addresses(rows, pairs, facts)
    hits = [*private]
    for row in rows:
        hits += find_forms(row)
    for pair in pairs:
        hits += [hit for hit in find_forms(pair) if pair.is_broken(hit) or pair.is_at_break(hit)]
    signatures = [
        hit
        for number, page in enumerate(pages, 1)
        for hit in find_signatures(number, page.image, [row for row in rows if row.page == number])
    ]
    names = [*names_by_context(rows, addresses), *below_signatures(rows, signatures)]
    towns = _towns(rows)
    # A seal stands where people sign: only there a lone word may be the town's.
    people = [
        one for one in names if not (one.signs and len(one.parts) == 1 and one.parts[0] in towns)
    ]
    hits += [*name_hits(rows, people, facts), *signatures]
    return _sorted(_without_inner(hits))


def _towns(rows: Sequence[TextRow]) -> frozenset[str]:
    """Return words behind a postcode or before the date of a letter: a seal may bear them."""
    behind = {
        bare(row.words[number].text)
        for row in rows
        for number in range(1, len(row.words))
        if _is_postcode(row, number - 1)
    }
    return frozenset(behind | {bare(row.words[0].text) for row in rows if _DATED.match(row.text)})


def _is_postcode(row: TextRow, number: int) -> bool:
    """Say whether a word is a postcode, not the number of a parcel or a file."""
    if not _POSTCODE.fullmatch(row.words[number].text):
        return False
    return number == 0 or not _NUMBERED.fullmatch(bare(row.words[number - 1].text))


def rows_of(pages: Sequence[ArchivePage]) -> list[TextRow]:
    """Return the lines of pages as text that can be searched.

    Args:
        pages: Pages in order.
    """
    return [
        TextRow(number, line, words)
        for number, page in enumerate(pages, 1)
        for line, words in enumerate(page.lines)
        if words
    ]


def _without_inner(hits: Sequence[PiiHit]) -> list[PiiHit]:
    """Leave out hits whose words all lie in a longer hit of the same category."""
    kept: list[PiiHit] = []
    for hit in sorted(hits, key=lambda one: -len(one.words)):
        inside = any(
            one.page == hit.page
            and one.category == hit.category
            and set(hit.words) <= set(one.words)
            for one in kept
        )
        if not hit.words or not inside:
            kept.append(hit)
    return kept


def _sorted(hits: Sequence[PiiHit]) -> list[PiiHit]:
    return sorted(hits, key=lambda one: (one.page, one.boxes[0][1], one.boxes[0][0], one.category))
