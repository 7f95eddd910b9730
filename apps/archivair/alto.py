"""Write a page as ALTO 4.4 (Library of Congress): blocks, lines, words with places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from apps.archivair.reading import Corners, PageReading, TextLine, Word
from shared import __version__

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "https://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def to_alto(reading: PageReading, file_name: str, sha256: str, index: int) -> str:
    """Return the ALTO document of a page.

    Args:
        reading: The page as read.
        file_name: Name of the source file without folder.
        sha256: Hash of the source file.
        index: Number of the page in its file, from 1.
    """
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<alto xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="{NAMESPACE} {SCHEMA}" SCHEMAVERSION="4.4">',
        *_description(reading, file_name, sha256),
        "  <Layout>",
        f'    <Page ID="page_{index}" PHYSICAL_IMG_NR="{index}"'
        f' WIDTH="{reading.width}" HEIGHT="{reading.height}"{_page_confidence(reading)}>',
        f"      <PrintSpace {_place((0, 0, reading.width, reading.height))}>",
    ]
    for number, block in enumerate(reading.blocks, start=1):
        parts += _block(f"b{number}", block)
    parts += ["      </PrintSpace>", "    </Page>", "  </Layout>", "</alto>", ""]
    return "\n".join(parts)


def _description(reading: PageReading, file_name: str, sha256: str) -> list[str]:
    parts = [
        "  <Description>",
        "    <MeasurementUnit>pixel</MeasurementUnit>",
        "    <sourceImageInformation>",
        f"      <fileName>{_text(file_name)}</fileName>",
        f"      <fileIdentifier>sha256:{sha256}</fileIdentifier>",
        "    </sourceImageInformation>",
        '    <Processing ID="processing_1">',
        "      <processingStepDescription>"
        f"rotation {reading.rotation_deg} deg clockwise, tilt {reading.tilt_deg} deg,"
        f" script {reading.script}, engines {' '.join(reading.engines) or 'none'}"
        "</processingStepDescription>",
    ]
    if reading.models:
        used = "; ".join(
            f"{model.name} {model.version} sha256:{model.sha256}" for model in reading.models
        )
        parts.append(f"      <processingStepSettings>{_text(used)}</processingStepSettings>")
    return [
        *parts,
        "      <processingSoftware>",
        "        <softwareName>ArchivAIr</softwareName>",
        f"        <softwareVersion>{__version__}</softwareVersion>",
        "      </processingSoftware>",
        "    </Processing>",
        "  </Description>",
    ]


def _block(name: str, lines: Sequence[TextLine]) -> list[str]:
    parts = [f'        <TextBlock ID="{name}" {_place(_around([line.box for line in lines]))}>']
    for number, line in enumerate(lines, start=1):
        parts += _line(f"{name}_l{number}", line)
    return [*parts, "        </TextBlock>"]


def _line(name: str, line: TextLine) -> list[str]:
    parts = [
        f'          <TextLine ID="{name}" {_place(line.box)}>',
        f'            <Shape><Polygon POINTS="{_points(line.corners)}"/></Shape>',
    ]
    before: Word | None = None
    for number, word in enumerate(line.words, start=1):
        if before is not None:
            parts.append(f"            <SP {_gap(before, word)}/>")
        parts.append(
            f'            <String ID="{name}_w{number}" {_place(word.box)}'
            f' CONTENT={_attribute(word.text)} WC="{word.confidence:.3f}"/>'
        )
        before = word
    return [*parts, "          </TextLine>"]


def _place(box: tuple[int, int, int, int]) -> str:
    left, top, right, bottom = box
    return f'HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"'


def _gap(before: Word, word: Word) -> str:
    """Describe the blank between two words, whichever way the page lies."""
    left = min(before.box[2], word.box[2])
    right = max(before.box[0], word.box[0])
    return f'HPOS="{min(left, right)}" VPOS="{word.box[1]}" WIDTH="{abs(right - left)}"'


def _around(boxes: Sequence[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _points(corners: Corners) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in corners)


def _page_confidence(reading: PageReading) -> str:
    mean = reading.mean_confidence
    return "" if mean is None else f' PC="{mean:.3f}"'


def _text(value: str) -> str:
    cleaned = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)
    return cleaned.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _attribute(value: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value))
