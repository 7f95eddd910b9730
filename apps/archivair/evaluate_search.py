"""`python -m apps.archivair.evaluate_search` measures the search on misread building files.

Text of the test side of the demo city is spoilt by a known share of wrong letters, then searched
for passages that stand on few pages. A passage counts as found when a page that truly holds it is
among the first ten. Speed is measured on many pages, made by spoiling the same text anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from rapidfuzz.distance import Levenshtein

from apps.archivair.index import INDEX_NAME, IndexedWord, IndexMaker, SearchIndex
from apps.archivair.search import Query, search_pages
from apps.archivair.search_folding import fold_lines, fold_text
from shared import __version__
from shared.demo_city import iter_batch
from shared.geo.metrics import wilson_interval

COMMAND: Final = "python -m apps.archivair.evaluate_search"
OUT: Final = Path(__file__).resolve().parent / "evaluation_search.json"
FIRST_SEED: Final = 95_000
BATCHES, QUERIES, SPEED_PAGES = 40, 1000, 20_000
QUICK_BATCHES, QUICK_QUERIES, QUICK_SPEED_PAGES = 4, 150, 2_000
RATES: Final = (0.0, 0.02, 0.05, 0.10)
FIRST: Final = 10
MOST_TRUE_PAGES: Final = 5
"""A passage on more pages names none of them."""
SPEED_RATE, SPEED_QUERIES = 0.02, 100
DPI: Final = 60
_LENGTHS = (1, 2, 3)
_LEAST_LETTERS = 6
_LETTERS = "abcdefghijklmnopqrstuvwxyzäöüß0123456789"
_SUBSTITUTION, _DELETION = 0.8, 0.9
_MILLI = 1000
Json = dict[str, Any]
Page = list[list[str]]


@dataclass(frozen=True, slots=True)
class Passage:
    """What is searched.

    Args:
        text: Neighbouring words of a page as printed.
        pages: Numbers of the pages that truly hold it.
    """

    text: str
    pages: frozenset[int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the file and print it.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    options = _parser().parse_args(arguments)
    batches = QUICK_BATCHES if options.quick else BATCHES
    pages = dict(enumerate(true_pages(options.seed, batches), 1))
    content = {
        "figures": evaluate(pages, options.seed, options.date, quick=options.quick),
        "first_seed": options.seed,
        "batches": batches,
        "software_version": __version__,
    }
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    options.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def true_pages(first_seed: int, batches: int) -> Iterator[Page]:
    """Yield the lines of words of the pages of the test side that hold text.

    Args:
        first_seed: Seed of the first batch.
        batches: Number of batches.
    """
    for seed in range(first_seed, first_seed + batches):
        sys.stderr.write(f"Stapel {seed - first_seed + 1} von {batches}\n")
        for scan in iter_batch(seed, dpi=DPI, quality="clean"):
            lines = [line.text.split() for line in scan.truth.lines if line.text.strip()]
            if lines:
                yield lines


def evaluate(pages: dict[int, Page], seed: int, measured_on: date, *, quick: bool) -> list[Json]:
    """Return the figures.

    Args:
        pages: True lines of words by number of page.
        seed: Seed of the first batch; passages and wrong letters are drawn by it.
        measured_on: Day of the measurement.
        quick: Whether fewer passages and pages do.
    """
    passages = draw_passages(pages, seed, QUICK_QUERIES if quick else QUERIES)
    about = {"command": COMMAND, "seeds": [seed], "measured_on": measured_on.isoformat()}
    figures = [_recall(pages, passages, seed, rate) | about for rate in RATES]
    speed = measure_speed(pages, passages, seed, QUICK_SPEED_PAGES if quick else SPEED_PAGES)
    return [*figures, *(one | about for one in speed)]


def draw_passages(pages: dict[int, Page], seed: int, count: int) -> list[Passage]:
    """Draw passages of one to three words that stand on few pages, evenly by length.

    Args:
        pages: True lines of words by number of page.
        seed: What the draw depends on.
        count: How many; fewer where the pages do not hold that many.
    """
    rng = np.random.default_rng(seed)
    texts = {number: f" {fold_lines(page).text} " for number, page in pages.items()}
    holding: dict[str, set[int]] = {}
    for number, text in texts.items():
        for word in set(text.split()):
            holding.setdefault(word, set()).add(number)
    numbers = list(pages)
    found: dict[str, Passage] = {}
    for attempt in range(20 * count):
        if len(found) >= count:
            break
        number = numbers[int(rng.integers(len(numbers)))]
        text = _draw_words(pages[number], _LENGTHS[attempt % len(_LENGTHS)], rng)
        wanted = fold_text(text)
        if len(wanted) < _LEAST_LETTERS or wanted in found:
            continue
        among = set.intersection(*(holding.get(word, set()) for word in wanted.split()))
        holders = frozenset(one for one in among if f" {wanted} " in texts[one])
        if 0 < len(holders) <= MOST_TRUE_PAGES:
            found[wanted] = Passage(text, holders)
    return list(found.values())


def misread(page: Page, rate: float, rng: np.random.Generator) -> Page:
    """Return a page with wrong, lost and added letters; blanks are letters too.

    Args:
        page: Lines of words.
        rate: Share of letters in error, 0 to 1.
        rng: Random stream.
    """
    return [_misread_line(" ".join(line), rate, rng).split() for line in page]


def measure_speed(
    pages: dict[int, Page], passages: Sequence[Passage], seed: int, count: int
) -> list[Json]:
    """Measure making and asking an index of many pages.

    Args:
        pages: True lines of words.
        passages: What is searched.
        seed: What the wrong letters depend on.
        count: Number of pages of the index.
    """
    rng = np.random.default_rng(seed + 1)
    originals = list(pages.values())
    many = {
        number: misread(originals[number % len(originals)], SPEED_RATE, rng)
        for number in range(1, count + 1)
    }
    with TemporaryDirectory(prefix="urbanki-") as folder:
        start = time.process_time()
        index = _make_index(Path(folder) / INDEX_NAME, many)
        making_s = time.process_time() - start
        size = (Path(folder) / INDEX_NAME).stat().st_size
        taken = []
        for passage in passages[:SPEED_QUERIES]:
            start = time.process_time()
            search_pages(index, Query(passage.text))
            taken.append(time.process_time() - start)
    words = f"{count} Seiten mit 2 % falschen Zeichen", f"{count} pages with 2 % wrong letters"
    rows = (
        ("Suche, Rechenzeit im Mittel (Median)", "Search, median processor time",
         float(np.median(taken)) * _MILLI, "ms", 0, len(taken)),
        ("Suche, Rechenzeit, 95 von 100 sind schneller",
         "Search, processor time that 95 of 100 stay below",
         float(np.quantile(taken, 0.95)) * _MILLI, "ms", 0, len(taken)),
        ("Suchindex, Rechenzeit je Seite", "Search index, processor time per page",
         making_s / count * _MILLI, "ms", 2, count),
        ("Suchindex, Größe je Seite", "Search index, size per page",
         size / count / 1024, "KiB", 1, count),
    )  # fmt: skip
    return [
        {"name": name, "name_en": name_en, "data": words[0], "data_en": words[1],
         "value": round(value, 3), "unit": unit, "digits": digits, "items": items}
        for name, name_en, value, unit, digits, items in rows
    ]  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--quick", action="store_true", help="weniger Seiten und Suchen")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="erster Stapel")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    parser.add_argument("--out", type=Path, default=OUT)
    return parser


def _recall(pages: dict[int, Page], passages: Sequence[Passage], seed: int, rate: float) -> Json:
    rng = np.random.default_rng((seed, round(rate * 1000)))
    spoilt = {number: misread(page, rate, rng) for number, page in pages.items()}
    with TemporaryDirectory(prefix="urbanki-") as folder:
        index = _make_index(Path(folder) / INDEX_NAME, spoilt)
        found = sum(
            any(hit.page in one.pages for hit in search_pages(index, Query(one.text))[:FIRST])
            for one in passages
        )
    low, high = wilson_interval(found, len(passages)) or (0.0, 1.0)
    percent = f"{100 * rate:g}"
    return {
        "name": f"Suche: gesuchte Seite unter den ersten {FIRST}, {percent} % falsche Zeichen",
        "name_en": f"Search: wanted page among the first {FIRST}, {percent} % wrong letters",
        "data": f"{len(passages)} Textstellen auf {len(pages)} Seiten unbekannter Gestaltung",
        "data_en": f"{len(passages)} passages on {len(pages)} pages of unseen layout",
        "value": round(found / len(passages), 4),
        "unit": "percent",
        "digits": 1,
        "interval_95": [round(low, 4), round(high, 4)],
        "items": len(passages),
        "character_error_rate": round(_error_rate(pages, spoilt), 4),
    }


def _make_index(path: Path, pages: dict[int, Page]) -> SearchIndex:
    nowhere = (0.0, 0.0, 1.0, 1.0)
    with IndexMaker(path) as maker:
        for number, page in pages.items():
            maker.add(number, [tuple(IndexedWord(word, nowhere) for word in one) for one in page])
    return SearchIndex(path)


def _draw_words(page: Page, length: int, rng: np.random.Generator) -> str:
    words = [word for line in page for word in line]
    start = int(rng.integers(max(1, len(words) - length + 1)))
    return " ".join(words[start : start + length])


def _misread_line(line: str, rate: float, rng: np.random.Generator) -> str:
    kinds = rng.random(len(line))
    wrong = rng.random(len(line)) < rate
    drawn = rng.integers(len(_LETTERS), size=len(line))
    letters = []
    for place, letter in enumerate(line):
        other = _LETTERS[drawn[place]]
        if not wrong[place]:
            letters.append(letter)
        elif kinds[place] < _SUBSTITUTION:
            letters.append(other)
        elif kinds[place] >= _DELETION:
            letters.append(letter + other)
    return "".join(letters)


def _error_rate(pages: dict[int, Page], spoilt: dict[int, Page]) -> float:
    """Return the share of wrong letters that was reached; lines are compared one by one."""
    errors = letters = 0
    for number, page in pages.items():
        for line, other in zip(page, spoilt[number], strict=True):
            text = " ".join(line)
            errors += Levenshtein.distance(text, " ".join(other))
            letters += len(text)
    return errors / max(1, letters)


if __name__ == "__main__":
    sys.exit(main())
