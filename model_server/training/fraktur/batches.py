"""Put lines of similar width together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_server.tasks.grey_lines import HEIGHT_PX
from model_server.training.fraktur.alphabet import encode
from model_server.training.fraktur.disturb import disturb_line
from model_server.training.fraktur.lines import Line, Lines, read_drops, read_image

POOL_BATCHES = 12
PADDED_PX = 64
WIDEST_PX = 1800
"""Wider training lines, of 48 px height, are left out: they would pad their whole batch."""
MOST_PX_PER_SIGN = 60


@dataclass(frozen=True)
class Training:
    """Lines to train with.

    Attributes:
        images: Grey pictures.
        labels: Classes of each text.
        alphabet: See `build_alphabet`.
        works: Number of printed works, without rendered lines.
    """

    images: list[NDArray[np.uint8]]
    labels: list[list[int]]
    alphabet: list[str]
    works: int


@dataclass(frozen=True)
class Batch:
    """Padded pictures (lines, 1, height, width) and their labels."""

    pictures: NDArray[np.float32]
    labels: list[list[int]]


def load_training(
    lines: Lines,
    chosen: Sequence[Line],
    alphabet: list[str],
    rendered: Sequence[tuple[Line, NDArray[np.uint8]]] = (),
) -> Training:
    """Read the pictures of the training lines that can be used.

    Args:
        lines: The data set.
        chosen: Lines to train with.
        alphabet: See `build_alphabet`.
        rendered: Further lines with their pictures.
    """
    drops = read_drops()
    images, labels, works = [], [], set()
    for line in chosen:
        image = read_image(lines.folder, line)
        fits = image.shape[1] <= min(WIDEST_PX, MOST_PX_PER_SIGN * len(line.text))
        if line.file not in drops and fits:
            images.append(image)
            labels.append(encode(line.text, alphabet))
            works.add(line.work)
    for line, image in rendered:
        images.append(image)
        labels.append(encode(line.text, alphabet))
    return Training(images, labels, alphabet, len(works))


def plan_epoch(widths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the lines of each batch: every line once, similar widths together, in random order.

    Args:
        widths: Of all lines.
        size: Lines per batch; the rest that does not fill one is left out.
        seed: Of the run.
        epoch: Number of the round.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(widths))
    batches: list[list[int]] = []
    for start in range(0, len(order), size * POOL_BATCHES):
        pool = sorted(order[start : start + size * POOL_BATCHES].tolist(), key=widths.__getitem__)
        batches += [pool[first : first + size] for first in range(0, len(pool) - size + 1, size)]
    random.shuffle(batches)
    return batches


def draw_batch(data: Training, chosen: Sequence[int], random: np.random.Generator) -> Batch:
    """Return the changed pictures of the chosen lines."""
    others = random.integers(0, len(data.images), len(chosen))
    inks = [
        disturb_line(data.images[index], data.images[other], random)
        for index, other in zip(chosen, others, strict=True)
    ]
    return Batch(pad(inks), [data.labels[index] for index in chosen])


def pad(inks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return pictures as one array (lines, 1, height, width), filled up with paper."""
    widest = max(ink.shape[1] for ink in inks)
    width = -(-widest // PADDED_PX) * PADDED_PX
    filled = np.zeros((len(inks), 1, HEIGHT_PX, width), dtype=np.float32)
    for row, ink in enumerate(inks):
        filled[row, 0, :, : ink.shape[1]] = ink
    return filled
