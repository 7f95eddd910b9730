"""Put the documents of a stream together by property: two properties in one batch, two files.

What names a property is the evidence: case number, street with house number, parcel, names. A
document joins the file whose evidence agrees most with its own and contradicts it least; one
without evidence of its own follows its neighbours. Files usually lie one after the other, so the
file of the neighbour is preferred where evidence is weak.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rapidfuzz.distance import Levenshtein

from apps.archivair.documents.candidates import Candidate
from apps.archivair.documents.field_confidence import confidences
from apps.archivair.documents.folding import fold_word

Evidence = Mapping[str, Mapping[str, float]]
PROPERTY_KEYS = ("strasse", "hausnummer", "gemarkung", "flur", "flurstueck", "aktenzeichen")
WEIGHTS = {
    "aktenzeichen": 3.0,
    "adresse": 3.0,
    "parzelle": 2.5,
    "bauherr": 2.0,
    "strasse": 1.0,
    "entwurfsverfasser": 0.7,
    "gemarkung": 0.3,
}
"""How much agreement or contradiction of each kind of evidence counts."""
BARELY_CONTRADICTS = frozenset({"entwurfsverfasser", "bauherr"})
CONTRADICTION_SHARE = 0.7
NEIGHBOUR_BONUS = 0.4
MISREAD_SHARE = 0.6
LIKE_MISREAD = 0.75
LEAST_CONTRADICTIONS = 2
LEAST_CONFIDENCE = 0.25
ROUNDS = 3
_PARCEL = ("flurstueck_zaehler", "flurstueck_nenner")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """Documents about one property.

    Args:
        property: What names it: `strasse`, `hausnummer`, `gemarkung`, `flur`, `flurstueck`,
            `aktenzeichen`, as far as found.
        documents: Numbers of its documents, ascending.
    """

    property: Mapping[str, str]
    documents: tuple[int, ...]


@dataclass
class _Group:
    """Documents that were put together, with their evidence summed."""

    evidence: dict[str, dict[str, float]] = field(default_factory=dict)
    members: set[int] = field(default_factory=set)

    def add(self, document: int, evidence: Evidence, sign: float = 1.0) -> None:
        for key, values in evidence.items():
            counted = self.evidence.setdefault(key, {})
            for value, weight in values.items():
                counted[value] = counted.get(value, 0.0) + sign * weight
        if sign > 0:
            self.members.add(document)
        else:
            self.members.discard(document)


def group_documents(
    candidates: Sequence[Candidate],
    documents: Mapping[int, int],
    *,
    elsewhere: Collection[int] = (),
    covers: Collection[int] = (),
) -> list[FoundFile]:
    """Return the files of a stream in the order of their first document.

    Args:
        candidates: All values found in the stream.
        documents: Number of the document by number of the page, for all pages.
        elsewhere: Documents that, as a person said, belong to another file than their neighbours.
        covers: Covers of files; without evidence they belong to what follows.
    """
    numbers = sorted(set(documents.values()))
    evidence = _evidence(candidates, documents)
    placed = _first_pass(numbers, evidence, frozenset(elsewhere))
    for _ in range(ROUNDS):
        placed, changed = _settle(numbers, evidence, placed, frozenset(elsewhere))
        if not changed:
            break
    _follow(numbers, placed, frozenset(elsewhere), frozenset(covers))
    members: dict[int, list[int]] = {}
    for number in numbers:
        members.setdefault(placed[number], []).append(number)
    file_of = {number: placed[number] for number in numbers}
    by_file: dict[int, list[Candidate]] = {}
    for one in candidates:
        by_file.setdefault(file_of[documents[one.page]], []).append(one)
    return [
        FoundFile(_property(by_file.get(file, [])), tuple(mine)) for file, mine in members.items()
    ]


def _evidence(
    candidates: Sequence[Candidate], documents: Mapping[int, int]
) -> dict[int, dict[str, dict[str, float]]]:
    """Return per document what names its property, each with its greatest confidence."""
    by_document: dict[int, list[Candidate]] = {}
    for one in candidates:
        by_document.setdefault(documents[one.page], []).append(one)
    found: dict[int, dict[str, dict[str, float]]] = {}
    for number, mine in by_document.items():
        # Each by itself: what other files of the stream say makes nothing less sure.
        for values in _best_by_page(mine).values():
            document = found.setdefault(number, {})
            for key, value, weight in _page_evidence(values):
                known = document.setdefault(key, {})
                known[value] = max(weight, known.get(value, 0.0))
    return {number: evidence for number, evidence in found.items() if evidence}


def _best_by_page(candidates: Sequence[Candidate]) -> dict[int, dict[str, tuple[float, str]]]:
    """Return per page the surest value of each field with its confidence."""
    pages: dict[int, dict[str, tuple[float, str]]] = {}
    for one, confidence in zip(candidates, confidences(candidates), strict=True):
        page = pages.setdefault(one.page, {})
        if confidence >= LEAST_CONFIDENCE and confidence > page.get(one.name, (0.0, ""))[0]:
            page[one.name] = confidence, one.value
    return pages


def _page_evidence(values: Mapping[str, tuple[float, str]]) -> Iterable[tuple[str, str, float]]:
    for name in ("aktenzeichen", "bauherr", "strasse", "entwurfsverfasser", "gemarkung"):
        if name in values:
            weight, value = values[name]
            yield name, fold_word(value), weight
    for key, names in (
        ("adresse", ("strasse", "hausnummer")),
        ("parzelle", ("flur", "flurstueck_zaehler", "flurstueck_nenner")),
    ):
        if all(name in values for name in names[:2]):
            joined = "|".join(fold_word(values[name][1]) for name in names if name in values)
            yield key, joined, min(values[name][0] for name in names[:2])


def likeness(one: Evidence, other: Evidence) -> tuple[float, int]:
    """Return how much evidence agrees and how many kinds of it contradict.

    Args:
        one: Evidence of a document.
        other: Evidence of a document or file.

    Returns:
        Agreement, below 0 where contradiction prevails, and the number of contradictions.
    """
    total, contradictions = 0.0, 0
    for key, values in one.items():
        known = {value: weight for value, weight in other.get(key, {}).items() if weight > 0}
        mass = sum(known.values())
        if mass <= 0:
            continue
        strength = WEIGHTS[key] * min(1.0, max(values.values())) * min(1.0, mass)
        alike = max(_alike(mine, theirs) for mine in values for theirs in known)
        if alike > 0:
            shared = max(known.get(value, 0.0) for value in values) / mass
            total += strength * max(shared, alike * MISREAD_SHARE)
        elif alike == 0:
            contradictions += key not in BARELY_CONTRADICTS
            barely = key in BARELY_CONTRADICTS
            total -= strength * CONTRADICTION_SHARE / (2 if barely else 1)
    return total, contradictions


def _alike(one: str, other: str) -> float:
    """Return 1 for the same, 0 for another value, between for a misreading, -1 for perhaps one."""
    if one == other:
        return 1.0
    likeness = Levenshtein.normalized_similarity(one, other)
    if likeness < LIKE_MISREAD:
        return 0.0
    same_figures = [char for char in one if char.isdigit()] == [
        char for char in other if char.isdigit()
    ]
    # Other figures may be another house as well as a misreading: no evidence either way.
    return likeness if same_figures and any(map(str.isalpha, one)) else -1.0


def _first_pass(
    numbers: Sequence[int], evidence: Mapping[int, Evidence], elsewhere: Collection[int]
) -> dict[int, int]:
    """Put each document with evidence into the best file so far, or begin one."""
    groups: dict[int, _Group] = {}
    owners = _Owners()
    placed: dict[int, int] = {}
    current = -1
    for number in numbers:
        mine = evidence.get(number)
        if not mine:
            continue
        known = owners.of(mine) | ({current} if current >= 0 else set())
        known -= {key for key in known if _is_set_apart(number, groups[key], elsewhere)}
        apart = current if number in elsewhere else -1
        best = _best(
            mine, {key: groups[key] for key in known if key != apart}, current, number in elsewhere
        )
        if best < 0:
            best = number
            groups[best] = _Group()
        groups[best].add(number, mine)
        owners.add(best, mine)
        placed[number] = best
        if number not in elsewhere:
            current = best
    return placed


def _settle(
    numbers: Sequence[int],
    evidence: Mapping[int, Evidence],
    placed: Mapping[int, int],
    elsewhere: Collection[int],
) -> tuple[dict[int, int], bool]:
    """Ask each document again, knowing all files; a file that loses all documents is gone."""
    groups: dict[int, _Group] = {}
    owners = _Owners()
    for number, group in placed.items():
        groups.setdefault(group, _Group()).add(number, evidence[number])
        owners.add(group, evidence[number])
    result = dict(placed)
    order = [number for number in numbers if number in placed]
    for place, number in enumerate(order):
        mine, own = evidence[number], result[number]
        groups[own].add(number, mine, -1.0)
        beside = {result[order[at]] for at in (place - 1, place + 1) if 0 <= at < len(order)}
        known = owners.of(mine)
        known = (known - beside if number in elsewhere else known | beside) | {own}
        known -= {key for key in known if _is_set_apart(number, groups[key], elsewhere)}
        filled = {key: groups[key] for key in known if groups[key].members}
        near = result[order[place - 1]] if place and number not in elsewhere else -1
        best = _best(mine, filled, near, number in elsewhere)
        best = own if best < 0 else best
        groups[best].add(number, mine)
        result[number] = best
    return result, result != dict(placed)


def _is_set_apart(number: int, group: _Group, elsewhere: Collection[int]) -> bool:
    """Say whether a file holds only documents that a person took away from this neighbour."""
    if number in elsewhere or not group.members:
        return False
    beside = {number - 1, number + 1} & group.members
    return bool(beside) and all(member in elsewhere for member in group.members)


class _Owners:
    """Which files know a value."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], set[int]] = {}

    def add(self, group: int, evidence: Evidence) -> None:
        """Note the values of a document."""
        for key, values in evidence.items():
            for value in values:
                self._groups.setdefault((key, value), set()).add(group)

    def of(self, evidence: Evidence) -> set[int]:
        """Return the files that share a value which counts by itself."""
        return {
            group
            for key, values in evidence.items()
            if WEIGHTS[key] >= 1
            for value in values
            for group in self._groups.get((key, value), ())
        }


