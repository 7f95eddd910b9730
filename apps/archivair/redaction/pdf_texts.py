"""Everything in a PDF that could carry text: strings and streams of all objects, decompressed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pikepdf

_HEX = re.compile(rb"<([0-9A-Fa-f\s]{4,})>")
_PACKED = (b"PK\x03\x04", b"%PDF-", b"\x1f\x8b", b"7z\xbc\xaf", b"\xd0\xcf\x11\xe0", b"Rar!")
_PIXELS = ("/DCTDecode", "/CCITTFaxDecode", "/JPXDecode", "/JBIG2Decode")
_PRINTABLE = re.compile(rb"[\x20-\x7e\x80-\xff]{4,}")
_PICTURE_TEXT = re.compile(rb"[\x20-\x7e]{8,}")


def texts_of_objects(pdf: pikepdf.Pdf) -> Iterator[tuple[str, str]]:
    """Yield every text with a phrase that says where it stands.

    Args:
        pdf: An open file.
    """
    yield "den Dateiangaben", " ".join(str(one) for one in pdf.docinfo.values())
    for item in pdf.objects:
        for text in _strings(item):
            yield "einem Objekt", text
        if isinstance(item, pikepdf.Stream):
            yield from _stream_texts(item)


def structure_faults(content: bytes, pdf: pikepdf.Pdf) -> Iterator[str]:
    """Yield what a redacted file must not have, as German phrases.

    Args:
        content: The file.
        pdf: The same file, open.
    """
    if content.count(b"startxref") != 1 or content.count(b"%%EOF") != 1:
        yield "die Datei enthält eine frühere Fassung"
    if not content.rstrip().endswith(b"%%EOF"):
        yield "hinter dem Ende der Datei steht noch etwas"
    if "/AcroForm" in pdf.Root:
        yield "die Datei enthält Formularfelder"
    if "/Outlines" in pdf.Root:
        yield "die Datei enthält Lesezeichen"
    if any("/Annots" in page.obj for page in pdf.pages):
        yield "die Datei enthält Anmerkungen"
    if any("/Thumb" in page.obj or "/PieceInfo" in page.obj for page in pdf.pages):
        yield "die Datei enthält Vorschaubilder oder Programmdaten"
    for item in pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and "/JS" in item:
            yield "die Datei enthält JavaScript"
        if isinstance(item, pikepdf.Stream) and item.get("/Type") == "/EmbeddedFile":
            data = item.read_bytes()
            if data.lstrip().startswith(_PACKED):
                yield "ein Anhang ist gepackt und kann nicht geprüft werden"


def _strings(item: object) -> Iterator[str]:
    """Yield the strings of an object, those of its direct parts too."""
    if isinstance(item, pikepdf.String):
        yield str(item)
        yield from _decoded(bytes(item))
    elif isinstance(item, pikepdf.Array):
        for one in item:
            yield from _strings_inside(one)
    elif isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
        for key in item.keys():  # noqa: SIM118  # an object of the library, no mapping
            yield str(key)
            yield from _strings_inside(item[key])


def _strings_inside(item: object) -> Iterator[str]:
    if isinstance(item, pikepdf.Object) and item.is_indirect:
        return  # it is visited as an object of its own
    yield from _strings(item)


def _stream_texts(stream: pikepdf.Stream) -> Iterator[tuple[str, str]]:
    place = "einem Anhang" if stream.get("/Type") == "/EmbeddedFile" else "einem Datenstrom"
    found = stream.get("/Filter")
    names = [str(one) for one in found] if isinstance(found, pikepdf.Array) else [str(found)]
    if any(one in _PIXELS for one in names):
        # Comments and camera data of a picture are plain text between the coded pixels.
        for match in _PICTURE_TEXT.finditer(stream.read_raw_bytes()):
            yield "einem Bild", match[0].decode("ascii")
        return
    data = stream.read_bytes()
    for text in _decoded(data):
        yield place, text
    for match in _HEX.finditer(data):
        digits = re.sub(rb"\s", b"", match[1])
        for text in _decoded(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())):
            yield place, text


def _decoded(data: bytes) -> Iterator[str]:
    """Yield bytes as text in the encodings that a PDF may use."""
    yield data.decode("utf-8", "replace")
    for match in _PRINTABLE.finditer(data):
        yield match[0].decode("latin-1")
    if b"\x00" in data:
        yield data.decode("utf-16-be", "replace")
        yield data.decode("utf-16-le", "replace")
