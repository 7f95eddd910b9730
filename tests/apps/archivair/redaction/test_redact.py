"""Removal is real, and the proof sees every planted failure."""

import datetime as dt
import io
import json

import numpy as np
import pdfplumber
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from apps.archivair.archive_files.page_content import ArchivePage, PageWord
from apps.archivair.archive_files.pdfa import Attachment, FileFacts, write_pdfa
from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.redaction.errors import NothingToHandOut, ProfileUnknown, ResidueFound
from apps.archivair.redaction.hits import CaseFacts
from apps.archivair.redaction.pii import find_pii
from apps.archivair.redaction.profiles import PROFILES, load_profile, to_remove
from apps.archivair.redaction.redact import BLOCK_PX, grown, redact_pages
from apps.archivair.redaction.release import as_json, release
from apps.archivair.redaction.removed_strings import RemovedStrings
from apps.archivair.redaction.verify import Removed, verify
from tests.apps.archivair.redaction.pages import draw_page, read_nothing, sign

MOMENT = dt.datetime(2026, 11, 28, 10, 15, tzinfo=dt.UTC)
LETTER = [
    "Stadt Musterstadt, Bauordnungsamt",
    "Bauherr: Walter Schlehdorn",
    "wohnhaft Amselweg 7, geb. 3. Mai 1957",
    "Baugrundstück: Mühlenstraße 94",
    "Das Haus des Schlehdorn ist fertig.",
    "Mit freundlichen Grüßen",
    "Im Auftrag",
    "",
    "",
    "Kranichfeld",
]
SECRET = "Schlehdorn"
HIDDEN = b"BT <" + SECRET.encode("utf-16-be").hex().encode() + b"> Tj ET"


def letter():
    return sign(draw_page(LETTER), (90, 340, 330, 400))


def text_of(content):
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        return "\n".join(page.extract_text(use_text_flow=True) or "" for page in pdf.pages)


def redacted(profile="forschung"):
    """Return the redacted letter, what should be gone from it, and its hits."""
    page = letter()
    hits = to_remove(load_profile(profile), find_pii([page]))
    made = redact_pages([page], hits)
    removed = Removed(RemovedStrings.of(hits, []), tuple(one.boxes for one in made), (page.dpi,))
    return made, removed, hits


def written(made, attachments=()):
    return write_pdfa([one.page for one in made], FileFacts("Auszug", MOMENT), attachments)


def places(content, removed, reader=read_nothing):
    return {residue.place for residue in verify(content, removed, reader)}


def changed(content, change):
    """Save a file again with a change; pikepdf writes a fresh file."""
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        change(pdf)
        pdf.save(target, fix_metadata_version=False)
    return target.getvalue()


def test_pixels_in_the_boxes_are_one_value_and_the_rest_is_untouched():
    made, removed, hits = redacted()
    image, before = made[0].page.image, letter().image
    mask = np.zeros(image.shape, bool)
    for left, top, right, bottom in made[0].boxes:
        assert image[top:bottom, left:right].var() == 0
        mask[top:bottom, left:right] = True
    assert np.array_equal(image[~mask], before[~mask])
    for hit in hits:
        for left, top, right, bottom in hit.boxes:
            assert mask[top:bottom, left:right].all()
    assert places(written(made), removed) == set()


def test_boxes_are_grown_and_hide_how_long_a_word_was():
    widths = {
        (box := grown((100, 100, 100 + width, 130), 30.0, 2000, 2000))[2] - box[0]
        for width in range(70, 110)
    }
    assert len(widths) == 1
    left, top, right, bottom = grown((100, 100, 150, 130), 30.0, 2000, 2000)
    assert left <= 100 - 4.5 and top <= 100 - 4.5 and right >= 154.5 and bottom >= 134.5
    assert all(side % BLOCK_PX == 0 for side in (left, top, right, bottom))
    assert grown((1990, 1990, 2000, 2000), 30.0, 2000, 2000)[2:] == (2000, 2000)


def test_text_and_attachments_hold_only_what_remains():
    result = release([letter()], load_profile("forschung"), CaseFacts(), MOMENT, read_nothing)
    text = text_of(result.content)
    for gone in (SECRET, "Walter", "Amselweg", "1957", "Kranichfeld"):
        assert gone not in text
    for stays in ("Mühlenstraße 94", "Musterstadt", "fertig."):
        assert stays in text
    assert check_pdfa(result.content) == []
    with pikepdf.open(io.BytesIO(result.content)) as pdf:
        alto = pdf.attachments["seite_0001.alto.xml"].get_file().read_bytes().decode()
    assert SECRET not in alto
    assert "Musterstadt" in alto
    assert SECRET not in as_json(result.report).decode()


