"""How far an image lies from the images that a model was trained on.

The distance is Mahalanobis-like: the model's own features of the image (a vector), each measured
in standard deviations from the mean over the training images; the root mean square over all
features. Correlations are left out: a full covariance would need far more images than features
(compare P. C. Mahalanobis 1936; diagonal form). About 1 for an image like the training images.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

FEATURES_OUTPUT = "features"
LEAST_DEVIATION = 1e-8
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Domain:
    """Statistics of a model's features over its training images.

    Args:
        mean: (n,) mean of each feature.
        deviation: (n,) standard deviation of each feature, at least 1e-8.
    """

    mean: Vector
    deviation: Vector

    @classmethod
    def fit(cls, features: NDArray[Any]) -> Self:
        """Compute the statistics.

        Args:
            features: (images, n), at least two images.
        """
        values = np.asarray(features, dtype=np.float64)
        return cls(values.mean(axis=0), np.maximum(values.std(axis=0, ddof=1), LEAST_DEVIATION))

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read statistics that `save` wrote.

        Raises:
            ValueError: The file is no such JSON.
            OSError: The file cannot be read.
        """
        stored = json.loads(file.read_text(encoding="utf-8"))
        try:
            mean, deviation = (np.array(stored[key], np.float64) for key in ("mean", "deviation"))
        except (KeyError, TypeError) as cause:
            raise ValueError("mean or deviation is missing") from cause
        fits = mean.ndim == 1 and mean.shape == deviation.shape
        if not (fits and np.isfinite(mean).all() and (deviation >= LEAST_DEVIATION).all()):
            raise ValueError("mean and deviation are no matching lists of numbers")
        return cls(mean, deviation)

    def save(self, file: Path) -> None:
        """Write the statistics as JSON."""
        content = {
            "mean": [float(f"{value:.6g}") for value in self.mean],
            "deviation": [float(f"{value:.6g}") for value in self.deviation],
        }
        file.write_text(json.dumps(content) + "\n", encoding="utf-8")

    def distance(self, features: NDArray[Any]) -> float:
        """Return the distance of one image, four decimals.

        Args:
            features: (n,) features of the image.

        Raises:
            ValueError: The number of features differs.
        """
        if features.shape != self.mean.shape:
            raise ValueError(f"{features.shape} features instead of {self.mean.shape}")
        scaled = (np.asarray(features, dtype=np.float64) - self.mean) / self.deviation
        return round(float(np.sqrt(np.mean(scaled**2))), 4)
