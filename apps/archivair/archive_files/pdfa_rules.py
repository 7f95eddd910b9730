"""The structural rules of PDF/A-3b, each named by what it looks at (clauses of ISO 19005-3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pikepdf

from apps.archivair.archive_files.pdfa_document import CheckedFile

RELATIONSHIPS = ("/Source", "/Data", "/Alternative", "/Supplement", "/Unspecified")
FORBIDDEN_ACTIONS = {
    "/JavaScript", "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/Hide",
    "/SetOCGState", "/Rendition", "/Trans", "/GoTo3DView",
}  # fmt: skip
FORBIDDEN_ANNOTATIONS = {"/3D", "/Sound", "/Screen", "/Movie", "/RichMedia"}
_DEVICE_SPACES = {"/DeviceGray", "/DeviceRGB"}
_LARGEST_SIDE, _SMALLEST_SIDE = 14400, 3
_DEEPEST_STATES = 28
_LONGEST_NAME = 127
_NO_ZOOM_NO_ROTATE_PRINT = (4, 1 | 2 | 32)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Args:
        name: Short name.
        message: What is wrong when it is broken, a German sentence.
        holds: Says whether a file keeps it.
    """

    name: str
    message: str
    holds: Callable[[CheckedFile], bool]


def _header(file: CheckedFile) -> bool:
    """Clause 6.1.2: version at the first byte, then a comment with four bytes above 127."""
    return bool(re.match(rb"%PDF-1\.[0-7]\r?\n%[\x80-\xff]{4}", file.content))


def _one_revision(file: CheckedFile) -> bool:
    return file.content.count(b"startxref") == 1 and file.content.count(b"%%EOF") == 1


def _file_id(file: CheckedFile) -> bool:
    found = file.pdf.trailer.get("/ID")
    return isinstance(found, pikepdf.Array) and len(found) == 2 and all(map(bytes, found))


def _metadata(file: CheckedFile) -> bool:
    found = file.root.get("/Metadata")
    return (
        isinstance(found, pikepdf.Stream)
        and found.get("/Type") == "/Metadata"
        and found.get("/Subtype") == "/XML"
    )


def _xmp_packet(file: CheckedFile) -> bool:
    """Clause 6.6.2.1: no attributes bytes and encoding in the packet's head."""
    head = file.xmp_bytes.split(b"?>", 1)[0]
    return b"xpacket" in head and b" bytes=" not in head and b" encoding=" not in head


def _output_intent(file: CheckedFile) -> bool:
    intents = file.root.get("/OutputIntents")
    if not isinstance(intents, pikepdf.Array):
        return False
    of_pdfa = [one for one in intents if one.get("/S") == "/GTS_PDFA1"]
    return len(of_pdfa) == 1 and isinstance(of_pdfa[0].get("/DestOutputProfile"), pikepdf.Stream)


def _profile(file: CheckedFile) -> bool:
    """Clause 6.2.3: an RGB profile of ICC version 2 or 4, with three components."""
    if not _output_intent(file):
        return False
    profile = file.root.OutputIntents[0].get("/DestOutputProfile")
    if not isinstance(profile, pikepdf.Stream):
        return False
    data = profile.read_bytes()
    sound = len(data) > 128 and data[36:40] == b"acsp" and data[8] in (2, 4)
    return sound and data[16:20] == b"RGB " and profile.get("/N") == 3


def _no_scripts(file: CheckedFile) -> bool:
    names = file.root.get("/Names")
    in_names = isinstance(names, pikepdf.Dictionary) and "/JavaScript" in names
    return not in_names and not any("/JS" in one for one in file.dictionaries)


def _no_actions(file: CheckedFile) -> bool:
    return not any(one.get("/S") in FORBIDDEN_ACTIONS for one in file.dictionaries)


def _annotations_sound(file: CheckedFile) -> bool:
    needed, forbidden = _NO_ZOOM_NO_ROTATE_PRINT
    for page in file.pdf.pages:
        for one in page.obj.get("/Annots", []):
            flags = int(one.get("/F", 0))
            if one.get("/Subtype") in FORBIDDEN_ANNOTATIONS:
                return False
            if one.get("/Subtype") not in ("/Popup", "/Link") and (
                "/AP" not in one or not flags & needed
            ):
                return False
            if flags & forbidden:
                return False
    return True


def _form(file: CheckedFile) -> bool:
    form = file.root.get("/AcroForm")
    return form is None or ("/XFA" not in form and not bool(form.get("/NeedAppearances", False)))


def _programs(file: CheckedFile) -> bool:
    keys = {"/FontFile", "/FontFile2", "/FontFile3"}
    for font in file.of_type("/Font"):
        if font.get("/Subtype") in ("/Type0", "/Type3"):
            continue
        descriptor = font.get("/FontDescriptor")
        if descriptor is None or not keys & set(descriptor.keys()):
            return False
    return True


