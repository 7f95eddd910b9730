"""Render German pages with known text: the sample page and the pages that measure recognition."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Gray = NDArray[np.uint8]
FontName = Literal["tinos", "arimo", "courier_prime"]
FONTS: tuple[FontName, ...] = ("tinos", "arimo", "courier_prime")
TYPEWRITER_FONTS: frozenset[FontName] = frozenset({"courier_prime"})
FOLDER = Path(__file__).parent
_NAMED = re.compile(r"((?:Herrn?|Frau|Eigentümer) (?:[A-Z]\w+ )?)([A-ZÄÖÜ][\wäöüß]{3,})")
A4_MM = (210, 297)
RENDER_DPI = 300
WHITE = 255.0
SPACING = "\ue000"  # drawn as a blank inside a spaced-out word, absent from the reference


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page and the text that stands on it.

    Args:
        image: Grey page, 0 black to 255 white, shape (height, width).
        blocks: Lines of each block in reading order.
        dpi: Dots per inch of the image.
    """

    image: Gray
    blocks: tuple[tuple[str, ...], ...]
    dpi: int

    @property
    def text(self) -> str:
        """Reference text: one line per printed line, blocks separated by an empty line."""
        return "\n\n".join("\n".join(block) for block in self.blocks) + "\n"


@dataclass(frozen=True, slots=True)
class Wear:
    """How a clean page is spoilt, in the order of the fields.

    Args:
        ink_fade: Share of ink strength lost in weak patches (worn ribbon), 0 to 1.
        ink_spread_px: Radius by which strokes grow into the paper.
        tilt_deg: Turn of the page, positive counter-clockwise.
        shading: Share of brightness lost from the brightest to the darkest corner, 0 to 1.
        dpi: Resolution after scaling down.
        blur_sigma_px: Gaussian blur at that resolution.
        noise_sigma: Standard deviation of Gaussian noise in grey levels.
        speckle_share: Share of pixels set to black or white.
        jpeg_quality: 1 to 95; 0 keeps the pixels.
    """

    ink_fade: float = 0.0
    ink_spread_px: int = 0
    tilt_deg: float = 0.0
    shading: float = 0.0
    dpi: int = RENDER_DPI
    blur_sigma_px: float = 0.0
    noise_sigma: float = 0.0
    speckle_share: float = 0.0
    jpeg_quality: int = 0


CLEAN = Wear()
DEGRADED = Wear(
    tilt_deg=1.6, shading=0.45, blur_sigma_px=1.1, noise_sigma=22, speckle_share=0.004, dpi=200
)
SMALL_TYPESCRIPT = Wear(
    ink_fade=0.5,
    ink_spread_px=1,
    tilt_deg=-0.7,
    shading=0.25,
    dpi=115,
    blur_sigma_px=0.8,
    noise_sigma=8,
    jpeg_quality=60,
)


@lru_cache(maxsize=1)
def load_texts() -> dict[str, Any]:
    """Return the texts of `sample_texts.toml`."""
    return tomllib.loads((FOLDER / "sample_texts.toml").read_text(encoding="utf-8"))


def load_font(name: FontName, size_px: float) -> ImageFont.FreeTypeFont:
    """Load one of the fonts of this folder.

    Args:
        name: File name without ending.
        size_px: Height of the em square in pixels.
    """
    return ImageFont.truetype(str(FOLDER / "fonts" / f"{name}.woff"), size_px)


def compose_paragraphs(seed: int, count: int) -> list[str]:
    """Choose and fill paragraphs of office German.

    Args:
        seed: The same seed gives the same text.
        count: Number of paragraphs, 1 to 30.
    """
    texts = load_texts()
    rng = random.Random(seed)  # noqa: S311  # test pages, no secret
    words = texts["words"]
    filled = []
    for template in rng.sample(texts["texts"]["paragraphs"], count):
        filled.append(_fill(template, words, rng))
    filled.append(_fill(rng.choice(texts["texts"]["closings"]), words, rng))
    return filled


