"""HTTP requests become typed items and outcomes become answers; everything is checked once, here.

These classes plug into a private interface of BentoML 1.4.39 (`IODescriptor`): its own file fields
would fetch a URL that somebody sends in place of a file, and would use the sender's file name for a
path. A contract test holds on to the interface.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar, NoReturn, Self, cast

from _bentoml_sdk.io_models import IODescriptor
from bentoml import get_current_service
from bentoml.exceptions import BentoMLException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from model_server.access import require_model
from model_server.answers import build_answer
from model_server.forms import (
    FORM,
    OPTIONS_PART,
    parse_json,
    read_files,
    read_form,
    read_options,
    validated,
)
from model_server.items import Item, Options, Outcome, Ticket
from model_server.notes import get_note
from model_server.tasks.options import check_options
from shared.contracts.model_server import (
    MAX_LAYOUT_PAGES,
    MAX_LINES,
    MAX_PAGES,
    MAX_PAIRS,
    MAX_TEXTS,
    MAX_TILES,
    ChangeOptions,
    ClassifyOptions,
    EmbedOptions,
    EmbedRequest,
    ImageEmbedOptions,
    LayoutOptions,
    OcrOptions,
    SegmentOptions,
    TaskResponse,
    Wire,
)
from shared.errors import BadRequest, ModelServerFault, UrbanKiError

IMAGES = "images"
BEFORE = "before"
AFTER = "after"
_log = logging.getLogger(__name__)


class Refusal(BentoMLException):  # type: ignore[misc]  # the library has no types
    """Ends a request inside BentoML; the guard writes the body from the request's note."""

    error_code = HTTPStatus.BAD_REQUEST


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
        return form_schema(cls.__name__, (IMAGES,), cls.most_files, cls.options_class)

    @classmethod
    async def parse(cls, request: Request) -> list[Item]:
        """See `TaskInput.parse`."""
        form = await read_form(request, (IMAGES,), cls.most_files)
        try:
            options = read_options(form, (IMAGES,), cls.options_class)
            images = await read_files(form, IMAGES)
        finally:
            await form.close()
        cls.check_count(options, len(images))
        return _make_items(request, cast(Options, options), images)

    @classmethod
    def check_count(cls, options: Wire, count: int) -> None:
        """Compare the number of files with what the options allow; all are fine here."""


class SegmentInput(ImageInput):
    """Body of `POST /segment`."""

    options_class = SegmentOptions
    most_files = MAX_TILES


class OcrInput(ImageInput):
    """Body of `POST /ocr`."""

    options_class = OcrOptions
    most_files = MAX_LINES

    @classmethod
    def check_count(cls, options: Wire, count: int) -> None:
        """Refuse more pages than fit a request; line crops may be many."""
        if cast(OcrOptions, options).mode != "lines" and count > MAX_PAGES:
            raise BadRequest(field=f"{IMAGES}: {count} > {MAX_PAGES}")


class LayoutInput(ImageInput):
    """Body of `POST /layout`."""

    options_class = LayoutOptions
    most_files = MAX_LAYOUT_PAGES


class ClassifyInput(ImageInput):
    """Body of `POST /classify`."""

    options_class = ClassifyOptions
    most_files = MAX_TILES


class ImageEmbedInput(ImageInput):
    """Body of `POST /embed` with images."""

    options_class = ImageEmbedOptions
    most_files = MAX_TILES


class ChangeInput(TaskInput):
    """Body of `POST /change`: as many files `before` as `after`, paired by their order."""

    @classmethod
    def mime_type(cls) -> str:
        """Return the content type for the OpenAPI document."""
        return FORM

    @classmethod
    def model_json_schema(cls, *_: object, **__: object) -> dict[str, Any]:
        """Describe the form for the OpenAPI document."""
        return form_schema(cls.__name__, (BEFORE, AFTER), MAX_PAIRS, ChangeOptions)

    @classmethod
    async def parse(cls, request: Request) -> list[Item]:
        """See `TaskInput.parse`."""
        names = (BEFORE, AFTER)
        form = await read_form(request, names, 2 * MAX_PAIRS)
        try:
            options = read_options(form, names, ChangeOptions)
            before, after = [await read_files(form, name) for name in names]
        finally:
            await form.close()
        if len(before) != len(after):
            raise BadRequest(field=f"{BEFORE}: {len(before)}, {AFTER}: {len(after)}")
        return _make_items(request, options, before, after)


class EmbedInput(TaskInput):
    """Body of `POST /embed`: JSON with texts, or a form with images."""

    @classmethod
    def model_json_schema(cls, *_: object, **__: object) -> dict[str, Any]:
        """Describe the body for the OpenAPI document."""
        return flat_schema(EmbedRequest)

    @classmethod
    async def parse(cls, request: Request) -> list[Item]:
        """See `TaskInput.parse`."""
        if request.headers.get("content-type", "").lower().startswith(FORM):
            return await ImageEmbedInput.parse(request)
        body = parse_json(await request.body(), "JSON")
        texts = body.pop("texts", None)
        if not isinstance(texts, list) or not 1 <= len(texts) <= MAX_TEXTS:
            raise BadRequest(field=f"texts: 1-{MAX_TEXTS}")
        if not all(isinstance(text, str) for text in texts):
            raise BadRequest(field="texts")
        options = validated(body, EmbedOptions)
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
        return flat_schema(TaskResponse)

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


def _make_items(
    request: Request,
    options: Options,
    contents: Sequence[bytes],
    seconds: Sequence[bytes | None] = (),
) -> list[Item]:
    task = request.scope["path"].strip("/")
    model = get_current_service().engine.resolve(task, options.model, options.version)
    require_model(get_note(request.scope).principal, task, model.card.quality)
    check_options(options, model.card)
    ticket = Ticket(
        get_note(request.scope).request_id, options, model, time.monotonic(), len(contents)
    )
    seconds = seconds or [None] * len(contents)
    return [
        Item(ticket, index, first, second)
        for index, (first, second) in enumerate(zip(contents, seconds, strict=True))
    ]


def form_schema(
    title: str, names: Sequence[str], most_files: int, options_class: type[Wire]
) -> dict[str, Any]:
    """Describe a form with files and options for the OpenAPI document."""
    file = {"type": "string", "format": "binary"}
    files = {"type": "array", "items": file, "maxItems": most_files}
    return {
        "type": "object",
        "title": title,
        "required": list(names),
        "properties": {
            **{name: files for name in names},
            OPTIONS_PART: flat_schema(options_class),
        },
    }


def flat_schema(kind: type[Wire]) -> dict[str, Any]:
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
