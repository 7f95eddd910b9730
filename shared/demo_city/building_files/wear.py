"""How paper, typewriter, copier and scanner spoil a page, in the order in which it happens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.demo_city.building_files.eras import Era
from shared.demo_city.building_files.sheet import Gray, Sheet, soften

Quality = Literal["clean", "print", "degraded", "mixed"]
QUALITIES: Final[tuple[Quality, ...]] = ("clean", "print", "degraded", "mixed")
Turn = NDArray[np.float64]
Colour = tuple[float, float, float]
WHITE: Final[Colour] = (1.0, 1.0, 1.0)
PAPERS: Final[tuple[Colour, ...]] = (
    (0.98, 0.93, 0.72), (0.95, 0.80, 0.76), (0.80, 0.92, 0.80), (0.78, 0.87, 0.96),
)  # fmt: skip
"""Yellow, pink, green and blue paper."""
YELLOWED: Final[Colour] = (0.97, 0.93, 0.83)
NOISE_PX: Final = 1024


@dataclass(frozen=True, slots=True)
class Wear:
    """How a page is spoilt; without arguments it is not.

    Args:
        tilt_deg: Turn of the content, positive counter-clockwise.
        paper_grey: Brightness of the paper.
        ink_fade: Share of ink lost in weak patches, 0 to 1.
        carbon: Whether it is a carbon copy.
        fax: Whether it is a thermal fax.
        shading: Share of brightness lost towards one side.
        blur_px: Blur at 300 dpi [px].
        noise: Standard deviation of noise [grey levels].
        bleed: Share by which the back shines through.
        holes: Whether it is punched.
        fold: Whether it was folded.
        border: Whether the scanner's dark border shows.
        paper: Colour of the paper.
        is_colour: Whether it is scanned in colour.
        jpeg: Quality of the compression; 0 for none.
        stamped: Whether a stamp lies over the text.
        turn_deg: Clockwise turn that puts the page upright: 0, 90, 180 or 270.
        faults: Planted faults of the scan.
    """

    tilt_deg: float = 0.0
    paper_grey: int = 255
    ink_fade: float = 0.0
    carbon: bool = False
    fax: bool = False
    shading: float = 0.0
    blur_px: float = 0.0
    noise: float = 0.0
    bleed: float = 0.0
    holes: bool = False
    fold: bool = False
    border: bool = False
    paper: Colour = WHITE
    is_colour: bool = False
    jpeg: int = 0
    stamped: bool = False
    turn_deg: int = 0
    faults: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Return the names of what is spoilt."""
        found = {
            "carbon_copy": self.carbon, "fax": self.fax, "shading": self.shading > 0.08,
            "noise": self.noise > 3, "blur": self.blur_px > 0.8,
            "stamp_over_text": self.stamped, "punch_holes": self.holes,
            "coloured_paper": self.is_colour and self.paper in PAPERS,
            "bleed_through": self.bleed > 0,
            "fold": self.fold, "jpeg": self.jpeg > 0, "ink_fade": self.ink_fade > 0.1,
            "scan_border": self.border,
        }  # fmt: skip
        return [name for name, there in found.items() if there]


CLEAN: Final = Wear()


def draw_wear(quality: Quality, era: Era, rng: np.random.Generator, *, is_drawn: bool) -> Wear:
    """Draw how a page is spoilt.

    Args:
        quality: How strongly.
        era: Era of the file; old paper is yellow.
        rng: Random stream of the page.
        is_drawn: Whether it is a drawing, which no carbon copy and no fax shows.
    """
    if quality == "clean":
        return CLEAN
    if quality == "mixed":
        quality = "degraded" if rng.random() < 0.45 else "print"
    light = Wear(
        tilt_deg=float(rng.normal(0, 0.35)), paper_grey=int(rng.integers(238, 254)),
        shading=float(rng.uniform(0, 0.07)), blur_px=float(rng.uniform(0.3, 0.8)),
        noise=float(rng.uniform(1, 4)), holes=bool(rng.random() < 0.5),
        is_colour=bool(rng.random() < 0.35), jpeg=int(rng.choice((0, 85, 92))),
        stamped=bool(rng.random() < 0.12),
    )  # fmt: skip
    if era.first_year < 1976:
        light = replace(light, paper=YELLOWED, paper_grey=light.paper_grey - 12)
    turned = 180 if rng.random() < 0.02 else 0
    light = replace(light, turn_deg=turned, faults=("kopfstehend",) if turned else ())
    return light if quality == "print" else _degraded(light, era, rng, is_drawn=is_drawn)


