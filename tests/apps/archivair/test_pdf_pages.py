"""PDF: drawn in the scan's own resolution, layers read, bad files refused."""

import io
import zlib

import numpy as np
import pikepdf
import pytest
from PIL import Image

from apps.archivair import errors, pdf_contents, pdf_forms, pdf_pages
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
            if inner is None:  # without resources of its own it would find itself in those above
                form.write(b"0 0 1 1 re f")
            else:
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


def form(pdf, body, **resources):
    """Return a part that pages draw; without resources it has none of its own."""
    made = pdf.make_stream(body, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
    made.BBox = pikepdf.Array([0, 0, 400, 300])
    if resources:
        made.Resources = pikepdf.Dictionary(**resources)
    return made


def named(**parts):
    return pikepdf.Dictionary(**parts)


def broad(pdf, *, levels=6, times=100):
    """Return a part that draws 100 parts, each of which draws 100, and so on."""
    inner = form(pdf, b"0 0 1 1 re f")
    for _ in range(levels):
        inner = form(pdf, b"/F Do " * times, XObject=named(F=inner))
    return inner


def draw_broad(pdf, page):
    page.Resources = named(XObject=named(F=broad(pdf)))


def draw_inherited(pdf, page):
    pdf.Root.Pages.Resources = named(XObject=named(F=broad(pdf)))


def draw_without_own_resources(pdf, page):
    page.Resources = named(XObject=named(F=form(pdf, b"/F Do /F Do")))


def draw_without_own_parts(pdf, page):
    endless = form(pdf, b"/F Do /F Do", Font=named())
    page.Resources = named(XObject=named(F=endless))


def draw_escaped(pdf, page):
    endless = form(pdf, b"/F#6f Do /#46o Do")
    page.Contents = pdf.make_stream(b"/#46#6f Do")
    page.Resources = named(XObject=named(Fo=endless))


def draw_fields(pdf, page):
    page.Contents = pdf.make_stream(b"")
    field = named(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, F=4, AS=pikepdf.Name.On,
        Rect=pikepdf.Array([0, 0, 400, 300]), AP=named(N=named(On=broad(pdf))),
    )  # fmt: skip
    page.Annots = pikepdf.Array([pdf.make_indirect(field)])
    pdf.Root.AcroForm = named(Fields=page.Annots)


def draw_tiles(pdf, page):
    tile = pdf.make_stream(b"/F Do", PatternType=1, PaintType=1, TilingType=1, XStep=9, YStep=9)
    tile.BBox = pikepdf.Array([0, 0, 9, 9])
    tile.Resources = named(XObject=named(F=broad(pdf, levels=3)))
    page.Resources = named(Pattern=named(P=pdf.make_indirect(tile)))
    page.Contents = pdf.make_stream(b"/Pattern cs /P scn 0 0 400 300 re f")


def draw_masks(pdf, page):
    mask = named(S=pikepdf.Name.Luminosity, G=broad(pdf, levels=3))
    page.Resources = named(ExtGState=named(G=named(SMask=mask)))
    page.Contents = pdf.make_stream(b"/G gs 0 0 400 300 re f")


def draw_signs(pdf, page):
    sign = pdf.make_stream(b"9 0 d0 /F Do")
    font = named(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type3, CharProcs=named(a=sign),
        Resources=named(XObject=named(F=broad(pdf, levels=1))),
    )  # fmt: skip
    page.Resources = named(Font=named(T=font))
    page.Contents = pdf.make_stream(b"BT /T 9 Tf (" + b"a" * 600 + b") Tj ET")


def draw_damaged(pdf, page):
    packed = zlib.compress(b"/F Do " * 60_000)[:-4] + b"xxxx"
    page.Contents = pikepdf.Stream(pdf, packed, Filter=pikepdf.Name.FlateDecode)
    page.Resources = named(XObject=named(F=form(pdf, b"0 0 1 1 re f")))


def draw_after_an_unreadable_page(pdf, page):
    page.Resources = named(XObject=named(F=form(pdf, b"0 0 1 1 re f")))
    page.Contents = pikepdf.Stream(pdf, b"xyz", Filter=pikepdf.Name.LZWDecode)
    pdf.add_blank_page()
    draw_broad(pdf, pdf.pages[1].obj)
    pdf.pages[1].obj.Contents = pdf.make_stream(b"/F Do")


def draw_packed_in_a_list(pdf, page):
    packed = zlib.compress(b"/F Do " * 60_000)
    page.Contents = pikepdf.Stream(pdf, packed, Filter=pikepdf.Array([pikepdf.Name.FlateDecode]))
    page.Resources = named(XObject=named(F=form(pdf, b"0 0 1 1 re f")))


def draw_what_unpacks_to_gigabytes(pdf, page):
    packer = zlib.compressobj()
    packed = b"".join(packer.compress(b" " * 2**20) for _ in range(80)) + packer.flush()
    page.Contents = pikepdf.Stream(pdf, packed, Filter=pikepdf.Name.FlateDecode)
    page.Resources = named(XObject=named(F=form(pdf, b"0 0 1 1 re f")))


def page_drawn_by(draw):
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        page = pdf.pages[0].obj
        page.Contents = pdf.make_stream(b"/F Do")
        del page["/Resources"]
        draw(pdf, page)
        target = io.BytesIO()
        pdf.save(target)
    return target.getvalue()


@pytest.mark.parametrize(
    "draw",
    [
        draw_broad,
        draw_inherited,
        draw_without_own_resources,
        draw_without_own_parts,
        draw_escaped,
        draw_fields,
        draw_tiles,
        draw_masks,
        draw_signs,
        draw_damaged,
        draw_after_an_unreadable_page,
        draw_packed_in_a_list,
        draw_what_unpacks_to_gigabytes,
    ],
)
def test_a_page_whose_parts_are_drawn_too_often_is_refused(draw):
    with pytest.raises(errors.PdfDamaged):
        open_source(page_drawn_by(draw), "a.pdf")


def packed(times, piece, **words):
    """Return data that unpacks to a piece again and again."""
    packer = zlib.compressobj()
    data = b"".join(packer.compress(piece) for _ in range(times)) + packer.flush()
    return {"data": data, "Filter": pikepdf.Name.FlateDecode, **words}


def stream(pdf, data, **words):
    return pdf.make_indirect(pikepdf.Stream(pdf, data, **words))


def picture(pdf, side=60_000):
    return stream(
        pdf, b"x" * 90, Subtype=pikepdf.Name.Image, Width=side, Height=side, BitsPerComponent=8,
        ColorSpace=pikepdf.Name.DeviceGray, Filter=pikepdf.Name.FlateDecode,
    )  # fmt: skip


def tile_of(pdf, body, *, step=9, **words):
    box = pikepdf.Array([0, 0, 9, 9])
    kind = {"PatternType": 1, "PaintType": 1, "TilingType": 1, "BBox": box}
    return stream(pdf, body, XStep=step, YStep=step, **kind, **words)


def shown_as_stamp(pdf, page, look):
    page.Contents = pdf.make_stream(b"")
    note = named(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Stamp, F=4, AP=named(N=look),
        Rect=pikepdf.Array([0, 0, 400, 300]),
    )  # fmt: skip
    page.Annots = pikepdf.Array([pdf.make_indirect(note)])


def fill_with(pdf, page, tile):
    page.Resources = named(Pattern=named(P=tile))
    page.Contents = pdf.make_stream(b"/Pattern cs /P scn 0 0 400 300 re f")


def bomb_content_alone(pdf, page):
    page.Contents = stream(pdf, **packed(80, b" " * 2**20))


def bomb_second_page(pdf, page):
    page.Contents = stream(pdf, b"")
    pdf.add_blank_page()
    bomb_content_alone(pdf, pdf.pages[1].obj)


def draw_many_shapes(pdf, page):
    page.Contents = stream(pdf, **packed(3, b"0 0 400 300 re f\n" * 7_000))


def bomb_inline_picture(pdf, page):
    words = b"BI /W 60000 /H 60000 /BPC 8 /CS /G /F /Fl ID x EI "
    page.Resources = named(XObject=named(F=form(pdf, b"0 0 1 1 re f")))
    page.Contents = pdf.make_stream(words)


def bomb_look_of_a_note(pdf, page):
    shown_as_stamp(pdf, page, stream(pdf, **packed(80, b" " * 2**20)))


def bomb_picture_in_a_note(pdf, page):
    look = form(pdf, b"/I Do", XObject=named(I=picture(pdf)))
    shown_as_stamp(pdf, page, form(pdf, b"/F Do", XObject=named(F=look)))


def bomb_picture_in_a_tile(pdf, page):
    tile = tile_of(pdf, b"/I Do", Resources=named(XObject=named(I=picture(pdf))))
    fill_with(pdf, page, tile)


def bomb_picture_as_mask(pdf, page):
    small = picture(pdf, side=10)
    small.SMask = picture(pdf)
    page.Resources = named(XObject=named(F=small))


def bomb_picture_in_a_mask(pdf, page):
    mask = named(S=pikepdf.Name.Luminosity, G=form(pdf, b"/I Do", XObject=named(I=picture(pdf))))
    page.Resources = named(ExtGState=named(G=named(SMask=mask)))
    page.Contents = pdf.make_stream(b"/G gs 0 0 400 300 re f")


def bomb_font(pdf, page):
    data = stream(pdf, **packed(80, b" " * 2**20))
    look = pdf.make_indirect(named(Type=pikepdf.Name.FontDescriptor, FontFile2=data))
    font = named(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.TrueType, FontDescriptor=look)
    page.Resources = named(Font=named(T=font))
    page.Contents = pdf.make_stream(b"BT /T 9 Tf (a) Tj ET")


def tiles_without_end(pdf, page):
    fill_with(pdf, page, tile_of(pdf, b"0 0 3 3 re f", step=0.001))


def tiles_without_step(pdf, page):
    fill_with(pdf, page, tile_of(pdf, b"0 0 3 3 re f", step=0))


def tiles_made_small(pdf, page):
    matrix = pikepdf.Array([0.0001, 0, 0, 0.0001, 0, 0])
    fill_with(pdf, page, tile_of(pdf, b"0 0 3 3 re f", Matrix=matrix))


def tiles_in_a_note(pdf, page):
    tile = tile_of(pdf, b"0 0 3 3 re f", step=0.001)
    body = b"/Pattern cs /P scn 0 0 400 300 re f"
    shown_as_stamp(pdf, page, form(pdf, body, Pattern=named(P=tile)))


@pytest.mark.parametrize(
    "draw",
    [
        bomb_content_alone,
        bomb_second_page,
        bomb_inline_picture,
        bomb_look_of_a_note,
        bomb_picture_in_a_note,
        bomb_picture_in_a_tile,
        bomb_picture_as_mask,
        bomb_picture_in_a_mask,
        bomb_font,
        tiles_without_end,
        tiles_without_step,
        tiles_made_small,
        tiles_in_a_note,
    ],
)
def test_what_only_drawing_would_find_to_be_endless_is_refused_undrawn(draw):
    """The whole file is looked into: only its first page is drawn before it is accepted."""
    with pytest.raises(errors.PdfDamaged):
        open_source(page_drawn_by(draw), "a.pdf")


def test_a_page_of_too_many_shapes_is_refused_though_it_has_no_parts(monkeypatch):
    """Pieces below a size hold fewer shapes than are allowed, so nobody counts them."""
    content = page_drawn_by(draw_many_shapes)
    open_source(content, "a.pdf").close()
    monkeypatch.setattr(pdf_forms, "LARGE_BYTES", 2**18)
    open_source(content, "a.pdf").close()
    monkeypatch.setattr(pdf_contents, "MOST_PAINTED", 20_000)
    with pytest.raises(errors.PdfDamaged):
        open_source(content, "a.pdf")


def draw_hatch_and_stamp(pdf, page):
    """Fill the page with a hatch as plans have it, and show a stamp with a picture."""
    tile = tile_of(pdf, b"0 0 1 1 re f", step=2, Matrix=pikepdf.Array([0.9, 0, 0, 0.9, 0, 0]))
    look = form(pdf, b"/I Do", XObject=named(I=picture(pdf, side=10)))
    shown_as_stamp(pdf, page, look)
    fill_with(pdf, page, tile)


def draw_shared_names(pdf, page):
    """Draw two parts that know the names of all parts, their own too, and draw none of them."""
    names = named()
    shared = pdf.make_indirect(named(XObject=names))
    for name in ("/A", "/B"):
        names[name] = form(pdf, b"0 0 200 300 re f BT " + name.encode() + b" 9 Tf ET")
        names[name].Resources = shared
    page.Resources = shared
    page.Contents = pdf.make_stream(b"/A Do /B Do " * 50)


def draw_many_tiles(pdf, page):
    tile = pdf.make_stream(b"0 0 3 3 re f", PatternType=1, PaintType=1, TilingType=1)
    tile.BBox, tile.XStep, tile.YStep = pikepdf.Array([0, 0, 9, 9]), 9, 9
    page.Resources = named(Pattern=named(P=pdf.make_indirect(tile)))
    page.Contents = pdf.make_stream(b"/Pattern cs /P scn " + b"0 0 9 9 re f " * 60_000)


@pytest.mark.parametrize("draw", [draw_shared_names, draw_many_tiles, draw_hatch_and_stamp])
def test_a_sound_page_of_many_parts_is_drawn(draw):
    assert (load(page_drawn_by(draw)).gray < 128).any()


def test_a_picture_bomb_deep_in_other_parts_is_refused():
    def draw(pdf, page):
        inner = pdf.make_stream(
            b"x" * 90, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=60_000,
            Height=60_000, ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=1,
        )  # fmt: skip
        for _ in range(12):
            inner = form(pdf, b"/F Do", XObject=named(F=inner))
        page.Resources = named(XObject=named(F=inner))

    with pytest.raises(errors.PageTooLarge, match="3600 Megapixel"):
        load(page_drawn_by(draw))


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
