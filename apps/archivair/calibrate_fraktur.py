"""`python -m apps.archivair.calibrate_fraktur` fits the vote on Fraktur: `fraktur_weights.toml`.

The lines are those of the development works; each half of the works is also voted with weights of
the other half, and that error rate stands in the file. Engines that are not installed get the
weights of Tesseract until they can be measured. The log-odds of each engine are fitted alone, but
engines err alike; so all but the own recogniser's count by one common share.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from apps.archivair.calibrate import (
    BLANKS,
    GAPS,
    LANGUAGE,
    START,
    LineSample,
    count_edits,
    fit_logistic,
    fit_words,
    log_odds,
    scored_characters,
)
from apps.archivair.confidence import WordModel
from apps.archivair.fix import repair_line
from apps.archivair.fraktur_lines import TrueLine, read_true_lines
from apps.archivair.fraktur_reading import join_umlauts, read_with_all, spell_umlauts
from apps.archivair.line_files import open_line
from apps.archivair.metrics import FRAKTUR, cer, pooled
from apps.archivair.recognise import FRAKTUR_ENGINE, PRINT_ENGINE, Candidate, ServerReader
from apps.archivair.tesseract import FRK_ENGINE, SCRIPT_ENGINE, find_fraktur_tesseracts
from apps.archivair.vote import FRAKTUR_WEIGHTS_FILE, VoteWeights, vote
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.errors import ModelServerError
from shared.settings import get_settings

ENGINES = (PRINT_ENGINE, FRK_ENGINE, SCRIPT_ENGINE, FRAKTUR_ENGINE)
NO_SERVER, NO_DATA = 3, 2
AT_ONCE = 40
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the log-odds of the weaker engines."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the lines, fit and write the file.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog="python -m apps.archivair.calibrate_fraktur")
    parser.add_argument("--out", type=Path, default=FRAKTUR_WEIGHTS_FILE)
    options = parser.parse_args(arguments)
    settings = get_settings()
    lines = read_true_lines(settings.development_data_dir, "development")
    if not lines:
        sys.stderr.write("The lines of Fraktur are missing in the folder of development data.\n")
        return NO_DATA
    try:
        with (
            ensure_model_server(settings) as server,
            ModelServerClient(server.settings) as client,
        ):
            samples = read_samples(lines, ServerReader(client))
    except ModelServerError as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    options.out.write_text(calibrated(lines, samples), encoding="utf-8")
    return 0


def read_samples(lines: Sequence[TrueLine], reader: ServerReader) -> list[LineSample]:
    """Read lines with all engines.

    Args:
        lines: Lines with known text.
        reader: The model server.
    """
    samples = []
    for start in range(0, len(lines), AT_ONCE):
        part = lines[start : start + AT_ONCE]
        crops = [open_line(line.path) for line in part]
        for line, found in zip(
            part, read_with_all(crops, reader, find_fraktur_tesseracts()), strict=True
        ):
            samples.append(as_sample(line.text, found))
        sys.stderr.write(f"line {start + len(part)} of {len(lines)}\n")
    return samples


def as_sample(truth: str, candidates: Sequence[Candidate]) -> LineSample:
    """Return a line as the vote sees it: old umlauts are one character.

    Args:
        truth: What stands there.
        candidates: What each engine read.
    """
    joined = tuple(join_umlauts(one) for one in candidates if one.text)
    return LineSample(joined, join_umlauts(Candidate("", truth, (1.0,) * len(truth))).text)


def calibrated(lines: Sequence[TrueLine], samples: Sequence[LineSample]) -> str:
    """Fit on all lines, measure by halves, and return the text of the file.

    Args:
        lines: Lines with known text.
        samples: What was read there, in the same order.
    """
    weights = fit_vote(samples)
    voting = [voters(one) for one in samples]
    words = fit_words(voting, weights)
    works = sorted({line.work for line in lines})
    counts = []
    for held in (set(works[::2]), set(works[1::2])):
        others = [one for line, one in zip(lines, samples, strict=True) if line.work not in held]
        halved = fit_vote(others)
        counts += [
            cer(line.text, spell_umlauts(repair_line(vote(one.candidates, halved).text)), FRAKTUR)
            for line, one in zip(lines, voting, strict=True)
            if line.work in held
        ]
    rate = pooled(counts).rate
    return to_toml(weights, words, f"{len(lines)} lines of {len(works)} works", rate)


def voters(sample: LineSample) -> LineSample:
    """Return what votes of a line that all engines have read: as `read_fraktur` asks them."""
    if all(one.engine != FRAKTUR_ENGINE for one in sample.candidates):
        return sample
    kept = tuple(one for one in sample.candidates if one.engine in (PRINT_ENGINE, FRAKTUR_ENGINE))
    return replace(sample, candidates=kept)


def fit_vote(samples: Sequence[LineSample]) -> VoteWeights:
    """Fit log-odds per engine, then the common factors that leave the fewest edits.

    Args:
        samples: Lines with known text.
    """
    engines = {}
    for name in ENGINES:
        scores, right = scored_characters(samples, name)
        if len(scores):
            base, slope = fit_logistic(log_odds(scores)[:, None], right)
            engines[name] = replace(START, base=base, slope=slope)
    weights = VoteWeights(engines, LANGUAGE[1], folds_long_s=True)
    voting = [voters(one) for one in samples]
    for choices in (
        lambda now: [_weaker(now, share) for share in SHARES],
        lambda now: [replace(now, language=value) for value in (0.0, *LANGUAGE)],
        lambda now: [_all(now, gap=value) for value in GAPS],
        lambda now: [_all(now, blank=value) for value in BLANKS],
    ):
        tried = choices(weights)
        weights = tried[int(np.argmin([count_edits(voting, one) for one in tried]))]
    return weights


def to_toml(weights: VoteWeights, words: WordModel, data: str, rate: float) -> str:
    """Return the text of `fraktur_weights.toml`.

    Args:
        weights: Weights of the vote.
        words: Coefficients of the word's probability.
        data: What was read.
        rate: Error rate of each half of the works with weights of the other.
    """
    parts = [
        "# Written by `python -m apps.archivair.calibrate_fraktur`; do not edit by hand.",
        f"# Data: {data}; error rate of halves with weights of the other half {100 * rate:.2f} %.",
    ]
    for name in ENGINES:
        one = weights.engines.get(name) or weights.engines[FRK_ENGINE]
        parts += ["", f"[engines.{name}]"]
        parts += [] if name in weights.engines else [f"# not measured yet: as {FRK_ENGINE}"]
        parts += [f"base = {one.base}", f"slope = {one.slope}"]
        parts += [f"gap = {one.gap}", f"blank = {one.blank}"]
    parts += ["", "[language]", f"weight = {weights.language}", "folds_long_s = true", "", "[word]"]
    parts += [f"base = {words.base}", f"least_margin = {words.least_margin}"]
    parts += [f"mean_margin = {words.mean_margin}", f"agreement = {words.agreement}"]
    return "\n".join([*parts, f"single_engine = {words.single_engine}", ""])


def _weaker(weights: VoteWeights, share: float) -> VoteWeights:
    engines = {
        name: one
        if name == FRAKTUR_ENGINE
        else replace(one, base=round(one.base * share, 3), slope=round(one.slope * share, 3))
        for name, one in weights.engines.items()
    }
    return replace(weights, engines=engines)


def _all(weights: VoteWeights, **factor: float) -> VoteWeights:
    engines = {name: replace(one, **factor) for name, one in weights.engines.items()}
    return replace(weights, engines=engines)


if __name__ == "__main__":
    sys.exit(main())
