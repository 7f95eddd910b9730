"""PDF: drawn in the scan's own resolution, layers read, bad files refused."""

import io

import numpy as np
import pikepdf
import pytest
from PIL import Image

from apps.archivair import errors, pdf_pages
from apps.archivair.pages import Limits, open_source
from tests.apps.archivair.doubles import draw_lines

TEXT = draw_lines(["Baugenehmigung", "Der Bauherr ist zufrieden."], size=(600, 800))


def scan_pdf(pages=1, dpi=100):
    images = [Image.fromarray(TEXT)] * pages
    target = io.BytesIO()
    images[0].save(target, "PDF", save_all=True, append_images=images[1:], resolution=dpi)
    return target.getvalue()


def written_pdf(body, *, resources="/Font<</F1 5 0 R>>", box="0 0 400 300", extra=""):
    """Return a small PDF with a page of text operators."""
    stream = body.encode("latin-1")
    objects = [
        f"<</Type/Catalog/Pages 2 0 R{extra}>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R/Resources<<{resources}>>>>",
        f"<</Length {len(stream)}>>\nstream\n{body}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    content, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        places.append(len(content))
        content += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(content)
    content += f"xref\n0 6\n0000000000 65535 f \n{table}".encode()
    return content + f"trailer<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF".encode()


def load(content, limits=None, index=1):
    source = open_source(content, "a.pdf", limits)
    try:
        return source.load(index)
    finally:
        source.close()


def test_a_scan_is_drawn_in_its_own_resolution():
    page = load(scan_pdf(dpi=100))
    assert page.dpi == pytest.approx(100, abs=1)
    assert page.gray.shape == pytest.approx(TEXT.shape, abs=2)
    assert page.layer == ()
    assert (page.gray < 128).mean() == pytest.approx((TEXT < 128).mean(), rel=0.1)


def test_a_written_page_brings_its_words_with_boxes():
    page = load(written_pdf("BT /F1 18 Tf 40 200 Td (Der Bauherr ist sehr zufrieden) Tj ET"))
    assert page.dpi == 300
    assert [word.text for word in page.layer] == ["Der", "Bauherr", "ist", "sehr", "zufrieden"]
    left, top, right, bottom = page.layer[0].box
    ink = page.gray[int(top) : int(bottom), int(left) : int(right)] < 128
    assert ink.mean() > 0.1


def test_password_damage_and_no_pages():
    pages = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    empty = written_pdf("").replace(b"/Kids[3 0 R]/Count 1", b"/Kids[     ]/Count 0")
    for content, kind in (
        (scan_pdf()[:2000], errors.PdfDamaged),
        (pages, errors.PdfDamaged),
        (empty, errors.PdfWithoutPages),
    ):
        with pytest.raises(kind):
            load(content)


def test_a_password_is_asked_for(monkeypatch):
    import pypdfium2

    def locked(content):
        error = pypdfium2.PdfiumError("locked")
        error.err_code = pdf_pages.pdfium.FPDF_ERR_PASSWORD
        raise error

    monkeypatch.setattr(pdf_pages.pypdfium2, "PdfDocument", locked)
    with pytest.raises(errors.PdfLocked, match="Passwort"):
        load(scan_pdf())


def test_too_many_pages_are_refused_before_drawing():
    with pytest.raises(errors.TooManyPages, match="3 Seiten"):
        load(scan_pdf(pages=3), Limits(pages=2))


def test_a_plan_is_drawn_smaller_and_says_so():
    page = load(written_pdf("", box="0 0 2384 3370"), Limits(page_megapixels=4))
    assert page.gray.size <= 4_100_000
    assert [note.code for note in page.notes] == ["verkleinert_gelesen"]


def test_a_page_of_absurd_size_is_refused():
    with pytest.raises(errors.PageTooLarge):
        load(written_pdf("", box="0 0 14000 14000"), Limits(page_megapixels=1))


def test_an_endless_strip_is_refused_and_a_long_one_is_drawn_smaller():
    with pytest.raises(errors.PageTooSmall):
        load(written_pdf("", box="0 0 1000000 20"))
    page = load(written_pdf("", box="0 0 14000 72"))
    assert page.gray.shape[1] == pytest.approx(30_000, abs=1)
    assert page.dpi == pytest.approx(30_000 * 72 / 14_000, abs=0.1)


def picture_bomb(side, how, data):
    """Return a page whose picture says that it is as large as nobody can unpack it."""
    picture = (
        f"<</Type/XObject/Subtype/Image/Width {side}/Height {side}/ColorSpace/DeviceGray"
        f"/BitsPerComponent 1/Filter/{how}/Length {len(data)}>>\nstream\n{data}\nendstream"
    )
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    content = written_pdf("q 400 0 0 300 0 0 cm /I Do Q", resources="/XObject<</I 5 0 R>>")
    return content.replace(font.encode(), picture.encode("latin-1"))


@pytest.mark.parametrize("how", ["CCITTFaxDecode", "JBIG2Decode", "FlateDecode"])
def test_a_picture_that_unpacks_to_gigabytes_is_refused_unopened(how):
    with pytest.raises(errors.PageTooLarge, match="3600 Megapixel"):
        load(picture_bomb(60_000, how, "x" * 90))


def drawing_itself(times, *, deep=1):
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        forms = [pdf.make_stream(b"/F Do " * times) for _ in range(deep)]
        for form, inner in zip(forms, [*forms[1:], forms[0] if deep == 1 else None], strict=True):
            form.Type, form.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
            form.BBox = pikepdf.Array([0, 0, 400, 300])
            if inner is not None:
                parts = pikepdf.Dictionary(F=inner)
                form.Resources = pikepdf.Dictionary(XObject=parts)
        pdf.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=forms[0]))
        pdf.pages[0].Contents = pdf.make_stream(b"/F Do")
        target = io.BytesIO()
        pdf.save(target)
    return target.getvalue()


