"""What people hide in files, knowingly or not: nothing of it reaches a redacted file."""

import io
import json
import signal
import zlib

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Stream, String
from PIL import Image, ImageDraw

from apps.archivair import __main__ as command
from apps.archivair.archive_files.page_content import ArchivePage, PageWord
from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.redaction import command as redact_command
from apps.archivair.redaction.hits import CaseFacts
from apps.archivair.redaction.pdf_texts import texts_of_objects
from apps.archivair.redaction.pii import find_pii
from apps.archivair.redaction.unread import letters_beyond_words
from tests.apps.archivair.doubles import InkReader, draw_lines
from tests.apps.archivair.redaction.pages import draw_page

NAMED = "Bauherr: Walter Schlehdorn"
SECRET = "Hopfengart"
"""Stands nowhere on the scan, so the proof does not search it: it must be gone all the same."""
PAGE = draw_lines([NAMED, NAMED], size=(900, 500))


@pytest.fixture
def redact(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(command, "_client", lambda stack: InkReader(NAMED))
    monkeypatch.setattr(redact_command, "find_tesseract", lambda: None)
    monkeypatch.setattr(redact_command, "reread_with", lambda engines: lambda pixels, dpi: ())

    def run(path, profile="forschung"):
        before = signal.getsignal(signal.SIGTERM)
        out = tmp_path / "ausgabe.pdf"
        words = [str(path), "--profile", profile, "--out", str(out)]
        try:
            code = command.main(["redact", *words])
        finally:
            signal.signal(signal.SIGTERM, before)
        capsys.readouterr()
        return code, out

    return run


def scan_pdf(image=PAGE):
    target = io.BytesIO()
    Image.fromarray(image).save(target, "PDF", resolution=100)
    return target.getvalue()


def saved(change, content=None):
    """Return a scanned page with a change."""
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(content or scan_pdf())) as pdf:
        change(pdf)
        pdf.save(target, fix_metadata_version=False)
    return target.getvalue()


def add_note(pdf):
    note = Dictionary(
        Type=Name.Annot, Subtype=Name.Text, Rect=[5, 5, 9, 9], Contents=String(SECRET), F=2
    )
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(note)])


def add_form(pdf):
    entry = Dictionary(
        FT=Name.Tx, T=String("bauherr"), V=String(SECRET), Subtype=Name.Widget,
        Rect=[0, 0, 1, 1], F=2, Type=Name.Annot,
    )  # fmt: skip
    held = pdf.make_indirect(entry)
    pdf.Root.AcroForm = Dictionary(Fields=Array([held]))
    pdf.pages[0].obj.Annots = Array([held])


def add_hidden_text(pdf):
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    pdf.pages[0].obj.Resources.Font = Dictionary(F1=font)
    text = f"BT 3 Tr /F1 9 Tf 5 5 Td ({SECRET} wohnt hier im Hause) Tj ET".encode()
    pdf.pages[0].contents_add(Stream(pdf, text), prepend=False)


def add_attachment(pdf):
    pdf.attachments["liste.txt"] = pikepdf.AttachedFileSpec(pdf, SECRET.encode())


def add_thumbnail(pdf):
    pixels = np.zeros((8, 8), np.uint8).tobytes()
    thumb = Stream(pdf, zlib.compress(pixels + SECRET.encode()))
    thumb.Filter, thumb.Width, thumb.Height = Name.FlateDecode, 8, 8
    thumb.ColorSpace, thumb.BitsPerComponent = Name.DeviceGray, 8
    pdf.pages[0].obj.Thumb = pdf.make_indirect(thumb)


def add_history(pdf):
    history = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><h>{SECRET}</h></x:xmpmeta>".encode()
    pdf.Root.Metadata = pdf.make_indirect(Stream(pdf, history))


def add_script(pdf):
    pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=String(f"app.alert('{SECRET}')"))


def add_bookmark(pdf):
    with pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(SECRET, 0))


