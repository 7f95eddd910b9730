"""Vectors of images: stretch to the model's size, run, scale to length 1."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from model_server.domain import FEATURES_OUTPUT
from model_server.items import Found
from model_server.runtime import Array
from model_server.tasks.whole_image import SeenImage, Sheet, WholeImageModel, warn_about_frames
from shared.contracts.model_server import EmbedValue

MIN_SIDE_PX = 32


class FeaturesModel(WholeImageModel):
    """Embeds images by the output `features` of a network.

    Args:
        model: Checked card and files.
        runtime: Runs its weights.
    """

    min_side_px = MIN_SIDE_PX
    enlarge_with = cv2.INTER_CUBIC

    @property
    def turns_upright(self) -> bool:
        """Aerial images keep their grid."""
        return False

    def finish(self, seen: SeenImage, loaded: Sheet, raw: dict[str, Array]) -> Found:
        """Encode the vector as little-endian float32."""
        del loaded
        features = _vector(raw)
        length = float(np.linalg.norm(features))
        if not (np.isfinite(length) and length > 0):
            raise ValueError(f"the features have the length {length}")
        vector = base64.b64encode((features / length).astype("<f4").tobytes()).decode("ascii")
        value = EmbedValue(vector=vector, dim=len(features), normalised=True)
        return Found(value, warn_about_frames(seen.header))

    def check(self, raw: dict[str, Array]) -> None:
        """See `WholeImageModel.check`."""
        _vector(raw)


def _vector(raw: dict[str, Array]) -> Array:
    if FEATURES_OUTPUT not in raw:
        raise ValueError(f"an output of features is needed, not {sorted(raw)}")
    features = raw[FEATURES_OUTPUT].astype(np.float64)
    if features.ndim != 1:
        raise ValueError(f"unexpected output shape {features.shape}")
    return features
