"""Say which of the 20 classes a page belongs to, with probabilities.

A multinomial logistic regression over hashed letter sequences (2 to 5 characters, 2^15 places,
TF-IDF), words of the classes and layout, calibrated by one temperature. It was trained on rendered
building files of an invented town (`train.py`); on forms that look very different its
probabilities are only a ranking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from apps.archivair.documents.content import PageContent
from apps.archivair.documents.logistic import softmax
from apps.archivair.documents.page_classes import UNCLEAR, UNCLEAR_BELOW, class_ids
from apps.archivair.documents.page_features import PageNumbers, page_numbers, text_matrix

WEIGHTS_FILE = Path(__file__).with_name("page_class.npz")
VERSION = 1
SURE_BY_ITSELF = 0.9


@dataclass(frozen=True, slots=True)
class ClassifiedPage:
    """The class of a page.

    Args:
        probabilities: One per class in the order of `class_ids`, sum 1; all 0 for a blank page.
    """

    probabilities: tuple[float, ...]

    @property
    def best(self) -> str:
        """Most probable class."""
        return class_ids()[int(np.argmax(self.probabilities))]

    @property
    def confidence(self) -> float:
        """Probability of the most probable class."""
        return max(self.probabilities)

    @property
    def label(self) -> str:
        """Most probable class, or "unklar" when it is less probable than all others together."""
        return self.best if self.confidence >= UNCLEAR_BELOW else UNCLEAR

    def by_class(self) -> dict[str, float]:
        """Return the probabilities by class."""
        return dict(zip(class_ids(), self.probabilities, strict=True))


def by_document(found: Sequence[ClassifiedPage], documents: Sequence[int]) -> list[ClassifiedPage]:
    """Return the class of each page as the pages of its document say it together.

    A document has one class; its second page often bears no heading. Blank pages say nothing. A
    page that is sure by itself keeps its class: the cut before it may have been missed.

    Args:
        found: Class of each page by itself.
        documents: Number of the document of each page.
    """
    speaking: dict[int, list[tuple[float, ...]]] = {}
    for one, document in zip(found, documents, strict=True):
        if any(one.probabilities):
            speaking.setdefault(document, []).append(one.probabilities)
    means = {document: mean_chances(chances) for document, chances in speaking.items()}
    return [
        ClassifiedPage(means[document])
        if any(one.probabilities) and one.confidence < SURE_BY_ITSELF
        else one
        for one, document in zip(found, documents, strict=True)
    ]


def mean_chances(chances: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return what pages of one document say together; all 0 when none says anything.

    Args:
        chances: Probabilities of the classes per page.
    """
    if not chances:
        return (0.0,) * len(class_ids())
    return tuple(sum(column) / len(chances) for column in zip(*chances, strict=True))


@dataclass(frozen=True, slots=True)
class PageClassifier:
    """Fitted numbers of the classifier.

    Args:
        frequencies: Inverse document frequency per bucket, shape (2^15,).
        centre: Means of the other features.
        spread: Their standard deviations, above 0.
        weights: Shape (2^15 + others + 1, classes), the constant last.
        temperature: Scores are divided by it.
    """

    frequencies: NDArray[np.float64]
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]
    temperature: float = 1.0

    def classify(self, pages: Sequence[PageContent]) -> list[ClassifiedPage]:
        """Classify pages; a blank page belongs to no class.

        Args:
            pages: Pages of a stream.
        """
        written = [page for page in pages if not page.is_blank]
        rows = iter(softmax(self.scores([page_numbers(page) for page in written])).tolist())
        nothing = (0.0,) * len(class_ids())
        return [ClassifiedPage(nothing if page.is_blank else tuple(next(rows))) for page in pages]

    def scores(self, numbers: Sequence[PageNumbers]) -> NDArray[np.float64]:
        """Return the scores before they become probabilities.

        Args:
            numbers: Measured pages.

        Returns:
            Shape (n, classes).
        """
        if not numbers:
            return np.zeros((0, len(class_ids())))
        return np.asarray(self.design(numbers) @ self.weights / self.temperature)

    def design(self, numbers: Sequence[PageNumbers]) -> csr_matrix:
        """Return the features of pages as rows.

        Args:
            numbers: Measured pages.
        """
        others = (np.stack([page.others for page in numbers]) - self.centre) / self.spread
        constant = np.ones((len(numbers), 1))
        text = text_matrix(numbers, self.frequencies)
        return csr_matrix(hstack([text, csr_matrix(np.hstack([others, constant]))]))


def save_classifier(classifier: PageClassifier, path: Path) -> None:
    """Write the numbers; letter sequences in half precision, which moves no probability by 0.01.

    Args:
        classifier: What was fitted.
        path: File to write.
    """
    buckets = len(classifier.frequencies)
    parts: Mapping[str, NDArray[np.generic]] = {
        "version": np.array([VERSION]),
        "frequencies": classifier.frequencies.astype(np.float16),
        "centre": classifier.centre,
        "spread": classifier.spread,
        "text": classifier.weights[:buckets].astype(np.float16),
        "others": classifier.weights[buckets:].astype(np.float32),
        "temperature": np.array([classifier.temperature]),
    }
    np.savez_compressed(path, allow_pickle=False, **parts)


def read_classifier(path: Path) -> PageClassifier:
    """Return a stored classifier.

    Args:
        path: File of `save_classifier`.

    Raises:
        ValueError: It was written by another version or does not fit the classes.
    """
    with np.load(path, allow_pickle=False) as stored:
        parts = {name: np.asarray(stored[name], dtype=np.float64) for name in stored.files}
    weights = np.concatenate([parts["text"], parts["others"]])
    if int(parts["version"][0]) != VERSION or weights.shape[1] != len(class_ids()):
        raise ValueError(f"{path.name} does not fit this version; train again.")
    return PageClassifier(
        parts["frequencies"],
        parts["centre"],
        parts["spread"],
        weights,
        float(parts["temperature"][0]),
    )


@lru_cache(maxsize=1)
def load_page_classifier() -> PageClassifier:
    """Return the trained classifier of the package."""
    return read_classifier(WEIGHTS_FILE)
