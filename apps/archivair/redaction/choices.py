"""What people decided about a proposal: left, added, told; kept in the log of decisions.

Items are `schwaerzung:<profile>:<key of the hit>` with the value "bleibt" or "weg",
`kasten:<page>:<left>-<top>-<right>-<bottom>` (of the delivered page, so that a later turn moves no
box) with "weg" or "bleibt", and
`fall:<kind>` with "genannt", whose reason holds the names as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from apps.archivair.archive_files.page_content import Box
from apps.archivair.batch.contents import Batch, Document
from apps.archivair.redaction.hits import CaseFacts, PiiHit
from apps.archivair.redaction.plan import Plan, PlannedDocument, PlannedPage
from apps.archivair.redaction.profiles import Profile, to_remove
from apps.archivair.redaction.proposal import PageTurn, Proposal, key_of, own_box
from apps.archivair.redaction.withholding import class_for

REMOVED, LEFT, TOLD = "weg", "bleibt", "genannt"
FACT_KINDS = ("owners", "neighbours", "officials", "others", "property_addresses")
LONGEST_FACTS = 400
_HIT, _BOX, _FACT = "schwaerzung", "kasten", "fall"
_BOX_KEY = re.compile(rf"{_BOX}:(\d+):(\d+)-(\d+)-(\d+)-(\d+)")


class Said(Protocol):
    """A decision, as far as it matters here."""

    @property
    def value(self) -> str:
        """What was decided."""

    @property
    def reason(self) -> str:
        """What was told with it."""


@dataclass(frozen=True, slots=True)
class ChosenHit:
    """A hit with what becomes of it.

    Args:
        hit: The hit.
        key: Its key in a proposal; that of a drawn box is its item.
        is_proposed: Whether the profile removes it.
        is_removed: Whether it is removed as things stand.
    """

    hit: PiiHit
    key: str
    is_proposed: bool
    is_removed: bool


def hit_item(profile: str, key: str) -> str:
    """Return the item of the decision about a hit.

    Args:
        profile: Name of the profile.
        key: Key of the hit.
    """
    return f"{_HIT}:{profile}:{key}"


def box_item(page: int, box: Box) -> str:
    """Return the item of a drawn box.

    Args:
        page: Number of the page in the batch.
        box: In pixels of the delivered page.
    """
    return f"{_BOX}:{page}:{'-'.join(map(str, box))}"


def fact_item(kind: str) -> str:
    """Return the item of told names.

    Args:
        kind: One of `FACT_KINDS`.
    """
    return f"{_FACT}:{kind}"


def told_names(text: str) -> tuple[str, ...]:
    """Return the names of a text field: one per line.

    Args:
        text: What a person typed.
    """
    return tuple(" ".join(one.split()) for one in text.splitlines() if one.strip())


def facts_of(said: Mapping[str, Said], page_classes: Sequence[tuple[int, str]] = ()) -> CaseFacts:
    """Return what people told of the case.

    Args:
        said: Valid decisions by item.
        page_classes: Class by number of the page.
    """
    told: dict[str, tuple[str, ...]] = {}
    for kind in FACT_KINDS:
        one = said.get(fact_item(kind))
        if one is not None and one.value == TOLD:
            told[kind] = tuple(json.loads(one.reason))
    return CaseFacts(**told, page_classes=tuple(page_classes))


def drawn_boxes(said: Mapping[str, Said], turns: Mapping[int, PageTurn]) -> dict[str, PiiHit]:
    """Return the boxes that people drew and nobody took back, by item, from page to page.

    Args:
        said: Valid decisions by item.
        turns: How the pages stand now; boxes of other pages are left out.
    """
    found = {}
    for item, one in said.items():
        match = _BOX_KEY.fullmatch(item)
        if match is None or one.value != REMOVED:
            continue
        page, left, top, right, bottom = (int(group) for group in match.groups())
        if page in turns:
            found[item] = own_box(page, turns[page].to_upright((left, top, right, bottom)))
    places = {item: (hit.page, hit.boxes[0][1], hit.boxes[0][0]) for item, hit in found.items()}
    return {item: found[item] for item in sorted(found, key=lambda item: places[item])}


def choose(profile: Profile, proposal: Proposal, said: Mapping[str, Said]) -> list[ChosenHit]:
    """Return every hit with what becomes of it, drawn boxes last.

    Args:
        profile: Who gets the file.
        proposal: What the software found.
        said: Valid decisions by item.
    """
    proposed = set(map(id, to_remove(profile, proposal.hits)))
    chosen = []
    for hit in proposal.hits:
        key = key_of(hit)
        decided = said.get(hit_item(profile.name, key))
        is_proposed = id(hit) in proposed
        is_removed = is_proposed if decided is None else decided.value == REMOVED
        chosen.append(ChosenHit(hit, key, is_proposed, is_removed))
    chosen += [
        ChosenHit(hit, item, False, True) for item, hit in drawn_boxes(said, proposal.turns).items()
    ]
    return chosen


def make_plan(
    profile: Profile, batch: Batch, documents: Sequence[Document], chosen: Sequence[ChosenHit],
    allowed: Sequence[str], moment: datetime, role: str,
) -> Plan:  # fmt: skip
    """Return what a person released.

    Args:
        profile: Who gets the files.
        batch: The batch.
        documents: Documents that are handed out.
        chosen: All hits with what becomes of them.
        allowed: Texts that stay, such as the property's address.
        moment: Moment of the release, with zone.
        role: Role of the person, never a name.
    """
    pages = {page.page: page for page in batch.pages}
    planned = []
    for document in documents:
        own = [one for one in chosen if one.hit.page in document.pages]
        planned.append(
            PlannedDocument(
                document.document, document.name,
                tuple(
                    PlannedPage(
                        number, pages[number].rotation_deg,
                        class_for(profile, pages[number], document),
                    )
                    for number in document.pages
                    if number in pages
                ),
                tuple(one.hit for one in own if one.is_removed),
                tuple(one.hit for one in own if not one.is_removed),
            )
        )  # fmt: skip
    return Plan(
        "archivair-redaction-plan/1", profile.name, tuple(planned), tuple(allowed), moment, role,
        sum(one.is_proposed and not one.is_removed for one in chosen),
        sum(one.hit.category == "own" for one in chosen),
    )  # fmt: skip
