"""`python -m apps.archivair.documents.train` fits classes, splitting and fields on rendered files.

Only files of the train split are fitted on and only those of the validation split calibrate; the
test split, whose layout families occur in neither, stays unseen. The same numbers
of streams give the same weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.archivair.documents.field_confidence import confidences, field_features
from apps.archivair.documents.fields import Candidate, find_candidates
from apps.archivair.documents.logistic import (
    fit_binary,
    fit_softmax,
    fit_temperature,
)
from apps.archivair.documents.page_class import PageClassifier, save_classifier
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.page_features import BUCKETS, PageNumbers, page_numbers
from apps.archivair.documents.pairs import SplittingModel, pair_numbers, save_splitting
from apps.archivair.documents.splitting import fit_prior
from apps.archivair.documents.training_data import LabelledPage, labelled_streams

Streams = Sequence[Sequence[LabelledPage]]
CLASS_RIDGE, PAIR_RIDGE, FIELD_RIDGE = 2e-5, 1e-3, 1e-3
FOLDS = 4
OUTPUT_NAMES = ("page_class.npz", "splitting.toml", "field_weights.toml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Render, fit and write the three files of weights.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog="python -m apps.archivair.documents.train")
    parser.add_argument("--streams", type=int, default=60, help="Streams of the train split.")
    parser.add_argument("--val-streams", type=int, default=12, help="Streams that calibrate.")
    parser.add_argument("--quality", default="clean", help="Quality of the rendered pages.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args(arguments)
    train = list(labelled_streams("train", options.streams, quality=options.quality))
    held = list(labelled_streams("val", options.val_streams, quality=options.quality))
    sys.stderr.write(f"{sum(map(len, train))} pages to fit, {sum(map(len, held))} to calibrate\n")
    fit_all(train, held, options.out)
    return 0


def fit_all(train: Streams, held: Streams, out: Path) -> None:
    """Fit and write classes, splitting and fields.

    Args:
        train: Streams to fit on.
        held: Streams that calibrate.
        out: Folder to write to.
    """
    pages, kept = sum(map(len, train)), sum(map(len, held))
    source = (
        f"{pages} rendered pages of the train split, {kept} of the validation split to calibrate."
    )
    classifier = fit_classes(train, held)
    save_classifier(classifier, out / OUTPUT_NAMES[0])
    save_splitting(fit_splitting(train), source, out / OUTPUT_NAMES[1])
    factors = fit_fields(train, held, classifier)
    lines = [
        "# Written by `python -m apps.archivair.documents.train`; do not edit by hand.",
        f"# {source}",
        f"factors = [{', '.join(f'{factor:.4f}' for factor in factors)}]",
        "",
    ]
    (out / OUTPUT_NAMES[2]).write_text("\n".join(lines), encoding="utf-8")


def fit_classes(train: Streams, held: Streams) -> PageClassifier:
    """Fit the classifier of pages; without held streams it is not calibrated.

    Args:
        train: Streams to fit on.
        held: Streams that fit the temperature.
    """
    numbers, labels = _measured(train)
    counted = np.zeros(BUCKETS)
    for page in numbers:
        counted[page.buckets] += 1
    frequencies = np.where(counted > 0, np.log((1 + len(numbers)) / (1 + counted)) + 1, 0.0)
    others = np.stack([page.others for page in numbers])
    spread = np.where(others.std(axis=0) > 1e-6, others.std(axis=0), 1.0)
    start = PageClassifier(frequencies, others.mean(axis=0), spread * 5, np.zeros((0, 0)))
    weights = fit_softmax(start.design(numbers), labels, len(class_ids()), CLASS_RIDGE)
    fitted = PageClassifier(frequencies, start.centre, start.spread, weights)
    if not held:
        return fitted
    held_numbers, held_labels = _measured(held)
    temperature = fit_temperature(fitted.scores(held_numbers), held_labels)
    return PageClassifier(frequencies, start.centre, start.spread, weights, temperature)


def _measured(streams: Streams) -> tuple[list[PageNumbers], NDArray[np.int64]]:
    pages = [page for stream in streams for page in stream if not page.content.is_blank]
    ids = class_ids()
    labels = np.array([ids.index(page.page_class) for page in pages], dtype=np.int64)
    return [page_numbers(page.content) for page in pages], labels


def fit_splitting(train: Streams) -> SplittingModel:
    """Fit the comparison of neighbouring pages.

    The classes that it sees come from classifiers that did not see the stream (cross-fitting);
    otherwise they would look surer than they are later.

    Args:
        train: Streams to fit on.
    """
    features, right, lengths = [], [], []
    for fold in range(min(FOLDS, len(train))):
        classifier = fit_classes([one for at, one in enumerate(train) if at % FOLDS != fold], [])
        for stream in [one for at, one in enumerate(train) if at % FOLDS == fold]:
            contents = [page.content for page in stream]
            found = classifier.classify(contents)
            places, compared = pair_numbers(contents, found, classifier.frequencies)
            features.append(compared)
            right += [_begins(stream, place) for place in places]
            written = [page.document for page in stream if not page.content.is_blank]
            lengths += [written.count(document) for document in dict.fromkeys(written)]
    factors = fit_binary(np.concatenate(features), np.array(right, dtype=np.float64), PAIR_RIDGE)
    return SplittingModel(tuple(float(value) for value in factors), fit_prior(lengths))


def _begins(stream: Sequence[LabelledPage], place: int) -> bool:
    before = [page for page in stream[:place] if not page.content.is_blank]
    return not before or before[-1].document != stream[place].document


def fit_fields(train: Streams, held: Streams, classifier: PageClassifier) -> list[float]:
    """Fit the probability that a value is right, then bend it to the held streams.

    Args:
        train: Streams to fit on.
        held: Streams that calibrate (two numbers, Platt 1999).
        classifier: Fitted classifier of pages.
    """
    features, right = [], []
    for found, truths in (part for one in train for part in file_candidates(one, classifier)):
        if found:
            features.append(field_features(found))
            right += truths
    factors = fit_binary(np.concatenate(features), np.array(right, dtype=np.float64), FIELD_RIDGE)
    held_sure: list[float] = []
    held_right: list[float] = []
    for found, truths in (part for one in held for part in file_candidates(one, classifier)):
        held_sure += confidences(found, [float(value) for value in factors])
        held_right += truths
    if not held_sure:
        return [float(value) for value in factors]
    chances = np.clip(np.array(held_sure), 1e-4, 1 - 1e-4)
    odds = np.log(chances / (1 - chances))
    shift, scale = fit_binary(odds[:, None], np.array(held_right, dtype=np.float64), 0.0)
    return [float(shift + scale * factors[0]), *(float(scale * value) for value in factors[1:])]


def file_candidates(
    stream: Sequence[LabelledPage], classifier: PageClassifier
) -> list[tuple[list[Candidate], list[float]]]:
    """Return per true file of a stream the candidates and whether each is right (1 or 0).

    Args:
        stream: Pages with truth.
        classifier: Classifier of pages.
    """
    result = []
    for number in dict.fromkeys(page.file for page in stream):
        pages = [page for page in stream if page.file == number]
        contents = [page.content for page in pages]
        found = find_candidates(contents, classifier.classify(contents))
        truth = {page.content.number: page.fields for page in pages}
        right = [float(one.value in truth[one.page].get(one.name, frozenset())) for one in found]
        result.append((found, right))
    return result


if __name__ == "__main__":
    sys.exit(main())
