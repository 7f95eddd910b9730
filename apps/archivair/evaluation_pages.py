"""The rendered pages on which `evaluate` measures; their seeds are used nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, replace

from apps.archivair.damage import punch, scan_border, stamp, turn
from apps.archivair.rendering import (
    DEGRADED,
    FONTS,
    SMALL_TYPESCRIPT,
    RenderedPage,
    Wear,
    render_columns,
    render_letter,
    spoil,
)

FIRST_SEED = 40_000
TURNS = (2, 1, 2, 2, 3, 2)
WORN = Wear(
    ink_fade=0.7,
    ink_spread_px=1,
    tilt_deg=1.2,
    shading=0.3,
    dpi=115,
    blur_sigma_px=0.7,
    noise_sigma=10,
    jpeg_quality=55,
)


@dataclass(frozen=True, slots=True)
class Amount:
    """Number of pages of each kind."""

    letters: int
    small: int
    worn: int
    turned: int
    columns: int
    stages: int = 1
    quotes: int = 20


FULL, QUICK = Amount(10, 4, 4, 100, 3, 3, 200), Amount(3, 1, 1, 3, 1)


@dataclass(frozen=True, slots=True)
class Kind:
    """Pages of one kind.

    Args:
        name: German name inside of figures.
        name_en: The same in English.
        pages: The pages.
        with_reference: True measures Tesseract alone too.
    """

    name: str
    name_en: str
    pages: tuple[RenderedPage, ...]
    with_reference: bool = True


def read_kinds(amount: Amount) -> list[Kind]:
    """Render the pages whose error rate is measured.

    Args:
        amount: How many pages of each kind.
    """
    letters = [
        render_letter(FONTS[number % 3], FIRST_SEED + number) for number in range(amount.letters)
    ]
    degraded = [spoil(page, DEGRADED, number) for number, page in enumerate(letters)]
    small = [
        spoil(render_letter(FONTS[2], FIRST_SEED + 100 + number), SMALL_TYPESCRIPT, number)
        for number in range(amount.small)
    ]
    worn = [worn_typescript(FIRST_SEED + 200 + number) for number in range(amount.worn)]
    return [
        Kind("saubere Seiten, 300 dpi", "clean pages, 300 dpi", tuple(letters)),
        Kind(
            "schiefe, schattige, verrauschte Seiten, 200 dpi",
            "tilted, shaded, noisy pages, 200 dpi",
            tuple(degraded),
        ),
        Kind("kleine Schreibmaschinenseiten, 115 dpi", "small typescript, 115 dpi", tuple(small)),
        Kind(
            "stark abgenutzte Schreibmaschinenseiten mit Lochung, Stempel und Scanrand, 115 dpi",
            "badly worn typescript with holes, stamp and scan border, 115 dpi",
            tuple(worn),
        ),
    ]


def worn_typescript(seed: int) -> RenderedPage:
    """Render a typewritten page as archives hold it.

    Args:
        seed: Chooses text, slips and marks.
    """
    page = render_letter(FONTS[2], seed, unevenness=2.0, spaced_names=True)
    return scan_border(spoil(stamp(punch(page), seed), WORN, seed), seed)


def turned_pages(count: int) -> list[tuple[RenderedPage, int]]:
    """Render pages that lie turned, and the quarter turns clockwise that put them right.

    Args:
        count: Number of pages; two of three lie upside down.
    """
    wear = replace(DEGRADED, tilt_deg=1.0, noise_sigma=10)
    pages = []
    for number in range(count):
        turns = TURNS[number % len(TURNS)]
        page = spoil(render_letter(FONTS[number % 3], FIRST_SEED + 300 + number), wear, number)
        pages.append((turn(page, turns), turns))
    return pages


def stage_pages(count: int) -> list[RenderedPage]:
    """Render worn pages on which the stages of reading are timed.

    Args:
        count: 1 or more.
    """
    return [
        spoil(render_letter(FONTS[number % 3], FIRST_SEED + 500 + number), DEGRADED, number)
        for number in range(count)
    ]


def column_pages(count: int) -> list[RenderedPage]:
    """Render two-column pages.

    Args:
        count: 1 to 3.
    """
    return [render_columns(FONTS[number], FIRST_SEED + 400 + number) for number in range(count)]
