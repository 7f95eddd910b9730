"""`python -m apps.archivair.calibrate` fits the weights of the vote and writes `weights.toml`.

Development pages are rendered with seeds that neither `evaluate` nor the tests use and worn in
many ways. Fitted are: log-odds of each engine's characters from their scores (logistic
regression), factors of the vote (coordinate search for the fewest edits), and the probability that
a word is right (logistic regression). The same pages give the same file.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from scipy.optimize import minimize

from apps.archivair.assemble import realign
from apps.archivair.clean import clean_page
from apps.archivair.confidence import WordModel, word_features
from apps.archivair.damage import punch, scan_border, stamp
from apps.archivair.fix import repair_line
from apps.archivair.metrics import LENIENT, normalize
from apps.archivair.piece_reading import SECOND_LOOK_BELOW, Engines, read_pieces
from apps.archivair.pipeline import turn_upright
from apps.archivair.recognise import Candidate, ServerReader
from apps.archivair.rendering import FONTS, RenderedPage, Wear, render_letter, spoil
from apps.archivair.tesseract import find_tesseract
from apps.archivair.vote import (
    MAX_SCORE,
    MIN_SCORE,
    WEIGHTS_FILE,
    EngineWeight,
    VotedLine,
    VoteWeights,
    distance_share,
    vote,
)
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.errors import ModelServerError
from shared.settings import get_settings

FIRST_SEED = 20_000
PAGES = 40
ENGINES = ("ppocr", "ppocr_filtered", "tesseract")
MAX_MISMATCH = 0.5
RIDGE = 1e-3
START = EngineWeight(0.0, 0.0, 0.8, 0.5)
SCALES = (0.15, 0.3, 0.5, 0.7, 1.0, 1.3)
GAPS = (0.3, 0.5, 0.8, 1.1)
BLANKS = (0.15, 0.3, 0.5, 0.8, 1.1)
LANGUAGE = (0.2, 0.4, 0.6, 0.8, 1.0, 1.3)
ROUNDS = 2
NO_SERVER, NO_TESSERACT = 3, 2
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LineSample:
    """One line of a development page.

    Args:
        candidates: What each engine read.
        truth: What stands there.
    """

    candidates: tuple[Candidate, ...]
    truth: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the development pages, fit and write the file.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog="python -m apps.archivair.calibrate")
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--out", type=Path, default=WEIGHTS_FILE)
    options = parser.parse_args(arguments)
    tesseract = find_tesseract()
    if tesseract is None:
        sys.stderr.write("Tesseract with German data is needed to weigh it.\n")
        return NO_TESSERACT
    samples: list[LineSample] = []
    try:
        with (
            ensure_model_server(get_settings()) as server,
            ModelServerClient(server.settings) as client,
        ):
            engines = Engines(ServerReader(client), tesseract)
            for seed in range(FIRST_SEED, FIRST_SEED + options.pages):
                samples += read_samples(development_page(seed), engines)
                sys.stderr.write(f"page {seed - FIRST_SEED + 1} of {options.pages}\n")
    except ModelServerError as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    weights = fit_vote(samples)
    words = fit_words(samples, weights)
    options.out.write_text(to_toml(weights, words, options.pages, len(samples)), encoding="utf-8")
    return 0


def development_page(seed: int) -> RenderedPage:
    """Render one page with font, wear and marks drawn from its seed.

    Args:
        seed: From 20,000.
    """
    rng = random.Random(seed)  # noqa: S311  # drawing of pages
    font = FONTS[2] if rng.random() < 0.6 else FONTS[seed % 2]
    page = render_letter(
        font,
        seed,
        size_pt=rng.choice((10.5, 11.5, 12)),
        unevenness=rng.uniform(0.8, 2.2),
        spaced_names=rng.random() < 0.5,
    )
    if rng.random() < 0.4:
        page = punch(page)
    if rng.random() < 0.3:
        page = stamp(page, seed)
    page = spoil(page, _wear(rng), seed)
    return scan_border(page, seed) if rng.random() < 0.3 else page


def _wear(rng: random.Random) -> Wear:
    dpi = rng.choice((100, 115, 115, 130, 150, 200, 300))
    small = dpi <= 130
    return Wear(
        ink_fade=rng.uniform(0.0, 0.8),
        ink_spread_px=rng.choice((0, 1, 1, 2)),
        tilt_deg=rng.uniform(-3.0, 3.0),
        shading=rng.uniform(0.0, 0.5),
        dpi=dpi,
        blur_sigma_px=rng.uniform(0.3, 1.0 if small else 1.4),
        noise_sigma=rng.uniform(0.0, 10.0 if small else 22.0),
        speckle_share=0.0 if small else rng.uniform(0.0, 0.004),
        jpeg_quality=rng.choice((0, 45, 60, 80)),
    )


def read_samples(page: RenderedPage, engines: Engines) -> list[LineSample]:
    """Read a page with all engines and find the true line of each piece.

    Args:
        page: Page with known text.
        engines: What reads.

    Returns:
        Pieces whose true line is recognisable.
    """
    upright = turn_upright(page.image, clean_page(page.image), engines.reader)
    truths = [line for block in page.blocks for line in block]
    samples = []
    for piece in read_pieces(upright.clean, upright.boxes, engines):
        truth = min(truths, key=lambda line: distance_share(piece.voted.text, line))
        if distance_share(piece.voted.text, truth) <= MAX_MISMATCH:
            samples.append(LineSample(piece.candidates, truth))
    return samples


def fit_vote(samples: Sequence[LineSample], names: Sequence[str] = ENGINES) -> VoteWeights:
    """Fit log-odds per engine, then the factors that leave the fewest edits.

    Args:
        samples: Lines of development pages.
        names: Engines that read them.
    """
    engines = {}
    for name in names:
        scores, right = scored_characters(samples, name)
        base, slope = fit_logistic(log_odds(scores)[:, None], right)
        engines[name] = replace(START, base=base, slope=slope)
    weights = VoteWeights(engines, LANGUAGE[1])
    contested = [one for one in samples if len({each.text for each in one.candidates}) > 1]
    fewest = count_edits(contested, weights)
    for _ in range(ROUNDS):
        before = weights
        for number in range(len(_choices(weights))):
            choice = _choices(weights)[number]
            edits = [count_edits(contested, one) for one in choice]
            best = int(np.argmin(edits))
            if edits[best] < fewest:
                weights, fewest = choice[best], edits[best]
        if weights == before:
            break
    return weights


def count_edits(samples: Iterable[LineSample], weights: VoteWeights) -> int:
    """Return the edits between voted and true lines.

    Args:
        samples: Lines of development pages.
        weights: Weights to try.
    """
    return sum(
        Levenshtein.distance(
            normalize(repair_line(vote(one.candidates, weights).text), LENIENT),
            normalize(one.truth, LENIENT),
        )
        for one in samples
    )


def fit_words(samples: Sequence[LineSample], weights: VoteWeights) -> WordModel:
    """Fit the probability that a word is right, also for lines that one engine read alone.

    Args:
        samples: Lines of development pages.
        weights: Weights of the vote.
    """
    features: list[tuple[float, ...]] = []
    right: list[bool] = []
    for sample in samples:
        for candidates in (sample.candidates, _without_tesseract(sample.candidates)):
            voted = vote(candidates, weights)
            found = judge_words(voted, sample.truth)
            features += [
                word_features(own, voted.agreement, len(voted.engines)) for own, _ in found
            ]
            right += [is_right for _, is_right in found]
    base, *factors = fit_logistic(np.array(features), np.array(right, dtype=np.float64))
    return WordModel(base, *factors)


def judge_words(voted: VotedLine, truth: str) -> list[tuple[list[float], bool]]:
    """Return the margins of each voted word and whether the true line has it at its place.

    Args:
        voted: A line after the vote.
        truth: The true line.
    """
    repaired = repair_line(voted.text)
    margins = realign(voted.margins, voted.text, repaired)
    words = repaired.split()
    true_words = normalize(truth, LENIENT).split(" ")
    kept: set[int] = set()
    for code in Levenshtein.opcodes([normalize(word, LENIENT) for word in words], true_words):
        if code.tag == "equal":
            kept.update(range(code.src_start, code.src_end))
    found, start = [], 0
    for number, word in enumerate(words):
        found.append((margins[start : start + len(word)], number in kept))
        start += len(word) + 1
    return found


def fit_logistic(features: Values, right: Values) -> list[float]:
    """Return constant and factors of a logistic regression with a slight ridge.

    Args:
        features: Shape (n, k).
        right: Zeros and ones, shape (n,).
    """
    design = np.column_stack([np.ones(len(features)), features])

    def loss(coefficients: Values) -> tuple[float, Values]:
        odds = design @ coefficients
        probability = 1 / (1 + np.exp(-np.clip(odds, -40, 40)))
        value = np.mean(np.logaddexp(0, odds) - right * odds)
        slope = design.T @ (probability - right) / len(right)
        return float(value + RIDGE * coefficients @ coefficients), slope + 2 * RIDGE * coefficients

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B")
    return [round(float(value), 3) for value in found.x]


def to_toml(weights: VoteWeights, words: WordModel, pages: int, lines: int) -> str:
    """Return the text of `weights.toml`.

    Args:
        weights: Weights of the vote.
        words: Coefficients of the word's probability.
        pages: Number of development pages.
        lines: Number of their lines.
    """
    parts = [
        "# Written by `python -m apps.archivair.calibrate`; do not edit by hand.",
        f"# Data: {pages} rendered development pages from seed {FIRST_SEED}, {lines} lines.",
    ]
    for name, one in weights.engines.items():
        parts += ["", f"[engines.{name}]", f"base = {one.base}", f"slope = {one.slope}"]
        parts += [f"gap = {one.gap}", f"blank = {one.blank}"]
    parts += ["", "[language]", f"weight = {weights.language}", "", "[word]"]
    parts += [f"base = {words.base}", f"least_margin = {words.least_margin}"]
    parts += [f"mean_margin = {words.mean_margin}", f"agreement = {words.agreement}"]
    return "\n".join([*parts, f"single_engine = {words.single_engine}", ""])


def scored_characters(samples: Sequence[LineSample], engine: str) -> tuple[Values, Values]:
    """Return score and rightness of each character an engine read.

    Args:
        samples: Lines with known text.
        engine: Its name.
    """
    scores: list[float] = []
    right: list[float] = []
    for sample in samples:
        for one in sample.candidates:
            if one.engine != engine:
                continue
            for code in Levenshtein.opcodes(one.text, sample.truth):
                scores += one.scores[code.src_start : code.src_end]
                right += [float(code.tag == "equal")] * (code.src_end - code.src_start)
    return np.array(scores), np.array(right)


def log_odds(scores: Values) -> Values:
    """Return the log-odds of scores.

    Args:
        scores: 0 to 1.
    """
    bounded = np.clip(scores, MIN_SCORE, MAX_SCORE)
    return np.asarray(np.log(bounded / (1 - bounded)), dtype=np.float64)


def _choices(weights: VoteWeights) -> list[list[VoteWeights]]:
    """Return the weights to compare, one factor changed at a time."""
    choices = [[replace(weights, language=value) for value in LANGUAGE]]
    for name, one in weights.engines.items():
        scaled = [
            replace(one, base=round(one.base * by, 3), slope=round(one.slope * by, 3))
            for by in SCALES
        ]
        gaps = [replace(one, gap=value) for value in GAPS]
        blanks = [replace(one, blank=value) for value in BLANKS]
        choices += [
            [replace(weights, engines={**weights.engines, name: other}) for other in others]
            for others in (scaled, gaps, blanks)
        ]
    return choices


def _without_tesseract(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return what would have been read without Tesseract."""
    sure = any(one.engine == "ppocr" and one.score >= SECOND_LOOK_BELOW for one in candidates)
    dropped = ("tesseract", "ppocr_filtered") if sure else ("tesseract",)
    return tuple(one for one in candidates if one.engine not in dropped)


if __name__ == "__main__":
    sys.exit(main())