def test_the_report_names_boxes_categories_pages_and_the_open_legal_check():
    result = release([letter()], load_profile("nachbar"), CaseFacts(), MOMENT, read_nothing)
    report = json.loads(as_json(result.report))
    assert report["profile"]["status"] == "ungeprueft"
    categories = {one["category"] for one in report["removed"]}
    assert {"person_name", "address_private", "birth_date", "signature"} == categories
    assert all(one["reason"] and one["page"] == 1 for one in report["removed"])
    assert all(len(box) == 4 for one in report["removed"] for box in one["boxes_px"])
    assert len(report["verification"]["checks"]) == 7


def test_profiles_differ_as_the_table_says():
    texts = {
        name: text_of(
            release([letter()], load_profile(name), CaseFacts(), MOMENT, read_nothing).content
        )
        for name in PROFILES
    }
    assert SECRET in texts["intern"] and "1957" in texts["intern"]
    assert SECRET in texts["eigentuemer"] and "1957" not in texts["eigentuemer"]
    assert SECRET not in texts["nachbar"] and "Kranichfeld" in texts["nachbar"]
    assert SECRET not in texts["forschung"] and "Kranichfeld" not in texts["forschung"]
    with pytest.raises(ProfileUnknown, match="presse"):
        load_profile("presse")


def test_intern_carries_a_watermark():
    result = release([letter()], load_profile("intern"), CaseFacts(), MOMENT, read_nothing)
    with pikepdf.open(io.BytesIO(result.content)) as pdf:
        image = np.asarray(pikepdf.PdfImage(pdf.pages[0].Resources.XObject.Scan).as_pil_image())
    below = slice(600, 900)
    assert (letter().image[below] < 250).sum() == 0
    assert (image[below] < 250).sum() > 1000


def test_withheld_pages_are_replaced_and_all_of_them_is_refused():
    plan = draw_page(["Grundriss Erdgeschoss", "Familie Schlehdorn", "Küche 12,3"])
    result = release([letter(), plan], load_profile("nachbar"), CaseFacts(), MOMENT, read_nothing)
    assert result.withheld == (2,)
    assert "nicht herausgegeben" in " ".join(text_of(result.content).split())
    assert "Küche" not in text_of(result.content)
    told = CaseFacts(page_classes=((1, "foto"),))
    with pytest.raises(NothingToHandOut):
        release([letter()], load_profile("nachbar"), told, MOMENT, read_nothing)


def test_hits_on_withheld_pages_are_not_counted():
    """A notice stands there; what was on it was not removed but never handed out."""
    plan = draw_page(["Grundriss Erdgeschoss", "Bauherr: Walter Schlehdorn", "Telefon 02056 13245"])
    alone = release([letter()], load_profile("nachbar"), CaseFacts(), MOMENT, read_nothing)
    both = release([letter(), plan], load_profile("nachbar"), CaseFacts(), MOMENT, read_nothing)
    assert both.removed == alone.removed == len(both.report["removed"])
    assert both.report["removed_per_category"] == alone.report["removed_per_category"]
    assert sum(both.report["removed_per_category"].values()) == both.removed


def test_neighbours_of_the_facts_go_from_the_owners_copy():
    page = draw_page(["Bauherr: Walter Schlehdorn", "Der Nachbar Hopfengart hat zugestimmt."])
    facts = CaseFacts(owners=("Walter Schlehdorn",), neighbours=("Timo Hopfengart",))
    text = text_of(
        release([page], load_profile("eigentuemer"), facts, MOMENT, read_nothing).content
    )
    assert "Hopfengart" not in text
    assert "Schlehdorn" in text


def test_text_left_in_an_attachment_is_seen():
    made, removed, _ = redacted()
    for content in (SECRET.encode(), f"Herr {SECRET}s Haus".encode("utf-16"), b"Schlehd0rn"):
        attachment = Attachment("rest.txt", content, "text/plain", "Rest")
        assert places(written(made, [attachment]), removed) == {"objekte"}


def test_a_packed_attachment_cannot_be_proved():
    made, removed, _ = redacted()
    attachment = Attachment("rest.zip", b"PK\x03\x04anything", "application/zip", "Rest")
    assert places(written(made, [attachment]), removed) == {"struktur"}


