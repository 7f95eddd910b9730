"""A theme: name, contacts and colours of one municipality, read from a TOML file."""

from __future__ import annotations

import json
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

THEMES_FOLDER = Path(__file__).resolve().parent
FONTS_FOLDER = THEMES_FOLDER / "fonts"
LOGOS_FOLDER = THEMES_FOLDER / "logos"
STYLE_FILE = THEMES_FOLDER / "gallery.css"
FONT_FAMILY = "Atkinson Hyperlegible"
VISITOR_FONT_SIZE_PX = 20
FONT_FOLDER_URL = "oberflaeche/schriften"

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$", to_lower=True)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
LogoFile = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+\.(svg|png)$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Palette(_Part):
    """Colours of one mode; the text colours stand on the background of the same name."""

    primary: Colour
    background: Colour
    secondary_background: Colour
    text: Colour
    link: Colour
    border: Colour
    widget_border: Colour
    red_text: Colour
    red_background: Colour
    orange_text: Colour
    orange_background: Colour
    green_text: Colour
    green_background: Colour
    blue_text: Colour
    blue_background: Colour
    gray_text: Colour
    gray_background: Colour


class Contact(_Part):
    """Whom readers can turn to."""

    operator: Text
    address: Text
    email: Text
    accessibility_email: Text
    privacy_email: Text
    enforcement_body: Text


class Theme(_Part):
    """Everything that makes the gallery the gallery of one municipality."""

    name: Text
    short_name: Text
    logo_light: LogoFile
    logo_dark: LogoFile
    font: Literal["default", "legible"] = "legible"
    high_contrast: bool = False
    contact: Contact
    light: Palette
    dark: Palette
    base_font_size_px: int = Field(16, ge=14, le=24)


@lru_cache(maxsize=8)
def load_theme(name: str) -> Theme:
    """Read a built-in theme.

    Args:
        name: File name without its ending.

    Raises:
        ValueError: The name is no plain word or the file does not fit.
        OSError: There is no such file.
    """
    if not name.replace("_", "").isalnum():
        message = f"no name of a theme: {name[:40]!r}"
        raise ValueError(message)
    return read_theme(THEMES_FOLDER / f"{name}.toml")


def read_theme(path: Path) -> Theme:
    """Read a theme file.

    Raises:
        ValueError: No TOML, a key missing, unknown or wrong.
        OSError: The file cannot be read.
    """
    return Theme.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def for_visitors(theme: Theme) -> Theme:
    """Return the theme with type that is read from a step away.

    Args:
        theme: The theme.
    """
    size = max(theme.base_font_size_px, VISITOR_FONT_SIZE_PX)
    return theme.model_copy(update={"base_font_size_px": size})


def streamlit_theme(theme: Theme) -> dict[str, object]:
    """Return the theme as Streamlit options.

    Args:
        theme: The theme.
    """
    family = f"{FONT_FAMILY}, sans-serif" if theme.font == "legible" else "sans-serif"
    options: dict[str, object] = {
        "theme.font": family,
        "theme.headingFont": family,
        "theme.fontFaces": json.dumps(font_faces()) if theme.font == "legible" else None,
        "theme.baseFontSize": theme.base_font_size_px,
        "theme.baseRadius": "0.375rem",
        "theme.showWidgetBorder": True,
        "theme.paddingTop": "2rem",
        "theme.linkUnderline": True,
        "theme.headingFontWeights": [700, 700, 700, 700, 700, 700],
        "theme.headingFontSizes": ["2rem", "1.375rem", "1.125rem", "1rem", "1rem", "1rem"],
        "theme.primaryColor": theme.light.primary,
    }
    for mode, palette in (("light", theme.light), ("dark", theme.dark)):
        for field, value in palette.model_dump().items():
            if field != "widget_border":
                options[f"theme.{mode}.{_streamlit_name(field)}"] = value
    return options


def font_faces() -> list[dict[str, str]]:
    """Return the vendored font files as Streamlit's font faces."""
    faces: list[dict[str, str]] = []
    for path in sorted(FONTS_FOLDER.glob("*.woff2")):
        *_, subset, weight, style = path.stem.removeprefix("atkinson-hyperlegible-").rsplit("-", 2)
        faces.append(
            {
                "family": FONT_FAMILY,
                "url": f"/{FONT_FOLDER_URL}/{path.name}",
                "weight": weight,
                "style": style,
                "unicodeRange": UNICODE_RANGES[subset],
            }
        )
    return faces


UNICODE_RANGES = {
    "latin": "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,"
    "U+0329,U+2000-206F,U+20AC,U+2122,U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD",
    "latin-ext": "U+0100-02BA,U+02BD-02C5,U+02C7-02CC,U+02CE-02D7,U+02DD-02FF,U+0304,U+0308,"
    "U+0329,U+1D00-1DBF,U+1E00-1E9F,U+1EF2-1EFF,U+2020,U+20A0-20AB,U+20AD-20C0,U+2113",
}
_STREAMLIT_NAMES = {"secondary_background": "secondaryBackgroundColor", "link": "linkColor"}


def _streamlit_name(field: str) -> str:
    if field in _STREAMLIT_NAMES:
        return _STREAMLIT_NAMES[field]
    first, *rest = field.split("_")
    return first + "".join(part.title() for part in rest) + "Color"
