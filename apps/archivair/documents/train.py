"""`python -m apps.archivair.documents.train` fits classes, splitting and fields on rendered files.

Only files of the train split are fitted on and only those of the validation split calibrate; the
test split, whose layout families occur in neither, stays unseen. The same numbers
of streams give the same weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.archivair.documents.candidates import Candidate
from apps.archivair.documents.field_confidence import (
    FieldWeights,
    field_features,
    make_choices,
    write_field_weights,
)
from apps.archivair.documents.fields import find_candidates
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
from apps.archivair.documents.training_data import (
    FIRST_SEEDS,
    LabelledPage,
    Quality,
    document_fields,
    labelled_streams,
)
from apps.archivair.documents.variation import vary_page

Streams = Sequence[Sequence[LabelledPage]]
CLASS_RIDGE, PAIR_RIDGE, FIELD_RIDGE = 2e-5, 1e-3, 1e-3
FOLDS = 3
VARIATION_SEED = 5
OUTPUT_NAMES = ("page_class.npz", "splitting.toml", "field_weights.toml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Render, fit and write the three files of weights.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog="python -m apps.archivair.documents.train")
    parser.add_argument("--streams", type=int, default=24, help="Streams of the train split.")
    parser.add_argument("--val-streams", type=int, default=7, help="Streams that calibrate.")
    parser.add_argument("--jobs", type=int, default=2, help="Processes that render.")
    parser.add_argument("--quality", default="mixed", help="Quality of the rendered pages.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args(arguments)
    seeds = [("train", FIRST_SEEDS["train"] + number) for number in range(options.streams)]
    seeds += [("val", FIRST_SEEDS["val"] + number) for number in range(options.val_streams)]
    count = len(seeds)
    with ProcessPoolExecutor(options.jobs) as pool:
        rendered = pool.map(_render, [options.quality] * count, *zip(*seeds, strict=True))
        streams = list(rendered)
    train, held = streams[: options.streams], streams[options.streams :]
    sys.stderr.write(f"{sum(map(len, train))} pages to fit, {sum(map(len, held))} to calibrate\n")
    fit_all(train, held, options.out)
    return 0


def _render(quality: Quality, split: str, seed: int) -> list[LabelledPage]:
    return next(iter(labelled_streams(split, 0, seeds=[seed], quality=quality)))


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
    measured = measure_pages(train, varied=True)
    classifier = fit_classes(measured, measure_pages(held, varied=True))
    save_classifier(classifier, out / OUTPUT_NAMES[0])
    save_splitting(fit_splitting(train, measured), source, out / OUTPUT_NAMES[1])
    weights = fit_fields(train, held, classifier)
    written = write_field_weights(weights, source)
    (out / OUTPUT_NAMES[2]).write_text(written, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class MeasuredPages:
    """Written pages of streams as the classifier sees them.

    Args:
        numbers: Measures of each page.
        labels: Number of its class.
        streams: Place of its stream.
    """

    numbers: list[PageNumbers]
    labels: NDArray[np.int64]
    streams: NDArray[np.int64]

    def without(self, fold: int) -> MeasuredPages:
        """Return the pages of the streams of all folds but one.

        Args:
            fold: Number of the fold.
        """
        kept = np.flatnonzero(self.streams % FOLDS != fold)
        numbers = [self.numbers[place] for place in kept]
        return MeasuredPages(numbers, self.labels[kept], self.streams[kept])


def measure_pages(streams: Streams, *, varied: bool) -> MeasuredPages:
    """Measure written pages; each once more in another wording if asked for.

    Args:
        streams: Streams with truth.
        varied: Whether to add varied copies.
    """
    ids = class_ids()
    numbers, labels, places = [], [], []
    for place, stream in enumerate(streams):
        rng = np.random.default_rng((place, VARIATION_SEED))
        for page in stream:
            if page.content.is_blank:
                continue
            copies = [page.content]
            if varied:
                copies.append(vary_page(page.content, page.page_class, rng))
            for content in copies:
                numbers.append(page_numbers(content))
                labels.append(ids.index(page.page_class))
                places.append(place)
    return MeasuredPages(
        numbers, np.array(labels, dtype=np.int64), np.array(places, dtype=np.int64)
    )


def fit_classes(train: MeasuredPages, held: MeasuredPages | None = None) -> PageClassifier:
    """Fit the classifier of pages; without held pages it is not calibrated.

    Args:
        train: Pages to fit on.
        held: Pages that fit the temperature.
    """
    counted = np.zeros(BUCKETS)
    for page in train.numbers:
        counted[page.buckets] += 1
    count = len(train.numbers)
    frequencies = np.where(counted > 0, np.log((1 + count) / (1 + counted)) + 1, 0.0)
    others = np.stack([page.others for page in train.numbers])
    spread = np.where(others.std(axis=0) > 1e-6, others.std(axis=0), 1.0)
    start = PageClassifier(frequencies, others.mean(axis=0), spread * 5, np.zeros((0, 0)))
    design = start.design(train.numbers)
    weights = fit_softmax(design, train.labels, len(class_ids()), CLASS_RIDGE)
    fitted = replace(start, weights=weights)
    if held is None:
        return fitted
    return replace(fitted, temperature=fit_temperature(fitted.scores(held.numbers), held.labels))


def fit_splitting(train: Streams, measured: MeasuredPages) -> SplittingModel:
    """Fit the comparison of neighbouring pages.

    The classes that it sees come from classifiers that did not see the stream (cross-fitting);
    otherwise they would look surer than they are later.

    Args:
        train: Streams to fit on.
        measured: Their pages.
    """
    features, right, lengths = [], [], []
    for fold in range(min(FOLDS, len(train))):
        classifier = fit_classes(measured.without(fold))
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


def fit_fields(train: Streams, held: Streams, classifier: PageClassifier) -> FieldWeights:
    """Fit both formulas of fields, then bend the second to the held streams.

    Args:
        train: Streams to fit on.
        held: Streams that calibrate (two numbers, Platt 1999).
        classifier: Fitted classifier of pages.
    """
    files = [part for one in train for part in file_candidates(one, classifier)]
    filled = [part.candidates for part in files if part.candidates]
    features = np.concatenate([field_features(found) for found in filled])
    right = np.array([truth for part in files for truth in part.right])
    candidate = _numbers(fit_binary(features, right, FIELD_RIDGE))
    chosen, chosen_right = _choices(files, candidate)
    choice = fit_binary(chosen, chosen_right, FIELD_RIDGE)
    if held:
        kept = [part for one in held for part in file_candidates(one, classifier)]
        seen, seen_right = _choices(kept, candidate)
        odds = choice[0] + seen @ choice[1:]
        shift, scale = fit_binary(odds[:, None], seen_right, 0.0)
        choice = np.array([shift + scale * choice[0], *(scale * choice[1:])])
    return FieldWeights(candidate, _numbers(choice))


def _numbers(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _choices(
    files: Sequence[FileCandidates], factors: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return features of chosen values and whether the document states them."""
    rows, right = [], []
    for part in files:
        for choice in make_choices(part.candidates, part.documents, factors):
            rows.append(choice.features)
            stated = part.stated[choice.document].get(choice.candidate.name, frozenset())
            right.append(float(choice.value in stated))
    return np.array(rows, dtype=np.float64), np.array(right)


@dataclass(frozen=True, slots=True)
class FileCandidates:
    """Candidates of a file with truth.

    Args:
        candidates: All candidates.
        right: 1 where the page states the value, else 0.
        documents: Number of the document by number of the page.
        stated: True values by name of field by number of document.
    """

    candidates: list[Candidate]
    right: list[float]
    documents: dict[int, int]
    stated: dict[int, dict[str, frozenset[str]]]


def file_candidates(
    stream: Sequence[LabelledPage], classifier: PageClassifier
) -> list[FileCandidates]:
    """Return per true file of a stream its candidates with truth.

    Args:
        stream: Pages with truth.
        classifier: Classifier of pages.
    """
    contents = [page.content for page in stream]
    found = find_candidates(contents, classifier.classify(contents))
    result = []
    for number in dict.fromkeys(page.file for page in stream):
        pages = [page for page in stream if page.file == number]
        truth = {page.content.number: page.fields for page in pages}
        mine = [one for one in found if one.page in truth]
        right = [float(one.value in truth[one.page].get(one.name, frozenset())) for one in mine]
        documents = {page.content.number: page.document for page in pages}
        result.append(FileCandidates(mine, right, documents, document_fields(pages)))
    return result


if __name__ == "__main__":
    sys.exit(main())