def _to_unicode(file: CheckedFile) -> bool:
    fonts = [one for one in file.of_type("/Font") if one.get("/Subtype") == "/Type0"]
    return all(isinstance(one.get("/ToUnicode"), pikepdf.Stream) for one in fonts)


def _glyph_tables(file: CheckedFile) -> bool:
    fonts = [one for one in file.of_type("/Font") if one.get("/Subtype") == "/CIDFontType2"]
    return all(
        isinstance(table := one.get("/CIDToGIDMap"), pikepdf.Stream) or table == "/Identity"
        for one in fonts
    )


def _widths(file: CheckedFile) -> bool:
    fonts = [one for one in file.of_type("/Font") if one.get("/Subtype") == "/CIDFontType2"]
    return all("/W" in one or "/DW" in one for one in fonts)


def _encodings(file: CheckedFile) -> bool:
    fonts = [one for one in file.of_type("/Font") if one.get("/Subtype") == "/Type0"]
    return all(one.get("/Encoding") in ("/Identity-H", "/Identity-V") for one in fonts)


def _filters(file: CheckedFile, forbidden: str) -> bool:
    for stream in file.streams:
        found = stream.get("/Filter")
        names = found if isinstance(found, pikepdf.Array) else [found]
        if any(one == forbidden for one in names):
            return False
    return True


def _no_outer_streams(file: CheckedFile) -> bool:
    outer = {"/F", "/FFilter", "/FDecodeParms"}
    return not any(outer & set(one.keys()) for one in file.streams)


def _images_plain(file: CheckedFile) -> bool:
    return not any(
        "/Alternates" in one or "/OPI" in one or bool(one.get("/Interpolate", False))
        for one in file.images
    )


def _no_postscript(file: CheckedFile) -> bool:
    return not any(
        one.get("/Subtype") == "/PS" or one.get("/Subtype2") == "/PS" for one in file.streams
    )


def _no_references(file: CheckedFile) -> bool:
    return not any("/Ref" in one for one in file.streams if one.get("/Subtype") == "/Form")


def _no_transfer(file: CheckedFile) -> bool:
    states = file.of_type("/ExtGState")
    return not any("/TR" in one or one.get("/TR2", "/Default") != "/Default" for one in states)


def _spaces(file: CheckedFile) -> bool:
    """Clause 6.2.4.3: device colours only as the output profile covers them."""
    return all(
        bool(one.get("/ImageMask", False))
        or isinstance(space := one.get("/ColorSpace"), pikepdf.Array)
        or space in _DEVICE_SPACES
        for one in file.images
    )


def _relationships(file: CheckedFile) -> bool:
    return all(one.get("/AFRelationship") in RELATIONSHIPS for one in file.specifications)


def _file_names(file: CheckedFile) -> bool:
    return all("/F" in one and "/UF" in one for one in file.specifications)


def _embedded_kinds(file: CheckedFile) -> bool:
    kinds = [str(one.EF.F.get("/Subtype", "")) for one in file.specifications]
    return all(re.fullmatch(r"/[\w.+-]+/[\w.+-]+", kind) for kind in kinds)


def _embedded_dates(file: CheckedFile) -> bool:
    return all("/ModDate" in one.EF.F.get("/Params", {}) for one in file.specifications)


def _associated(file: CheckedFile) -> bool:
    listed = file.root.get("/AF", pikepdf.Array())
    known = {one.objgen for one in listed} if isinstance(listed, pikepdf.Array) else set()
    return all(one.objgen in known for one in file.specifications)


def _page_sides(file: CheckedFile) -> bool:
    for page in file.pdf.pages:
        left, bottom, right, top = (float(one) for one in page.mediabox)
        if not all(
            _SMALLEST_SIDE <= side <= _LARGEST_SIDE for side in (right - left, top - bottom)
        ):
            return False
    return bool(len(file.pdf.pages))


def _contents(file: CheckedFile) -> bool:
    """Clauses 6.1.13 and 6.2.2: readable operators, states in pairs and at most 28 deep."""
    for page in file.pdf.pages:
        depth = 0
        try:
            operators = [str(one.operator) for one in pikepdf.parse_content_stream(page)]
        except pikepdf.PdfParsingError:
            return False
        for operator in operators:
            depth += {"q": 1, "Q": -1}.get(operator, 0)
            if not 0 <= depth <= _DEEPEST_STATES:
                return False
        if depth:
            return False
    return True


def _short_names(file: CheckedFile) -> bool:
    return all(
        len(str(key).encode()) <= _LONGEST_NAME + 1
        for one in file.dictionaries
        for key in one.keys()  # noqa: SIM118
    )


