"""The network: convolutions over the picture, two recurrent layers, one class per 4 columns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

ROWS_LEFT = 3
"""Rows of features that 40 rows of pixels leave."""


@dataclass(frozen=True)
class Shape:
    """Size of a network.

    Attributes:
        channels: Of the five convolutions.
        hidden: Units of each recurrent layer per direction.
    """

    channels: tuple[int, int, int, int, int]
    hidden: int


SHAPES = {
    "small": Shape((24, 48, 96, 128, 128), 128),
    "large": Shape((32, 64, 128, 160, 160), 160),
}


class LineNetwork(nn.Module):
    """Reads a line.

    Args:
        shape: Sizes.
        classes: Symbols including blank and unknown.
    """

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        first, second, third, fourth, fifth = shape.channels
        self.eyes = nn.Sequential(
            *_layer(1, first, side=5, stride=2),
            *_layer(first, second, stride=2),
            *_layer(second, third),
            nn.MaxPool2d((2, 1)),
            *_layer(third, fourth),
            nn.MaxPool2d((2, 1), ceil_mode=True),
            *_layer(fourth, fifth),
            nn.Conv2d(fifth, 2 * shape.hidden, (ROWS_LEFT, 1), bias=False),
            nn.BatchNorm2d(2 * shape.hidden),
            nn.SiLU(),
        )
        self.dropout = nn.Dropout(0.2)
        self.memory = nn.LSTM(
            2 * shape.hidden, shape.hidden, num_layers=2, bidirectional=True, dropout=0.3
        )
        self.voice = nn.Linear(2 * shape.hidden, classes)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return logits (columns, lines, classes) of pictures (lines, 1, 40, width)."""
        seen = self.eyes(pictures).squeeze(2).permute(2, 0, 1)
        remembered, _ = self.memory(self.dropout(seen))
        return self.voice(self.dropout(remembered))


def _layer(before: int, after: int, side: int = 3, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, side, stride=stride, padding=side // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.SiLU(),
    ]
