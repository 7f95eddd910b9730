"""The interface document (`/docs.json`, OpenAPI 3.1), complete and in one piece.

BentoML's own document knows one content type per route, none of our other routes, and error bodies
that the guard never sends. Its task routes are the starting point, so that none can be forgotten;
everything else comes from the contracts and the tree of errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from model_server.forms import OPTIONS_PART
from model_server.inputs import ImageEmbedInput
from shared.contracts.model_catalog import Catalog, ModelDetail, ReloadReport
from shared.contracts.model_server import (
    ChangeValue,
    ClassesValue,
    ClassifyValue,
    EmbedValue,
    ErrorBody,
    InstancesValue,
    LayoutValue,
    OcrLineValue,
    OcrPageValue,
    ProbabilitiesValue,
    Readiness,
    TaskResponse,
)
from shared.errors import (
    BadRequest,
    LengthRequired,
    MethodNotAllowed,
    ModelMissing,
    ModelServerBusy,
    ModelServerFault,
    ModelServerNotReady,
    ModelServerTimeout,
    NotAllowed,
    NotSignedIn,
    RequestTooLarge,
    UnsupportedContentType,
    UrbanKiError,
)

DOCUMENT_PATH = "/docs.json"
CONTRACT_VERSION = "1.0"
VALUES: Mapping[str, tuple[type[BaseModel], ...]] = {
    "segment": (InstancesValue, ClassesValue, ProbabilitiesValue),
    "change": (ChangeValue,),
    "ocr": (OcrPageValue, OcrLineValue),
    "layout": (LayoutValue,),
    "classify": (ClassifyValue,),
    "embed": (EmbedValue,),
}
"""What `value` of a good result may be, by task."""
Errors = tuple[type[UrbanKiError], ...]
EVERYWHERE: Errors = (
    NotSignedIn,
    NotAllowed,
    MethodNotAllowed,
    ModelServerFault,
    ModelServerNotReady,
)
TASK_ERRORS: Errors = (
    *EVERYWHERE,
    BadRequest,
    ModelMissing,
    LengthRequired,
    RequestTooLarge,
    UnsupportedContentType,
    ModelServerBusy,
    ModelServerTimeout,
)
_WAITING = (ModelServerBusy, ModelServerNotReady)
_ANSWERS = (TaskResponse, Catalog, ModelDetail, Readiness, ReloadReport, ErrorBody)
_JSON = "application/json"
Json = dict[str, Any]


def document_route(service: Callable[[], Any]) -> Route:
    """Return the route that serves the document.

    Args:
        service: Gives BentoML's service object, once it exists.
    """

    @cache
    def document() -> Json:
        return build_document(service())

    async def show_document(request: Request) -> Response:
        del request
        return JSONResponse(document())

    return Route(DOCUMENT_PATH, show_document)


_HEADERS: Json = {
    "X-Request-Id": {
        "description": "Name of the request in answers and logs.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Whole seconds to wait, at least 1.",
        "schema": {"type": "integer", "minimum": 1},
    },
}


def build_document(service: Any) -> Json:  # noqa: ANN401  # the library has no types
    """Return the whole document.

    Args:
        service: BentoML's service object.

    Raises:
        KeyError: The service has a task whose values are not known here.
    """
    own = service.openapi_spec.asdict()["paths"]
    tasks = {api.route: api for api in service.apis.values()}
    paths = {route: _task_path(tasks[route], own[route]["post"]) for route in sorted(tasks)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "URBAN.KI model server",
            "version": CONTRACT_VERSION,
            "description": (
                "Every answer names model, version and hash. Items fail one by one with status "
                "200; refusals of a whole request have a German text."
            ),
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": "."}],
        "security": [{"bearer": []}],
        "paths": {**paths, **_other_paths()},
        "components": {
            "schemas": _schemas(),
            "responses": {error.code: _refusal(error) for error in TASK_ERRORS},
            "headers": _HEADERS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _task_path(api: Any, own: Json) -> Json:  # noqa: ANN401
    kinds = {api.input_spec.mime_type(): api.input_spec}
    if api.name == "embed":
        kinds[ImageEmbedInput.mime_type()] = ImageEmbedInput
    body = {
        "required": True,
        "content": {
            kind: _form_or_json(kind, spec.model_json_schema()) for kind, spec in kinds.items()
        },
    }
    values = [_reference(value) for value in VALUES[api.name]]
    answer = {
        **_reference(TaskResponse),
        "properties": {"results": {"items": {"properties": {"value": {"anyOf": values}}}}},
    }
    operation = _operation(api.name, own["description"], answer, TASK_ERRORS)
    return {"post": {**operation, "requestBody": body}}


def _form_or_json(kind: str, schema: Json) -> Json:
    if kind == _JSON:
        return {"schema": schema}
    if "required" in schema["properties"][OPTIONS_PART]:
        schema = {**schema, "required": [*schema["required"], OPTIONS_PART]}
    # The options are a JSON text within the form.
    return {"schema": schema, "encoding": {OPTIONS_PART: {"contentType": _JSON}}}


def _other_paths() -> Json:
    listing = _operation("models", "List all models.", _reference(Catalog), EVERYWHERE)
    missing = (*EVERYWHERE, ModelMissing)
    one = _operation("model", "Show one model with its texts.", _reference(ModelDetail), missing)
    parameters = [
        {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}},
        {
            "name": "version",
            "in": "query",
            "description": "The newest if not given.",
            "schema": {"type": "string"},
        },
    ]
    reload = _operation(
        "reload",
        "Read all model folders again; needs the role admin.",
        _reference(ReloadReport),
        EVERYWHERE,
    )
    return {
        "/models": {"get": listing},
        "/models/reload": {"post": reload},
        "/models/{name}": {"get": {**one, "parameters": parameters}},
        "/livez": {"get": _open(_operation("livez", "Say that the process lives.", None, ()))},
        "/readyz": {"get": _readiness()},
        "/metrics": {"get": _text("metrics", "Figures for Prometheus.", "text/plain")},
        DOCUMENT_PATH: {
            "get": _operation("document", "This document.", {"type": "object"}, EVERYWHERE)
        },
        "/schema.json": {
            "get": _operation("schema", "BentoML's own schema.", {"type": "object"}, EVERYWHERE)
        },
        "/": {"get": _text("pages", "This document as a page.", "text/html")},
    }


def _operation(name: str, description: str, answer: Json | None, errors: Errors) -> Json:
    good: Json = {"description": "Success.", "headers": _headers("X-Request-Id")}
    if answer is not None:
        good["content"] = {_JSON: {"schema": answer}}
    refusals = {
        str(error.http_status): {"$ref": f"#/components/responses/{error.code}"}
        for error in sorted(errors, key=lambda error: error.http_status)
    }
    return {
        "operationId": name,
        "description": description,
        "responses": {"200": good, **refusals},
    }


def _text(name: str, description: str, kind: str) -> Json:
    operation = _operation(name, description, None, EVERYWHERE)
    operation["responses"]["200"]["content"] = {kind: {"schema": {"type": "string"}}}
    return operation


def _open(operation: Json) -> Json:
    return {**operation, "security": []}


def _readiness() -> Json:
    answer = _reference(Readiness)
    operation = _operation("readyz", "Say whether all preloaded models answer.", answer, ())
    headers = _headers("X-Request-Id", "Retry-After")
    operation["responses"]["503"] = {
        "description": "Starting or ending; the body says what it waits for.",
        "headers": headers,
        "content": {_JSON: {"schema": answer}},
    }
    return _open(operation)


def _refusal(error: type[UrbanKiError]) -> Json:
    extra = ("Retry-After",) if error in _WAITING else ()
    return {
        "description": f"`{error.code}`: {error.user_message}",
        "headers": _headers("X-Request-Id", *extra),
        "content": {_JSON: {"schema": _reference(ErrorBody)}},
    }


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _reference(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _schemas() -> Json:
    models: Iterable[type[BaseModel]] = [*_ANSWERS, *(v for vs in VALUES.values() for v in vs)]
    _, definitions = models_json_schema(
        [(model, "serialization") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    found: Json = definitions["$defs"]
    return found
