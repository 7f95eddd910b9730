"""Every bad input of the list gets its documented answer in German and harms nothing after it.

The list is the one of the server's specification: bad items fail alone in an answer 200, bad
requests are refused as a whole.
"""

from __future__ import annotations

import io
import json
import re
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from model_server.catalog import BUILT_IN, load_catalog
from shared.contracts.model_server import ErrorBody, ItemFailed, TaskResponse
from tests.model_server.colour_models import write_pair_model
from tests.model_server.conftest import Service
from tests.model_server.pictures import empty_png, encode, noise

OPTIONS = {"model": "solar", "gsd_m": 0.12}
GOOD = encode(noise(64, 64))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>'
ENGLISH = re.compile(r"\b(the|not|error|invalid|failed|field|required)\b", re.IGNORECASE)


def tiff(values: np.ndarray) -> bytes:
    """Return a TIFF with the bands of an array (height x width x bands), whatever their number."""
    height, width, bands = values.shape
    bits, kind = 8 * values.dtype.itemsize, 3 if values.dtype.kind == "f" else 1
    pixels = values.tobytes()
    lists = struct.pack(f"<{bands}H", *[bits] * bands) + struct.pack(f"<{bands}H", *[kind] * bands)
    after = 8 + len(pixels)
    entries = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, bands, after if bands > 2 else bits),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 8),
        (277, 3, 1, bands),
        (278, 3, 1, height),
        (279, 4, 1, len(pixels)),
        (339, 3, bands, after + 2 * bands if bands > 2 else kind),
    ]
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    head = b"II*\0" + struct.pack("<I", after + len(lists))
    return head + pixels + lists + directory


def transparent_palette() -> bytes:
    image = noise(64, 64).quantize(16)
    return encode(image, transparency=3)


def animated_webp() -> bytes:
    buffer = io.BytesIO()
    more = [noise(64, 64, 2), noise(64, 64, 3)]
    noise(64, 64, 1).save(buffer, "WEBP", save_all=True, append_images=more)
    return buffer.getvalue()


BAD_ITEMS: dict[str, tuple[bytes, str]] = {
    "empty part": (b"", "datei_leer"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "bild_format"),
    "SVG": (SVG, "bild_format"),
    "text": ("Grüße".encode(), "bild_format"),
    "GIF": (encode(noise(64, 64), "GIF"), "bild_format"),
    "truncated JPEG": (encode(noise(256, 256), "JPEG")[:6000], "bild_beschaedigt"),
    "truncated PNG": (encode(noise(256, 256))[:6000], "bild_beschaedigt"),
    "PNG bomb": (empty_png(20_000, 20_000), "bild_zu_gross"),
    "PNG of 81 megapixels": (empty_png(9_000, 9_000), "bild_zu_gross"),
    "1 x 1": (encode(noise(1, 1)), "bild_kantenlaenge"),
    "30,000 x 2": (encode(Image.new("RGB", (30_000, 2))), "bild_kantenlaenge"),
    "16-bit float TIFF": (tiff(np.zeros((64, 64, 1), np.float16)), "farbtiefe"),
    "32-bit float TIFF": (tiff(np.zeros((64, 64, 1), np.float32)), "farbtiefe"),
    "5 bands": (tiff(np.zeros((64, 64, 5), np.uint8)), "baender_fehlen"),
    "16-bit TIFF": (tiff(np.zeros((64, 64, 3), np.uint16)), "farbtiefe"),
}
GOOD_ITEMS: dict[str, tuple[bytes, list[str]]] = {
    "CMYK": (encode(noise(64, 64).convert("CMYK"), "JPEG"), []),
    "palette with transparency": (transparent_palette(), []),
    "animated WEBP": (animated_webp(), ["mehrseitig"]),
}


def post(client: httpx.Client, images: list[bytes], **options: Any) -> httpx.Response:
    parts = [("images", ("image", image)) for image in images]
    fields = {"options": json.dumps({**OPTIONS, **options})}
    return client.post("/segment", files=parts, data=fields)


def is_german(text: str) -> bool:
    return bool(text) and not ENGLISH.search(text)


