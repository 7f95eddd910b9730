"""What the rules of PDF/A look at: objects, dictionaries and descriptions of an open PDF."""

from __future__ import annotations

import re
from functools import cached_property
from xml.etree import ElementTree

import pikepdf

_SPACES = {
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "pdf": "http://ns.adobe.com/pdf/1.3/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
_DATE = re.compile(r"D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:([+-]\d\d)'(\d\d)'?|Z)")


class CheckedFile:
    """An open PDF with the questions that the rules ask.

    Args:
        content: Bytes of the file.
        pdf: The same file, open.
    """

    def __init__(self, content: bytes, pdf: pikepdf.Pdf) -> None:
        self.content = content
        self.pdf = pdf

    @property
    def root(self) -> pikepdf.Object:
        """The catalog."""
        return self.pdf.Root

    @cached_property
    def dictionaries(self) -> list[pikepdf.Object]:
        """Every dictionary and every stream, those inside others too."""
        found: list[pikepdf.Object] = []
        waiting = [one for one in self.pdf.objects if one is not None]
        while waiting:
            one = waiting.pop()
            if isinstance(one, pikepdf.Array):
                waiting += [item for item in one if not _is_reference(item)]
            elif isinstance(one, pikepdf.Dictionary | pikepdf.Stream):
                found.append(one)
                waiting += [one[key] for key in one.keys() if not _is_reference(one[key])]  # noqa: SIM118
        return found

    @property
    def streams(self) -> list[pikepdf.Object]:
        """Every stream."""
        return [one for one in self.dictionaries if isinstance(one, pikepdf.Stream)]

    def of_type(self, name: str) -> list[pikepdf.Object]:
        """Return dictionaries of a type.

        Args:
            name: For example "/Font".
        """
        return [one for one in self.dictionaries if one.get("/Type") == name]

    @property
    def images(self) -> list[pikepdf.Object]:
        """Every image."""
        return [one for one in self.streams if one.get("/Subtype") == "/Image"]

    @property
    def specifications(self) -> list[pikepdf.Object]:
        """Every specification of an embedded file."""
        return [one for one in self.dictionaries if "/EF" in one]

    @cached_property
    def xmp_bytes(self) -> bytes:
        """The description in XMP; empty where there is none."""
        metadata = self.root.get("/Metadata")
        return metadata.read_bytes() if isinstance(metadata, pikepdf.Stream) else b""

    @cached_property
    def xmp(self) -> ElementTree.Element | None:
        """The description, None if it is missing, no XML, or XML with definitions of its own."""
        if not self.xmp_bytes or b"<!" in self.xmp_bytes:
            return None
        try:
            return ElementTree.fromstring(self.xmp_bytes)  # noqa: S314  # no definitions, see above
        except ElementTree.ParseError:
            return None

    def xmp_text(self, name: str) -> str | None:
        """Return a property of the description.

        Args:
            name: With its prefix, for example "dc:title".
        """
        found = None if self.xmp is None else self.xmp.find(f".//{name}", _SPACES)
        if found is None:
            return None
        entry = found.find(".//rdf:li", _SPACES)
        return (found if entry is None else entry).text or ""

    def info_text(self, key: str) -> str | None:
        """Return an entry of the Info dictionary.

        Args:
            key: For example "/Title".
        """
        value = self.pdf.docinfo.get(key) if "/Info" in self.pdf.trailer else None
        return None if value is None else str(value)

    def same_text(self, key: str, name: str) -> bool:
        """Say whether Info and description agree, both having it or both not."""
        return self.info_text(key) == self.xmp_text(name)

    def same_date(self, key: str, name: str) -> bool:
        """Say whether Info and description name the same moment, both having it or both not."""
        written, described = self.info_text(key), self.xmp_text(name)
        if written is None or described is None:
            return written is described
        match = _DATE.fullmatch(written)
        if match is None:
            return False
        year, month, day, hour, minute, second, hours, minutes = match.groups()
        zone = f"{hours}:{minutes}" if hours else "+00:00"
        moment = f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone}"
        return described.replace("Z", "+00:00") == moment


def _is_reference(item: object) -> bool:
    """Say whether an item stands elsewhere as an object of its own."""
    return isinstance(item, pikepdf.Object) and item.is_indirect
