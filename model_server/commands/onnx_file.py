"""Looks through an ONNX file without running it: domains, references to other files, metadata.

Field numbers are those of `onnx.proto` (ONNX 1.23); the encoding is that of Protocol Buffers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_FIELDS = 2_000_000
MAX_METADATA = 500
MAX_METADATA_BYTES = 64 * 1024
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_PARTS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "operator_set", 14: "metadata", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse_tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse_tensor",
        23: "sparse_tensor",
    },
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 9: "operator_set", 11: "attribute"},
    "sparse_tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "operator_set": {},
    "metadata": {},
}
_DOMAIN = {"operator_set": 1, "node": 7, "function": 10}
_EXTERNAL_DATA, _DATA_LOCATION, _EXTERNAL = 13, 14, 1


class NoOnnx(ValueError):
    """The bytes are no ONNX file, or one that is built to be a burden."""


@dataclass
class OnnxContent:
    """What an ONNX file says about itself.

    Args:
        domains: Names of all operator domains that it uses or defines.
        has_external_data: Weights lie in further files.
        metadata: Its key-value pairs; None for a value beyond `MAX_METADATA_BYTES`.
        nodes: Number of operators.
    """

    domains: set[str] = field(default_factory=set)
    has_external_data: bool = False
    metadata: dict[str, str | None] = field(default_factory=dict)
    nodes: int = 0


@dataclass(frozen=True, slots=True)
class _Field:
    """One field; `start` and `end` bound a value of any length, `number` is the value else."""

    key: int
    kind: int
    number: int
    start: int
    end: int


def look_through(data: bytes) -> OnnxContent:
    """Walk through all parts of a file; tensors are skipped, not read.

    Args:
        data: The whole file.

    Raises:
        NoOnnx: It is none, or it has too many parts or too much metadata.
    """
    content = OnnxContent()
    waiting = [("model", 0, len(data))]
    left = MAX_FIELDS
    has_graph = False
    while waiting:
        part, start, end = waiting.pop()
        content.nodes += part == "node"
        has_graph |= part == "graph"
        found = []
        for one in _fields(data, start, end):
            left -= 1
            if left < 0:
                raise NoOnnx("too many parts")
            found.append(one)
            inner = _PARTS[part].get(one.key)
            if inner is not None:
                _require(one.kind == _LENGTH)
                waiting.append((inner, one.start, one.end))
        _note(content, part, found, data)
    if not has_graph or not content.domains:
        raise NoOnnx("no graph or no operator set")
    return content


def _note(content: OnnxContent, part: str, found: list[_Field], data: bytes) -> None:
    if part in _DOMAIN:
        named = [_text(data, one) for one in found if one.key == _DOMAIN[part]]
        # An operator of the standard domain leaves the field out.
        content.domains.add(named[-1] if named else "")
    elif part == "tensor":
        content.has_external_data |= any(
            one.key == _EXTERNAL_DATA or (one.key == _DATA_LOCATION and one.number == _EXTERNAL)
            for one in found
        )
    elif part == "metadata":
        entry = {one.key: one for one in found}
        if 1 in entry and 2 in entry:
            is_long = entry[2].end - entry[2].start > MAX_METADATA_BYTES
            content.metadata[_text(data, entry[1])] = None if is_long else _text(data, entry[2])
        if len(content.metadata) > MAX_METADATA:
            raise NoOnnx("too many metadata entries")


def _text(data: bytes, one: _Field) -> str:
    _require(one.kind == _LENGTH and one.end - one.start <= MAX_METADATA_BYTES)
    try:
        return data[one.start : one.end].decode("utf-8")
    except UnicodeDecodeError as cause:
        raise NoOnnx("a text is not UTF-8") from cause


def _fields(data: bytes, start: int, end: int) -> Iterator[_Field]:
    place = start
    while place < end:
        tag, place = _varint(data, place, end)
        key, kind = tag >> 3, tag & 7
        number, length = 0, 0
        if kind == _VARINT:
            number, place = _varint(data, place, end)
        elif kind == _LENGTH:
            length, place = _varint(data, place, end)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise NoOnnx("unknown wire type")
        _require(key > 0 and length <= end - place)
        yield _Field(key, kind, number, place, place + length)
        place += length


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        _require(place < end)
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise NoOnnx("a number does not end")


def _require(holds: bool) -> None:
    if not holds:
        raise NoOnnx("damaged or no ONNX")