def _best(mine: Evidence, groups: Mapping[int, _Group], near: int, alone: bool) -> int:
    """Return the file that agrees most, -1 when all contradict.

    A document that contradicts its neighbours in one point only may have been misread.
    """
    scores: dict[int, float] = {}
    for key, group in groups.items():
        score, contradictions = likeness(mine, group.evidence)
        scores[key] = score
        if key == near and not alone:
            tolerated = contradictions < LEAST_CONTRADICTIONS
            scores[key] = max(score + NEIGHBOUR_BONUS, NEIGHBOUR_BONUS / 2 if tolerated else score)
    if not scores:
        return -1
    best = max(scores, key=lambda key: (scores[key], key == near))
    return best if scores[best] > (NEIGHBOUR_BONUS if alone else 0.0) else -1


def _follow(
    numbers: Sequence[int],
    placed: dict[int, int],
    elsewhere: Collection[int],
    covers: Collection[int],
) -> None:
    """Let documents without evidence follow the one before, covers the one behind."""
    with_evidence = [number for number in numbers if number in placed and number not in elsewhere]
    for number in numbers:
        if number in placed:
            continue
        before = next((one for one in reversed(with_evidence) if one < number), None)
        behind = next((one for one in with_evidence if one > number), None)
        if number in elsewhere or (before is None and behind is None):
            placed[number] = number if number in elsewhere or not numbers else numbers[0]
        elif behind is not None and (before is None or number in covers):
            placed[number] = placed[behind]
        elif before is not None:
            placed[number] = placed[before]