@pytest.fixture
def untouched(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """After the test the server answers as ever, and no file is left in the temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    with service.client() as client:
        answer = TaskResponse.model_validate_json(post(client, [GOOD]).content)
    assert answer.results[0].status == "ok"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", BAD_ITEMS)
def test_bad_items_fail_alone_and_in_german(service: Service, untouched: None, name: str) -> None:
    image, code = BAD_ITEMS[name]
    with service.client() as client:
        response = post(client, [GOOD, image, GOOD])
    first, failed, last = TaskResponse.model_validate_json(response.content).results
    assert (first.status, last.status) == ("ok", "ok")
    assert isinstance(failed, ItemFailed)
    assert failed.error.code == code
    assert is_german(failed.error.message)
    assert is_german(failed.error.what_to_do)


@pytest.mark.parametrize("name", GOOD_ITEMS)
def test_unusual_images_are_converted(service: Service, untouched: None, name: str) -> None:
    image, warnings = GOOD_ITEMS[name]
    with service.client() as client:
        (result,) = TaskResponse.model_validate_json(post(client, [image]).content).results
    assert result.status == "ok"
    # Noise is unlike any training tile, which the model may say.
    codes = [warning.code for warning in result.warnings if warning.code != "domain_shift"]
    assert codes == warnings
    assert all(is_german(warning.message) for warning in result.warnings)


def text_part(client: httpx.Client) -> httpx.Response:
    return client.post("/segment", files=[("images", (None, "/etc/passwd"))])


def unequal_counts(client: httpx.Client) -> httpx.Response:
    parts = [("before", ("a", GOOD)), ("before", ("b", GOOD)), ("after", ("c", GOOD))]
    return client.post("/change", files=parts)


def too_many(client: httpx.Client) -> httpx.Response:
    return post(client, [GOOD] * 17)


def too_many_pages(client: httpx.Client) -> httpx.Response:
    return client.post("/layout", files=[("images", ("image", GOOD))] * 9)


def options_as_file(client: httpx.Client) -> httpx.Response:
    parts = [("images", ("image", GOOD)), ("options", ("o.json", b"{}"))]
    return client.post("/segment", files=parts)


def with_options(*texts: str) -> Callable[[httpx.Client], httpx.Response]:
    def send(client: httpx.Client) -> httpx.Response:
        parts = [("images", ("image", GOOD))]
        return client.post("/segment", files=parts, data={"options": list(texts)})

    return send


def two_tokens(client: httpx.Client) -> httpx.Response:
    token = client.get("/livez").request.headers["Authorization"]
    headers = [("Authorization", token), ("Authorization", token)]
    with httpx.Client(base_url=client.base_url, trust_env=False) as other:
        return other.get("/models", headers=headers)


BAD_REQUESTS: dict[str, tuple[Callable[[httpx.Client], httpx.Response], int, str]] = {
    "text part": (text_part, 400, "anfrage_ungueltig"),
    "unequal part counts": (unequal_counts, 400, "anfrage_ungueltig"),
    "17 parts": (too_many, 400, "anfrage_ungueltig"),
    "9 pages": (too_many_pages, 400, "anfrage_ungueltig"),
    "options as file": (options_as_file, 400, "anfrage_ungueltig"),
    "options []": (with_options("[]"), 400, "anfrage_ungueltig"),
    "duplicate options": (with_options("{}", "{}"), 400, "anfrage_ungueltig"),
    "NaN threshold": (with_options('{"min_score": NaN}'), 400, "anfrage_ungueltig"),
    "infinite threshold": (with_options('{"min_score": 1e999}'), 400, "anfrage_ungueltig"),
    "unknown model": (with_options('{"model": "nix"}'), 404, "modell_fehlt"),
    "version with path": (with_options('{"version": "../../x"}'), 400, "anfrage_ungueltig"),
    "two Authorization headers": (two_tokens, 401, "nicht_angemeldet"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_requests_are_refused_in_german(service: Service, untouched: None, name: str) -> None:
    send, status, code = BAD_REQUESTS[name]
    with service.client() as client:
        response = send(client)
    body = ErrorBody.model_validate_json(response.content)
    assert (response.status_code, body.code) == (status, code)
    assert is_german(body.message)
    assert is_german(body.what_to_do)


@pytest.mark.parametrize(
    ("gsd_m", "code"), [(None, "aufloesung_fehlt"), (5.0, "aufloesung_ungeeignet")]
)
def test_a_wrong_or_missing_resolution_is_said(
    service: Service, untouched: None, gsd_m: float | None, code: str
) -> None:
    with service.client() as client:
        (failed,) = TaskResponse.model_validate_json(
            post(client, [GOOD], gsd_m=gsd_m).content
        ).results
    assert isinstance(failed, ItemFailed)
    assert failed.error.code == code
    assert is_german(failed.error.message)


def test_bad_texts_fail_alone_and_in_german(service: Service, untouched: None) -> None:
    texts = ["Rathaus", "", "x" * 5000, "\ud800"]
    body = json.dumps({"texts": texts}).encode()
    with service.client() as client:
        kind = {"Content-Type": "application/json"}
        response = client.post("/embed", content=body, headers=kind)
    results = TaskResponse.model_validate_json(response.content).results
    codes = ["ok" if result.status == "ok" else result.error.code for result in results]
    assert codes == ["ok", "text_laenge", "text_laenge", "text_zeichen"]
    assert all(is_german(result.error.message) for result in results[1:])


def test_images_of_a_pair_must_have_one_size(
    service: Service, untouched: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("models")
    write_pair_model(folder)
    service.engine.replace_catalog(lambda: load_catalog([BUILT_IN, folder]))
    other = encode(noise(96, 64))
    parts = [("before", ("a", GOOD)), ("after", ("b", GOOD))]
    parts += [("before", ("c", GOOD)), ("after", ("d", other))]
    with service.client() as client:
        response = client.post("/change", files=parts, data={"options": '{"model": "pairs"}'})
    service.engine.replace_catalog(lambda: load_catalog([BUILT_IN]))
    good, failed = TaskResponse.model_validate_json(response.content).results
    assert good.status == "ok"
    assert isinstance(failed, ItemFailed)
    assert failed.error.code == "bildpaar_ungleich"
    assert is_german(failed.error.message)
