"""Compare neighbouring pages: how likely does a document begin with the second one?"""

from __future__ import annotations

import itertools
import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.archivair.documents.content import PageContent
from apps.archivair.documents.folding import fold
from apps.archivair.documents.logistic import predict_binary
from apps.archivair.documents.page_class import ClassifiedPage, PageClassifier
from apps.archivair.documents.page_features import class_words, letter_counts
from apps.archivair.documents.splitting import LengthPrior, PairChance

WEIGHTS_FILE = Path(__file__).with_name("splitting.toml")
_TOP, _BOTTOM_LINES, _TOP_LINES = 0.3, 9, 12
_CLOSING = re.compile(
    r"freundliche[nm] grue?ss|hochachtungsvoll|mit vorzueglicher|ergebenst|im auftrag|"
    r"\bi\. ?a\.|in vertretung|unterschrift|gehorsamst"
)
_OPENING = re.compile(
    r"sehr geehrte|\bbetr\.|betreff|betrifft|\bbezug\b|ihr schreiben|^an (den|die|das)\b", re.M
)
_OFFICE = re.compile(
    r"stadt|gemeinde|magistrat|buergermeister|bauamt|bauaufsicht|baupolizei|amt\b|behoerde|ingenieur|architekt"
)
_DATED = re.compile(r"\bden \d|\d{1,2}\. ?\d{1,2}\. ?\d{2,4}|\bam \d{1,2}\.")
_GOING_ON = re.compile(r"fortsetzung|uebertrag|^- ?\d+ ?-$", re.M)
_PAGE_OF = re.compile(r"\b(?:seite|blatt|s\.|bl\.) ?(\d{1,3})(?: ?(?:von|/) ?(\d{1,3}))?")
_DASHED = re.compile(r"^[-–] ?(\d{1,3}) ?[-–]$")
_CODE = re.compile(r"[^\s,;:()]*\d[^\s,;:()]*")
_LEAST_CODE = 4


@dataclass(frozen=True, slots=True)
class PageMarks:
    """What is compared of one written page.

    Args:
        buckets: Filled places of the hashed letter sequences, ascending.
        weights: Their weights, of unit length.
        title: How well its best heading fits, 0 to 1.
        own_title: How well a heading of its own class fits, 0 to 1.
        number: Printed number of the page; 0 when there is none.
        of: Printed number of pages; 0 when there is none.
        opening: Salutation or subject at the top.
        closing: Closing formula at the end.
        office: Letterhead at the top.
        dated: Date at the top.
        going_on: "Fortsetzung", "Übertrag" or a dashed number.
        starts_small: First letter is a small one.
        ends_open: Last line has no full stop or ends in a hyphen.
        top: Where the first line stands, share of the height.
        codes: Words with digits.
    """

    buckets: NDArray[np.int64]
    weights: NDArray[np.float64]
    title: float
    own_title: float
    number: int
    of: int
    opening: bool
    closing: bool
    office: bool
    dated: bool
    going_on: bool
    starts_small: bool
    ends_open: bool
    top: float
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class SplittingModel:
    """Fitted numbers of the splitting.

    Args:
        factors: Constant and factors of the log-odds that a document begins.
        prior: Usual lengths of documents.
    """

    factors: tuple[float, ...]
    prior: LengthPrior


def page_marks(
    page: PageContent, found: ClassifiedPage, frequencies: NDArray[np.float64]
) -> PageMarks:
    """Measure one page for the comparison with its neighbours.

    Args:
        page: A written page.
        found: Its class.
        frequencies: Inverse document frequency of each bucket.
    """
    top = [line for line in page.lines if line.box[1] < _TOP * page.height] or list(page.lines[:3])
    head = fold("\n".join(line.text for line in top[:_TOP_LINES]))
    foot = fold("\n".join(line.text for line in page.lines[-_BOTTOM_LINES:]))
    titles = class_words(page)[::2]
    number, of = printed_number(page)
    first = page.lines[0].text.strip() if page.lines else ""
    last = page.lines[-1].text.strip() if page.lines else ""
    buckets, counts = letter_counts(page.text)
    weights = (1 + np.log(counts)) * frequencies[buckets]
    folded = fold(page.text)
    return PageMarks(
        buckets=buckets,
        weights=weights / (float(np.linalg.norm(weights)) or 1.0),
        title=float(titles.max()),
        own_title=float(titles[int(np.argmax(found.probabilities))]),
        number=number,
        of=of,
        opening=bool(_OPENING.search(head)),
        closing=bool(_CLOSING.search(foot)),
        office=bool(_OFFICE.search(head)),
        dated=bool(_DATED.search(head)),
        going_on=bool(_GOING_ON.search(f"{head}\n{foot}")),
        starts_small=first[:1].islower(),
        ends_open=bool(last) and last[-1] not in ".!?:)",
        top=page.lines[0].box[1] / max(page.height, 1.0) if page.lines else 0.0,
        codes=frozenset(code for code in _CODE.findall(folded) if len(code) >= _LEAST_CODE),
    )