def _property(candidates: Sequence[Candidate]) -> dict[str, str]:
    """Return the best-supported value of each part of the property."""
    weighed: dict[str, dict[str, float]] = {}

    def add(key: str, value: str, weight: float) -> None:
        counted = weighed.setdefault(key, {})
        counted[value] = counted.get(value, 0.0) + weight

    for values in _best_by_page(candidates).values():
        for key in ("aktenzeichen", "gemarkung", "flur"):
            if key in values:
                add(key, values[key][1], values[key][0])
        if "strasse" in values:
            joined = f"{values['strasse'][1]}|{values.get('hausnummer', (0, ''))[1]}"
            sure_of = values["strasse"][0] * (1.0 if "hausnummer" in values else 0.3)
            add("adresse", joined, sure_of)
        if "flurstueck_zaehler" in values:
            parts = [values[name][1] for name in _PARCEL if name in values]
            add("flurstueck", "/".join(parts), values[_PARCEL[0]][0])
    found = {key: max(sorted(counted), key=counted.__getitem__) for key, counted in weighed.items()}
    street, _, number = found.pop("adresse", "").partition("|")
    found |= {key: value for key, value in (("strasse", street), ("hausnummer", number)) if value}
    return {key: found[key] for key in PROPERTY_KEYS if key in found}
