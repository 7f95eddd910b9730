"""Read lines with the network in training, exactly as the server will."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model_server.tasks.grey_lines import decode, prepare_grey_crop
from model_server.tasks.text_lines import LineText
from model_server.training.fraktur.lines import Line, Lines, read_image

TOGETHER = 16


def compute_logs(
    network: nn.Module, lines: Lines, chosen: Sequence[Line]
) -> list[NDArray[np.float32]]:
    """Return log probabilities (columns, symbols) of each line, in order.

    Args:
        network: In the mode for measuring.
        lines: The data set.
        chosen: Lines to read.
    """
    crops = [prepare_grey_crop(read_image(lines.folder, line)) for line in chosen]
    order = sorted(range(len(crops)), key=lambda index: crops[index].shape[2])
    logs: dict[int, NDArray[np.float32]] = {}
    while order:
        width = crops[order[0]].shape[2]
        group = [index for index in order[:TOGETHER] if crops[index].shape[2] == width]
        order = order[len(group) :]
        with torch.inference_mode():
            pictures = torch.from_numpy(np.stack([crops[index] for index in group]))
            found = network(pictures).float().log_softmax(dim=2).permute(1, 0, 2).numpy()
        logs.update(zip(group, found, strict=True))
    return [logs[index] for index in range(len(chosen))]


def read_lines_with(
    network: nn.Module, lines: Lines, chosen: Sequence[Line], alphabet: Sequence[str]
) -> list[LineText]:
    """Return what the network reads in each line, in order."""
    return [decode(logs, alphabet) for logs in compute_logs(network, lines, chosen)]
