"""FastAPI with the same model: `python -m model_server.bench.peer_fastapi PORT BATCH`."""

from __future__ import annotations

import json
import os
import sys

import uvicorn
from fastapi import FastAPI, File, Form, Response, UploadFile

from model_server.bench.peers import Models


def make_app(models: Models) -> FastAPI:
    """Return an application with the route of the model server.

    The model runs on the event loop: one worker with one thread, as in the other servers.
    """
    app = FastAPI()

    @app.get("/health")  # type: ignore[untyped-decorator]
    async def health() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/segment")  # type: ignore[untyped-decorator]
    async def segment(images: list[UploadFile] = File(), options: str = Form()) -> Response:  # noqa: B008
        contents = [await image.read() for image in images]
        (body,) = models.answer([(json.loads(options)["model"], contents)])
        return Response(body, media_type="application/json")

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_app(Models(os.environ)), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning"
    )
