"""Find lines whose transcription is probably wrong, for a person to look at."""

from __future__ import annotations

from collections.abc import Iterator

from rapidfuzz.distance import Levenshtein

from model_server.training.fraktur.batches import MOST_PX_PER_SIGN
from model_server.training.fraktur.experiment import Experiment, load_trained
from model_server.training.fraktur.lines import Line, Lines, read_image
from model_server.training.fraktur.reading import read_lines_with
from model_server.training.fraktur.scoring import normalise

SUSPICIOUS_FILE = "suspicious.csv"
MOST_ERRORS = 0.3
FEWEST_PX_PER_SIGN = 10
"""Of a picture 48 px high; the narrowest print of the set has about 14."""


def run_labels(experiment: Experiment, lines: Lines) -> None:
    """Write `suspicious.csv`, file and reason; who has looked copies rows to `label_drops.csv`.

    The test is left out: nothing of it may be dropped.
    """
    trained = load_trained(experiment)
    chosen = [*lines.splits["train"], *lines.splits["development"]]
    found = read_lines_with(trained.network, lines, chosen, trained.alphabet)
    rows = ["file,reason"]
    for line, read in zip(chosen, found, strict=True):
        width = read_image(lines.folder, line).shape[1]
        rows += [f"{line.file},{reason}" for reason in suspect(line, read.text, width)]
    target = experiment.folder / SUSPICIOUS_FILE
    target.write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{target}: {len(rows) - 1} Zeilen zum Ansehen.", flush=True)


def suspect(line: Line, read: str, width: int) -> Iterator[str]:
    """Yield why a transcription may be wrong: `errors`, `too_long` or `too_short`.

    Args:
        line: With the transcription.
        read: What the network reads.
        width: Of the picture, 48 px high.
    """
    truth = normalise(line.text)
    if Levenshtein.distance(truth, normalise(read)) > MOST_ERRORS * len(truth):
        yield "errors"
    if width < FEWEST_PX_PER_SIGN * len(line.text):
        yield "too_long"
    if width > MOST_PX_PER_SIGN * len(line.text):
        yield "too_short"
