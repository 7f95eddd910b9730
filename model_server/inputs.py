"""HTTP requests become typed items and outcomes become answers; everything is checked once, here.

These classes plug into a private interface of BentoML 1.4.39 (`IODescriptor`): its own file fields
would fetch a URL that somebody sends in place of a file, and would use the sender's file name for a
path. A contract test holds on to the interface.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar, NoReturn, Self, cast

from _bentoml_sdk.io_models import IODescriptor
from bentoml import get_current_service
from bentoml.exceptions import BentoMLException
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from model_server.answers import build_answer
from model_server.items import Item, Options, Outcome, Ticket
from model_server.notes import get_note
from model_server.tasks.options import check_options
from shared.contracts.model_server import (
    MAX_BODY_BYTES,
    MAX_LINES,
    MAX_PAGES,
    MAX_TEXTS,
    MAX_TILES,
    EmbedOptions,
    EmbedRequest,
    OcrOptions,
    SegmentOptions,
    TaskResponse,
    Wire,
)
from shared.errors import BadRequest, ModelServerFault, UrbanKiError

FILES_PART = "images"
OPTIONS_PART = "options"
MAX_OPTIONS_BYTES = 16 * 1024
FORM = "multipart/form-data"
_REASONS = (
    ("Too many files", "images: höchstens {files} Dateien"),
    ("Too many fields", "options: höchstens ein Textfeld"),
    ("Part exceeded", "options: höchstens 16 KB"),
)
"""German reasons by the start of the parser's own words."""
_log = logging.getLogger(__name__)


class Refusal(BentoMLException):  # type: ignore[misc]  # the library has no types
    """Ends a request inside BentoML; the guard writes the body from the request's note."""

    error_code = HTTPStatus.BAD_REQUEST


class MemoryParser(MultiPartParser):
    """Keeps uploads in memory, so that no image ever touches the disk."""

    spool_max_size = MAX_BODY_BYTES + 1


class TaskInput(IODescriptor):  # type: ignore[misc]  # see above
    """Base of the inputs: parse, check, make items."""

    items: list[Any]

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> Self:
        """Parse a request; whatever is wrong with it ends in its note."""
        del serde
        try:
            items = await cls.parse(request)
        except UrbanKiError as error:
            _refuse(request, error)
        except ClientDisconnect:
            _refuse(request, BadRequest(field="Verbindung"))
        note = get_note(request.scope)
        note.items = len(items)
        note.model = items[0].ticket.options.model
        return cast(Self, cls.model_construct(items=items))

    @classmethod
    async def parse(cls, request: Request) -> list[Item]:
        """Turn a request into items.

        Raises:
            RequestError: The request as a whole is unusable.
        """
        raise NotImplementedError


class ImageInput(TaskInput):
    """Multipart form with 1 to n files `images` and at most one text `options`."""

    options_class: ClassVar[type[Wire]]
    most_files: ClassVar[int]

    @classmethod
    def mime_type(cls) -> str:
        """Return the content type for the OpenAPI document."""
        return FORM

    @classmethod
    def model_json_schema(cls, *_: object, **__: object) -> dict[str, Any]:
        """Describe the form for the OpenAPI document."""
        file = {"type": "string", "format": "binary"}
        return {
            "type": "object",
            "title": cls.__name__,
            "required": [FILES_PART],
            "properties": {
                FILES_PART: {"type": "array", "items": file, "maxItems": cls.most_files},
                OPTIONS_PART: _flat_schema(cls.options_class),
            },
        }

    @classmethod
    async def parse(cls, request: Request) -> list[Item]:
        """See `TaskInput.parse`."""
        form = await _read_form(request, cls.most_files)
        try:
            options = cls.check(_options(form, cls.options_class), len(form.getlist(FILES_PART)))
            images = [await file.read() for file in _files(form)]
        finally:
            await form.close()
        return _make_items(request, options, images)

    @classmethod
    def check(cls, options: Wire, count: int) -> Options:
        """Check what options mean together with the number of files."""
        raise NotImplementedError


class SegmentInput(ImageInput):
    """Body of `POST /segment`."""

    options_class = SegmentOptions
    most_files = MAX_TILES

    @classmethod
    def check(cls, options: Wire, count: int) -> Options:
        """See `ImageInput.check`."""
        del count
        return cast(SegmentOptions, options)


class OcrInput(ImageInput):
    """Body of `POST /ocr`."""

    options_class = OcrOptions
    most_files = MAX_LINES

    @classmethod
    def check(cls, options: Wire, count: int) -> Options:
        """See `ImageInput.check`."""
        checked = cast(OcrOptions, options)
        if checked.mode != "lines" and count > MAX_PAGES:
            raise BadRequest(field=f"images: {count} > {MAX_PAGES}")
        return checked


