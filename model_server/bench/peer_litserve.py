"""LitServe with the same model: `python -m model_server.bench.peer_litserve PORT BATCH`."""

# No `from __future__ import annotations`: the library reads the classes out of the signatures.
import json
import os
import sys
from collections.abc import Sequence
from typing import cast

import litserve
from fastapi import Request, Response
from starlette.datastructures import FormData, UploadFile

from model_server.bench.peers import Models

Sent = tuple[str, list[bytes]]


class ModelApi(litserve.LitAPI):  # type: ignore[misc]  # the library has no types
    """The route of the model server."""

    def setup(self, device: str) -> None:
        """Load the models in the process that runs them."""
        del device
        self._models = Models(os.environ)

    def decode_request(self, request: Request) -> Sent:
        """Take model and images out of the form; the library hands it over parsed."""
        form = cast(FormData, request)
        images = [cast(UploadFile, part).file.read() for part in form.getlist("images")]
        return json.loads(cast(str, form["options"]))["model"], images

    def batch(self, inputs: list[Sent]) -> list[Sent]:
        """Keep the requests of a batch apart; the model's own code stacks their images."""
        return inputs

    def unbatch(self, output: list[str]) -> list[str]:
        """Return one answer per request."""
        return output

    def predict(self, x: Sent | Sequence[Sent]) -> str | list[str]:
        """Run one request or a batch of them."""
        if isinstance(x, list):
            return self._models.answer(x)
        (answer,) = self._models.answer([x])  # type: ignore[list-item]  # no list, so one request
        return answer

    def encode_response(self, output: str) -> Response:
        """Send the JSON as it is."""
        return Response(output, media_type="application/json")


if __name__ == "__main__":
    api = ModelApi(max_batch_size=int(sys.argv[2]), batch_timeout=0.0, api_path="/segment")
    server = litserve.LitServer(
        api, accelerator="cpu", devices=1, workers_per_device=1, timeout=120
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
    )