def _degraded(light: Wear, era: Era, rng: np.random.Generator, *, is_drawn: bool) -> Wear:
    draws = rng.random(9)
    old_copy = era.name in {"1919_1945", "1946_1975"} and not is_drawn
    worn = replace(
        light,
        tilt_deg=float(rng.uniform(-3, 3)),
        shading=float(rng.uniform(0.05, 0.42)),
        blur_px=float(rng.uniform(0.6, 1.5)),
        noise=float(rng.uniform(4, 20)),
        ink_fade=float(rng.uniform(0.2, 0.65)) if draws[0] < 0.4 else 0.0,
        carbon=bool(draws[1] < 0.2) and old_copy,
        fax=bool(draws[1] < 0.2) and era.name == "1976_1999" and not is_drawn,
        bleed=float(rng.uniform(0.06, 0.16)) if draws[2] < 0.25 else 0.0,
        fold=bool(draws[3] < 0.3),
        border=bool(draws[4] < 0.25),
        paper=PAPERS[int(rng.integers(len(PAPERS)))] if draws[5] < 0.15 else light.paper,
        jpeg=int(rng.integers(55, 85)),
        stamped=bool(draws[6] < 0.35),
    )
    return _with_fault(worn, rng, draws[7])


def _with_fault(wear: Wear, rng: np.random.Generator, draw: float) -> Wear:
    """Plant one of the faults that a check of scans must find, on a few pages."""
    if draw < 0.02:
        return replace(wear, blur_px=float(rng.uniform(4.5, 7)), faults=(*wear.faults, "unscharf"))
    if draw < 0.035:
        return replace(wear, paper_grey=70, faults=(*wear.faults, "zu_dunkel"))
    if draw < 0.05:
        return replace(wear, ink_fade=0.93, carbon=False, faults=(*wear.faults, "zu_hell"))
    if draw < 0.065 and not wear.turn_deg:
        turn = int(rng.choice((90, 270)))
        return replace(wear, turn_deg=turn, faults=(*wear.faults, "quer"))
    return wear


@cache
def _noise_bank() -> NDArray[np.int8]:
    """Return noise of standard deviation 32, used at any strength and place."""
    rng = np.random.Generator(np.random.PCG64(7))
    return np.clip(rng.normal(0, 32, (NOISE_PX, NOISE_PX)), -127, 127).astype(np.int8)


def spoil(sheet: Sheet, wear: Wear, rng: np.random.Generator) -> tuple[Gray, Turn]:
    """Spoil a page.

    Args:
        sheet: The page as it was set.
        wear: How.
        rng: Random stream of the scan.

    Returns:
        Pixels, grey (height, width) or red, green, blue (height, width, 3); and the transformation
        of places on the sheet to places in the scan, shape (3, 3) [px].
    """
    ink = np.array(sheet.image, dtype=np.uint8)
    tint = sheet.colour
    turn = np.eye(3)
    if wear == CLEAN and tint is None:
        return ink, turn
    scale = sheet.dpi / 300
    ink = _copied(ink, wear, scale, rng)
    if wear.tilt_deg:
        turn = _tilted(ink.shape[1], ink.shape[0], wear.tilt_deg)
        ink = _warp(ink, turn, 255)
        tint = None if tint is None else _warp(tint, turn, 0)
    paper = _scanned(ink, wear, sheet, rng)
    if wear.is_colour:
        paper = _coloured(paper, wear.paper, tint, sheet.colour_rgb)
    elif tint is not None:
        red, green, blue = sheet.colour_rgb
        share = 1 - (0.3 * red + 0.59 * green + 0.11 * blue)
        paper = _times(paper, cv2.convertScaleAbs(tint, alpha=-share, beta=0), share, tint)
    if wear.jpeg:
        paper = _compressed(paper, wear.jpeg)
    return paper, turn


