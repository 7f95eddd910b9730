"""Scripts and embedded files of a PDF: found by name, never by chance inside a picture."""

import io
import zlib

import numpy as np
import pikepdf
import pytest
from PIL import Image

from apps.archivair import pdf_scripts
from apps.archivair.file_data import FileData
from apps.archivair.pdf_scripts import has_active_content

SCRIPT = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))


def saved(change=None, **options):
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        if change is not None:
            change(pdf)
        target = io.BytesIO()
        pdf.save(target, **options)
    return target.getvalue()


def with_script(pdf):
    pdf.Root.OpenAction = SCRIPT


def with_note(pdf):
    file = pikepdf.Stream(pdf, b"secret", Type=pikepdf.Name.EmbeddedFile)
    about = pikepdf.Dictionary(Type=pikepdf.Name.Filespec, EF=pikepdf.Dictionary(F=file))
    note = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FileAttachment, Rect=[0, 0, 9, 9], FS=about
    )
    pdf.pages[0].Annots = pikepdf.Array([pdf.make_indirect(note)])


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "objects in a stream"])
@pytest.mark.parametrize("change", [with_script, with_note])
def test_what_could_act_is_found(tmp_path, change, packed):
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    content = saved(change, object_stream_mode=mode)
    (tmp_path / "a.pdf").write_bytes(content)
    assert has_active_content(FileData(content))
    assert has_active_content(FileData(tmp_path / "a.pdf"))


def test_a_name_in_other_writing_is_found():
    assert has_active_content(FileData(b"%PDF-1.7\n1 0 obj<</S/JavaScript/#4aS(1)>>endobj"))


def test_a_sound_scan_has_none():
    target = io.BytesIO()
    Image.fromarray(np.full((60, 90), 200, np.uint8)).save(target, "PDF")
    assert not has_active_content(FileData(target.getvalue()))


@pytest.mark.parametrize("head", [b"", b"/Type/XObject/Filter/DCTDecode"])
def test_the_same_bytes_inside_a_picture_are_none(head):
    noise = b"\x00\xff/JS /JavaScript(\x01"
    content = b"%PDF-1.7\n1 0 obj<<" + head + b">>\nstream\n" + noise + b"\nendstream endobj"
    assert not has_active_content(FileData(content))
    assert not has_active_content(FileData(content + b" 2 0 obj<</JSX 1/JavaScripts 2>>endobj"))
    assert has_active_content(FileData(content + b" 2 0 obj<</JS 1>>endobj"))


def test_a_bomb_of_objects_is_unpacked_no_further_than_the_limit(monkeypatch):
    monkeypatch.setattr(pdf_scripts, "MOST_UNPACKED_BYTES", 2**21)
    bomb = zlib.compress(bytes(2**24) + b"/JS ")
    content = b"1 0 obj<</Type/ObjStm/N 1>>stream\r\n" + bomb + b"\nendstream"
    assert not has_active_content(FileData(content))
    near = zlib.compress(bytes(2**20 - 2) + b"/JS " + bytes(2**20))
    assert has_active_content(FileData(content.replace(bomb, near)))


def test_a_damaged_stream_of_objects_is_passed_over():
    content = b"1 0 obj<</Type/ObjStm>>stream\nkaputt\nendstream 2 0 obj<</JS 1>>endobj"
    assert has_active_content(FileData(content))
    assert not has_active_content(FileData(b"1 0 obj<</Type/ObjStm>>stream\nkaputt"))