def _fill(template: str, words: dict[str, list[str]], rng: random.Random) -> str:
    text = template
    for key, choices in words.items():
        while "{" + key + "}" in text:
            text = text.replace("{" + key + "}", rng.choice(choices), 1)
    numbers: dict[str, Callable[[], str]] = {
        "date": lambda: (
            f"{rng.randint(1, 28)}. {rng.choice(words['month'])} {rng.randint(1951, 1989)}"
        ),
        "house": lambda: str(rng.randint(2, 98)),
        "paragraph": lambda: str(rng.randint(3, 89)),
        "small": lambda: str(rng.randint(2, 9)),
        "fire": lambda: rng.choice(["30", "60", "90"]),
        "amount": lambda: str(rng.randint(101, 989)),
        "cents": lambda: str(rng.randint(11, 98)),
        "account": lambda: str(rng.randint(1001, 98999)),
        "file": lambda: f"{rng.randint(11, 98)}/{rng.randint(101, 989)}",
    }
    for key, make in numbers.items():
        while "{" + key + "}" in text:
            text = text.replace("{" + key + "}", make(), 1)
    return text


def wrap(text: str, font: ImageFont.FreeTypeFont, width_px: float) -> list[str]:
    """Break a paragraph into lines that fit.

    Args:
        text: One paragraph; a newline forces a break.
        font: Font that the width is measured in.
        width_px: Room in pixels.
    """
    lines = []
    for part in text.split("\n"):
        line = ""
        for word in part.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(_as_drawn(longer)) > width_px:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return lines


def space_out(text: str) -> str:
    """Space out the surname after each "Herr", "Frau" and "Eigentümer", as typists did.

    Args:
        text: One paragraph.
    """
    return _NAMED.sub(lambda found: found[1] + SPACING.join(found[2]), text)


def _as_drawn(text: str) -> str:
    return text.replace(SPACING, " ")


class PageCanvas:
    """A white A4 page that text is set on; remembers the blocks in the order they were set.

    Args:
        font: Font of the page.
        size_pt: Font size in points.
        dpi: Resolution.
        seed: Seed of the slips of a typewriter.
        unevenness: How strongly a typewriter's letters slip and vary in ink; 1 is a well-kept one.
    """

    def __init__(
        self,
        font: FontName,
        *,
        size_pt: float = 11.5,
        dpi: int = RENDER_DPI,
        seed: int = 0,
        unevenness: float = 1.0,
    ) -> None:
        self.dpi = dpi
        self.size_px = size_pt * dpi / 72
        self.font = load_font(font, self.size_px)
        self.pitch_px = round(self.size_px * 1.42)
        self.width = round(A4_MM[0] / 25.4 * dpi)
        self.height = round(A4_MM[1] / 25.4 * dpi)
        self.image = Image.new("L", (self.width, self.height), 255)
        self.draw = ImageDraw.Draw(self.image)
        self.blocks: list[tuple[str, ...]] = []
        self.struck = font in TYPEWRITER_FONTS
        self._unevenness = unevenness
        self._rng = random.Random(seed)  # noqa: S311  # jitter of a drawing

    def paragraph(self, text: str, x: int, y: int, width: int) -> int:
        """Set one block; return the y below its last line.

        Args:
            text: Paragraph, broken to the width.
            x: Left edge in pixels.
            y: Top edge in pixels.
            width: Room in pixels.
        """
        lines = wrap(text, self.font, width)
        for line in lines:
            self.line(line, x, y)
            y += self.pitch_px
        self.blocks.append(tuple(line.replace(SPACING, "") for line in lines))
        return y

    def row(self, cells: list[tuple[int, str]], y: int) -> str:
        """Set the cells of a form row at their x positions; return the row's text."""
        for x, text in cells:
            self.line(text, x, y)
        return " ".join(text for _, text in cells)

    def line(self, text: str, x: float, y: float) -> None:
        """Set one line; a typewriter font is struck letter by letter with small slips."""
        if not self.struck:
            self.draw.text((x, y), _as_drawn(text), font=self.font, fill=20)
            return
        slack = self._unevenness * self.size_px
        for char in _as_drawn(text):
            slip_x = self._rng.gauss(0, 0.012) * slack
            slip_y = self._rng.gauss(0, 0.018 if char.islower() else 0.035) * slack
            ink = min(170, max(10, round(self._rng.gauss(45, 18 * self._unevenness))))
            self.draw.text((x + slip_x, y + slip_y), char, font=self.font, fill=ink)
            x += self.font.getlength(char)

    def finish(self) -> RenderedPage:
        """Return the page."""
        return RenderedPage(np.asarray(self.image), tuple(self.blocks), self.dpi)