@pytest.mark.parametrize(
    "change",
    [
        lambda pdf: pdf.docinfo.__setitem__("/Author", String("Walter Schlehdorn")),
        lambda pdf: pdf.Root.Metadata.write(
            pdf.Root.Metadata.read_bytes().replace(b"<dc:format>", b"<dc:format>Schlehdorn ")
        ),
        lambda pdf: pdf.Root.__setitem__("/PieceInfo", Dictionary(Note=String("Schlehdorn"))),
        lambda pdf: pdf.Root.__setitem__(
            "/Rest", pdf.make_indirect(pikepdf.Stream(pdf, HIDDEN))
        ),
    ],
    ids=["info", "xmp", "piece_info", "unused_stream"],
)  # fmt: skip
def test_text_left_in_metadata_and_hidden_objects_is_seen(change):
    made, removed, _ = redacted()
    assert "objekte" in places(changed(written(made), change), removed)


def test_an_annotation_is_seen():
    made, removed, _ = redacted()

    def annotate(pdf):
        note = Dictionary(
            Type=Name.Annot, Subtype=Name.Text, Rect=[0, 0, 9, 9], Contents=String(SECRET)
        )
        pdf.pages[0].obj.Annots = Array([pdf.make_indirect(note)])

    assert {"objekte", "struktur"} <= places(changed(written(made), annotate), removed)


def test_a_previous_revision_is_seen():
    made, removed, _ = redacted()
    before = write_pdfa([letter()], FileFacts("Akte", MOMENT))
    assert "struktur" in places(before + written(made), removed)


def test_text_left_in_the_layer_is_seen_by_both_libraries():
    made, removed, _ = redacted()
    page = made[0].page
    lines = (*page.lines, (PageWord(SECRET, (600, 700, 800, 730)),))
    content = write_pdfa([ArchivePage(page.image, page.dpi, lines)], FileFacts("Auszug", MOMENT))
    assert {"text_pdfplumber", "text_pdfium", "objekte"} <= places(content, removed)


def test_a_rectangle_drawn_over_the_scan_is_no_removal():
    made, removed, _ = redacted()
    page = made[0].page
    whole = write_pdfa([ArchivePage(letter().image, page.dpi, page.lines)], FileFacts("x", MOMENT))
    assert places(whole, removed) == {"bildpunkte"}

    def cover(pdf):
        scale, height = 72 / page.dpi, page.image.shape[0]
        drawn = b"".join(
            b"0 g %f %f %f %f re f\n"
            % (
                left * scale,
                (height - bottom) * scale,
                (right - left) * scale,
                (bottom - top) * scale,
            )
            for left, top, right, bottom in made[0].boxes
        )
        pdf.pages[0].Contents.write(pdf.pages[0].Contents.read_bytes() + drawn)

    assert "bildpunkte" in places(changed(whole, cover), removed)


def test_one_pixel_in_a_box_is_seen():
    made, removed, _ = redacted()
    page = made[0].page
    image = np.where(page.image > 128, 255, 0).astype(np.uint8)
    left, top, *_ = made[0].boxes[0]
    assert (
        places(write_pdfa([ArchivePage(image, page.dpi)], FileFacts("x", MOMENT)), removed) == set()
    )
    image[top, left] = 255
    assert places(write_pdfa([ArchivePage(image, page.dpi)], FileFacts("x", MOMENT)), removed) == {
        "bildpunkte"
    }


def test_what_text_recognition_still_reads_is_seen():
    made, removed, _ = redacted()
    box = made[0].boxes[0]
    content = written(made)
    assert places(content, removed, lambda pixels, dpi: [PageWord("abc", box)]) == {"ocr_kasten"}
    elsewhere = PageWord("Schlehdom", (600, 700, 800, 730))
    assert places(content, removed, lambda pixels, dpi: [elsewhere]) == set()
    misread = PageWord("Schlehborn", (600, 700, 800, 730))
    assert places(content, removed, lambda pixels, dpi: [misread]) == {"ocr_seite"}


def test_a_failed_proof_gives_no_file_and_no_removed_text_in_the_message():
    def reads_on(pixels, dpi):
        return [PageWord(SECRET, (600, 700, 800, 730))]

    with pytest.raises(ResidueFound) as raised:
        release([letter()], load_profile("forschung"), CaseFacts(), MOMENT, reads_on)
    assert "ocr_seite (Seite 1)" in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_word_that_stays_for_somebody_else_is_searched_only_as_a_whole_name():
    page = draw_page(["Bauherr: Karl Müller", "Nachbar: Hans Müller"])
    hits = find_pii([page])
    removed = [hit for hit in hits if hit.role == "neighbour" and "Hans" in hit.text]
    strings = RemovedStrings.of(removed, [hit for hit in hits if hit not in removed])
    assert strings.found_in("Karl Müller wohnt hier") == 0
    assert strings.found_in("Hans Müller wohnt hier") > 0
    assert strings.found_in("Hans wohnt hier") > 0
