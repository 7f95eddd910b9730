"""Good results of the model server, one class per task and output."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.clients.rasters import decode_grey, decode_probabilities, decode_vector, raster_shape
from shared.contracts.model_server import (
    ChangeValue,
    ClassesValue,
    ClassifyValue,
    EmbedValue,
    InstancesValue,
    ItemWarning,
    LayoutValue,
    ModelIdentity,
    OcrLineValue,
    OcrPageValue,
    ProbabilitiesValue,
    Wire,
)
from shared.errors import AnswerMismatch, ModelChanged

Value = TypeVar("Value", bound=Wire)
Kind = TypeVar("Kind", bound="Answer[Any]")


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """The good result of one item.

    Args:
        index: Position of the item in the call.
        value: What the model found.
        model: Which model answered.
        warnings: What a person should know about this result.
        input_sha256: Hash of the bytes that were sent, checked against them.
    """

    value_class: ClassVar[type[Wire]]

    index: int
    value: Value
    model: ModelIdentity
    warnings: tuple[ItemWarning, ...]
    input_sha256: str

    def check(self) -> None:
        """Look deeper into the value than its keys and types.

        Raises:
            AnswerMismatch: It contradicts itself.
        """


class SegmentResult(Answer[InstancesValue]):
    """Objects found in one image."""

    value_class = InstancesValue


class ClassesResult(Answer[ClassesValue]):
    """The class of each pixel of one image."""

    value_class = ClassesValue

    @cached_property
    def class_map(self) -> NDArray[np.uint8]:
        """Class codes, rows x columns, 255 = no data; read-only."""
        return decode_grey(self.value.classes_png, raster_shape(self.value))

    @cached_property
    def confidence(self) -> NDArray[np.uint8]:
        """Probability of the named class times 255, rows x columns; read-only."""
        return decode_grey(self.value.confidence_png, raster_shape(self.value))

    def check(self) -> None:
        """See `Answer.check`; afterwards both rasters are decoded."""
        _ = self.class_map, self.confidence


class ProbabilitiesResult(Answer[ProbabilitiesValue]):
    """The probability of each class at each pixel, or at every few pixels, of one image."""

    value_class = ProbabilitiesValue

    @cached_property
    def probabilities(self) -> NDArray[np.uint8]:
        """Probability times 255 in the order of `value.class_codes`, classes x rows x columns."""
        return decode_probabilities(self.value)

    def check(self) -> None:
        """See `Answer.check`; afterwards the raster is decoded."""
        _ = self.probabilities


class ChangeResult(Answer[ChangeValue]):
    """What happened between two images of one place."""

    value_class = ChangeValue

    def check(self) -> None:
        """See `Answer.check`."""
        if self.value.label not in self.value.probabilities:
            raise AnswerMismatch()


class OcrPageResult(Answer[OcrPageValue]):
    """Lines found on one page; without text in mode `detect`."""

    value_class = OcrPageValue


class OcrLineResult(Answer[OcrLineValue]):
    """Text of one line crop."""

    value_class = OcrLineValue


class LayoutResult(Answer[LayoutValue]):
    """Regions of one page."""

    value_class = LayoutValue


class ClassifyResult(Answer[ClassifyValue]):
    """Labels of one image, most probable first."""

    value_class = ClassifyValue


class EmbedResult(Answer[EmbedValue]):
    """Vector of one text or image."""

    value_class = EmbedValue

    @cached_property
    def vector(self) -> NDArray[np.float32]:
        """The vector, float32 of length `value.dim`; read-only."""
        return decode_vector(self.value.vector, self.value.dim)

    def check(self) -> None:
        """See `Answer.check`; afterwards the vector is decoded."""
        _ = self.vector


class ModelPin:
    """Remembers the first model that answers a job and refuses any other."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._first: ModelIdentity | None = None

    def check(self, model: ModelIdentity) -> None:
        """Compare with the first answer.

        Raises:
            ModelChanged: Name, version or weights differ.
        """
        with self._lock:
            first = self._first = self._first or model
        if (first.name, first.version, first.sha256) != (model.name, model.version, model.sha256):
            raise ModelChanged()
