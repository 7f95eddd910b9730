"""Find PDFs whose drawing would never end: parts of pages that draw each other too often.

The library that draws follows such parts again and again: one kilobyte keeps it busy for years.
Parts are forms, tiles of patterns, soft masks, signs of drawn fonts, and looks of form fields.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pikepdf

from apps.archivair.file_data import FileData
from apps.archivair.pdf_contents import (
    MOST_PAINTED,
    MOST_PIXELS,
    Content,
    ContentReader,
    EndlessDrawing,
)
from apps.archivair.pdf_sizes import is_left_packed, pixels_of, refuse_endless_tiles

MOST_NESTED = 12
"""Sound files nest two or three."""
MOST_DRAWN = 50_000
"""Draws of small parts on one page; they take seconds."""
LARGE_BYTES = 16 * 2**20
"""A smaller piece of drawing without parts holds no more shapes than that."""
MOST_LOOKED_AT = 3_000_000
"""Parts that are looked at in one file; nothing is drawn for it."""
_MOST_ABOVE = 100
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where names are looked up."""

    resources: pikepdf.Dictionary | None
    key: Key


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece that is drawn where its name stands, or (`is_aside`) with each shape painted."""

    name: str
    stream: pikepdf.Stream
    above: _Scope
    is_aside: bool = False
    is_picture: bool = False


@dataclass(frozen=True, slots=True)
class _Cost:
    """What drawing a piece brings.

    Draws of its parts, shapes painted, most draws of one shape, levels, pixels of a picture in it.
    """

    inner: int = 0
    paints: int = 0
    aside: int = 0
    deep: int = 0
    pixels: int = 0

    @property
    def total(self) -> int:
        return self.inner + self.paints * self.aside


def has_endless_forms(data: FileData) -> bool:
    """Say whether parts of a page are drawn without end, too often or nested too deep.

    Args:
        data: The file; what cannot be understood is left to the library that draws.
    """
    place = data.place
    try:
        with pikepdf.open(place if isinstance(place, Path) else io.BytesIO(place)) as pdf:
            walk = _Walk()
            for item in pdf.objects:
                if isinstance(item, pikepdf.Stream) and not is_left_packed(item):
                    walk.check_stream(item)
            for page in pdf.pages:
                walk.check_page(page.obj)
    except EndlessDrawing:
        return True
    except (pikepdf.PdfError, pikepdf.PasswordError):
        return False
    return False


class _Walk:
    def __init__(self) -> None:
        self._reader = ContentReader()
        self._costs: dict[Key, _Cost | None] = {}
        self._signs: dict[tuple[int, int], list[pikepdf.Stream]] = {}
        self._large: list[tuple[int, int]] = []
        self._left = MOST_LOOKED_AT

    def check_stream(self, stream: pikepdf.Stream) -> None:
        """Raise EndlessDrawing for a stream that unpacks to gigabytes or is tiled without end."""
        self._look_at()
        try:
            self._large += [stream.objgen] if self._reader.size(stream) > LARGE_BYTES else []
        except pikepdf.PdfError:
            return  # whoever draws it cannot read it either
        if stream.get("/PatternType") == 1:
            refuse_endless_tiles(stream)

    def check_page(self, page: pikepdf.Object) -> None:
        """Raise EndlessDrawing for a page that no sound file has."""
        resources = _inherited_resources(page)
        scope = _Scope(resources, ("page", page.objgen))
        costs = []
        parts = self._parts(scope, scope)
        contents = _streams(page.get("/Contents"))
        if parts or any(one.objgen in self._large for one in contents):
            content = self._reader.read(contents)
            costs.append(self._cost_of(content, parts, scope, 0))
        for look in _looks(page.get("/Annots")):
            self._look_at()
            if look is not None:
                costs.append(self._cost(_Part("", look, scope), scope, 1))
                _refuse_picture(costs[-1].pixels)
        if sum(one.total for one in costs) > MOST_DRAWN:
            raise EndlessDrawing
        if sum(one.paints for one in costs) > MOST_PAINTED:
            raise EndlessDrawing

    def _cost(self, part: _Part, page: _Scope, depth: int) -> _Cost:
        """Return the cost of a part; a piece met again inside of itself is endless."""
        own = _dictionary(part.stream.get("/Resources"))
        scope = part.above if own is None else _Scope(own, part.stream.objgen)
        key = (part.stream.objgen, scope.key, page.key)
        if key in self._costs:
            known = self._costs[key]
            if known is None or depth + known.deep > MOST_NESTED:
                raise EndlessDrawing
            return known
        if depth > MOST_NESTED:
            raise EndlessDrawing
        self._costs[key] = None
        content = self._reader.read([part.stream])
        cost = self._cost_of(content, self._parts(scope, page), page, depth)
        self._costs[key] = cost
        return cost

    def _cost_of(self, content: Content, parts: list[_Part], page: _Scope, depth: int) -> _Cost:
        inner, paints, aside, deep, pixels = 0, content.paints, 0, 0, 0
        for part in parts:
            uses = (content.names if part.is_aside else content.forms).get(part.name, 0)
            if not uses:
                continue
            if part.is_picture:
                pixels = max(pixels, pixels_of(part.stream))
                continue
            cost = self._cost(part, page, depth + 1)
            deep, aside = max(deep, cost.deep + 1), max(aside, cost.aside)
            if part.is_aside:
                _refuse_picture(cost.pixels)
                aside = max(aside, cost.total)
                continue
            pixels = max(pixels, cost.pixels)
            inner += uses * (self._reader.read([part.stream]).weight + cost.inner)
            paints += uses * cost.paints
        return _Cost(inner, paints, aside, deep, pixels)

    def _parts(self, scope: _Scope, page: _Scope) -> list[_Part]:
        """Return the parts that names of a scope may stand for."""
        parts: list[_Part] = []
        for kind in ("/XObject", "/Pattern", "/ExtGState", "/Font"):
            named = _named(scope, page, kind)
            if named is None:
                continue
            for name in named.keys():  # noqa: SIM118  # an object of the library, no mapping
                self._look_at()
                if kind == "/Font":
                    parts += self._parts_of_font(name[1:], named[name], scope)
                else:
                    parts += _parts_of(kind, name[1:], named[name], scope)
        return parts

    def _parts_of_font(self, name: str, font: pikepdf.Object, scope: _Scope) -> Iterator[_Part]:
        """Yield the signs of a drawn font that draw more than themselves; few fonts have any."""
        signs = _dictionary(font.get("/CharProcs")) if _dictionary(font) is not None else None
        if signs is None:
            return
        own = _dictionary(font.get("/Resources"))
        above = scope if own is None else _Scope(own, (*scope.key, "font", name))
        if signs.objgen not in self._signs or not signs.is_indirect:
            self._signs[signs.objgen] = list(self._drawing_signs(signs))
        for sign in self._signs[signs.objgen]:
            self._look_at()
            yield _Part(name, sign, above, is_aside=True)

    def _drawing_signs(self, signs: pikepdf.Dictionary) -> Iterator[pikepdf.Stream]:
        for sign in signs.values():
            self._look_at()
            if isinstance(sign, pikepdf.Stream) and self._reader.read([sign]).names:
                yield sign

    def _look_at(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise EndlessDrawing


def _refuse_picture(pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise EndlessDrawing


def _parts_of(kind: str, name: str, value: pikepdf.Object, scope: _Scope) -> Iterator[_Part]:
    if kind == "/Pattern" and isinstance(value, pikepdf.Stream):
        yield _Part(name, value, scope, is_aside=True)
    elif kind == "/XObject" and isinstance(value, pikepdf.Stream):
        yield _Part(name, value, scope, is_picture=value.get("/Subtype") == "/Image")
    elif kind == "/ExtGState" and isinstance(value, pikepdf.Dictionary):
        mask = _dictionary(value.get("/SMask"))
        group = None if mask is None else mask.get("/G")
        if isinstance(group, pikepdf.Stream):
            yield _Part(name, group, scope, is_aside=True)


def _named(scope: _Scope, page: _Scope, kind: str) -> pikepdf.Dictionary | None:
    """Return the names of a kind; those of the page stand in for missing ones."""
    for resources in (scope.resources, page.resources):
        named = None if resources is None else _dictionary(resources.get(kind))
        if named is not None:
            return named
    return None


def _inherited_resources(page: pikepdf.Object) -> pikepdf.Dictionary | None:
    node: pikepdf.Object | None = page
    for _ in range(_MOST_ABOVE):
        if not isinstance(node, pikepdf.Dictionary):
            return None
        found = node.get("/Resources")
        if found is not None:
            return _dictionary(found)
        node = node.get("/Parent")
    raise EndlessDrawing


def _looks(annotations: pikepdf.Object | None) -> Iterator[pikepdf.Stream | None]:
    """Yield what stamps, notes and form fields look like, None for one without a look.

    Fields show one of several states; all are yielded.
    """
    if not isinstance(annotations, pikepdf.Array):
        return
    for one in annotations:
        looks = _dictionary(one.get("/AP")) if isinstance(one, pikepdf.Dictionary) else None
        for look in (None,) if looks is None else looks.values():
            if look is None or isinstance(look, pikepdf.Stream):
                yield look
            elif isinstance(look, pikepdf.Dictionary):
                yield from (state for state in look.values() if isinstance(state, pikepdf.Stream))


def _streams(contents: pikepdf.Object | None) -> list[pikepdf.Stream]:
    if isinstance(contents, pikepdf.Array):
        return [one for one in contents if isinstance(one, pikepdf.Stream)]
    return [contents] if isinstance(contents, pikepdf.Stream) else []


def _dictionary(value: pikepdf.Object | None) -> pikepdf.Dictionary | None:
    if isinstance(value, pikepdf.Stream):
        return value.stream_dict
    return value if isinstance(value, pikepdf.Dictionary) else None
