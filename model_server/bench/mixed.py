"""Calls of all kinds in random order, some with broken items, for every model that is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from model_server.bench.workload import KINDS, Call, Kind, Payload, Work, make_payloads, pack
from model_server.card import Card
from model_server.catalog import BUILT_IN, load_catalog
from model_server.tasks.options import TEXT_ARCHITECTURES

POISON_SHARE = 0.05
TILE_SIZES_PX = (64, 128, 200, 256, 320, 512, 640)
SMALL_TILE_SIZES_PX = (64, 128, 224)
PAGE_WIDTH_PX = 480
BUNDLES = (1, 1, 1, 2, 4, 8)
# How often a kind is sent, about even shares of CPU time: a page costs as much as many lines.
_WEIGHTS: dict[Kind, int] = {"tile": 12, "pair": 4, "line": 4, "text": 4, "page": 1}
_OCR_KINDS: dict[str, Kind] = {"page": "page", "lines": "line"}


@dataclass(frozen=True, slots=True)
class MixedKind:
    """One kind of call.

    Args:
        work: Model and kind of items.
        payloads: Good items.
        poison: Items that must fail alone.
        most: Items per call.
    """

    work: Work
    payloads: tuple[Payload, ...]
    poison: tuple[Payload, ...]
    most: int


def cards(model_dir: Path | None = None) -> list[Card]:
    """Return the cards of all models that can be served, the newest version of each."""
    folders = [BUILT_IN, *([] if model_dir is None else [model_dir])]
    catalog = load_catalog(folders)
    names = dict.fromkeys(model.card.name for model in catalog.models)
    found = [catalog.find(name) for name in names]
    return [model.card for model in found if model is not None]


def kinds_of(card: Card, seed: int) -> list[MixedKind]:
    """Return the kinds of calls that a model answers."""
    shapes: list[Kind] = [KINDS.get(card.task, "tile")]
    if card.architecture in TEXT_ARCHITECTURES:
        shapes = [kind for mode, kind in _OCR_KINDS.items() if mode in card.outputs]
    return [_kinds(card, kind, seed) for kind in shapes]


def mixed_calls(kinds: Sequence[MixedKind], seed: int) -> Iterator[Call]:
    """Return calls without end; the same arguments give the same calls.

    Args:
        kinds: Kinds of calls.
        seed: Seed of their order.
    """
    random = Random(seed)  # noqa: S311  # repeatable choice
    weights = [_WEIGHTS[one.work.kind] for one in kinds]
    while True:
        (one,) = random.choices(kinds, weights)
        count = min(random.choice(BUNDLES), one.most)
        yield pack(one.work, [_choose(one, random) for _ in range(count)])


def _choose(one: MixedKind, random: Random) -> Payload:
    is_poison = one.poison and random.random() < POISON_SHARE
    return random.choice(one.poison if is_poison else one.payloads)


def _kinds(card: Card, kind: Kind, seed: int) -> MixedKind:
    sizes = {"tile": TILE_SIZES_PX, "page": (PAGE_WIDTH_PX,)}.get(kind, SMALL_TILE_SIZES_PX)
    if card.task not in ("segment", "ocr", "layout"):
        sizes = SMALL_TILE_SIZES_PX
    work = Work(
        task=card.task,
        model=card.name,
        sizes=sizes,
        seed=seed,
        gsd_m=card.input.gsd_best_m,
        kind=kind,
        bands="rgb" if "rgb" in card.bands else card.bands[0],
    )
    payloads = tuple(make_payloads(work))
    most = 1 if kind == "page" else max(BUNDLES)
    return MixedKind(work, payloads, _poison(kind, payloads[0]), most)


def _poison(kind: Kind, good: Payload) -> tuple[Payload, ...]:
    if kind == "text":
        return (Payload(b"", code="text_laenge"),)
    if kind == "pair":
        return (Payload(good.data, good.data[: len(good.data) // 2], "bild_beschaedigt"),)
    return (
        Payload(good.data[: len(good.data) // 2], code="bild_beschaedigt"),
        Payload(b"", code="datei_leer"),
        Payload(b"%PDF-1.7 is no image", code="bild_format"),
    )
