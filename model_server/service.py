"""The one service of the gallery: a method per task, everything else is in its own module.

Start: `bentoml serve model_server.service:ModelServer --host 127.0.0.1 --port 3000`, with the
environment of the Procfile.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
import threading
import time
from functools import partial
from typing import Any

import anyio.to_thread
import bentoml
import psutil
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from model_server.access import CATALOG_PATH, RELOAD_PATH
from model_server.catalog import BUILT_IN, Catalog as ModelCatalog, load_catalog
from model_server.dispatch import start_batches_at_once
from model_server.engine import Engine
from model_server.inputs import (
    ChangeInput,
    ClassifyInput,
    EmbedInput,
    LayoutInput,
    OcrInput,
    SegmentInput,
    TaskAnswer,
)
from model_server.items import Item, Outcome
from model_server.lifecycle import (
    DUTY,
    end_gently,
    end_when_stuck,
    end_when_too_large,
    ignore_hangup,
    pass_on_hangup,
    reload_on_hangup,
    tell_workers,
    wait_for_workers,
)
from model_server.metrics import count_only
from model_server.notes import get_note
from model_server.openapi import document_route
from model_server.security import OPEN_PATHS, TASK_TYPES, Guard
from model_server.shelf import Tidy
from model_server.start import (
    BAD_START,
    check_start,
    is_supervisor,
    is_worker,
    set_up_supervisor,
    set_up_worker,
)
from shared.contracts.model_catalog import Catalog, ReloadReport
from shared.errors import ModelMissing, OperationError
from shared.settings import get_settings

BACKSTOP = 2
"""BentoML's own limits are this much wider than the guard's."""
COUNTED_PATHS = {*TASK_TYPES, *OPEN_PATHS, CATALOG_PATH, RELOAD_PATH}

try:
    SETTINGS = get_settings()
    check_start(sys.argv, os.environ, SETTINGS)
except OperationError as refusal:
    sys.stderr.write(f"{refusal} {refusal.remedy}\n")
    sys.exit(BAD_START)
DROP_AFTER_MS = math.ceil(SETTINGS.model_server_timeout_s * 1000)
"""BentoML drops what would wait longer; it does not wait for batches to fill."""
if is_supervisor(sys.argv):
    set_up_supervisor(os.environ)
    pass_on_hangup()
    wait_for_workers()
if is_worker(sys.argv):
    ignore_hangup()
start_batches_at_once()
count_only(COUNTED_PATHS)


async def list_models(request: Request) -> Response:
    """Answer `GET /models`."""
    del request
    catalog = Catalog(models=bentoml.get_current_service().engine.entries())
    return Response(catalog.model_dump_json(), media_type="application/json")


async def show_model(request: Request) -> Response:
    """Answer `GET /models/{name}`, the newest version unless `?version=` asks for another."""
    engine: Engine = bentoml.get_current_service().engine
    name, version = request.path_params["name"], request.query_params.get("version")
    detail = engine.detail(name, version)
    if detail is None:
        error = get_note(request.scope).error = ModelMissing(model=name[:64])
        return Response(status_code=error.http_status)
    return Response(detail.model_dump_json(), media_type="application/json")


async def reload_models(request: Request) -> Response:
    """Answer `POST /models/reload`: read all model folders again, in every worker."""
    del request
    engine: Engine = bentoml.get_current_service().engine
    catalog = await anyio.to_thread.run_sync(engine.replace_catalog, read_catalog)
    if is_worker(sys.argv):
        tell_workers(psutil.Process(os.getppid()))
    report = ReloadReport(available=len(catalog.models), failed=len(catalog.failed))
    return Response(report.model_dump_json(), media_type="application/json")


def read_catalog() -> ModelCatalog:
    """Read the built-in models and the municipality's own."""
    return load_catalog([BUILT_IN, *([SETTINGS.model_dir] if SETTINGS.model_dir else [])])


CATALOG_ROUTES = Starlette(
    routes=[
        Route("/models", list_models),
        Route("/models/reload", reload_models, methods=["POST"]),
        Route("/models/{name}", show_model),
        document_route(lambda: ModelServer),
    ]
)