CHANGES = [
    add_note, add_form, add_hidden_text, add_attachment, add_thumbnail, add_history, add_script,
    add_bookmark, lambda pdf: pdf.docinfo.__setitem__("/Author", String(SECRET)),
    lambda pdf: pdf.Root.__setitem__("/PieceInfo", Dictionary(Rest=String(SECRET))),
]  # fmt: skip
NAMES = [
    "note", "form", "hidden_text", "attachment", "thumbnail", "xmp", "script", "bookmark",
    "author", "piece_info",
]  # fmt: skip


def everything_in(content):
    """All texts of a file, of whatever object, and its raw bytes."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        texts = [text for _, text in texts_of_objects(pdf)]
    return "\n".join([*texts, content.decode("latin-1")])


@pytest.mark.parametrize("change", CHANGES, ids=NAMES)
def test_what_is_hidden_in_the_delivered_file_does_not_come_along(redact, tmp_path, change):
    path = tmp_path / "akte.pdf"
    content = saved(change)
    assert SECRET in everything_in(content)
    path.write_bytes(content)
    code, out = redact(path)
    assert code == 0
    made = out.read_bytes()
    assert SECRET not in everything_in(made)
    assert "Schlehdorn" not in everything_in(made)
    assert check_pdfa(made) == []


def test_an_earlier_revision_does_not_come_along(redact, tmp_path):
    """A file that was saved again by appending holds what it held before."""
    first = saved(lambda pdf: pdf.docinfo.__setitem__("/Author", String(SECRET)))
    path = tmp_path / "akte.pdf"
    path.write_bytes(first + scan_pdf())
    code, out = redact(path)
    assert code == 0
    assert SECRET not in everything_in(out.read_bytes())
    assert out.read_bytes().count(b"%%EOF") == 1


def test_camera_data_and_thumbnail_of_a_picture_do_not_come_along(redact, tmp_path):
    path = tmp_path / "foto.jpg"
    data = Image.Exif()
    data[0x010E] = data[0x013B] = SECRET
    Image.fromarray(PAGE).save(path, exif=data, comment=SECRET.encode())
    assert SECRET.encode() in path.read_bytes()
    code, out = redact(path)
    assert code == 0
    assert SECRET not in everything_in(out.read_bytes())


def test_a_removed_name_in_the_file_name_is_not_told_again(redact, tmp_path):
    path = tmp_path / "Akte_Schlehdorn_1957.png"
    Image.fromarray(PAGE).save(path)
    code, out = redact(path)
    assert code == 0
    report = (tmp_path / "ausgabe.pdf.report.json").read_text()
    assert "Schlehdorn" not in report + everything_in(out.read_bytes())
    assert json.loads(report)["input"]["file"] == "(entfernt).png"


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_page_that_says_it_is_turned_is_covered_where_it_is_seen(redact, tmp_path, turned):
    path = tmp_path / "akte.pdf"

    def turn(pdf):
        pdf.pages[0].obj.Rotate = turned

    upright = Image.fromarray(PAGE).rotate(turned, expand=True)
    path.write_bytes(saved(turn, scan_pdf(np.asarray(upright))))
    code, out = redact(path)
    assert code == 0
    with pikepdf.open(out) as pdf:
        image = np.asarray(pikepdf.PdfImage(pdf.pages[0].Resources.XObject.Scan).as_pil_image())
    report = json.loads((tmp_path / "ausgabe.pdf.report.json").read_text())
    boxes = [box for one in report["removed"] for box in one["boxes_px"]]
    assert boxes
    assert all(image[top:bottom, left:right].var() == 0 for left, top, right, bottom in boxes)


def test_letters_drawn_as_shapes_over_a_text_page_are_noticed():
    """A page with text of its own is read from that text: a name drawn as vectors is not in it."""
    page = draw_page(["Das Haus ist fertig.", "Die Abnahme ist erfolgt."])
    assert letters_beyond_words(page) == 0
    whole = draw_page(["Das Haus ist fertig.", "Die Abnahme ist erfolgt.", "Walter Schlehdorn"])
    assert letters_beyond_words(ArchivePage(whole.image, page.dpi, page.lines)) >= 10


def test_rules_and_frames_are_no_unread_letters():
    page = draw_page(["Das Haus ist fertig.", "Die Abnahme ist erfolgt."])
    drawn = Image.fromarray(page.image)
    ImageDraw.Draw(drawn).rectangle((30, 20, 900, 400), outline=0, width=3)
    ImageDraw.Draw(drawn).line((30, 300, 900, 300), fill=0, width=2)
    assert letters_beyond_words(ArchivePage(np.asarray(drawn), page.dpi, page.lines)) == 0


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        (["Das Haus gehört Walter", "Schlehdorn seit 1957."], {"Walter", "Schlehdorn"}),
        (["Das Haus gehört Schleh-", "dorn seit langem."], {"Schleh-", "dorn"}),
        (["Das Haus gehört Schleh⸗", "dorn seit langem."], {"Schleh⸗", "dorn"}),
        (["des Schlehdorns Haus", "die Schlehdornsche Mauer"], {"Schlehdorns", "Schlehdornsche"}),
        (["das Haus von SCHLEHDORN"], {"SCHLEHDORN"}),
        (["das Haus von Schlehdom", "und Schlchdorn"], {"Schlehdom", "Schlchdorn"}),
        (["des ſelbigen Schlehdorn,"], {"Schlehdorn,"}),
    ],
)
def test_names_of_the_case_are_found_split_inflected_and_misread(lines, parts):
    facts = CaseFacts(owners=("Walter Schlehdorn",))
    hits = find_pii([draw_page(lines)], facts)
    found = {word for hit in hits if hit.category == "person_name" for word in hit.text.split()}
    assert parts <= found


def test_a_picture_that_unpacks_to_more_than_allowed_is_refused(redact, tmp_path):
    path = tmp_path / "bombe.png"
    Image.new("1", (30_000, 30_000)).save(path)
    assert path.stat().st_size < 200_000
    code, out = redact(path)
    assert code == 2
    assert not out.exists()


def test_a_page_of_endless_size_is_refused(redact, tmp_path):
    path = tmp_path / "bombe.pdf"

    def widen(pdf):
        pdf.pages[0].obj.MediaBox = [0, 0, 10_000_000, 10_000_000]

    path.write_bytes(saved(widen))
    code, out = redact(path)
    assert code == 2
    assert not out.exists()


def test_colour_stays_colour_and_black_and_white_stays_so(redact, tmp_path):
    colour = np.dstack([PAGE, PAGE, (PAGE * 0.7).astype(np.uint8)])
    kinds = {}
    for name, image in (("farbe.png", Image.fromarray(colour)),
                        ("grau.png", Image.fromarray(PAGE)),
                        ("fax.tif", Image.fromarray(PAGE > 128))):  # fmt: skip
        image.save(tmp_path / name)
        code, out = redact(tmp_path / name)
        assert code == 0
        with pikepdf.open(out) as pdf:
            scan = pdf.pages[0].Resources.XObject.Scan
            kinds[name] = (str(scan.ColorSpace), str(scan.Filter), int(scan.BitsPerComponent))
        out.unlink()
        out.with_name(out.name + ".report.json").unlink()
    assert kinds == {
        "farbe.png": ("/DeviceRGB", "/DCTDecode", 8),
        "grau.png": ("/DeviceGray", "/DCTDecode", 8),
        "fax.tif": ("/DeviceGray", "/CCITTFaxDecode", 1),
    }


def test_a_black_and_white_scan_inside_a_pdf_stays_so(redact, tmp_path):
    path = tmp_path / "fax.pdf"
    Image.fromarray(PAGE > 128).save(path, resolution=100)
    code, out = redact(path)
    assert code == 0
    with pikepdf.open(out) as pdf:
        assert str(pdf.pages[0].Resources.XObject.Scan.Filter) == "/CCITTFaxDecode"


def test_a_word_that_only_touches_a_box_leaves_the_text_layer_too():
    """Half a name in the layer is half a name too much."""
    from apps.archivair.redaction.hits import PiiHit
    from apps.archivair.redaction.redact import redact_pages

    page = ArchivePage(
        np.full((300, 600), 255, np.uint8), 100.0,
        ((PageWord("Walter", (100, 100, 200, 130)), PageWord("Rest", (400, 100, 460, 130))),),
    )  # fmt: skip
    made = redact_pages([page], [PiiHit(1, "own", "", "", ((150, 100, 180, 130),))])[0]
    assert made.page.text == "Rest"