def _times(paper: Gray, _: NDArray[np.uint8], share: float, tint: Gray) -> Gray:
    kept = 255 - cv2.convertScaleAbs(tint, alpha=share)
    return np.asarray(cv2.multiply(paper, kept, scale=1 / 255), dtype=np.uint8)


def _copied(ink: Gray, wear: Wear, scale: float, rng: np.random.Generator) -> Gray:
    """Fade the ink, spread it as carbon paper does, let the back shine through."""
    if wear.ink_fade:
        coarse = rng.uniform(0, 1, (9, 7)).astype(np.float32)
        spots = cv2.resize(coarse, (ink.shape[1], ink.shape[0]), interpolation=cv2.INTER_LINEAR)
        least = 0.8 if "zu_hell" in wear.faults else 0.0
        lost = cv2.convertScaleAbs(spots, alpha=255 * wear.ink_fade * (1 - least),
                                   beta=255 * wear.ink_fade * least)  # fmt: skip
        ink = cv2.add(ink, cv2.multiply(255 - ink, lost, scale=1 / 255))
    if wear.carbon:
        soft = soften(cv2.erode(ink, np.ones((2, 2), np.uint8)), 2.0 * scale)
        ink = cv2.convertScaleAbs(soft, alpha=0.62, beta=95)
    if wear.bleed:
        shift = np.array([[1.0, 0, rng.uniform(-20, 20)], [0, 1, rng.uniform(5, 30)]])
        back = cv2.warpAffine(ink[:, ::-1], shift, ink.shape[::-1], borderValue=255)
        faint = cv2.convertScaleAbs(255 - soften(back, 1.6 * scale), alpha=wear.bleed)
        ink = cv2.subtract(ink, faint)
    return np.asarray(ink, dtype=np.uint8)


def _tilted(width: int, height: int, angle_deg: float) -> Turn:
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1)
    return turn


def _warp(image: Gray, turn: Turn, border: int) -> Gray:
    size = image.shape[1], image.shape[0]
    return np.asarray(cv2.warpAffine(image, turn[:2], size, borderValue=border), dtype=np.uint8)


def _scanned(ink: Gray, wear: Wear, sheet: Sheet, rng: np.random.Generator) -> Gray:
    """Add what the paper and the scanner do: folds, holes, shade, blur, noise, border."""
    scale = sheet.dpi / 300
    if wear.fold:
        _fold(ink, sheet, rng)
    if wear.holes:
        _punch(ink, sheet, wear)
    if wear.blur_px:
        ink = soften(ink, max(0.3, wear.blur_px * scale))
    if wear.fax:
        ink = _faxed(ink, sheet.dpi, rng)
    shade = _shade(ink.shape, wear, rng)
    ink = np.asarray(cv2.multiply(ink, shade, scale=1 / 255), dtype=np.uint8)
    if wear.noise:
        ink = _noisy(ink, wear.noise, rng)
    if wear.border:
        _border(ink, sheet, rng)
    return ink


