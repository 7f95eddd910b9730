"""A model with the server's own task code, but without a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model_server.bench.workload import Payload, Work, options_of
from model_server.catalog import BUILT_IN, ServableModel, load_catalog
from model_server.engine import open_model
from model_server.items import Found, Item, Options, Ticket
from model_server.shelf import TaskModel
from shared.contracts.model_server import (
    ChangeOptions,
    ClassifyOptions,
    EmbedOptions,
    ImageEmbedOptions,
    LayoutOptions,
    OcrOptions,
    SegmentOptions,
    Wire,
)

THREADS = 1


def find_model(work: Work, model_dir: Path | None) -> ServableModel:
    """Return the newest version of the model of a workload.

    Raises:
        ModelMissing: There is none for the task.
    """
    folders = [BUILT_IN, *([] if model_dir is None else [model_dir])]
    return load_catalog(folders).resolve(work.task, work.model, None)


class TaskCode:
    """Runs items one batch at a time, exactly the steps that the server runs.

    Args:
        work: The workload; its task and model count.
        model_dir: Folder with models beside the built-in ones.
    """

    def __init__(self, work: Work, model_dir: Path | None) -> None:
        self._servable = find_model(work, model_dir)
        self._model: TaskModel = open_model(self._servable, THREADS)
        self._model.warm_up()
        self._options = _checked_options(work)

    def run(self, payloads: Sequence[Payload]) -> list[Found]:
        """Return one result per item, in order; items of one key run together.

        Args:
            payloads: Items, all of them good.
        """
        ticket = Ticket("bench", self._options, self._servable, time.monotonic(), len(payloads))
        seen = [
            self._model.inspect(Item(ticket, place, payload.data, payload.after))
            for place, payload in enumerate(payloads)
        ]
        found: dict[int, Found] = {}
        for key in dict.fromkeys(map(self._model.key, seen)):
            places = [place for place, one in enumerate(seen) if self._model.key(one) == key]
            most = self._model.most(key)
            for start in range(0, len(places), most):
                found |= self._run_chunk(
                    key, {place: seen[place] for place in places[start:][:most]}
                )
        return [found[place] for place in range(len(payloads))]

    def _run_chunk(self, key: Any, seen: dict[int, Any]) -> dict[int, Found]:  # noqa: ANN401
        loaded = [self._model.load(one) for one in seen.values()]
        raws = self._model.predict(key, loaded)
        return {
            place: self._model.finish(one, ready, raw)
            for (place, one), ready, raw in zip(seen.items(), loaded, raws, strict=True)
        }


def _checked_options(work: Work) -> Options:
    kinds: dict[str, Callable[..., Wire]] = {
        "segment": SegmentOptions,
        "change": ChangeOptions,
        "ocr": OcrOptions,
        "layout": LayoutOptions,
        "classify": ClassifyOptions,
        "embed": EmbedOptions if work.kind == "text" else ImageEmbedOptions,
    }
    options: Any = kinds[work.task](**options_of(work))
    return options  # type: ignore[no-any-return]
