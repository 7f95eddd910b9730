"""Fit what turns a network's answers into honest probabilities: temperature and near infrared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from model_server.training.landcover_data import KEYS, NO_DATA
from model_server.training.landcover_measure import WIRE, Predictor, cell_ndvi, padded

CELLS_PER_SCENE = 4000
SHRINKING = 1e-3
"""Holds the terms of near infrared near 0 where the data say little."""


@dataclass(frozen=True)
class Cells:
    """Some cells of scenes.

    Attributes:
        logs: (n, classes) logarithms of the probabilities.
        index: (n,) mean vegetation index.
        codes: (n,) class of one pixel of the cell.
    """

    logs: NDArray[np.float32]
    index: NDArray[np.float32]
    codes: NDArray[np.int64]


def collect_cells(predictor: Predictor, files: Sequence[Path], seed: int) -> Cells:
    """Draw cells from packed scenes, each with the class of one of its pixels.

    Args:
        predictor: The model, without fusion.
        files: Arrays (h, w, 5) of the validation split.
        seed: Of the draw.
    """
    random = np.random.default_rng(seed)
    parts: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]] = []
    for file in files:
        scene = np.load(file, mmap_mode="r")
        truth = np.asarray(scene[..., 4])
        places = random.choice(truth.size, min(CELLS_PER_SCENE, truth.size), replace=False)
        places = places[truth.ravel()[places] != NO_DATA]
        rows, columns = np.divmod(places, truth.shape[1])
        cell = (rows // predictor.stride, columns // predictor.stride)
        values = predictor.cells(scene)[:, *cell].T
        index = cell_ndvi(padded(np.asarray(scene[..., :4])), predictor.stride)[cell]
        parts.append((np.log(np.maximum(values, 1e-9)), index, truth[rows, columns]))
    logs, index, codes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Cells(logs, index, codes.astype(np.int64))


def fit_temperature(cells: Cells) -> float:
    """Return the number that the logits are divided by for the smallest cross-entropy."""
    logs, codes = torch.from_numpy(cells.logs), torch.from_numpy(cells.codes)
    power = torch.zeros(1, requires_grad=True)
    _minimise([power], lambda: functional.cross_entropy(logs / power.exp(), codes))
    return round(float(power.detach().exp()), 4)


def fit_fusion(cells: Cells, temperature: float) -> NDArray[np.float64]:
    """Return a and b of each class for `log p + a + b * NDVI`, fitted to the steps of the wire.

    Args:
        cells: Of the model without temperature.
        temperature: See `fit_temperature`.
    """
    calm = torch.softmax(torch.from_numpy(cells.logs) / temperature, dim=1)
    sent = torch.log(torch.clamp(torch.round(calm * WIRE), min=0.5) / WIRE)
    index = torch.from_numpy(cells.index)[:, None]
    codes = torch.from_numpy(cells.codes)
    terms = torch.zeros(len(KEYS), 2, requires_grad=True)

    def loss() -> torch.Tensor:
        fused = sent + terms[:, 0] + terms[:, 1] * index
        return functional.cross_entropy(fused, codes) + SHRINKING * terms.square().mean()

    _minimise([terms], loss)
    return terms.detach().double().numpy().round(4)


def _minimise(values: list[torch.Tensor], loss) -> None:  # noqa: ANN001
    solver = torch.optim.LBFGS(values, max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        found = loss()
        found.backward()
        return found

    solver.step(closure)
