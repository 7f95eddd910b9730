"""Write PDF/A-3b (ISO 19005-3): page images with an invisible text layer and attachments.

    content = write_pdfa([page], FileFacts(title="Bauakte", created=moment), attachments)

The same input gives the same bytes: time is an argument and the file's ID is made of its content.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from apps.archivair.archive_files import invisible_font
from apps.archivair.archive_files.image_streams import encode_image
from apps.archivair.archive_files.page_content import ArchivePage
from apps.archivair.archive_files.text_layer import layer_of
from shared import __version__

PRODUCER = f"ArchivAIr {__version__}"
POINTS_PER_INCH = 72.0
_PROFILE = Path(__file__).with_name("srgb2014.icc")
_WRITTEN_AS = "sRGB IEC61966-2.1"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file says about itself.

    Args:
        title: Title for people; no personal data.
        created: Moment of writing with its zone.
        language: Language of the text (BCP 47).
    """

    title: str
    created: datetime
    language: str = "de-DE"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the file.

    Args:
        name: File name without folder.
        content: Its bytes.
        media_type: For example "application/json".
        description: What it is, for people.
        relationship: "Data" or "Source" (ISO 19005-3 annex E).
    """

    name: str
    content: bytes
    media_type: str
    description: str
    relationship: str = "Data"


def write_pdfa(
    pages: Iterable[ArchivePage], facts: FileFacts, attachments: Sequence[Attachment] = ()
) -> bytes:
    """Return the PDF.

    Args:
        pages: At least one page; taken one after the other, none of their images is held.
        facts: Title, moment, language.
        attachments: Files to be carried along, names different.

    Raises:
        ValueError: No page, the moment has no zone, or two attachments have the same name.
    """
    if facts.created.tzinfo is None:
        raise ValueError("the moment of a file has a zone")
    if len({one.name for one in attachments}) != len(attachments):
        raise ValueError("two attachments have the same name")
    with pikepdf.new() as pdf:
        used: set[str] = set()
        written: list[pikepdf.Object] = []
        for page in pages:
            layer = layer_of(page)
            used |= layer.characters
            resources = _add_page(pdf, page, layer.operators)
            if layer.characters:
                written.append(resources)
        if not len(pdf.pages):
            raise ValueError("a file has at least one page")
        font = _font(pdf, used) if written else None
        for resources in written:
            resources.Font = Dictionary(Text=font)
        _describe(pdf, facts)
        _attach(pdf, attachments, facts.created)
        target = io.BytesIO()
        pdf.save(
            target,
            min_version="1.7",
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            fix_metadata_version=False,
        )
    return target.getvalue()


def _add_page(pdf: pikepdf.Pdf, page: ArchivePage, text: bytes) -> pikepdf.Object:
    """Add a page and return its resources, to which the font of its text is still to be added."""
    height, width = page.image.shape[:2]
    scale = POINTS_PER_INCH / page.dpi
    image = encode_image(page.image)
    stream = pikepdf.Stream(pdf, image.data)
    stream.Type, stream.Subtype = Name.XObject, Name.Image
    stream.Width, stream.Height = width, height
    stream.BitsPerComponent = image.bits
    stream.ColorSpace = Name.DeviceRGB if page.image.ndim == 3 else Name.DeviceGray
    stream.Filter = Name("/" + image.filter_name)
    if image.parameters:
        stream.DecodeParms = Dictionary({f"/{key}": one for key, one in image.parameters.items()})
    drawing = b"q %.4f 0 0 %.4f 0 0 cm /Scan Do Q\n" % (width * scale, height * scale)
    resources = pdf.make_indirect(Dictionary(XObject=Dictionary(Scan=pdf.make_indirect(stream))))
    made = Dictionary(
        Type=Name.Page,
        MediaBox=[0, 0, round(width * scale, 4), round(height * scale, 4)],
        Resources=resources,
        Contents=pdf.make_indirect(pikepdf.Stream(pdf, drawing + text)),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(made)))
    return resources


def _font(pdf: pikepdf.Pdf, characters: set[str]) -> pikepdf.Object:
    program = pikepdf.Stream(pdf, invisible_font.font_program())
    program.Length1 = len(invisible_font.font_program())
    name = Name("/" + invisible_font.NAME)
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=name,
        Flags=4,
        FontBBox=[0, invisible_font.DESCENT, invisible_font.ADVANCE, invisible_font.ASCENT],
        ItalicAngle=0,
        Ascent=invisible_font.ASCENT,
        Descent=invisible_font.DESCENT,
        CapHeight=invisible_font.ASCENT,
        StemV=80,
        FontFile2=pdf.make_indirect(program),
    )
    system = Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0)
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=name,
        CIDSystemInfo=system,
        FontDescriptor=pdf.make_indirect(descriptor),
        CIDToGIDMap=pdf.make_indirect(pikepdf.Stream(pdf, invisible_font.code_to_glyph())),
        DW=invisible_font.ADVANCE,
    )
    table = pikepdf.Stream(pdf, invisible_font.to_unicode(characters))
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=name,
            Encoding=Name("/Identity-H"),
            DescendantFonts=[pdf.make_indirect(descendant)],
            ToUnicode=pdf.make_indirect(table),
        )
    )


def _describe(pdf: pikepdf.Pdf, facts: FileFacts) -> None:
    moment = pdf_date(facts.created)
    pdf.docinfo["/Title"] = String(facts.title)
    pdf.docinfo["/Creator"] = String(PRODUCER)
    pdf.docinfo["/Producer"] = String(PRODUCER)
    pdf.docinfo["/CreationDate"] = String(moment)
    pdf.docinfo["/ModDate"] = String(moment)
    metadata = pikepdf.Stream(pdf, _xmp(facts))
    metadata.Type, metadata.Subtype = Name.Metadata, Name.XML
    profile = pikepdf.Stream(pdf, _colour_profile())
    profile.N = 3
    root = pdf.Root
    root.Metadata = pdf.make_indirect(metadata)
    root.Lang = String(facts.language)
    root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    root.OutputIntents = Array(
        [
            Dictionary(
                Type=Name.OutputIntent,
                S=Name.GTS_PDFA1,
                OutputConditionIdentifier=String(_WRITTEN_AS),
                Info=String(_WRITTEN_AS),
                DestOutputProfile=pdf.make_indirect(profile),
            )
        ]
    )


def _attach(pdf: pikepdf.Pdf, attachments: Sequence[Attachment], moment: datetime) -> None:
    if not attachments:
        return
    names, files = Array(), Array()
    for one in sorted(attachments, key=lambda one: one.name):
        stream = pikepdf.Stream(pdf, one.content)
        stream.Type = Name.EmbeddedFile
        stream.Subtype = Name("/" + one.media_type)
        stream.Params = Dictionary(
            Size=len(one.content),
            CreationDate=String(pdf_date(moment)),
            ModDate=String(pdf_date(moment)),
        )
        held = pdf.make_indirect(stream)
        specification = pdf.make_indirect(
            Dictionary(
                Type=Name.Filespec,
                F=String(one.name),
                UF=String(one.name),
                Desc=String(one.description),
                AFRelationship=Name("/" + one.relationship),
                EF=Dictionary(F=held, UF=held),
            )
        )
        names.extend([String(one.name), specification])
        files.append(specification)
    pdf.Root.Names = Dictionary(EmbeddedFiles=pdf.make_indirect(Dictionary(Names=names)))
    pdf.Root.AF = files


def pdf_date(moment: datetime) -> str:
    """Return a moment as PDF writes it, for example D:20261128101500+01'00'.

    Args:
        moment: With its zone.
    """
    zone = moment.strftime("%z")[:5]
    return f"D:{moment:%Y%m%d%H%M%S}{zone[:3]}'{zone[3:]}'"


def xmp_date(moment: datetime) -> str:
    """Return a moment as XMP writes it, to the second.

    Args:
        moment: With its zone.
    """
    return moment.replace(microsecond=0).isoformat()


@lru_cache(maxsize=1)
def _colour_profile() -> bytes:
    return _PROFILE.read_bytes()


def _xmp(facts: FileFacts) -> bytes:
    """Return the description in XMP; it must say the same as the Info dictionary."""
    moment = xmp_date(facts.created)
    title, producer = escape(facts.title), escape(PRODUCER)
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
   <pdfaid:part>3</pdfaid:part>
   <pdfaid:conformance>B</pdfaid:conformance>
   <dc:format>application/pdf</dc:format>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
   <xmp:CreatorTool>{producer}</xmp:CreatorTool>
   <xmp:CreateDate>{moment}</xmp:CreateDate>
   <xmp:ModifyDate>{moment}</xmp:ModifyDate>
   <xmp:MetadataDate>{moment}</xmp:MetadataDate>
   <pdf:Producer>{producer}</pdf:Producer>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()