class EmbedInput(TaskInput):
    """JSON body of `POST /embed`."""

    @classmethod
    def model_json_schema(cls, *_: object, **__: object) -> dict[str, Any]:
        """Describe the body for the OpenAPI document."""
        return _flat_schema(EmbedRequest)

    @classmethod
    async def parse(cls, request: Request) -> list[Item]:
        """See `TaskInput.parse`."""
        body = _parse_json(await request.body(), "JSON")
        texts = body.pop("texts", None)
        if not isinstance(texts, list) or not 1 <= len(texts) <= MAX_TEXTS:
            raise BadRequest(field=f"texts: 1-{MAX_TEXTS}")
        if not all(isinstance(text, str) for text in texts):
            raise BadRequest(field="texts")
        options = cast(EmbedOptions, _validated(body, EmbedOptions))
        # Broken characters pass here, so that only their own item fails.
        return _make_items(
            request, options, [text.encode("utf-8", "surrogatepass") for text in texts]
        )


class TaskAnswer(IODescriptor):  # type: ignore[misc]  # see above
    """Answer of every task."""

    @classmethod
    def mime_type(cls) -> str:
        """Return the content type."""
        return "application/json"

    @classmethod
    def model_json_schema(cls, *_: object, **__: object) -> dict[str, Any]:
        """Describe the answer for the OpenAPI document."""
        return _flat_schema(TaskResponse)

    @classmethod
    async def to_http_response(cls, obj: Sequence[Outcome], serde: object) -> Response:
        """Write the answer of one request."""
        del serde
        try:
            content = build_answer(obj).model_dump_json(by_alias=True)
        except ModelServerFault as fault:
            _log.error("outcomes do not belong to one request; nothing was handed out")
            # The guard writes the body.
            return Response(status_code=fault.http_status)
        return Response(content, media_type=cls.mime_type())


def _refuse(request: Request, error: UrbanKiError) -> NoReturn:
    get_note(request.scope).error = error
    raise Refusal(error.code) from error


async def _read_form(request: Request, most_files: int) -> FormData:
    parser = MemoryParser(
        request.headers,
        request.stream(),
        max_files=most_files,
        max_fields=1,
        max_part_size=MAX_OPTIONS_BYTES,
    )
    try:
        return await parser.parse()
    except MultiPartException as cause:
        reason = next((own for start, own in _REASONS if cause.message.startswith(start)), None)
        raise BadRequest(field=(reason or FORM).format(files=most_files)) from cause
    except (KeyError, ValueError) as cause:
        # No boundary, or a character set in which nobody can read the names of the parts.
        raise BadRequest(field=FORM) from cause


def _files(form: FormData) -> list[UploadFile]:
    parts = form.getlist(FILES_PART)
    if not parts or not all(isinstance(part, UploadFile) for part in parts):
        # A text here would be a path or an address; neither is ever looked at.
        raise BadRequest(field=FILES_PART)
    return cast(list[UploadFile], parts)


def _options(form: FormData, options_class: type[Wire]) -> Wire:
    unknown = set(form.keys()) - {FILES_PART, OPTIONS_PART}
    parts = form.getlist(OPTIONS_PART)
    if unknown:
        raise BadRequest(field=min(unknown)[:40])
    if len(parts) > 1 or not all(isinstance(part, str) for part in parts):
        raise BadRequest(field=OPTIONS_PART)
    text = cast(str, parts[0]) if parts else "{}"
    return _validated(_parse_json(text, OPTIONS_PART), options_class)


def _parse_json(text: str | bytes, field: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise BadRequest(field=field) from cause
    if not isinstance(value, dict):
        raise BadRequest(field=field)
    return value


def _validated(value: dict[str, Any], kind: type[Wire]) -> Wire:
    try:
        return kind.model_validate(value)
    except ValidationError as cause:
        first = cause.errors(include_url=False, include_context=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])[:40]
        raise BadRequest(field=name) from cause


def _make_items(request: Request, options: Options, contents: Sequence[bytes]) -> list[Item]:
    task = request.scope["path"].strip("/")
    model = get_current_service().engine.resolve(task, options.model, options.version)
    check_options(options, model.card)
    ticket = Ticket(
        get_note(request.scope).request_id, options, model, time.monotonic(), len(contents)
    )
    return [Item(ticket, index, content) for index, content in enumerate(contents)]


def _flat_schema(kind: type[Wire]) -> dict[str, Any]:
    """Return a schema without references, because the document has no place for them here."""
    schema = kind.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:  # noqa: ANN401  # any JSON value
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"].rsplit("/", 1)[1]])
            return {key: resolve(value) for key, value in node.items() if key != "discriminator"}
        return [resolve(entry) for entry in node] if isinstance(node, list) else node

    return cast(dict[str, Any], resolve(schema))