@bentoml.service(
    name="ModelServer",
    workers=SETTINGS.model_server_workers,
    threads=1,
    traffic={
        "timeout": SETTINGS.model_server_timeout_s * BACKSTOP,
        "max_concurrency": SETTINGS.model_server_max_concurrency * BACKSTOP,
    },
    logging={"access": {"enabled": False}},
    # No tracing leaves this machine; following each request all the same would cost time.
    tracing={"excluded_urls": ".*"},
)
class ModelServer:
    """Runs every model of the gallery."""

    def __init__(self) -> None:
        # BentoML looks into this module as soon as it is there, even while a thread imports it.
        importlib.import_module("PIL.Image")
        workers = SETTINGS.model_server_workers
        self.tidy = Tidy()
        self.engine = Engine(
            read_catalog(),
            SETTINGS.preloaded_models,
            time.monotonic,
            memory_bytes=SETTINGS.model_memory_mb * 2**20 // workers,
            most=SETTINGS.model_server_max_batch,
        )
        if is_worker(sys.argv):
            set_up_worker(SETTINGS)
            end_gently(DUTY)
            end_when_stuck(DUTY, SETTINGS.model_server_timeout_s * BACKSTOP)
            reload_on_hangup(partial(self.engine.replace_catalog, read_catalog))
        # The server listens while models load, so that a waiting client learns what it waits for.
        threading.Thread(target=self.engine.warm_up, name="warm-up", daemon=True).start()

    async def __is_ready__(self) -> bool:
        """Say whether every preloaded model has answered once and the worker is not ending."""
        return not (self.engine.waiting_for or DUTY.is_ending)

    def run(self, task: str, items: list[Item]) -> list[Outcome]:
        """Run one batch of a task."""
        with DUTY.batch():
            outcomes = self.engine.run(task, items)
        if is_worker(sys.argv):
            self.tidy.after_batch(time.monotonic())
            end_when_too_large(SETTINGS.worker_max_rss_mb * 2**20, DUTY)
        return outcomes

    @bentoml.api(  # type: ignore[untyped-decorator]
        batchable=True,
        max_batch_size=8,
        max_latency_ms=DROP_AFTER_MS,
        input_spec=SegmentInput,
        output_spec=TaskAnswer,
    )
    def segment(self, items: list[Item]) -> list[Outcome]:
        """Find objects in images."""
        return self.run("segment", items)

    @bentoml.api(  # type: ignore[untyped-decorator]
        batchable=True,
        max_batch_size=8,
        max_latency_ms=DROP_AFTER_MS,
        input_spec=ChangeInput,
        output_spec=TaskAnswer,
    )
    def change(self, items: list[Item]) -> list[Outcome]:
        """Compare pairs of images of one place."""
        return self.run("change", items)

    @bentoml.api(  # type: ignore[untyped-decorator]
        batchable=True,
        # A page takes seconds and its batch is answered as a whole, so few share one.
        max_batch_size=2,
        max_latency_ms=DROP_AFTER_MS,
        input_spec=OcrInput,
        output_spec=TaskAnswer,
    )
    def ocr(self, items: list[Item]) -> list[Outcome]:
        """Read pages and lines."""
        return self.run("ocr", items)

    @bentoml.api(  # type: ignore[untyped-decorator]
        batchable=True,
        max_batch_size=2,
        max_latency_ms=DROP_AFTER_MS,
        input_spec=LayoutInput,
        output_spec=TaskAnswer,
    )
    def layout(self, items: list[Item]) -> list[Outcome]:
        """Find the regions of pages."""
        return self.run("layout", items)

    @bentoml.api(  # type: ignore[untyped-decorator]
        batchable=True,
        max_batch_size=16,
        max_latency_ms=DROP_AFTER_MS,
        input_spec=ClassifyInput,
        output_spec=TaskAnswer,
    )
    def classify(self, items: list[Item]) -> list[Outcome]:
        """Name what images show."""
        return self.run("classify", items)

    @bentoml.api(  # type: ignore[untyped-decorator]
        batchable=True,
        max_batch_size=16,
        max_latency_ms=DROP_AFTER_MS,
        input_spec=EmbedInput,
        output_spec=TaskAnswer,
    )
    def embed(self, items: list[Item]) -> list[Outcome]:
        """Turn texts or images into vectors."""
        return self.run("embed", items)


# The decorator turned the class into BentoML's service object, which has no types.
_service: Any = ModelServer
_service.mount_asgi_app(CATALOG_ROUTES, path="/", name="catalog")
_service.add_asgi_middleware(Guard, settings=SETTINGS)
