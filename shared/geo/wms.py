"""Pictures of map services (WMS GetMap): asked politely, believed only after a check.

Off unless a host is named in the setting `wms_hosts`. Only what was asked for is taken: a picture
of the right size; services like to answer mistakes with status 200 and an XML text.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import re
import socket
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Timer
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx
import numpy as np
from PIL import Image
from pyproj import CRS
from pyproj.exceptions import CRSError

from shared.errors import (
    CoordinatesUnknown,
    MapServiceAnswerUnusable,
    MapServiceBlank,
    MapServiceDown,
    MapServiceError,
    MapServiceOff,
    MapServiceRefusal,
    StorageFull,
    StorageUnreachable,
)
from shared.geo.crs import shown_name
from shared.geo.open import recognise_format
from shared.geo.plain import BROKEN_FILE
from shared.geo.raster import Patch
from shared.settings import Settings
from shared.store.file_cache import FileCache

ATTEMPTS = 4
"""The first and three more."""
PAUSES_S = (0.5, 1.0, 2.0)
TIMEOUT_S = 30.0
MOST_SIDE_PX = 4096
MOST_REDIRECTS = 3
ROOM_BYTES = 2**20
BYTES_PER_PIXEL = 8
MESSAGE_CHARACTERS = 200
SHELF = "wms"
_PORTS = {"http": 80, "https": 443}
_FORMATS = {"PNG", "JPEG"}
_MESSAGE = re.compile(rb"<(?:\w+:)?ServiceException\b[^>]*>(.*?)</(?:\w+:)?ServiceException>", re.S)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.S)
Bounds = tuple[float, float, float, float]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MapLayer:
    """A layer of a map service.

    Args:
        url: Address of the service; parameters it needs may stand in it.
        layers: Names of its layers, joined by commas.
        crs: Coordinate system of the picture, "EPSG:n" or "CRS:84".
        version: Version of the protocol.
        image_format: Type of the picture.
        styles: Names of styles; empty takes the service's own.
    """

    url: str
    layers: str
    crs: str = "EPSG:25832"
    version: Literal["1.1.1", "1.3.0"] = "1.3.0"
    image_format: Literal["image/png", "image/jpeg"] = "image/png"
    styles: str = ""


class MapServices:
    """The map services that this installation may ask; one thread at a time.

    Args:
        hosts: Names of allowed hosts, with a port where it is not the usual one.
        cache: Where pictures are kept; None asks again each time.
        sleep: Waits between attempts [s].
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        hosts: Collection[str],
        cache: FileCache | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hosts = frozenset(host.strip().lower() for host in hosts if host.strip())
        self._cache = cache
        self._sleep = sleep
        self._clock = clock
        self._http = httpx.Client(
            trust_env=False,
            follow_redirects=False,
            timeout=TIMEOUT_S,
            headers={"accept-encoding": "identity"},
            # Each request has its own connection, which can be cut, and nothing to be known by.
            limits=httpx.Limits(max_keepalive_connections=0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def get_map(self, layer: MapLayer, bounds: Bounds, width: int, height: int) -> Patch:
        """Return a picture.

        Args:
            layer: What to ask for.
            bounds: West, south, east, north in the units of the layer's system; x first, always.
            width: Columns [px], 1 to 4,096.
            height: Rows [px], 1 to 4,096.

        Raises:
            ValueError: A size is out of range or the bounds are empty or endless.
            CoordinatesUnknown: Nobody knows the layer's system.
            MapServiceOff: The host is not allowed.
            MapServiceDown: No answer after four attempts.
            MapServiceRefusal: The service sent a message in place of a picture.
            MapServiceAnswerUnusable: The answer is no picture of this size.
            MapServiceBlank: The picture has one colour.
        """
        url = map_url(layer, bounds, width, height)
        self._refuse_foreign(url)
        key = f"{SHELF}/{hashlib.sha256(url.encode()).hexdigest()}"
        host = _host(urlsplit(url))
        if (kept := self._kept(key, (width, height))) is not None:
            return kept
        content = self._ask(url, width * height * BYTES_PER_PIXEL + ROOM_BYTES)
        patch = _decoded(content, (width, height), host)
        if _is_blank(patch):
            raise MapServiceBlank(host=host)
        self._keep(key, content)
        return patch

    def _kept(self, key: str, size: tuple[int, int]) -> Patch | None:
        try:
            path = self._cache.find(key) if self._cache is not None else None
            return _decoded(path.read_bytes(), size, "") if path is not None else None
        except (OSError, MapServiceAnswerUnusable):
            return None  # another process has just made room, or the disk lost a part

    def _keep(self, key: str, content: bytes) -> None:
        """Keep an answer where that is possible; else the service is asked again next time."""
        if self._cache is None:
            return
        try:
            self._cache.keep(self._cache.write(SHELF, content).path, key)
        except (OSError, StorageFull, StorageUnreachable) as error:
            _log.warning("pictures of map services cannot be kept: %s", type(error).__name__)

    def _refuse_foreign(self, url: str) -> None:
        parts = urlsplit(url)
        host = _host(parts)
        if parts.scheme not in _PORTS or parts.username is not None or host not in self._hosts:
            raise MapServiceOff(host=host[:100] or "?")

    def _ask(self, url: str, most_bytes: int) -> bytes:
        """Return the body of a good answer; try again after faults that may pass."""
        host = _host(urlsplit(url))
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(PAUSES_S[attempt - 1])
            try:
                return self._follow(url, most_bytes)
            except (httpx.TransportError, _Passing):
                continue
            except httpx.InvalidURL as cause:
                raise MapServiceAnswerUnusable(host=host) from cause
        raise MapServiceDown(host=host)

    def _follow(self, url: str, most_bytes: int) -> bytes:
        """Follow redirects as long as they stay on the host; nobody allowed another one."""
        first = urlsplit(url)
        for _ in range(MOST_REDIRECTS + 1):
            limit = _HeaderLimit()
            with limit, self._http.stream("GET", url, extensions={"trace": limit.note}) as answer:
                limit.end()
                if not answer.is_redirect:
                    return self._body(answer, most_bytes, _host(first))
                location = answer.headers["location"]
            try:
                url = urljoin(url, location)
                there = urlsplit(url)
            except ValueError:
                break
            if (there.scheme, _host(there)) != (first.scheme, _host(first)):
                break
        raise MapServiceAnswerUnusable(host=_host(first))

    def _body(self, answer: httpx.Response, most_bytes: int, host: str) -> bytes:
        if answer.status_code >= 500 or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise _Passing
        until = self._clock() + TIMEOUT_S
        body = bytearray()
        for block in answer.iter_raw():
            body += block
            if len(body) > most_bytes:
                raise MapServiceAnswerUnusable(host=host)
            if self._clock() > until:
                raise _Passing
        return _checked(answer, bytes(body), host)


def map_services(settings: Settings) -> MapServices:
    """Return the services that the settings allow; pictures are kept in the data folder.

    Args:
        settings: Settings of the house.
    """
    cache = FileCache(settings.data_dir.resolve() / "cache" / SHELF)
    return MapServices(settings.wms_hosts.split(","), cache)


class _Passing(Exception):
    """A fault of the service that may pass."""


class _HeaderLimit:
    """Cut the connection when the head of an answer takes too long, whatever comes meanwhile.

    The library's own limit starts anew with each byte.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._timer = Timer(TIMEOUT_S, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_error: object) -> None:
        self.end()

    def note(self, event: str, details: Mapping[str, Any]) -> None:
        """Take what the library tells about a request; see the `trace` extension of httpcore."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = details["return_value"].get_extra_info("socket")

    def end(self) -> None:
        """The head has come, or nothing will."""
        self._timer.cancel()

    def _cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def map_url(layer: MapLayer, bounds: Bounds, width: int, height: int) -> str:
    """Return the address of a GetMap request.

    Version 1.3.0 puts the numbers of the box in the order of the system's axes (north first for
    EPSG:4326 and EPSG:31467), 1.1.1 always east first. Source: OGC 06-042, section 6.7.2.

    Args:
        layer: What to ask for.
        bounds: West, south, east, north; x first, always.
        width: Columns [px].
        height: Rows [px].

    Raises:
        ValueError: A size is out of range or the bounds are empty or endless.
        CoordinatesUnknown: Nobody knows the system.
    """
    west, south, east, north = bounds
    is_size = 1 <= width <= MOST_SIDE_PX and 1 <= height <= MOST_SIDE_PX
    is_place = all(map(math.isfinite, bounds)) and west < east and south < north
    if not (is_size and is_place):
        message = f"no map of {width} x {height} px for {bounds}"
        raise ValueError(message)
    box = (west, south, east, north)
    if layer.version == "1.3.0" and _north_first(layer.crs):
        box = (south, west, north, east)
    own = {
        "SERVICE": "WMS",
        "VERSION": layer.version,
        "REQUEST": "GetMap",
        "LAYERS": layer.layers,
        "STYLES": layer.styles,
        "CRS" if layer.version == "1.3.0" else "SRS": layer.crs,
        "BBOX": ",".join(repr(float(one)) for one in box),
        "WIDTH": str(width),
        "HEIGHT": str(height),
        "FORMAT": layer.image_format,
        "TRANSPARENT": "TRUE" if layer.image_format == "image/png" else "FALSE",
        "EXCEPTIONS": "XML" if layer.version == "1.3.0" else "application/vnd.ogc.se_xml",
    }
    parts = urlsplit(layer.url)
    stated = [(name, value) for name, value in parse_qsl(parts.query) if name.upper() not in own]
    query = urlencode([*stated, *own.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _north_first(crs: str) -> bool:
    if crs.upper().startswith("CRS:"):
        return False
    try:
        known = CRS.from_user_input(crs)
    except CRSError as cause:
        raise CoordinatesUnknown(crs=shown_name(crs)) from cause
    return str(known.axis_info[0].direction).lower() == "north"


def _host(parts: SplitResult) -> str:
    """Return the host, with its port where that is not the usual one of the scheme."""
    try:
        port = parts.port
    except ValueError:
        return "?"
    name = (parts.hostname or "").lower()
    return name if port in (None, _PORTS.get(parts.scheme)) else f"{name}:{port}"


def _checked(answer: httpx.Response, body: bytes, host: str) -> bytes:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_text = "xml" in kind or kind.startswith("text/") or body.lstrip()[:1] == b"<"
    if is_text and (found := _MESSAGE.search(body)):
        raise MapServiceRefusal(host=host, message=_readable(found[1]))
    is_packed = answer.headers.get("content-encoding", "identity").lower() != "identity"
    unusable = answer.status_code != httpx.codes.OK or is_packed or not kind.startswith("image/")
    if unusable or recognise_format(body[:16]) not in _FORMATS:
        raise MapServiceAnswerUnusable(host=host)
    return body


def _readable(message: bytes) -> str:
    text = _CDATA.sub(r"\1", message.decode("utf-8", "replace"))
    plain = re.sub(r"<[^>]*>", " ", text)
    visible = "".join(one if one.isprintable() else " " for one in plain)
    return " ".join(visible.split())[:MESSAGE_CHARACTERS] or "–"


def _decoded(content: bytes, size: tuple[int, int], host: str) -> Patch:
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            if image.size != size:
                raise MapServiceAnswerUnusable(host=host)
            pixels = np.asarray(image.convert("RGBA"))
    except MapServiceError:
        raise
    except (*BROKEN_FILE, Image.DecompressionBombError) as cause:
        raise MapServiceAnswerUnusable(host=host) from cause
    return Patch(np.ascontiguousarray(pixels[..., :3]), pixels[..., 3] > 0)


def _is_blank(patch: Patch) -> bool:
    """Tell whether a picture is transparent or of one colour: services answer so outside."""
    if not patch.valid.any():
        return True
    seen = patch.rgb[patch.valid]
    return bool((seen == seen[0]).all())
