"""Multipart forms: parsed in memory, bounded, without file names, addresses or foreign text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from shared.contracts.model_server import MAX_BODY_BYTES, Wire
from shared.errors import BadRequest

OPTIONS_PART = "options"
MAX_OPTIONS_BYTES = 16 * 1024
FORM = "multipart/form-data"
_REASONS = (
    ("Too many files", "{names}: höchstens {files} Dateien"),
    ("Too many fields", "options: höchstens ein Textfeld"),
    ("Part exceeded", "options: höchstens 16 KB"),
)
"""German reasons by the start of the parser's own words."""

Checked = TypeVar("Checked", bound=Wire)


class MemoryParser(MultiPartParser):
    """Keeps uploads in memory, so that no image ever touches the disk."""

    spool_max_size = MAX_BODY_BYTES + 1
    has_ended = False

    def on_end(self) -> None:
        """Note that the last boundary came."""
        self.has_ended = True

    async def parse(self) -> FormData:
        """Parse a form; the library would take one that was cut off for a whole one.

        Raises:
            MultiPartException: The last boundary is missing, or see the library.
        """
        form = await super().parse()
        if not self.has_ended:
            for file in self._files_to_close_on_error:
                file.close()
            raise MultiPartException("The form was cut off.")
        return form


async def read_form(request: Request, names: Sequence[str], most_files: int) -> FormData:
    """Parse a form.

    Args:
        request: Its body is read.
        names: Names of the file parts, for the message.
        most_files: Files that may come in all.

    Raises:
        BadRequest: No form or half of one, too many parts, or parts that are too long.
    """
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
        reason = next((own for start, own in _REASONS if cause.message.startswith(start)), FORM)
        shown = reason.format(names=", ".join(names), files=most_files)
        raise BadRequest(field=shown) from cause
    except (KeyError, ValueError) as cause:
        # No boundary, or a character set in which nobody can read the names of the parts.
        raise BadRequest(field=FORM) from cause


async def read_files(form: FormData, name: str) -> list[bytes]:
    """Return the files of one name, in order.

    Raises:
        BadRequest: There is none, or a text stands where a file belongs.
    """
    parts = form.getlist(name)
    if not parts or not all(isinstance(part, UploadFile) for part in parts):
        # A text here would be a path or an address; neither is ever looked at.
        raise BadRequest(field=name)
    return [await part.read() for part in cast(list[UploadFile], parts)]


def read_options(form: FormData, names: Sequence[str], kind: type[Checked]) -> Checked:
    """Return the checked options of a form, the defaults if it has none.

    Args:
        form: The form.
        names: Names of the file parts; any other part but `options` is refused.
        kind: Class of the options.

    Raises:
        BadRequest: A part or an option is unknown, repeated or wrong.
    """
    unknown = set(form.keys()) - {*names, OPTIONS_PART}
    parts = form.getlist(OPTIONS_PART)
    if unknown:
        raise BadRequest(field=min(unknown)[:40])
    if len(parts) > 1 or not all(isinstance(part, str) for part in parts):
        raise BadRequest(field=OPTIONS_PART)
    text = cast(str, parts[0]) if parts else "{}"
    return validated(parse_json(text, OPTIONS_PART), kind)


def parse_json(text: str | bytes, field: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        BadRequest: The text is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise BadRequest(field=field) from cause
    if not isinstance(value, dict):
        raise BadRequest(field=field)
    return value


def validated(value: dict[str, Any], kind: type[Checked]) -> Checked:
    """Return checked options.

    Raises:
        BadRequest: With the name of the first wrong one.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as cause:
        first = cause.errors(include_url=False, include_context=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])[:40]
        raise BadRequest(field=name) from cause
