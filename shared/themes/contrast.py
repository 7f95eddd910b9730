"""Contrast of colours after WCAG 2.2, success criteria 1.4.3 and 1.4.11."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shared.themes.theme import Palette, Theme

Rgb = tuple[int, int, int]
TEXT_MINIMUM = 4.5
GRAPHICS_MINIMUM = 3.0
HIGH_CONTRAST_MINIMUM = 7.0


@dataclass(frozen=True, slots=True)
class ContrastFinding:
    """A pair of colours that is too weak.

    Args:
        mode: "light" or "dark".
        pair: Names of the two colours.
        ratio: Measured ratio, 1 to 21.
        minimum: Ratio that is needed.
    """

    mode: str
    pair: str
    ratio: float
    minimum: float

    def __str__(self) -> str:
        """Return the sentence for the command line; rounded down, 4.497 is not 4.50."""
        shown = math.floor(self.ratio * 100) / 100
        return f"{self.mode}: {self.pair} {shown:.2f} < {self.minimum:.1f}"


def parse_colour(text: str) -> Rgb:
    """Read `#rrggbb` as three numbers from 0 to 255."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def relative_luminance(rgb: Rgb) -> float:
    """Return the relative luminance, 0 black to 1 white.

    Source: WCAG 2.2, definition "relative luminance".
    """

    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(channel) for channel in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(rgb_a: Rgb, rgb_b: Rgb) -> float:
    """Return the contrast of two colours, 1 to 21; the order does not matter."""
    lighter, darker = sorted((relative_luminance(rgb_a), relative_luminance(rgb_b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def check_theme(theme: Theme) -> list[ContrastFinding]:
    """Return every pair of the theme's colours that people could not tell apart."""
    text_minimum = HIGH_CONTRAST_MINIMUM if theme.high_contrast else TEXT_MINIMUM
    return [
        finding
        for mode, palette in (("light", theme.light), ("dark", theme.dark))
        for finding in _check_palette(mode, palette, text_minimum)
    ]


def _check_palette(mode: str, palette: Palette, text_minimum: float) -> list[ContrastFinding]:
    text_pairs = [
        ("text", "background"),
        ("text", "secondary_background"),
        ("link", "background"),
        ("link", "secondary_background"),
    ]
    for name in ("red", "orange", "green", "blue", "gray"):
        text_pairs.append((f"{name}_text", f"{name}_background"))
        text_pairs.append((f"{name}_text", "background"))
    graphic_pairs = [("primary", "background"), ("widget_border", "background")]
    wanted = [(a, b, text_minimum) for a, b in text_pairs]
    wanted += [(a, b, GRAPHICS_MINIMUM) for a, b in graphic_pairs]
    colours = palette.model_dump()
    ratios = [
        (f"{a} / {b}", contrast_ratio(parse_colour(colours[a]), parse_colour(colours[b])), minimum)
        for a, b, minimum in wanted
    ]
    on_primary = contrast_ratio((255, 255, 255), parse_colour(palette.primary))
    ratios.append(("#ffffff / primary", on_primary, TEXT_MINIMUM))
    return [
        ContrastFinding(mode, pair, ratio, minimum)
        for pair, ratio, minimum in ratios
        if ratio < minimum
    ]
