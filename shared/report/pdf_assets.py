"""Everything that a PDF report may load: registered pieces, nothing from disk or network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

from shared.report.document import Report
from shared.themes.theme import FONTS_FOLDER, LOGOS_FOLDER, Theme

SCHEME = "asset:"
OWN_FONTS = Path(__file__).resolve().parent / "fonts"
OTHER_LETTERS = "dejavu-sans-400-normal"
"""Greek, Cyrillic, Hebrew, Arabic, arrows, signs: so that paper does not depend on the machine."""
FONT_FACES = (
    "atkinson-hyperlegible-latin-400-normal",
    "atkinson-hyperlegible-latin-400-italic",
    "atkinson-hyperlegible-latin-700-normal",
    "atkinson-hyperlegible-latin-ext-400-normal",
    "atkinson-hyperlegible-latin-ext-700-normal",
)
WATERMARK_COLOUR = "#eef1f4"


@dataclass(frozen=True, slots=True)
class Asset:
    """A registered piece.

    Args:
        content: All bytes.
        media_type: For example "image/png".
    """

    content: bytes
    media_type: str


def register_assets(report: Report, theme: Theme, watermark: str) -> dict[str, Asset]:
    """Return every piece that the templates may name, by its address.

    Args:
        report: The report; its pictures are registered by name.
        theme: Whose logo stands in the header.
        watermark: Word behind the text of a report with invented data.

    Raises:
        OSError: A font or the logo cannot be read.
    """
    assets = {
        f"{SCHEME}logo": _logo(theme),
        f"{SCHEME}watermark": _watermark(watermark),
        **_fonts(),
    }
    for block in report.pictures:
        kind = "image/jpeg" if block.picture.startswith(b"\xff\xd8") else "image/png"
        assets[picture_address(block.name)] = Asset(block.picture, kind)
    return assets


def picture_address(name: str) -> str:
    """Return the address of a picture of the report."""
    return f"{SCHEME}picture/{name}"


@lru_cache(maxsize=1)
def _fonts() -> dict[str, Asset]:
    paths = [FONTS_FOLDER / f"{name}.woff2" for name in FONT_FACES]
    paths.append(OWN_FONTS / f"{OTHER_LETTERS}.woff2")
    return {f"{SCHEME}font/{path.name}": Asset(path.read_bytes(), "font/woff2") for path in paths}


def _logo(theme: Theme) -> Asset:
    """Return the logo for a light background; paper is white."""
    path = LOGOS_FOLDER / theme.logo_light
    kind = "image/svg+xml" if path.suffix == ".svg" else "image/png"
    return Asset(path.read_bytes(), kind)


def _watermark(word: str) -> Asset:
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 190" width="190" height="190">'
        f'<text x="95" y="95" transform="rotate(-40 95 95)" text-anchor="middle" '
        f'font-family="Atkinson" font-weight="700" font-size="27" fill="{WATERMARK_COLOUR}">'
        f"{escape(word)}</text></svg>"
    )
    return Asset(text.encode(), "image/svg+xml")
