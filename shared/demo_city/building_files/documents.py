"""Which documents a file holds, and how each of their pages is set."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from shared.demo_city.building_files import figure_pages, plan_pages, written_pages
from shared.demo_city.building_files.facts import FileFacts
from shared.demo_city.building_files.flow import Flow
from shared.demo_city.building_files.pen import INKS, Stamp, press
from shared.demo_city.building_files.rich import fill, plain
from shared.demo_city.building_files.sheet import Sheet, Style
from shared.demo_city.building_files.slots import SlotMaker
from shared.demo_city.randomness import stream

TEXTS: Final = Path(__file__).with_name("texts")
USUAL: Final[dict[str, tuple[float, int]]] = {
    "deckblatt": (0.75, 1), "bauantrag": (0.95, 2), "baubeschreibung": (0.6, 2),
    "lageplan": (0.55, 1), "liegenschaftskarte": (0.4, 1), "grundriss": (0.6, 1),
    "schnitt_ansicht": (0.55, 1), "flaechen": (0.4, 1), "statik": (0.42, 3),
    "nachweis": (0.35, 1), "entwaesserung": (0.45, 1), "stellplatz": (0.3, 1),
    "nachbar": (0.35, 1), "stellungnahme": (0.45, 1), "schriftverkehr": (0.7, 2),
    "baulast_befreiung": (0.3, 1), "genehmigung": (0.85, 2), "gebuehr": (0.5, 1),
    "abnahme": (0.5, 1), "foto": (0.3, 1),
}  # fmt: skip
"""Share of files that hold a document of the class, and most pages of one, in the usual order."""
PLANS: Final = frozenset({"lageplan", "grundriss", "schnitt_ansicht", "entwaesserung"})
DRAINAGE_DRAWN: Final = 0.5
BLANK_BACK_SHARE: Final = 0.08
A4_MM: Final = (210.0, 297.0)


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a file.

    Args:
        page_class: Its class.
        number: Its number in the file, from 0.
        pages: Number of its pages, blank backs not counted.
        is_drawn: Whether it is a drawing.
        landscape: Whether its pages lie across.
        backs: Pages that are followed by a blank back.
    """

    page_class: str
    number: int
    pages: int
    is_drawn: bool
    landscape: bool
    backs: tuple[int, ...]


def plan_documents(facts: FileFacts, *, must_have: str = "") -> list[Document]:
    """Draw the documents of a file.

    Args:
        facts: The file.
        must_have: Class that is held in any case.
    """
    rng = stream(facts.seed, "documents")
    made: list[Document] = []
    for page_class, (share, most) in USUAL.items():
        if rng.random() >= share and page_class != must_have:
            continue
        count = (
            2 if page_class in {"schriftverkehr", "stellungnahme"} and rng.random() < 0.35 else 1
        )
        for _ in range(count):
            pages = 1 + int(rng.integers(most))
            drawn = page_class in PLANS
            if page_class == "entwaesserung":
                drawn = bool(rng.random() < DRAINAGE_DRAWN)
            backs = tuple(
                page for page in range(pages)
                if rng.random() < BLANK_BACK_SHARE and not drawn
            )  # fmt: skip
            across = drawn and bool(rng.random() < 0.55)
            made.append(Document(page_class, len(made), pages, drawn, across, backs))
    return made


@cache
def load_texts(bank: str) -> dict[str, Any]:
    """Return a bank of wording.

    Args:
        bank: Its name, see `Family.bank`.
    """
    return tomllib.loads((TEXTS / f"{bank}.toml").read_text(encoding="utf-8"))


def set_page(facts: FileFacts, document: Document, page: int, dpi: int, *, stamped: bool) -> Sheet:
    """Set one page of a document.

    Args:
        facts: The file.
        document: The document.
        page: Number of the page in the document, from 0.
        dpi: Dots per inch.
        stamped: Whether it gets a stamp over its text.
    """
    rng = stream(facts.seed, "page", document.number, page)
    width, height = A4_MM if not document.landscape else A4_MM[::-1]
    sheet = Sheet(width, height, dpi, rng)
    words = stream(facts.seed, "words", document.number)
    slots = SlotMaker(facts, words, document.page_class).slots()
    texts = load_texts(facts.family.bank)
    flow = Flow(
        sheet, facts, slots, texts[document.page_class], texts["common"], document.page_class,
        document.number, page, document.pages,
        12 + float(rng.uniform(0, 10)), float(rng.uniform(0.6, 2.2)),
    )  # fmt: skip
    _builder(document)(flow, page)
    if stamped:
        press(sheet, _stamp(flow, rng))
        sheet.colour_rgb = INKS[int(rng.integers(len(INKS)))]
    return sheet


def _builder(document: Document) -> written_pages.Builder:
    if document.page_class == "entwaesserung":
        return plan_pages.drainage_plan if document.is_drawn else written_pages.drainage_form
    every = {**written_pages.PAGES, **figure_pages.PAGES, **plan_pages.PAGES}
    return every[document.page_class]


STAMP_TEXTS: Final = {
    0: ("EINGEGANGEN", "{heute}", "Bauamt"), 1: ("Geprüft", "{heute}"),
    2: ("Bauaufsicht Musterstadt", "Eing. {heute}"), 3: ("GENEHMIGT", "{genehmigung}", "Az. {az}"),
    4: ("Posteingang", "{heute}", "Bauordnung"), 5: ("ZUGEHÖRIG", "zum Bescheid", "{genehmigung}"),
    6: ("Rathaus Musterstadt", "erhalten {heute}"),
}  # fmt: skip


def _stamp(flow: Flow, rng: np.random.Generator) -> Stamp:
    family, sheet = flow.facts.family, flow.sheet
    style = Style(f"{family.sans}_700", float(rng.uniform(10, 15)), "antiqua")
    if flow.era.last_year <= 1945:
        style = Style(f"{family.serif}_700", float(rng.uniform(10, 15)), "antiqua")
    seal = rng.random() < 0.25
    lines = ("Stadt", "Musterstadt", "Siegel") if seal else STAMP_TEXTS[family.stamp]
    shape = 3 if seal else (family.stamp + family.form) % 3
    return Stamp(
        tuple(fill(line, flow.slots) if "{" in line else plain(line) for line in lines),
        float(rng.uniform(0.35, 0.78)) * sheet.width_mm,
        float(rng.uniform(0.2, 0.85)) * sheet.height_mm,
        float(rng.uniform(-14, 14)), shape, style,
    )  # fmt: skip
