"""Proposals on readings and pictures, what people decide about them, and the plan for the job."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from apps.archivair.batch.contents import Batch, BatchInput, BatchPage, Document
from apps.archivair.errors import ReadingUnusable
from apps.archivair.kept_page import KeptPage
from apps.archivair.pages import PageIdentity
from apps.archivair.reading import PageReading, TextLine, Word
from apps.archivair.redaction.choices import (
    box_item,
    choose,
    drawn_boxes,
    fact_item,
    facts_of,
    hit_item,
    make_plan,
    told_names,
)
from apps.archivair.redaction.hits import CaseFacts
from apps.archivair.redaction.plan import decode_plan, encode_plan
from apps.archivair.redaction.profiles import load_profile
from apps.archivair.redaction.proposal import PageOfFile, covered, crop, key_of, propose
from apps.archivair.redaction.withholding import is_held, kinds_of
from apps.archivair.redaction.words import CATEGORY_WORDS, REASON_WORDS, removed_words
from apps.archivair.upright import as_jpeg, upright_picture
from apps.archivair.views.redaction import withheld_pages
from shared.contracts.finding import Finding
from shared.i18n import get_translator
from tests.apps.archivair.redaction.pages import draw_page, sign

LINES = ["Bauherr: Walter Schlehdorn", "Nachbar: Timo Hopfengart", "wohnhaft Amselweg 7"]
MOMENT = datetime(2026, 11, 28, 13, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    value: str
    reason: str = ""


def kept_of(page, *, turns=0, findings=(), engines=("ppocr",), scale=1):
    """Return a drawn page as it was read: turned as it lay in the scanner, picture upright."""
    image = np.rot90(page.image, turns)
    height, width = page.image.shape
    lines = []
    for line in page.lines:
        words = tuple(Word(word.text, lying(word.box, turns, width, height), 0.9) for word in line)
        lines.append(TextLine(words, ((0.0, 0.0),) * 4))
    reading = PageReading(
        (tuple(lines),) if lines else (), image.shape[1], image.shape[0], page.dpi,
        90 * turns % 360, 0.0, "antiqua", findings, engines, (),
    )  # fmt: skip
    picture = upright_picture(np.dstack([image] * 3), reading.rotation_deg)
    return KeptPage(
        PageIdentity("a", "a.pdf", "ab" * 32, 1, 1), reading, as_jpeg(picture[::scale, ::scale])
    )


def lying(box, turns, width, height):
    """Carry a box along with quarter turns counter-clockwise."""
    left, top, right, bottom = box
    for _ in range(turns):
        left, top, right, bottom = top, width - right, bottom, width - left
        width, height = height, width
    return left, top, right, bottom


def page_of(page, number=1, kinds=("schriftverkehr",), **more):
    kept = kept_of(page, **more)
    return PageOfFile(number, kept, kept.reading.rotation_deg, frozenset(kinds))


def test_hits_lie_on_the_words_whatever_the_size_of_the_picture():
    drawn = draw_page(LINES)
    for turns in (0, 1, 2, 3):
        for scale in (1, 2):
            found = propose([page_of(drawn, 4, turns=turns, scale=scale)], CaseFacts())
            (owner,) = [hit for hit in found.hits if hit.role == "owner"]
            first, last = drawn.lines[0][1].box, drawn.lines[0][2].box
            left, top, right, bottom = owner.boxes[0]
            assert owner.page == 4
            assert left <= first[0] and right >= last[2] and top <= first[1] and bottom >= last[3]
            assert left >= first[0] - 8 and right <= last[2] + 8


def test_a_signature_is_found_on_the_picture():
    signed = sign(draw_page(["Es ist fertig.", "Hochachtungsvoll", "", "", "Nagel"]),
                  (80, 130, 300, 190))  # fmt: skip
    found = propose([page_of(signed, scale=1)], CaseFacts())
    (box,) = [hit.boxes[0] for hit in found.hits if hit.category == "signature"]
    assert box[0] <= 84 and box[2] >= 294 and box[1] <= 140 and box[3] >= 180


def test_names_of_one_page_are_found_on_the_others_of_the_file():
    pages = [page_of(draw_page(LINES), 3), page_of(draw_page(["Schlehdorn war hier."]), 7)]
    found = propose(pages, CaseFacts())
    assert {hit.page for hit in found.hits if "Schlehdorn" in hit.text} == {3, 7}


def test_writing_that_was_not_read_is_told():
    drawn = draw_page(LINES)
    more = draw_page([*LINES, "Hans Gesichter"])
    notes = (Finding("hint", "handschrift", "Handschrift"),)
    unseen = replace(kept_of(drawn, engines=("textebene",)), picture=kept_of(more).picture)
    pages = [
        page_of(drawn, 1), page_of(drawn, 2, findings=notes),
        PageOfFile(3, unseen, 0, frozenset({"foto"})), page_of(drawn, 4, engines=("textebene",)),
    ]  # fmt: skip
    assert propose(pages, CaseFacts()).unread == {2, 3}


def test_people_leave_add_and_take_back():
    profile = load_profile("eigentuemer")
    proposal = propose([page_of(draw_page(LINES))], CaseFacts())
    before = {one.hit.text: one for one in choose(profile, proposal, {})}
    assert before["Timo Hopfengart"].is_removed and before["Timo Hopfengart"].is_proposed
    assert not before["Walter Schlehdorn"].is_removed
    said = {
        hit_item("eigentuemer", before["Timo Hopfengart"].key): Said("bleibt"),
        hit_item("eigentuemer", before["Walter Schlehdorn"].key): Said("weg"),
        hit_item("nachbar", before["Amselweg 7"].key): Said("bleibt"),
        box_item(1, (10, 20, 30, 40)): Said("weg"),
        box_item(1, (1, 2, 3, 4)): Said("bleibt"),
    }
    after = choose(profile, proposal, said)
    removed = {one.hit.text for one in after if one.is_removed}
    assert removed == {"Walter Schlehdorn", "Amselweg 7", ""}
    drawn = drawn_boxes(said, proposal.turns)
    assert [hit.boxes for hit in drawn.values()] == [((10, 20, 30, 40),)]
    assert drawn_boxes(said, {}) == {}


@pytest.mark.parametrize("drawn_at", [0, 90, 180, 270])
@pytest.mark.parametrize("turned_to", [0, 90, 180, 270])
def test_a_box_stays_on_its_ink_when_the_page_is_turned(drawn_at: int, turned_to: int):
    page = page_of(draw_page(LINES))
    before, after = (replace(page, rotation_deg=turn) for turn in (drawn_at, turned_to))
    box = (100, 40, 180, 90)
    said = {box_item(page.page, before.turn.to_delivered(box)): Said("weg")}
    (hit,) = drawn_boxes(said, {page.page: after.turn}).values()
    ink = np.zeros((page.kept.reading.height, page.kept.reading.width), dtype=np.uint8)
    turned = np.rot90(ink, -drawn_at // 90).copy()
    turned[box[1] : box[3], box[0] : box[2]] = 1
    wanted = np.rot90(turned, -(turned_to - drawn_at) // 90)
    left, top, right, bottom = hit.boxes[0]
    assert wanted[top:bottom, left:right].all()
    assert wanted.sum() == (right - left) * (bottom - top)


def test_keys_are_the_same_in_every_search_and_short_enough_for_the_log():
    pages = [page_of(draw_page(LINES))]
    one, other = (propose(pages, CaseFacts()).hits for _ in range(2))
    assert [key_of(hit) for hit in one] == [key_of(hit) for hit in other]
    assert len({key_of(hit) for hit in one}) == len(one)
    assert all(len(hit_item("eigentuemer", key_of(hit))) <= 200 for hit in one)


def test_told_names_are_searched():
    assert told_names(" Hans  Grau \n\n Ute Blau") == ("Hans Grau", "Ute Blau")
    said = {fact_item("others"): Said("genannt", json.dumps(["Hans Grauvogel"]))}
    facts = facts_of(said, [(1, "foto")])
    assert (facts.others, facts.page_classes) == (("Hans Grauvogel",), ((1, "foto"),))
    drawn = [page_of(draw_page(["Der Zaun Grauvogels steht."]))]
    assert [hit.text for hit in propose(drawn, facts).hits] == ["Grauvogels"]
    assert propose(drawn, CaseFacts()).hits == ()


def batch_of(*pages):
    return Batch(
        "archivair-batch/1", (BatchInput("a.pdf", "ab" * 32, len(pages)),),
        tuple(
            BatchPage(number, 1, "a", one, {}, (), 0, "antiqua", number == 1, 0.5, 1)
            for number, one in enumerate(pages, 1)
        ),
        (Document(1, 1, len(pages), "schriftverkehr", 0.9, ()),), (), (), (), 0.0,
    )  # fmt: skip


def test_the_plan_holds_what_was_released_and_no_name_of_the_person():
    profile = load_profile("nachbar")
    proposal = propose([page_of(draw_page(LINES))], CaseFacts())
    hits = {hit.text: key_of(hit) for hit in proposal.hits}
    said = {
        hit_item("nachbar", hits["Amselweg 7"]): Said("bleibt"),
        box_item(1, (10, 20, 30, 40)): Said("weg"),
    }
    batch = batch_of("schriftverkehr", "foto")
    plan = make_plan(
        profile, batch, batch.documents, choose(profile, proposal, said), ("Weg 3",), MOMENT,
        "sachbearbeitung",
    )  # fmt: skip
    (document,) = plan.documents
    assert [page.page_class for page in document.pages] == ["schriftverkehr", "foto"]
    assert {hit.text for hit in document.kept} == {"Amselweg 7"}
    assert {hit.text for hit in document.removed} == {"Walter Schlehdorn", "Timo Hopfengart", ""}
    assert (plan.left, plan.added, plan.role) == (1, 1, "sachbearbeitung")
    assert decode_plan(encode_plan(plan)) == plan
    with pytest.raises(ReadingUnusable):
        decode_plan(b"{}")


@pytest.mark.parametrize(
    ("alone", "together", "chosen", "held"),
    [
        ({"grundriss": 0.85, "bauantrag": 0.15}, "bauantrag", "bauantrag", ["grundriss"]),
        ({"grundriss": 0.5, "bauantrag": 0.5}, "bauantrag", "bauantrag", ["grundriss"]),
        ({"bauantrag": 0.8}, "bauantrag", "statik", ["statik"]),
        ({}, "foto", "bauantrag", ["foto"]),
        ({"grundriss": 0.4, "bauantrag": 0.6}, "bauantrag", "bauantrag", []),
    ],
)
def test_a_page_is_held_back_for_each_kind_that_it_may_be_of(alone, together, chosen, held):
    """Alone a floor plan, by its document another class, by a person's choice a third."""
    profile = load_profile("nachbar")
    batch = batch_of(together, together)
    first = replace(batch.pages[0], class_probabilities=alone)
    document = replace(batch.documents[0], document_class=chosen, last_page=1)
    batch = replace(batch, pages=(first, batch.pages[1]), documents=(document,))
    plan = make_plan(profile, batch, [document], (), (), MOMENT, "sachbearbeitung")
    assert [page.page_class for page in plan.documents[0].pages] == (held or [together])
    assert withheld_pages(profile, batch, document) == ([1] if held else [])
    assert is_held(profile, kinds_of(first, document)) == bool(held)


