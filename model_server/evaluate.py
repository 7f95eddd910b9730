"""Measure the models without training of their own: `python -m model_server.evaluate`.

Renders own German lines as pages and compares what is read with what was written, checks how often
the right passage ranks first for an own German question, and measures the rules for land cover on
statistics of real roofs and on painted scenes. The figures stand on the cards and in
`evaluation.json`. Statistics that are not there keep the figures of the last time.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from model_server.batching import Good
from model_server.catalog import BUILT_IN, load_catalog
from model_server.engine import Engine
from model_server.evaluate_landcover import ROOF_DATA, measure_roofs, measure_scenes
from model_server.items import Item, Options, Ticket
from shared.contracts.model_server import (
    EmbedOptions,
    EmbedValue,
    OcrOptions,
    OcrPageValue,
    SegmentOptions,
)
from shared.settings import get_settings

TEXTS = Path(__file__).with_name("evaluation_texts.toml")
RESULT = Path(__file__).with_name("evaluation.json")
FONTS = Path("apps/archivair/fonts")
SEED = 1
PAGE_SIZE_PX = (2480, 3508)
FONT_PX = 48
LINE_PX = 110
MARGIN_PX = 240
NOISE_SIGMA = 18.0
TILT_DEG = 1.0


def render_page(lines: Sequence[str], font: ImageFont.FreeTypeFont) -> Image.Image:
    """Render lines as a white A4 page at 300 dpi, grey values."""
    page = Image.new("L", PAGE_SIZE_PX, 255)
    pen = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        pen.text((MARGIN_PX, MARGIN_PX + row * LINE_PX), line, font=font, fill=0)
    return page


def degrade(page: Image.Image, seed: int) -> Image.Image:
    """Return the page tilted, darkened and noisy at 200 dpi."""
    small = page.resize((PAGE_SIZE_PX[0] * 2 // 3, PAGE_SIZE_PX[1] * 2 // 3))
    tilted = np.asarray(small.rotate(TILT_DEG, Image.Resampling.BICUBIC, fillcolor=255), float)
    shade = np.linspace(0.7, 1.0, tilted.shape[1])
    noise = np.random.default_rng(seed).normal(0, NOISE_SIGMA, tilted.shape)
    return Image.fromarray(np.clip(tilted * shade + noise, 0, 255).astype(np.uint8))


def measure_ocr(engine: Engine, lines: Sequence[str], fonts: Sequence[Path]) -> dict[str, Any]:
    """Return pooled character error rates of clean, degraded and upside-down pages."""
    ways: dict[str, Callable[[Image.Image], Image.Image]] = {
        "clean": lambda page: page,
        "degraded": lambda page: degrade(page, seed=1),
        "upside_down": lambda page: page.rotate(180),
    }
    figures: dict[str, Any] = {}
    for name, change in ways.items():
        wrong = total = 0
        for font in fonts:
            page = change(render_page(lines, ImageFont.truetype(str(font), FONT_PX)))
            read = "\n".join(_read(engine, page))
            written = "\n".join(lines)
            wrong += Levenshtein.distance(read, written)
            total += len(written)
        figures[name] = {
            "character_error_rate": round(wrong / total, 5),
            "characters": total,
            "pages": len(fonts),
        }
    return figures


def measure_embeddings(engine: Engine, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return how often the right passage ranks first for its question."""
    questions = _embed(engine, [question for question, _ in pairs], "query")
    passages = _embed(engine, [passage for _, passage in pairs], "passage")
    best = (questions @ passages.T).argmax(axis=1)
    right = int((best == np.arange(len(pairs))).sum())
    return {"first_rank_share": right / len(pairs), "questions": len(pairs)}


def measure_landcover(engine: Engine, folder: Path, before: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the rules for land cover.

    Args:
        engine: Runs the rules.
        folder: Folder of the development data.
        before: The figures of the last time.
    """

    def segment(options: SegmentOptions, images: Sequence[bytes]) -> list[Any]:
        return _run(engine, "segment", options, images)

    figures = {"painted": measure_scenes(segment, SEED)}
    if (folder / ROOF_DATA).is_dir():
        figures["roofs"] = measure_roofs(folder / ROOF_DATA)
    else:
        print(f"Der Ordner {folder / ROOF_DATA} fehlt; die alten Werte bleiben.", file=sys.stderr)
        figures |= {key: before[key] for key in ("roofs",) if key in before}
    return figures


def _read(engine: Engine, page: Image.Image) -> list[str]:
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    value = _run(engine, "ocr", OcrOptions(), [buffer.getvalue()])[0]
    if not isinstance(value, OcrPageValue):
        raise TypeError(type(value))
    return [line.text for line in value.lines]


def _embed(engine: Engine, texts: Sequence[str], kind: str) -> np.ndarray[Any, Any]:
    options = EmbedOptions.model_validate({"kind": kind})
    values = _run(engine, "embed", options, [text.encode() for text in texts])
    return np.array(
        [
            np.frombuffer(base64.b64decode(value.vector), "<f4")
            for value in values
            if isinstance(value, EmbedValue)
        ]
    )


def _run(engine: Engine, task: str, options: Options, contents: Sequence[bytes]) -> list[Any]:
    model = engine.catalog.resolve(task, options.model, None)
    ticket = Ticket("evaluate", options, model, time.monotonic(), len(contents))
    outcomes = engine.run(task, [Item(ticket, place, data) for place, data in enumerate(contents)])
    results = [outcome.result for outcome in outcomes]
    return [result.value.value for result in results if isinstance(result, Good)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write `evaluation.json` and print it."""
    measures = ("ppocrv6_small", "e5_small_multilingual", "landcover_rules")
    parser = argparse.ArgumentParser(prog="python -m model_server.evaluate", description=__doc__)
    parser.add_argument("--fonts", type=Path, default=FONTS, help="folder with *.woff or *.ttf")
    parser.add_argument("--only", choices=measures, help="keep the figures of the other models")
    options = parser.parse_args(arguments)
    chosen = [options.only] if options.only else list(measures)
    fonts = sorted([*options.fonts.glob("*.woff"), *options.fonts.glob("*.ttf")])
    if "ppocrv6_small" in chosen and not fonts:
        print(f"Im Ordner {options.fonts} liegt keine Schrift.", file=sys.stderr)
        return 2
    texts = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    before = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    engine = Engine(load_catalog([BUILT_IN]), [], time.monotonic)
    data = get_settings().development_data_dir
    steps: dict[str, Callable[[], dict[str, Any]]] = {
        "ppocrv6_small": lambda: measure_ocr(engine, texts["lines"], fonts),
        "e5_small_multilingual": lambda: measure_embeddings(engine, texts["pairs"]),
        "landcover_rules": lambda: measure_landcover(
            engine, data, before.get("landcover_rules", {})
        ),
    }
    known = before | {name: steps[name]() for name in chosen}
    figures = {"command": f"python -m model_server.evaluate --fonts {options.fonts}"}
    figures |= {name: known[name] for name in measures if name in known}
    content = json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
    RESULT.write_text(content, encoding="utf-8")
    print(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
