"""Every rule of the checker fails on a file that is broken in its way, and on no sound file."""

import io
import re

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from apps.archivair.archive_files.pdfa_check import check_pdfa, rule_names
from tests.apps.archivair.archive_files.files import sound_file


def fonts(pdf, subtype):
    return [
        one for one in pdf.objects
        if isinstance(one, pikepdf.Dictionary) and one.get("/Subtype") == subtype
    ]  # fmt: skip


def descriptor(pdf):
    return fonts(pdf, "/CIDFontType2")[0].FontDescriptor


def image(pdf):
    return pdf.pages[0].Resources.XObject.Scan


def specification(pdf):
    return pdf.Root.AF[0]


def xmp(pdf, old, new):
    content = pdf.Root.Metadata.read_bytes()
    assert old in content
    pdf.Root.Metadata.write(content.replace(old, new))


def annotate(pdf, **keys):
    note = Dictionary(Type=Name.Annot, Rect=[0, 0, 9, 9], **keys)
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(note)])


def action(kind):
    return Dictionary(S=Name(kind))


BY_OBJECTS = {
    "metadaten": lambda pdf: pdf.Root.__delitem__("/Metadata"),
    "xmp_lesbar": lambda pdf: pdf.Root.Metadata.write(b"<kein xml"),
    "xmp_rahmen": lambda pdf: xmp(pdf, b" id=", b' bytes="100" id='),
    "teil": lambda pdf: xmp(pdf, b":part>3<", b":part>1<"),
    "stufe": lambda pdf: xmp(pdf, b":conformance>B<", b":conformance>X<"),
    "titel": lambda pdf: pdf.docinfo.__setitem__("/Title", String("Anders")),
    "programm": lambda pdf: pdf.docinfo.__setitem__("/Creator", String("Anders")),
    "erzeuger": lambda pdf: pdf.docinfo.__setitem__("/Producer", String("Anders")),
    "erstellt": lambda pdf: pdf.docinfo.__setitem__("/CreationDate", String("D:2001")),
    "geaendert": lambda pdf: pdf.docinfo.__delitem__("/ModDate"),
    "sprache": lambda pdf: pdf.Root.__delitem__("/Lang"),
    "farbziel": lambda pdf: pdf.Root.__delitem__("/OutputIntents"),
    "farbprofil": lambda pdf: pdf.Root.OutputIntents[0].DestOutputProfile.write(b"x" * 200),
    "keine_skripte": lambda pdf: pdf.Root.Names.__setitem__("/JavaScript", Dictionary()),
    "keine_aktionen": lambda pdf: annotate(pdf, Subtype=Name.Link, A=action("/Launch")),
    "keine_ausloeser": lambda pdf: pdf.pages[0].obj.__setitem__("/AA", Dictionary()),
    "kein_start": lambda pdf: pdf.Root.__setitem__("/OpenAction", action("/GoTo")),
    "anmerkungen": lambda pdf: annotate(pdf, Subtype=Name.Text, F=2),
    "formular": lambda pdf: pdf.Root.__setitem__("/AcroForm", Dictionary(NeedAppearances=True)),
    "schriften": lambda pdf: descriptor(pdf).__delitem__("/FontFile2"),
    "zeichen": lambda pdf: fonts(pdf, "/Type0")[0].__delitem__("/ToUnicode"),
    "glyphen": lambda pdf: fonts(pdf, "/CIDFontType2")[0].__delitem__("/CIDToGIDMap"),
    "breiten": lambda pdf: fonts(pdf, "/CIDFontType2")[0].__delitem__("/DW"),
    "kodierung": lambda pdf: fonts(pdf, "/Type0")[0].__setitem__("/Encoding", Name("/UniGB-H")),
    "innen": lambda pdf: image(pdf).__setitem__("/F", String("anderswo.jpg")),
    "bilder": lambda pdf: image(pdf).__setitem__("/Interpolate", True),
    "kein_postscript": lambda pdf: image(pdf).__setitem__("/Subtype2", Name.PS),
    "keine_verweise": lambda pdf: pdf.Root.__setitem__(
        "/X", pdf.make_indirect(pikepdf.Stream(pdf, b"", Subtype=Name.Form, Ref=Dictionary()))
    ),
    "keine_kennlinien": lambda pdf: pdf.pages[0].Resources.__setitem__(
        "/ExtGState", Dictionary(G=Dictionary(Type=Name.ExtGState, TR=Name.Identity))
    ),
    "farbraum": lambda pdf: image(pdf).__setitem__("/ColorSpace", Name.DeviceCMYK),
    "beziehung": lambda pdf: specification(pdf).__delitem__("/AFRelationship"),
    "anhang_name": lambda pdf: specification(pdf).__delitem__("/UF"),
    "anhang_art": lambda pdf: specification(pdf).EF.F.__delitem__("/Subtype"),
    "anhang_datum": lambda pdf: specification(pdf).EF.F.Params.__delitem__("/ModDate"),
    "anhang_liste": lambda pdf: pdf.Root.__delitem__("/AF"),
    "seiten": lambda pdf: pdf.pages[0].obj.__setitem__("/MediaBox", Array([0, 0, 1, 20000])),
    "inhalt": lambda pdf: pdf.pages[0].Contents.write(b"q q q 1 0 0 1 0 0 cm"),
    "namen": lambda pdf: pdf.Root.__setitem__("/" + "N" * 140, 1),
    "keine_ebenen": lambda pdf: pdf.Root.__setitem__("/OCProperties", Dictionary()),
}  # fmt: skip


def by_bytes(rule, content):
    if rule == "lesbar":
        return b"kein PDF"
    if rule == "kopf":
        return re.sub(rb"^(%PDF-1\.7\n)%[^\n]*\n", rb"\1%abcd\n", content)
    if rule == "eine_fassung":
        return content + content[content.rindex(b"startxref") :]
    if rule == "kennung":
        return re.sub(rb"/ID \[(<[0-9a-f]*>)+\]", lambda found: b" " * len(found[0]), content)
    if rule == "kein_crypt":
        head, _, tail = content.rpartition(b"/Filter /FlateDecode")
        return head + b"/Filter [/Crypt    ]" + tail
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        if rule == "offen":
            pdf.save(target, encryption=pikepdf.Encryption(owner="geheim", user=""))
        else:
            stream = pikepdf.Stream(pdf, b"")
            stream.write(b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", filter=Name.LZWDecode)
            pdf.Root.X = pdf.make_indirect(stream)
            pdf.save(target, stream_decode_level=pikepdf.StreamDecodeLevel.none,
                     compress_streams=False)  # fmt: skip
    return target.getvalue()


def broken(rule):
    content = sound_file()
    if rule not in BY_OBJECTS:
        return by_bytes(rule, content)
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        BY_OBJECTS[rule](pdf)
        pdf.save(target, fix_metadata_version=False)
    return target.getvalue()


def test_a_sound_file_breaks_no_rule_and_there_are_many():
    assert check_pdfa(sound_file()) == []
    assert len(rule_names()) >= 25
    assert len(set(rule_names())) == len(rule_names())


@pytest.mark.parametrize("rule", rule_names())
def test_each_rule_sees_what_breaks_it(rule):
    faults = check_pdfa(broken(rule))
    assert rule in [fault.rule for fault in faults]
    assert all(fault.message.endswith((".", ")")) for fault in faults)