def test_names_on_a_page_that_may_be_about_neighbours_are_those_of_neighbours():
    drawn = draw_page(["Frau Hopfengart ist einverstanden."])
    roles = {
        kinds: {hit.role for hit in propose([page_of(drawn, kinds=kinds)], CaseFacts()).hits}
        for kinds in (("bauantrag",), ("bauantrag", "nachbar"))
    }
    assert roles == {("bauantrag",): {""}, ("bauantrag", "nachbar"): {"neighbour"}}


def test_the_preview_is_black_inside_the_boxes_and_a_new_box_is_only_outlined():
    page = page_of(draw_page(LINES), scale=2)
    picture = page.picture()
    shown = covered(page, {(100, 100, 300, 200): True, (400, 400, 600, 500): False}, picture)
    assert shown[50:100, 50:150].max() == 0
    assert np.array_equal(shown[210:240, 210:290], picture[210:240, 210:290])
    assert not np.array_equal(shown[200:202, 200:300], picture[200:202, 200:300])
    assert crop(page, (100, 100, 300, 200), picture).size > 0


def test_every_reason_of_the_finders_has_its_word():
    import re
    from pathlib import Path

    from apps.archivair import redaction

    folder = Path(redaction.__file__).parent
    forms = re.findall(r'^reason = "(.*)"$', (folder / "forms.toml").read_text(), re.MULTILINE)
    assert set(forms) <= set(REASON_WORDS)
    signed = sign(draw_page([*LINES, "Hochachtungsvoll", "", "", "Nagelschmidt"]),
                  (80, 220, 300, 280))  # fmt: skip
    hits = propose([page_of(signed)], CaseFacts()).hits
    assert len(hits) >= 5
    assert {hit.reason for hit in hits} <= set(REASON_WORDS)
    assert {hit.category for hit in hits} <= set(CATEGORY_WORDS)


def test_a_profile_says_in_words_what_it_removes():
    t = get_translator("de", "archivair")
    words = removed_words(load_profile("eigentuemer"), t)
    assert words[0] == "Namen: Nachbarschaft"
    assert "Bankverbindung" in words and "Angabe zur Familie" not in words
    assert removed_words(load_profile("intern"), t) == []