def _language(file: CheckedFile) -> bool:
    return bool(re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", str(file.root.get("/Lang", ""))))


def _layers(file: CheckedFile) -> bool:
    return "/OCProperties" not in file.root


RULES: tuple[Rule, ...] = (
    Rule("kopf", "Der Dateikopf ist unvollständig.", _header),
    Rule("eine_fassung", "Die Datei enthält frühere Fassungen.", _one_revision),
    Rule("kennung", "Die Kennung (ID) fehlt.", _file_id),
    Rule("offen", "Die Datei ist verschlüsselt.", lambda file: not file.pdf.is_encrypted),
    Rule("metadaten", "Die XMP-Metadaten fehlen.", _metadata),
    Rule("xmp_lesbar", "Die XMP-Metadaten sind kein gültiges XML.",
         lambda file: file.xmp is not None),
    Rule("xmp_rahmen", "Der Rahmen der XMP-Metadaten ist nicht erlaubt.", _xmp_packet),
    Rule("teil", "pdfaid:part ist nicht 3.", lambda file: file.xmp_text("pdfaid:part") == "3"),
    Rule("stufe", "pdfaid:conformance ist nicht B.",
         lambda file: file.xmp_text("pdfaid:conformance") == "B"),
    Rule("titel", "Titel in Info und XMP weichen ab.",
         lambda file: file.same_text("/Title", "dc:title")),
    Rule("programm", "Programm in Info und XMP weichen ab.",
         lambda file: file.same_text("/Creator", "xmp:CreatorTool")),
    Rule("erzeuger", "Erzeuger in Info und XMP weichen ab.",
         lambda file: file.same_text("/Producer", "pdf:Producer")),
    Rule("erstellt", "Erstelldatum in Info und XMP weichen ab.",
         lambda file: file.same_date("/CreationDate", "xmp:CreateDate")),
    Rule("geaendert", "Änderungsdatum in Info und XMP weichen ab.",
         lambda file: file.same_date("/ModDate", "xmp:ModifyDate")),
    Rule("sprache", "Die Sprache fehlt.", _language),
    Rule("farbziel", "Der OutputIntent fehlt.", _output_intent),
    Rule("farbprofil", "Das Farbprofil ist kein RGB-Profil.", _profile),
    Rule("keine_skripte", "Die Datei enthält JavaScript.", _no_scripts),
    Rule("keine_aktionen", "Die Datei enthält verbotene Aktionen.", _no_actions),
    Rule("keine_ausloeser", "Die Datei enthält selbst auslösende Aktionen (AA).",
         lambda file: not any("/AA" in one for one in file.dictionaries)),
    Rule("kein_start", "Die Datei startet beim Öffnen eine Aktion.",
         lambda file: not isinstance(file.root.get("/OpenAction"), pikepdf.Dictionary)),
    Rule("anmerkungen", "Anmerkungen sind nicht erlaubt dargestellt.", _annotations_sound),
    Rule("formular", "Das Formular ist nicht erlaubt (XFA, NeedAppearances).", _form),
    Rule("schriften", "Eine Schrift ist nicht eingebettet.", _programs),
    Rule("zeichen", "Einer Schrift fehlt die Zuordnung zu Unicode.", _to_unicode),
    Rule("glyphen", "Einer Schrift fehlt die Zuordnung der Glyphen.", _glyph_tables),
    Rule("breiten", "Einer Schrift fehlen die Zeichenbreiten.", _widths),
    Rule("kodierung", "Eine Schrift ist nicht mit Identity kodiert.", _encodings),
    Rule("kein_lzw", "Ein Datenstrom ist mit LZW gepackt.",
         lambda file: _filters(file, "/LZWDecode")),
    Rule("kein_crypt", "Ein Datenstrom ist verschlüsselt.", lambda file: _filters(file, "/Crypt")),
    Rule("innen", "Ein Datenstrom liegt außerhalb der Datei.", _no_outer_streams),
    Rule("bilder", "Ein Bild hat Varianten oder wird geglättet.", _images_plain),
    Rule("kein_postscript", "Die Datei enthält PostScript.", _no_postscript),
    Rule("keine_verweise", "Die Datei bindet Seiten anderer Dateien ein.", _no_references),
    Rule("keine_kennlinien", "Ein Grafikzustand hat eine Übertragungskennlinie.", _no_transfer),
    Rule("farbraum", "Ein Bild hat einen Farbraum ohne Profil.", _spaces),
    Rule("beziehung", "Einem Anhang fehlt die Beziehung (AFRelationship).", _relationships),
    Rule("anhang_name", "Einem Anhang fehlt ein Name (F, UF).", _file_names),
    Rule("anhang_art", "Einem Anhang fehlt der Medientyp.", _embedded_kinds),
    Rule("anhang_datum", "Einem Anhang fehlt das Änderungsdatum.", _embedded_dates),
    Rule("anhang_liste", "Ein Anhang ist nicht zugeordnet (AF).", _associated),
    Rule("seiten", "Eine Seite hat keine erlaubte Größe.", _page_sides),
    Rule("inhalt", "Ein Seiteninhalt ist nicht lesbar oder zu tief geschachtelt.", _contents),
    Rule("namen", "Ein Name ist länger als 127 Byte.", _short_names),
    Rule("keine_ebenen", "Die Datei enthält Ebenen.", _layers),
)  # fmt: skip