def printed_number(page: PageContent) -> tuple[int, int]:
    """Return the printed number of a page and of how many; 0 where none is printed.

    Args:
        page: A page.
    """
    edges = [*page.lines[:5], *page.lines[-4:]]
    for line in edges:
        folded = fold(line.text).strip()
        match = _PAGE_OF.search(folded) if len(folded) < 60 else None
        match = match or _DASHED.match(folded)
        if match:
            of = match[2] if match.re is _PAGE_OF else None
            return int(match[1]), int(of or 0)
    return 0, 0


def pair_numbers(
    pages: Sequence[PageContent],
    found: Sequence[ClassifiedPage],
    frequencies: NDArray[np.float64],
) -> tuple[list[int], NDArray[np.float64]]:
    """Compare each written page but the first with the written page before it.

    Args:
        pages: Pages of a stream in order.
        found: Their classes.
        frequencies: Inverse document frequency of each bucket.

    Returns:
        Places of the second pages in `pages` and features of shape (pairs, k).
    """
    written = [place for place, page in enumerate(pages) if not page.is_blank]
    marks = {place: page_marks(pages[place], found[place], frequencies) for place in written}
    rows = []
    for before, after in itertools.pairwise(written):
        classes = [*found[before].probabilities, *found[after].probabilities]
        same = float(np.dot(found[before].probabilities, found[after].probabilities))
        compared = _compare_marks(marks[before], marks[after])
        looks = _compare_looks(pages[before], pages[after])
        rows.append([*classes, same, *compared, *looks, float(after - before > 1)])
    return written[1:], np.array(rows, dtype=np.float64)


def _compare_marks(before: PageMarks, after: PageMarks) -> list[float]:
    shared = len(before.codes & after.codes)
    return [
        _likeness(before, after),
        after.title,
        after.own_title,
        before.title,
        float(after.opening),
        float(before.closing),
        float(after.closing),
        float(after.office),
        float(after.dated),
        float(after.going_on),
        float(after.starts_small),
        float(before.ends_open),
        after.top,
        after.top - before.top,
        float(0 < before.number == after.number - 1),
        float(after.number == 1),
        float(after.number > 1),
        float(0 < before.of == before.number),
        float(0 < before.number < before.of),
        math.log1p(shared) / 3,
        shared / max(1, min(len(before.codes), len(after.codes))),
        float(not before.codes or not after.codes),
    ]


def _likeness(before: PageMarks, after: PageMarks) -> float:
    _, one, other = np.intersect1d(
        before.buckets, after.buckets, assume_unique=True, return_indices=True
    )
    return float(before.weights[one] @ after.weights[other])


def _compare_looks(before: PageContent, after: PageContent) -> list[float]:
    sizes = [page.width * page.height / (page.dpi or 300.0) ** 2 for page in (before, after)]
    turned = (before.width > before.height) != (after.width > after.height)
    missing = not before.look or not after.look
    if before.look and after.look:
        one, two = np.array(before.look.numbers()), np.array(after.look.numbers())
        paper = float(np.abs(one[-3:] - two[-3:]).mean()) * 10
        drawn = float(np.abs(one[:-3] - two[:-3]).mean()) * 10
    else:
        paper = drawn = 0.0
    return [
        min(2.0, abs(math.log(max(sizes[1], 1e-6) / max(sizes[0], 1e-6)))),
        float(turned),
        float(before.script != after.script),
        paper,
        drawn,
        float(missing),
        math.log1p(len(after.lines)) / 5,
        math.log1p(len(before.lines)) / 5,
        float(not after.lines),
        float(not before.lines),
    ]


def pair_chances(
    pages: Sequence[PageContent],
    found: Sequence[ClassifiedPage],
    classifier: PageClassifier,
    model: SplittingModel | None = None,
) -> list[PairChance]:
    """Return for each page from the second on the chance that a document begins with it.

    Args:
        pages: Pages of a stream in order.
        found: Their classes.
        classifier: What classified them; its frequencies weigh the letter sequences.
        model: Fitted numbers; those of the package by default.
    """
    if len(pages) < 2:
        return []
    model = model or load_splitting()
    places, features = pair_numbers(pages, found, classifier.frequencies)
    chances = predict_binary(model.factors, features).tolist() if places else []
    by_place = dict(zip(places, chances, strict=True))
    return [
        PairChance(page.number, by_place.get(place, 0.0), page.is_blank or place not in by_place)
        for place, page in enumerate(pages)
        if place > 0
    ]


@lru_cache(maxsize=1)
def load_splitting() -> SplittingModel:
    """Return the fitted numbers of the package."""
    content = tomllib.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    prior = LengthPrior(tuple(content["shares"]), content["tail"], content["base"])
    return SplittingModel(tuple(content["factors"]), prior)


def save_splitting(model: SplittingModel, source: str, path: Path) -> None:
    """Write fitted numbers.

    Args:
        model: What was fitted.
        source: One line that says from which pages.
        path: File to write.
    """
    prior = model.prior
    lines = [
        "# Written by `python -m apps.archivair.documents.train`; do not edit by hand.",
        f"# {source}",
        f"shares = [{', '.join(f'{share:.5f}' for share in prior.shares)}]",
        f"tail = {prior.tail}",
        f"base = {prior.base:.4f}",
        f"factors = [{', '.join(f'{factor:.4f}' for factor in model.factors)}]",
    ]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