def render_letter(
    font: FontName,
    seed: int,
    *,
    size_pt: float = 11.5,
    unevenness: float = 1.0,
    spaced_names: bool = False,
) -> RenderedPage:
    """Render a full page of office German in one column.

    Args:
        font: Font of the page.
        seed: Chooses text and slips.
        size_pt: Font size in points.
        unevenness: See `PageCanvas`.
        spaced_names: True spaces out names; the reference holds them closed.
    """
    canvas = PageCanvas(font, size_pt=size_pt, seed=seed, unevenness=unevenness)
    margin = canvas.width // 9
    y = canvas.height // 14
    for text in compose_paragraphs(seed, 14):
        paragraph = space_out(text) if spaced_names else text
        lines = wrap(paragraph, canvas.font, canvas.width - 2 * margin)
        if y + len(lines) * canvas.pitch_px > canvas.height * 0.94:
            break
        y = canvas.paragraph(paragraph, margin, y, canvas.width - 2 * margin)
        y += canvas.pitch_px // 2
    return canvas.finish()


def render_columns(font: FontName, seed: int, *, gutter_mm: float = 9) -> RenderedPage:
    """Render a two-column page whose reading order is left column, then right column.

    Args:
        font: Font of the page.
        seed: Chooses the text.
        gutter_mm: White space between the columns in millimetres.
    """
    canvas = PageCanvas(font, size_pt=10, seed=seed)
    margin = canvas.width // 12
    gutter = round(gutter_mm / 25.4 * canvas.dpi)
    width = (canvas.width - 2 * margin - gutter) // 2
    paragraphs = compose_paragraphs(seed, 14)[:-1]
    for column in range(2):
        y = canvas.height // 10
        for paragraph in paragraphs[column * 7 : column * 7 + 7]:
            lines = wrap(paragraph, canvas.font, width)
            if y + len(lines) * canvas.pitch_px > canvas.height * 0.92:
                break
            y = canvas.paragraph(paragraph, margin + column * (width + gutter), y, width)
            y += canvas.pitch_px // 2
    return canvas.finish()


def spoil(page: RenderedPage, wear: Wear, seed: int = 0) -> RenderedPage:
    """Tilt, shade, blur and speckle a page and scale it down.

    Args:
        page: Clean page.
        wear: What to do.
        seed: Seed of noise and speckle.
    """
    if wear == CLEAN:
        return page
    rng = np.random.default_rng(seed)
    image = page.image.astype(np.float32)
    height, width = image.shape
    if wear.ink_fade:
        faded = WHITE - (WHITE - image) * (1 - wear.ink_fade * _patches(image.shape, rng))
        image = faded.astype(np.float32)
    if wear.ink_spread_px:
        side = 2 * wear.ink_spread_px + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        image = cv2.erode(image, kernel)
    if wear.tilt_deg:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), wear.tilt_deg, 1)
        image = cv2.warpAffine(image, turn, (width, height), borderValue=255)
    if wear.shading:
        ramp_x, ramp_y = np.linspace(0, 0.5, width), np.linspace(0, 0.5, height)
        image *= 1 - wear.shading * (ramp_x[None, :] + ramp_y[:, None]).astype(np.float32)
    if wear.dpi != page.dpi:
        scale = wear.dpi / page.dpi
        size = (round(width * scale), round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if wear.blur_sigma_px:
        image = cv2.GaussianBlur(image, (0, 0), wear.blur_sigma_px)
    if wear.noise_sigma:
        image += rng.normal(0, wear.noise_sigma, image.shape).astype(np.float32)
    if wear.speckle_share:
        draw = rng.random(image.shape)
        image[draw < wear.speckle_share / 2] = 0
        image[draw > 1 - wear.speckle_share / 2] = 255
    gray = np.clip(image, 0, 255).astype(np.uint8)
    return RenderedPage(_compress(gray, wear.jpeg_quality), page.blocks, wear.dpi)


def _patches(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a texture of soft and fine patches between 0 and 1."""
    height, width = shape
    soft = rng.random((height // 90 + 2, width // 90 + 2)).astype(np.float32)
    fine = rng.random((height // 5 + 2, width // 5 + 2)).astype(np.float32)
    parts = [
        cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in (soft, fine)
    ]
    mixed: NDArray[np.float32] = np.clip(0.6 * parts[0] + 0.4 * parts[1], 0, 1).astype(np.float32)
    return mixed


def _compress(gray: Gray, quality: int) -> Gray:
    if not quality:
        return gray
    buffer = BytesIO()
    Image.fromarray(gray).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("L"))
