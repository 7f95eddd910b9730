"""Measure a whole stream: cuts, classes, files and fields against the truth, as counts that add up.

counts = [measure_stream(stream, found) for ...]      # one per stream
figure(counts, "boundary", f1)                        # value with a 95 % interval over streams
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from apps.archivair.documents.content import PageContent
from apps.archivair.documents.field_confidence import Field, choose_fields
from apps.archivair.documents.fields import find_candidates
from apps.archivair.documents.grouping import FoundFile, group_documents
from apps.archivair.documents.measures import (
    boundary_score,
    document_spans,
    exact_document_score,
    panoptic_parts,
    perfect_share,
)
from apps.archivair.documents.page_class import (
    ClassifiedPage,
    by_document,
    load_page_classifier,
)
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.pairs import load_splitting, pair_chances
from apps.archivair.documents.splitting import split_stream
from apps.archivair.documents.training_data import LabelledPage, document_fields

Counts = NDArray[np.float64]
RESAMPLES = 1000
COVER = "deckblatt"
JOINT_FIELDS = {
    "strasse_hausnummer": ("strasse", "hausnummer"),
    "flurstueck": ("flurstueck_zaehler", "flurstueck_nenner"),
}
"""Fields that count as right only together."""


@dataclass(frozen=True, slots=True)
class FoundStream:
    """What the software makes of a stream.

    Args:
        classes: Per page, as the pages of its document say together.
        starts: Per page whether a document begins.
        documents: Number of the document by number of the page.
        files: Documents by property.
        fields: Fields by number of the document.
    """

    classes: list[ClassifiedPage]
    starts: list[bool]
    documents: dict[int, int]
    files: list[FoundFile]
    fields: dict[int, list[Field]]


@dataclass
class StreamCounts:
    """Counts of one stream; those of several streams are added.

    Args:
        sums: Counts by name of measure.
        fields: Confidence, whether right, and name of each filled field.
    """

    sums: dict[str, Counts] = field(default_factory=dict)
    fields: list[tuple[float, bool, str]] = field(default_factory=list)


def read_stream(pages: Sequence[PageContent]) -> FoundStream:
    """Classify, cut, group and read the fields of a stream.

    Args:
        pages: Pages in their order.
    """
    classifier = load_page_classifier()
    classes = classifier.classify(pages)
    cuts = split_stream(pair_chances(pages, classes, classifier), load_splitting().prior)
    starts = [True, *(cut.starts_document for cut in cuts)][: len(pages)]
    numbers = np.cumsum(starts).tolist()
    documents = {page.number: number for page, number in zip(pages, numbers, strict=True)}
    candidates = find_candidates(pages, classes)
    classes = by_document(classes, numbers)
    covers = {
        documents[page.number]
        for page, one in zip(pages, classes, strict=True)
        if not page.is_blank and one.label == COVER
    }
    files = group_documents(candidates, documents, covers=covers)
    fields: dict[int, list[Field]] = {}
    for one in files:
        own = frozenset(one.documents)
        fields |= choose_fields(
            [each for each in candidates if documents[each.page] in own],
            {page: number for page, number in documents.items() if number in own},
        )
    return FoundStream(classes, starts, documents, files, fields)


def measure_stream(stream: Sequence[LabelledPage], found: FoundStream) -> StreamCounts:
    """Compare what was found with the truth.

    Args:
        stream: Pages with truth.
        found: What the software made of them.
    """
    counts = StreamCounts()
    true = [place == 0 or page.document != stream[place - 1].document
            for place, page in enumerate(stream)]  # fmt: skip
    for name, score in (
        ("boundary", boundary_score([found.starts], [true])),
        ("exact_documents", exact_document_score([found.starts], [true])),
    ):
        counts.sums[name] = np.array([score.hits, score.found, score.true], dtype=np.float64)
    counts.sums["panoptic"] = np.array(panoptic_parts(found.starts, true))
    counts.sums["perfect"] = np.array([perfect_share([found.starts], [true]), 1.0])
    counts.sums["confusion"] = _confusion(stream, found.classes)
    counts.sums["files"] = _files(stream, found)
    _count_fields(stream, found, true, counts)
    return counts


def _confusion(stream: Sequence[LabelledPage], classes: Sequence[ClassifiedPage]) -> Counts:
    """Return true classes by row and found ones by column, blank pages left out."""
    ids = class_ids()
    table = np.zeros((len(ids), len(ids)))
    for page, one in zip(stream, classes, strict=True):
        if not page.content.is_blank:
            table[ids.index(page.page_class), ids.index(one.best)] += 1
    return table


def _files(stream: Sequence[LabelledPage], found: FoundStream) -> Counts:
    """Count files found with exactly their pages: hits, found, true."""
    file_of = {number: at for at, one in enumerate(found.files) for number in one.documents}
    numbers = [page.content.number for page in stream]
    mine = _sets([file_of[found.documents[number]] for number in numbers], numbers)
    true = _sets([page.file for page in stream], numbers)
    return np.array([len(mine & true), len(mine), len(true)], dtype=np.float64)


def _sets(keys: Sequence[int], numbers: Sequence[int]) -> set[frozenset[int]]:
    by_key: dict[int, list[int]] = {}
    for key, number in zip(keys, numbers, strict=True):
        by_key.setdefault(key, []).append(number)
    return {frozenset(pages) for pages in by_key.values()}


def _count_fields(
    stream: Sequence[LabelledPage],
    found: FoundStream,
    true: Sequence[bool],
    counts: StreamCounts,
) -> None:
    stated = document_fields(stream)
    document_of = {page.content.number: page.document for page in stream}
    contents = {page.content.number: page.content for page in stream}
    for fields in found.fields.values():
        for one in fields:
            _add(counts, "source_boxes", _is_in_box(one, contents[one.page]), True, True)
            values = stated[document_of[one.page]].get(one.name, frozenset())
            counts.fields.append((one.confidence, one.value in values, one.name))
    spans = document_spans(true)
    for first, last in spans:
        numbers = [stream[place].content.number for place in range(first, last + 1)]
        filled = _overlapping(numbers, found)
        truth = stated[document_of[numbers[0]]]
        for name in sorted(set(filled) | set(truth)):
            hit = filled.get(name, "") in truth.get(name, frozenset())
            _add(counts, f"field:{name}", hit and name in truth, name in filled, name in truth)
        for joint, names in JOINT_FIELDS.items():
            if names[0] in truth:
                right = all(
                    filled.get(name, "") in truth.get(name, frozenset({""})) for name in names
                )
                _add(counts, f"field:{joint}", right, names[0] in filled, True)


def _is_in_box(one: Field, page: PageContent) -> bool:
    """Say whether the words in the box of a field hold what it says stands there."""
    left, top, right, bottom = one.box
    inside = [
        word.text
        for line in page.lines
        for word in line.words
        if left <= word.source_box[0]
        and word.source_box[2] <= right
        and top <= word.source_box[1]
        and word.source_box[3] <= bottom
    ]
    return bool(one.raw) and all(any(piece in word for word in inside) for piece in one.raw.split())


def _overlapping(numbers: Sequence[int], found: FoundStream) -> Mapping[str, str]:
    """Return the values of the found document that shares most pages with a true one."""
    shared = [found.documents[number] for number in numbers]
    best = max(sorted(set(shared)), key=shared.count)
    return {one.name: one.value for one in found.fields.get(best, [])}


def _add(counts: StreamCounts, key: str, hit: bool, filled: bool, true: bool) -> None:
    known = counts.sums.setdefault(key, np.zeros(3))
    known += (hit, filled, true)


def f1(sums: Counts) -> float:
    """Return the harmonic mean of precision and recall of hits, found and true.

    Args:
        sums: Three counts.
    """
    total = sums[1] + sums[2]
    return float(2 * sums[0] / total) if total else 1.0


def recall(sums: Counts) -> float:
    """Return hits over the last count; 0 without any.

    Args:
        sums: Counts, hits first.
    """
    return float(sums[0] / sums[-1]) if sums[-1] else 0.0


def panoptic(sums: Counts) -> float:
    """Return the panoptic quality of overlaps, matches and halves of the unmatched.

    Args:
        sums: Three counts of `panoptic_parts`.
    """
    total = sums[1] + sums[2]
    return float(sums[0] / total) if total else 1.0


def accuracy(table: Counts) -> float:
    """Return the share of the diagonal.

    Args:
        table: Confusion of classes.
    """
    return float(np.trace(table) / table.sum()) if table.sum() else 0.0


def macro(table: Counts) -> float:
    """Return the mean F1 of the classes that occur.

    Args:
        table: Confusion of classes.
    """
    occurs = table.sum(axis=1) > 0
    hits, found, true = np.diag(table), table.sum(axis=0), table.sum(axis=1)
    scores = 2 * hits / np.maximum(found + true, 1)
    return float(scores[occurs].mean()) if occurs.any() else 0.0


def summed(counts: Sequence[StreamCounts], name: str) -> Counts | None:
    """Return the counts of all streams, None where no stream has them.

    Args:
        counts: One per stream.
        name: Name of a measure.
    """
    parts = [one.sums[name] for one in counts if name in one.sums]
    return np.asarray(sum(parts[1:], parts[0].copy())) if parts else None


def interval(
    counts: Sequence[StreamCounts], name: str, measure: Callable[[Counts], float], seed: int = 1
) -> tuple[float, float]:
    """Return the 95 % interval of a measure by drawing streams again.

    Args:
        counts: One per stream.
        name: Name of the counts.
        measure: Value of summed counts.
        seed: Seed of the draws.
    """
    parts = np.stack([one.sums[name] for one in counts if name in one.sums])
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(parts), [1 / len(parts)] * len(parts), RESAMPLES)
    values = [measure(np.tensordot(weights, parts, axes=1)) for weights in drawn]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def field_interval(
    counts: Sequence[StreamCounts],
    measure: Callable[[Sequence[float], Sequence[bool]], float],
    seed: int = 1,
    resamples: int = 200,
) -> tuple[float, float]:
    """Return the 95 % interval of a measure of all filled fields by drawing streams again.

    Args:
        counts: One per stream.
        measure: Value of confidences and whether each field is right.
        seed: Seed of the draws.
        resamples: Number of draws.
    """
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        drawn = [counts[place] for place in rng.integers(len(counts), size=len(counts))]
        fields = [one for stream in drawn for one in stream.fields]
        values.append(measure([one[0] for one in fields], [one[1] for one in fields]))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
