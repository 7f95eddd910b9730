"""Ask the model server about tiles; the only module of this app that sends it any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.aviary.kinds.cells import TileCells
from apps.aviary.objects import DOMAIN_WARNING, TileFinds, read_answer
from apps.aviary.pinned import PinnedModel
from shared.clients.answers import EmbedResult, ProbabilitiesResult, SegmentResult
from shared.clients.checking import error_from_text
from shared.clients.model_server import ModelServerClient
from shared.contracts.model_server import ItemFailed
from shared.contracts.provenance import ModelUse
from shared.errors import AnswerMismatch, ModelChanged
from shared.geo.tiling import Tile

MOST_OBJECTS_PER_TILE = 500


def look_at_tile(
    client: ModelServerClient,
    model: PinnedModel,
    tile: Tile,
    png: bytes,
    *,
    gsd_m: float,
    least_score: float,
) -> tuple[TileFinds, ModelUse]:
    """Send one tile and return what the model found, and which model that was.

    Args:
        client: Client of the model server.
        model: The model that must answer.
        tile: Place and size of the tile.
        png: Its pixels.
        gsd_m: Ground sampling distance of the tile [m].
        least_score: Objects below it are left out, 0 to 1.

    Raises:
        ItemError: This tile alone cannot be looked at.
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model any more.
        ModelChanged: The weights of the model are others now.
    """
    (result,) = client.segment(
        [png],
        output="instances",
        model=model.name,
        version=model.version,
        gsd_m=gsd_m,
        min_score=least_score,
        max_instances=MOST_OBJECTS_PER_TILE,
    )
    if isinstance(result, ItemFailed):
        raise error_from_text(result.error)
    if result.model.sha256 != model.sha256:
        raise ModelChanged()
    finds = read_answer(tile, result.value, [warning.code for warning in result.warnings])
    return finds, _use(result)


def look_at_cells(
    client: ModelServerClient,
    model: PinnedModel,
    tile: Tile,
    png: bytes,
    *,
    gsd_m: float,
    near_infrared: bool,
) -> tuple[TileCells, ModelUse]:
    """Send one tile and return what the model says about its cells, and which model that was.

    Args:
        client: Client of the model server.
        model: The model that must answer.
        tile: Place and size of the tile.
        png: Its pixels, red, green, blue and perhaps near infrared.
        gsd_m: Ground sampling distance of the tile [m].
        near_infrared: True where the fourth band is near infrared.

    Raises:
        ItemError: This tile alone cannot be looked at.
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model any more.
        ModelChanged: The weights of the model are others now.
        AnswerMismatch: The answer is about other classes, or about an image of another size.
    """
    (result,) = client.segment(
        [png],
        output="probabilities",
        model=model.name,
        version=model.version,
        gsd_m=gsd_m,
        bands="rgbi" if near_infrared else "rgb",
    )
    if isinstance(result, ItemFailed):
        raise error_from_text(result.error)
    if result.model.sha256 != model.sha256:
        raise ModelChanged()
    value, size = result.value, (tile.width, tile.height)
    told = (value.width, value.height), tuple(value.class_codes), value.stride
    if told != (size, model.codes, model.stride):
        raise AnswerMismatch()
    unusual = any(warning.code == DOMAIN_WARNING for warning in result.warnings)
    cells = TileCells(result.probabilities, unusual, value.domain_distance)
    return cells, _use(result)


def look_at_places(
    client: ModelServerClient, model: PinnedModel, pngs: Sequence[bytes]
) -> tuple[NDArray[np.float32], ModelUse]:
    """Send pictures of places and return their vectors, and which model that was.

    Args:
        client: Client of the model server.
        model: The model that must answer.
        pngs: Their pixels, at least one.

    Returns:
        Vectors, shape (places, n).

    Raises:
        ItemError: One of them cannot be looked at.
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model any more.
        ModelChanged: The weights of the model are others now.
    """
    results = client.embed_images(pngs, model=model.name, version=model.version)
    good: list[EmbedResult] = []
    for result in results:
        if isinstance(result, ItemFailed):
            raise error_from_text(result.error)
        if result.model.sha256 != model.sha256:
            raise ModelChanged()
        good.append(result)
    return np.stack([result.vector for result in good]), _use(good[0])


def _use(result: SegmentResult | ProbabilitiesResult | EmbedResult) -> ModelUse:
    model = result.model
    return ModelUse(model.name, model.version, model.sha256, model.runtime, model.device)
