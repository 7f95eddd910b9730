"""Review of found objects: what a person looks at next, what was decided, how many are right."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.aviary.finds.joining import FoundObject
from shared.geo.metrics import wilson_interval

ACCEPTED: Final = "angenommen"
REJECTED: Final = "abgelehnt"
UNCLEAR: Final = "unklar"
VERDICTS: Final = (ACCEPTED, REJECTED, UNCLEAR)
SAMPLE_SIZE = 200
SAMPLE_SEED = 1
KEY_LENGTH = 16
_STEPS_PER_PX = 2

Verdicts = Mapping[str, str]


def object_key(one: FoundObject) -> str:
    """Return a name of an object that no threshold changes.

    Numbers change with the threshold, so nothing that stays may be kept under them. An object whose
    box a threshold changes, because more of its parts count, is another one.

    Args:
        one: The object.
    """
    edges = ",".join(f"{round(edge * _STEPS_PER_PX) / _STEPS_PER_PX:.1f}" for edge in one.bbox_px)
    digest = hashlib.sha256(f"{one.class_key} {edges}".encode()).hexdigest()
    return f"o-{digest[:KEY_LENGTH]}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a review is.

    Args:
        objects: Objects that are to be looked at.
        accepted: Those that are what was looked for.
        rejected: Those that are not.
        unclear: Those of which nobody can say it.
    """

    objects: int
    accepted: int
    rejected: int
    unclear: int

    @property
    def checked(self) -> int:
        """Objects with a decision."""
        return self.accepted + self.rejected + self.unclear

    @property
    def left(self) -> int:
        """Objects without one."""
        return self.objects - self.checked

    @property
    def precision(self) -> float | None:
        """Share of the accepted ones among the clear ones, 0 to 1; None without any."""
        clear = self.accepted + self.rejected
        return self.accepted / clear if clear else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the precision, for objects that were drawn at random."""
        return wilson_interval(self.accepted, self.accepted + self.rejected)


def count_progress(keys: Sequence[str], verdicts: Verdicts) -> Progress:
    """Count the decisions about objects.

    Args:
        keys: `object_key` of what is to be looked at.
        verdicts: What was decided, by `object_key`; about other objects too.
    """
    said = Counter(verdicts[key] for key in keys if key in verdicts)
    return Progress(len(keys), *(said[verdict] for verdict in VERDICTS))


def doubtful_first(objects: Sequence[FoundObject]) -> tuple[FoundObject, ...]:
    """Return objects in the order of their need: doubtful ones, then the others, least sure first.

    Args:
        objects: What was found.
    """
    return tuple(sorted(objects, key=lambda one: (not one.doubtful, one.score, one.object_id)))


def sample_objects(
    objects: Sequence[FoundObject], count: int = SAMPLE_SIZE, seed: int = SAMPLE_SEED
) -> tuple[FoundObject, ...]:
    """Draw a random sample that holds every class and every score in its true share.

    Every n-th object of the list ordered by class and score, from a random start: each object is as
    likely as any other, so the share of right ones in the sample is that of all objects. The sample
    comes in random order: its beginning is a random sample as well.

    Source: Cochran 1977, Sampling Techniques, chapter 8 (systematic sampling of an ordered list).

    Args:
        objects: What was found.
        count: Size of the sample; all objects where there are fewer.
        seed: The same seed draws the same objects.
    """
    return _drawn([(object_key(one), one) for one in objects], count, seed)


def _drawn(
    named: Iterable[tuple[str, FoundObject]], count: int, seed: int
) -> tuple[FoundObject, ...]:
    listed = sorted(named, key=lambda pair: (pair[1].class_key, pair[1].score, pair[0]))
    rng = np.random.default_rng(seed)
    places = np.arange(len(listed))
    if len(listed) > count:
        places = np.floor((rng.random() + np.arange(count)) * (len(listed) / count)).astype(int)
    return tuple(listed[place][1] for place in rng.permutation(places))


def checked_beginning(sample: Sequence[str], verdicts: Verdicts) -> Sequence[str]:
    """Return the sample up to the first object without a decision.

    Only this much is random: which of the later ones were decided about may depend on how doubtful
    they are.

    Args:
        sample: `object_key` of objects in random order.
        verdicts: What was decided, by `object_key`.
    """
    end = next((place for place, key in enumerate(sample) if key not in verdicts), len(sample))
    return sample[:end]


def undecided(keys: Sequence[str], verdicts: Verdicts) -> Iterator[str]:
    """Give the objects without a decision, in their order.

    Args:
        keys: `object_key` of what is to be looked at.
        verdicts: What was decided, by `object_key`.
    """
    return (key for key in keys if key not in verdicts)


@dataclass(frozen=True, slots=True)
class ReviewList:
    """All finds of a result with their names and orders.

    A name costs some microseconds and a result may hold 100,000 finds, so this is made once for a
    result and not for each decision.

    Args:
        objects: The finds as the result holds them.
        keys: `object_key` of each, in the same order.
        by_key: The finds by name.
        doubtful: Names in the order of `doubtful_first`.
        sample: Names in the order of `sample_objects`.
    """

    objects: tuple[FoundObject, ...]
    keys: tuple[str, ...]
    by_key: Mapping[str, FoundObject]
    doubtful: tuple[str, ...]
    sample: tuple[str, ...]

    def known(self, verdicts: Verdicts) -> dict[str, str]:
        """Return the decisions about finds of this result."""
        return {key: said for key, said in verdicts.items() if key in self.by_key}


def list_for_review(objects: Sequence[FoundObject]) -> ReviewList:
    """Name all finds of a result and put them in order.

    Args:
        objects: What was found.
    """
    keys = tuple(object_key(one) for one in objects)
    names = {one.object_id: key for one, key in zip(objects, keys, strict=True)}
    sample = _drawn(zip(keys, objects, strict=True), SAMPLE_SIZE, SAMPLE_SEED)
    return ReviewList(
        objects=tuple(objects),
        keys=keys,
        by_key=dict(zip(keys, objects, strict=True)),
        doubtful=tuple(names[one.object_id] for one in doubtful_first(objects)),
        sample=tuple(names[one.object_id] for one in sample),
    )