def test_a_part_of_a_page_that_draws_itself_is_refused():
    for endless in (drawing_itself(2), drawing_itself(2, deep=40)):
        with pytest.raises(errors.PdfDamaged):
            open_source(endless, "a.pdf")
    assert load(drawing_itself(1, deep=4)).gray.size


def test_page_trees_that_lie_or_loop_end():
    content = written_pdf("")
    kids = b"/Kids[3 0 R]/Count 1"
    looped = content.replace(kids, b"/Kids[2 0 R]/Count 1")
    with pytest.raises((errors.PdfDamaged, errors.PdfWithoutPages)):
        load(looped)
    lying = content.replace(kids, b"/Kids[3 0 R]/Count 9")
    with open_source(lying, "a.pdf") as source:
        assert source.load(1).gray.size
        if source.count > 1:
            with pytest.raises(errors.PdfDamaged):
                source.load(source.count)


def test_a_tiny_page_is_refused():
    with pytest.raises(errors.PageTooSmall):
        load(written_pdf("", box="0 0 2 2"))


def test_scripts_are_ignored_and_reported():
    active = written_pdf("", extra="/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>")
    assert [note.code for note in load(active).notes] == ["pdf_aktive_inhalte"]


def test_a_broken_layer_is_left_out(monkeypatch):
    def broken(content, index, scale):
        raise pdf_pages.PDFException("broken")

    monkeypatch.setattr(pdf_pages, "_read_layer", broken)
    page = load(written_pdf("BT /F1 18 Tf 40 200 Td (Der Bauherr ist sehr zufrieden) Tj ET"))
    assert page.layer == ()
    assert [note.code for note in page.notes] == ["textebene_defekt"]


def test_pages_come_one_by_one_and_the_document_is_closed():
    source = open_source(scan_pdf(pages=3), "a.pdf")
    assert source.count == 3
    assert np.array_equal(source.load(3).gray, source.load(1).gray)
    source.close()
