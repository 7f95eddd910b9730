"""Labels of images: stretch to the model's size, run, softmax.

Contract for weights (architecture `label_onnx`): one input, float32, batch x 3 x height x width,
normalised by the card. One output, batch x classes, in the order of the card's classes, named
`logits` (softmax is applied here) or anything else (it already holds probabilities). A further
output `features`, batch x n, gives the distance to the training images.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from model_server.catalog import DOMAIN_FILE, ServableModel
from model_server.domain import FEATURES_OUTPUT, Domain
from model_server.items import Found, warn
from model_server.runtime import Array, Runtime
from model_server.tasks.probabilities import LOGITS_OUTPUT, as_probabilities
from model_server.tasks.whole_image import SeenImage, Sheet, WholeImageModel, warn_about_frames
from shared.contracts.model_server import (
    ClassifyOptions,
    ClassifyValue,
    ItemWarning,
    LabelScore,
)

MIN_SIDE_PX = 8


class ClassifyModel(WholeImageModel):
    """Names what an image shows.

    Args:
        model: Checked card and files.
        runtime: Runs its weights.
    """

    min_side_px = MIN_SIDE_PX

    def __init__(self, model: ServableModel, runtime: Runtime) -> None:
        super().__init__(model, runtime)
        statistics = model.files.get(DOMAIN_FILE)
        self._domain = None if statistics is None else Domain.load(statistics)

    def finish(self, seen: SeenImage, loaded: Sheet, raw: dict[str, Array]) -> Found:
        """Return the most probable labels."""
        del loaded
        options = cast(ClassifyOptions, seen.item.ticket.options)
        probabilities = self._probabilities(raw)
        # A stable sort keeps the card's order among equals, so answers repeat exactly.
        order = np.argsort(-probabilities, kind="stable")[: options.top]
        labels = [
            LabelScore(label=self.card.classes[place].key, score=float(probabilities[place]))
            for place in order.tolist()
        ]
        distance = self._distance(raw)
        value = ClassifyValue(labels=labels, domain_distance=distance)
        return Found(value, warn_about_frames(seen.header) + self._warn_about_domain(distance))

    def check(self, raw: dict[str, Array]) -> None:
        """See `WholeImageModel.check`."""
        self._scores(raw)
        self._distance(raw)

    def _distance(self, raw: dict[str, Array]) -> float | None:
        if self._domain is None or FEATURES_OUTPUT not in raw:
            return None
        return self._domain.distance(raw[FEATURES_OUTPUT])

    def _probabilities(self, raw: dict[str, Array]) -> Array:
        name, values = self._scores(raw)
        return as_probabilities(values, are_logits=name == LOGITS_OUTPUT)

    def _scores(self, raw: dict[str, Array]) -> tuple[str, Array]:
        scores = {name: output for name, output in raw.items() if name != FEATURES_OUTPUT}
        if len(scores) != 1:
            raise ValueError(f"one output with classes is needed, not {sorted(scores)}")
        ((name, values),) = scores.items()
        if values.shape != (len(self.card.classes),):
            raise ValueError(f"unexpected output shape {values.shape}")
        return name, values

    def _warn_about_domain(self, distance: float | None) -> tuple[ItemWarning, ...]:
        domain = self.card.domain
        if domain is None or distance is None or distance <= domain.distance_p99:
            return ()
        usual = round(domain.distance_p99, 1)
        return (warn("domain_shift", distance=round(distance, 1), usual=usual),)
