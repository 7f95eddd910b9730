"""From read pages to a file that may leave the house: find, remove, write, prove.

    released = release(pages, profile, facts, moment, reader)

Nothing is returned when the proof fails.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from apps.archivair.archive_files.drawn_text import draw_text_pages
from apps.archivair.archive_files.page_content import ArchivePage, Box
from apps.archivair.archive_files.pdfa import Attachment, FileFacts, write_pdfa
from apps.archivair.redaction.errors import NothingToHandOut, ResidueFound
from apps.archivair.redaction.hits import CaseFacts, PiiHit
from apps.archivair.redaction.pii import find_pii
from apps.archivair.redaction.profiles import Profile, page_class, to_remove, with_roles
from apps.archivair.redaction.redact import RedactedPage, redact_pages, watermarked
from apps.archivair.redaction.removed_strings import RemovedStrings
from apps.archivair.redaction.verify import CHECKS, PageReader, Removed, Residue, verify
from apps.archivair.redaction.word_file import words_alto

TITLE = "Bauakte (Auszug)"


@dataclass(frozen=True, slots=True)
class Released:
    """A file whose proof holds.

    Args:
        content: PDF/A-3b.
        report: What was removed and checked; it names no removed text.
        removed: Number of hits that were removed from pages that are handed out.
        withheld: Numbers of pages that are held back, from 1.
        strings: What was removed, for texts beside the file such as its name.
    """

    content: bytes
    report: dict[str, object]
    removed: int
    withheld: tuple[int, ...]
    strings: RemovedStrings


@dataclass(frozen=True, slots=True)
class Choice:
    """What is removed from the pages of a file.

    Args:
        classes: Class by number of the page, from 1; all pages.
        removed: Hits that are removed.
        kept: Hits that stay: the profile or a person left them.
        allowed: Further texts that stay, such as the property's address.
    """

    classes: dict[int, str]
    removed: tuple[PiiHit, ...]
    kept: tuple[PiiHit, ...] = ()
    allowed: tuple[str, ...] = ()


def release(
    pages: Sequence[ArchivePage], profile: Profile, facts: CaseFacts, moment: datetime,
    reader: PageReader,
) -> Released:  # fmt: skip
    """Redact pages by a profile as the software proposes it, and prove it.

    Args:
        pages: Upright pages of one file.
        profile: Who gets it.
        facts: What is known of the case.
        moment: Moment of writing with its zone.
        reader: Text recognition for the proof; it looks at pixels only.

    Raises:
        NothingToHandOut: Every page is held back.
        ResidueFound: Something that was removed is still there.
    """
    classes = {number: page_class(number, page, facts) for number, page in enumerate(pages, 1)}
    hits = with_roles(find_pii(pages, facts), classes)
    return release_choice(pages, profile, by_profile(profile, hits, classes, facts), moment, reader)


def by_profile(
    profile: Profile, hits: Sequence[PiiHit], classes: dict[int, str], facts: CaseFacts
) -> Choice:
    """Return what a profile removes of hits.

    Args:
        profile: Who gets the file.
        hits: All hits, roles given.
        classes: Class by number of the page.
        facts: What is known of the case.
    """
    removed = tuple(to_remove(profile, hits))
    taken = set(map(id, removed))
    kept = tuple(hit for hit in hits if id(hit) not in taken)
    return Choice(classes, removed, kept, facts.property_addresses)


def release_choice(
    pages: Sequence[ArchivePage], profile: Profile, choice: Choice, moment: datetime,
    reader: PageReader,
) -> Released:  # fmt: skip
    """Take a choice of hits out of pages and prove it.

    Args:
        pages: Upright pages of one file.
        profile: Who gets it.
        choice: What is removed.
        moment: Moment of writing with its zone.
        reader: Text recognition for the proof; it looks at pixels only.

    Raises:
        NothingToHandOut: Every page is held back.
        ResidueFound: Something that was removed is still there.
    """
    classes, removed = choice.classes, choice.removed
    withheld = tuple(number for number, one in classes.items() if one in profile.withheld)
    if len(withheld) == len(pages):
        raise NothingToHandOut()
    boxes: list[tuple[Box, ...]] = []
    dpi: list[float] = []
    words: list[Attachment] = []
    for number, one in enumerate(_shown(pages, choice, withheld), 1):
        boxes.append(one.boxes)
        dpi.append(one.page.dpi)
        words.append(_words(number, one.page))
    # Made a second time, so that no image of a page waits for those of the others.
    seen = (_marked(one.page, profile) for one in _shown(pages, choice, withheld))
    content = write_pdfa(seen, FileFacts(TITLE, moment), words)
    kept = _handed_out(choice.kept, withheld)
    strings = RemovedStrings.of(removed, kept, choice.allowed)
    gone = Removed(strings, tuple(boxes), tuple(dpi))
    residues = verify(content, gone, reader) if removed else []
    if residues:
        raise ResidueFound(count=len(residues), places=_places(residues))
    report = report_json(profile, classes, withheld, removed, boxes)
    return Released(content, report, len(_handed_out(removed, withheld)), withheld, strings)


def report_json(
    profile: Profile, classes: dict[int, str], withheld: Sequence[int],
    removed: Sequence[PiiHit], boxes: Sequence[Sequence[Box]],
) -> dict[str, object]:  # fmt: skip
    """Return what was removed and checked; it never names what was removed.

    Args:
        profile: Who gets the file.
        classes: Class by number of the page.
        withheld: Pages that are held back.
        removed: Hits that were removed; those of pages that are held back are not told.
        boxes: What was overwritten on each page, in the order of its hits.
    """
    left = {number: iter(one) for number, one in enumerate(boxes, 1)}
    told = _handed_out(removed, withheld)
    entries = []
    for hit in told:
        own = [list(next(left[hit.page])) for _ in hit.boxes]
        entries.append(
            {
                "page": hit.page,
                "category": hit.category,
                "reason": hit.reason,
                "role": hit.role,
                "boxes_px": own,
            }
        )
    return {
        "schema": "archivair-redaction/1",
        "profile": {
            "id": profile.name,
            "title": profile.title,
            "status": profile.status,
            "valid_from": profile.valid_from,
        },
        "pages": [{"page": number, "class": one} for number, one in classes.items()],
        "withheld": list(withheld),
        "removed": entries,
        "removed_per_category": dict(sorted(Counter(one.category for one in told).items())),
        "verification": {"checks": list(CHECKS) if removed else [], "residues": []},
        "decision": "Vorschlag der Software; ein Mensch gibt frei.",
    }


def _handed_out(hits: Sequence[PiiHit], withheld: Sequence[int]) -> list[PiiHit]:
    """Return the hits on pages that leave the house; a notice stands in place of the others."""
    return [hit for hit in hits if hit.page not in withheld]


def _shown(
    pages: Sequence[ArchivePage], choice: Choice, withheld: Sequence[int]
) -> Iterator[RedactedPage]:
    """Yield the pages as they are handed out, one after the other."""
    for number, page in enumerate(pages, 1):
        if number in withheld:
            yield RedactedPage(_notice(number, choice.classes[number]), ())
            continue
        own = [replace(hit, page=1) for hit in choice.removed if hit.page == number]
        yield from redact_pages([page], own)


def _marked(page: ArchivePage, profile: Profile) -> ArchivePage:
    return watermarked(page, profile.watermark) if profile.watermark else page


def _notice(number: int, name: str) -> ArchivePage:
    text = f"Diese Seite (Art: {name}) wird nach dem gewählten Profil nicht herausgegeben."
    return draw_text_pages(f"Seite {number}", [text])[0]


def _words(number: int, page: ArchivePage) -> Attachment:
    return Attachment(
        f"seite_{number:04d}.alto.xml", words_alto(page, number), "application/xml",
        f"Text der Seite {number} mit Ort jedes Wortes",
    )  # fmt: skip


def _places(residues: Sequence[Residue]) -> str:
    places = {(one.place, one.page or 0) for one in residues}
    return ", ".join(f"{place} (Seite {page})" if page else place for place, page in sorted(places))


def as_json(report: dict[str, object]) -> bytes:
    """Return a report as the bytes of its file.

    Args:
        report: What `report_json` returned, with or without more entries.
    """
    return (json.dumps(report, ensure_ascii=False, indent=1) + "\n").encode()
