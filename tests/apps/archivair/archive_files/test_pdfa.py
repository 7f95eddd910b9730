"""PDF/A-3b: words where they stand, attachments that open, the same bytes each time."""

import io
import warnings

import numpy as np
import pdfplumber
import pikepdf
import pypdfium2
import pytest
from hypothesis import given, settings, strategies as st

from apps.archivair.archive_files.page_content import ArchivePage, PageWord, upright_page
from apps.archivair.archive_files.pdfa import Attachment, FileFacts, write_pdfa
from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.reading import PageReading, TextLine, Word
from tests.apps.archivair.archive_files.files import ATTACHED, FACTS, page, sound_file


def text_of(content, number=0):
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        return pdf.pages[number].extract_text(use_text_flow=True) or ""


def test_text_is_that_of_the_page_with_all_its_signs():
    made = page((("„Bauherr“", "ſagt", "‚x‘"), ("STRAẞE", "§", "7", "–", "aͤ")))
    content = write_pdfa([made], FACTS)
    assert text_of(content).split() == made.text.split()
    document = pypdfium2.PdfDocument(content)
    try:
        assert document[0].get_textpage().get_text_range().split() == made.text.split()
    finally:
        document.close()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(
            st.text(
                st.sampled_from("abzÄÖüßſẞ„“‚‘§€½()<>\\/0123456789.,-"), min_size=1, max_size=12
            ),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_words_come_out_as_they_went_in(lines):
    made = page(lines, shape=(300, 800))
    content = write_pdfa([made], FACTS)
    assert "".join(text_of(content).split()) == "".join(made.text.split())
    assert check_pdfa(content) == []


def test_words_lie_on_their_boxes():
    made = page((("Bauherr", "Eichenlaub"),))
    with pdfplumber.open(io.BytesIO(write_pdfa([made], FACTS))) as pdf:
        found = pdf.pages[0].extract_words()
    scale = 72 / made.dpi
    for word, placed in zip(found, made.lines[0], strict=True):
        at = (word["x0"], word["top"], word["x1"], word["bottom"])
        assert at == pytest.approx([side * scale for side in placed.box], abs=0.05)


def test_the_layer_is_not_drawn():
    blank = ArchivePage(np.full((200, 300), 255, np.uint8), 100.0, page().lines)
    document = pypdfium2.PdfDocument(write_pdfa([blank], FACTS))
    try:
        assert document[0].render(scale=100 / 72).to_numpy().min() == 255
    finally:
        document.close()


def test_the_same_input_gives_the_same_bytes():
    assert sound_file() == sound_file()
    other = write_pdfa([page(), page((("Seite", "drei"),))], FACTS, [ATTACHED])
    assert other != sound_file()


def test_black_and_white_is_kept_to_the_pixel_and_grey_and_colour_nearly():
    gray = page().image
    bilevel = np.where(gray > 128, 255, 0).astype(np.uint8)
    colour = np.repeat(np.repeat(gray[::8, ::8, None], 8, 0), 8, 1)[:300, :400].repeat(3, 2)
    content = write_pdfa([ArchivePage(one, 100.0) for one in (bilevel, colour)], FACTS)
    with pikepdf.open(io.BytesIO(content)) as pdf:
        images = [pikepdf.PdfImage(one.Resources.XObject.Scan).as_pil_image() for one in pdf.pages]
    assert np.array_equal(np.asarray(images[0].convert("L")), bilevel)
    assert np.asarray(images[1]).shape == colour.shape
    assert np.abs(np.asarray(images[1]).astype(int) - colour).mean() < 3
    assert check_pdfa(content) == []


def test_attachments_open_and_say_what_they_are():
    with pikepdf.open(io.BytesIO(sound_file())) as pdf:
        assert list(pdf.attachments) == ["seite.json"]
        held = pdf.attachments["seite.json"]
        assert held.get_file().read_bytes() == ATTACHED.content
        assert held.get_file().mime_type == "application/json"
        assert held.relationship == "/Data"


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="page"):
        write_pdfa([], FACTS)
    with pytest.raises(ValueError, match="zone"):
        write_pdfa([page()], FileFacts("x", FACTS.created.replace(tzinfo=None)))
    twin = Attachment("seite.json", b"", "text/plain", "zwei")
    with pytest.raises(ValueError, match="same name"):
        write_pdfa([page()], FACTS, [ATTACHED, twin])


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_page_and_its_words_come_upright(turn):
    upright = np.full((60, 100), 255, np.uint8)
    upright[10:20, 30:60] = 0
    image = np.ascontiguousarray(np.rot90(upright, turn // 90))
    ys, xs = np.nonzero(image == 0)
    box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
    line = TextLine((Word("Bauherr", box, 0.9),), ())
    reading = PageReading(
        ((line,),), image.shape[1], image.shape[0], 150.0, turn, 0.0, "antiqua", (), (), ()
    )
    made = upright_page(image, reading)
    assert np.array_equal(made.image, upright)
    assert made.lines == ((PageWord("Bauherr", (30, 10, 60, 20), 0.9),),)


def test_the_font_is_one_that_other_software_reads():
    fonts = pytest.importorskip("fontTools.ttLib")
    from apps.archivair.archive_files.invisible_font import font_program

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        font = fonts.TTFont(io.BytesIO(font_program()))
    assert (font["head"].unitsPerEm, font["maxp"].numGlyphs) == (1000, 2)
    assert {advance for advance, _ in font["hmtx"].metrics.values()} == {500}
    assert (font["hhea"].ascent, font["hhea"].descent) == (800, -200)