def _shade(shape: tuple[int, ...], wear: Wear, rng: np.random.Generator) -> Gray:
    """Return the brightness of the paper at each place."""
    corners = rng.uniform(1 - wear.shading, 1, (2, 2)).astype(np.float32)
    corners[int(rng.integers(2)), int(rng.integers(2))] = 1 - wear.shading
    fine = rng.normal(0, 1.2, (24, 18)).astype(np.float32)
    grown = cv2.resize(corners, (18, 24), interpolation=cv2.INTER_LINEAR) * wear.paper_grey
    small = np.clip(grown + fine, 20, 255).astype(np.uint8)
    return np.asarray(
        cv2.resize(small, shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.uint8
    )


def _noisy(image: Gray, sigma: float, rng: np.random.Generator) -> Gray:
    """Add noise from the bank, tile by tile with another offset each."""
    bank = _noise_bank()
    height, width = image.shape
    made = np.empty_like(image)
    for top in range(0, height, NOISE_PX):
        for left in range(0, width, NOISE_PX):
            part = image[top : top + NOISE_PX, left : left + NOISE_PX]
            roll = rng.integers(0, NOISE_PX, 2)
            tile = np.roll(bank, tuple(roll), (0, 1))[: part.shape[0], : part.shape[1]]
            made[top : top + NOISE_PX, left : left + NOISE_PX] = cv2.addWeighted(
                part, 1.0, tile, sigma / 32, 0, dtype=cv2.CV_8U
            )
    return made


def _fold(image: Gray, sheet: Sheet, rng: np.random.Generator) -> None:
    """Darken and brighten a line across the page, where it was folded."""
    row = int(image.shape[0] * rng.uniform(0.3, 0.7))
    wide = max(2, round(sheet.px(0.5)))
    image[row : row + wide] = cv2.convertScaleAbs(image[row : row + wide], alpha=0.86)
    image[row + wide : row + 2 * wide] = cv2.convertScaleAbs(
        image[row + wide : row + 2 * wide], alpha=1.0, beta=10
    )


def _punch(image: Gray, sheet: Sheet, wear: Wear) -> None:
    """Punch the two holes of a file binder."""
    middle, x = image.shape[0] / 2, sheet.px(11)
    grey = 60 if wear.shading > 0.07 else 205
    for shift in (-40, 40):
        centre = round(x), round(middle + sheet.px(shift))
        cv2.circle(image, centre, round(sheet.px(2.9)), grey, -1, cv2.LINE_AA)
        cv2.circle(image, centre, round(sheet.px(2.9)), 120, max(1, round(sheet.px(0.2))))


def _faxed(image: Gray, dpi: int, rng: np.random.Generator) -> Gray:
    """Make a thermal fax: 204 x 196 dots per inch, black or white, faded, with streaks."""
    share = min(1.0, 200 / dpi)
    size = round(image.shape[1] * share), round(image.shape[0] * share)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    uneven = rng.normal(0, 14, small.shape[0]).astype(np.float32)[:, None]
    dots = np.where(small.astype(np.float32) < 165 + uneven, 60, 236).astype(np.uint8)
    for _ in range(int(rng.integers(0, 5))):
        column = int(rng.integers(size[0]))
        dots[:, column : column + 2] = np.maximum(dots[:, column : column + 2], 215)
    grown = cv2.resize(dots, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, dtype=np.uint8)


def _border(image: Gray, sheet: Sheet, rng: np.random.Generator) -> None:
    """Show the dark lid of the scanner at one or two edges."""
    wide = rng.uniform(0.8, 5, 4) * (rng.random(4) < 0.45)
    top, right, low, left = (round(sheet.px(float(one))) for one in wide)
    height, width = image.shape
    for area in (image[:top], image[height - low :], image[:, :left], image[:, width - right :]):
        area[:] = 28


def _coloured(paper: Gray, colour: Colour, tint: Gray | None, ink: Colour) -> Gray:
    """Return red, green and blue: paper of a colour, coloured ink over it."""
    layers = []
    for level, light in zip(colour, ink, strict=True):
        layer = cv2.convertScaleAbs(paper, alpha=level)
        if tint is not None:
            kept = 255 - cv2.convertScaleAbs(tint, alpha=1 - light)
            layer = cv2.multiply(layer, kept, scale=1 / 255)
        layers.append(layer)
    return np.asarray(cv2.merge(layers), dtype=np.uint8)


def _compressed(image: Gray, quality: int) -> Gray:
    done, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(quality)
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_UNCHANGED), dtype=np.uint8)
