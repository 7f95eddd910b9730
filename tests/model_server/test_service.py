"""The service over HTTP: one answer per item, documented refusals, nobody harms a neighbour."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from shared.clients.model_server import ModelServerClient
from shared.contracts.model_catalog import Catalog, ModelDetail
from shared.contracts.model_server import MAX_BODY_BYTES, ErrorBody, TaskResponse
from shared.settings import REPOSITORY
from tests.model_server.conftest import Service
from tests.model_server.pictures import empty_png, encode, noise
from tests.timing import PATIENCE_S, wait_until

SNAPSHOT = Path(__file__).with_name("openapi.json")
OPTIONS = {"model": "solar", "gsd_m": 0.12, "min_score": 0.0}
MULTIPART = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
HALF_A_FORM = PART % (b"options", b"", json.dumps(OPTIONS).encode()) + PART * 2 % (
    *(b"images", b'; filename="a"', b"complete"),
    *(b"images", b'; filename="b"', b"cut off"),
)
"""Without the last boundary the second image would be missing, and nobody would notice."""


def grey(shade: int, side: int = 64) -> bytes:
    return encode(Image.new("RGB", (side, side), (shade, shade, shade)))


def files(*images: bytes) -> list[tuple[str, Any]]:
    return [("images", ("image", image)) for image in images]


def segment(
    client: httpx.Client, *images: bytes, options: dict[str, Any] | None = None
) -> httpx.Response:
    fields = {"options": json.dumps(OPTIONS if options is None else options)}
    return client.post("/segment", files=files(*images), data=fields)


def scores(response: httpx.Response) -> list[Any]:
    answer = TaskResponse.model_validate_json(response.content)
    return [
        result.value["instances"][0]["score"] if result.status == "ok" else result.error.code
        for result in answer.results
    ]


def refusal(response: httpx.Response) -> tuple[int, str]:
    body = ErrorBody.model_validate_json(response.content)
    assert body.message
    assert body.request_id == response.headers["X-Request-Id"]
    assert "Traceback" not in response.text
    return response.status_code, body.code


def test_each_image_gets_its_own_result_in_order(service: Service) -> None:
    service.fake_solar()
    with service.client() as client:
        response = segment(client, grey(51), grey(102), grey(204))
    assert response.status_code == 200
    assert scores(response) == pytest.approx([0.2, 0.4, 0.8], abs=1e-6)


def test_bad_items_fail_alone(service: Service) -> None:
    service.fake_solar()
    white = grey(255)
    with service.client() as client:
        response = segment(client, grey(51), b"", white, b"%PDF", empty_png(9000, 9000), grey(102))
    found = scores(response)
    assert found[0] == pytest.approx(0.2)
    assert found[1:5] == [
        "datei_leer",
        "vorhersage_gescheitert",
        "bild_format",
        "bild_zu_gross",
    ]
    assert found[5] == pytest.approx(0.4)


def test_many_clients_with_different_options_get_their_own(service: Service) -> None:
    runtime = service.fake_solar()
    runtime.delay_s = 0.02

    def call(number: int) -> None:
        shades = [10 + number * 3 + place for place in range(1 + number % 3)]
        strict = number % 2 == 0
        options = {**OPTIONS, "min_score": 0.999 if strict else 0.0}
        with service.client() as client:
            response = segment(client, *map(grey, shades), options=options)
        answer = TaskResponse.model_validate_json(response.content)
        found = [[entry["score"] for entry in r.value["instances"]] for r in answer.results]
        wanted = [[] if strict else [pytest.approx(shade / 255, abs=1e-6)] for shade in shades]
        assert found == wanted

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(call, range(72)))
    assert max(runtime.batches) > 1


@pytest.mark.parametrize(
    "change", [lambda raws: raws[1:], lambda raws: [*raws, raws[-1]], lambda raws: []]
)
def test_a_predictor_with_a_wrong_count_yields_only_errors(service: Service, change: Any) -> None:
    service.fake_solar().change = change
    with service.client() as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda shade: segment(client, grey(shade)), range(0, 160, 10)))
    codes = {code for answer in answers for code in scores(answer)}
    assert codes == {"stapel_verletzt"}


def test_the_shipped_models_answer(service: Service) -> None:
    with service.client() as client:
        answer = TaskResponse.model_validate_json(segment(client, encode(noise(256, 200))).content)
    assert answer.model.name == "solar"
    assert answer.model.runtime == "onnxruntime"
    assert answer.results[0].status == "ok"
    assert (answer.results[0].value["width"], answer.results[0].value["height"]) == (256, 200)


def test_the_same_image_gives_the_same_bytes(service: Service) -> None:
    image = encode(noise(200, 128, seed=4))
    with service.client() as client:
        first, second = segment(client, image).json(), segment(client, image).json()
    assert first["results"] == second["results"]


@pytest.mark.parametrize(
    ("gsd_m", "code"),
    [(None, "aufloesung_fehlt"), (30.0, "aufloesung_ungeeignet"), (0.001, "aufloesung_ungeeignet")],
)
def test_resolution_is_checked(service: Service, gsd_m: float | None, code: str) -> None:
    options = {key: value for key, value in {**OPTIONS, "gsd_m": gsd_m}.items() if value}
    with service.client() as client:
        assert scores(segment(client, grey(9), options=options)) == [code]


def test_an_unusual_resolution_is_warned_about(service: Service) -> None:
    service.fake_solar()
    with service.client() as client:
        response = segment(client, grey(51), options={**OPTIONS, "gsd_m": 0.2})
    (result,) = TaskResponse.model_validate_json(response.content).results
    assert [warning.code for warning in result.warnings] == ["aufloesung_abweichend"]
    assert "0,2 m" in result.warnings[0].message


BAD_REQUESTS: list[tuple[dict[str, Any], int, str]] = [
    ({"files": files(grey(1)), "data": {"options": "[]"}}, 400, "anfrage_ungueltig"),
    ({"files": files(grey(1)), "data": {"options": "{"}}, 400, "anfrage_ungueltig"),
    ({"files": files(grey(1)), "data": {"options": '{"surprise": 1}'}}, 400, "anfrage_ungueltig"),
    ({"files": files(grey(1)), "data": {"options": '{"gsd_m": "a"}'}}, 400, "anfrage_ungueltig"),
    (
        {"files": files(grey(1)), "data": {"options": '{"min_score": NaN}'}},
        400,
        "anfrage_ungueltig",
    ),
    ({"files": files(grey(1)), "data": {"options": '{"model": "nix"}'}}, 404, "modell_fehlt"),
    (
        {"files": files(grey(1)), "data": {"options": '{"version": "../../etc"}'}},
        400,
        "anfrage_ungueltig",
    ),
    (
        {"files": files(grey(1)), "data": {"options": '{"model": "solar", "version": "99.0.0"}'}},
        404,
        "modell_fehlt",
    ),
    (
        {"files": files(grey(1)), "data": {"options": '{"model": "solar", "bands": "rgbi"}'}},
        400,
        "anfrage_ungueltig",
    ),
    (
        {"files": files(grey(1)), "data": {"options": '{"model": "solar", "output": "classes"}'}},
        400,
        "anfrage_ungueltig",
    ),
    ({"files": files(grey(1)), "data": {"options": '{"gsd_m": "0.1"}'}}, 400, "anfrage_ungueltig"),
    ({"files": files(grey(1)), "data": {"options": '{"gsd_m": true}'}}, 400, "anfrage_ungueltig"),
    (
        {"files": files(grey(1)), "data": {"options": '{"model": "solar", "version": "٠.١.٠"}'}},
        400,
        "anfrage_ungueltig",
    ),
    ({"files": files(*[grey(1)] * 17)}, 400, "anfrage_ungueltig"),
    ({"files": [("other", ("x", grey(1)))]}, 400, "anfrage_ungueltig"),
    (
        {"files": [*files(grey(1)), ("options", ("o.json", b"{}"))]},
        400,
        "anfrage_ungueltig",
    ),
    (
        {"files": files(grey(1)), "data": {"options": ["{}", "{}"]}},
        400,
        "anfrage_ungueltig",
    ),
    ({"files": [("options", (None, "{}"))]}, 400, "anfrage_ungueltig"),
    (
        {"content": b"--x\r\nbroken", "headers": {"Content-Type": MULTIPART}},
        400,
        "anfrage_ungueltig",
    ),
    ({"content": b"", "headers": {"Content-Type": MULTIPART}}, 400, "anfrage_ungueltig"),
    (
        {"content": b"a", "headers": {"Content-Type": "multipart/form-data"}},
        400,
        "anfrage_ungueltig",
    ),
    ({"json": {"images": [[1, 2], [3, 4]]}}, 415, "inhaltstyp"),
    (
        {
            "content": pickle.dumps({"a": 1}),
            "headers": {"Content-Type": "application/vnd.bentoml+pickle"},
        },
        415,
        "inhaltstyp",
    ),
    (
        {
            "content": b"x",
            "headers": {"Content-Type": MULTIPART, "Content-Length": str(65 * 2**20)},
        },
        413,
        "anfrage_zu_gross",
    ),
]


@pytest.mark.parametrize(("request_", "status", "code"), BAD_REQUESTS)
def test_bad_requests_get_their_documented_answer(
    service: Service, request_: dict[str, Any], status: int, code: str
) -> None:
    with service.client() as client:
        if request_.get("headers", {}).get("Content-Length"):
            assert refusal(announce(service, 65 * 2**20)) == (status, code)
        else:
            assert refusal(client.post("/segment", **request_)) == (status, code)
        assert segment(client, grey(77)).status_code == 200


@pytest.mark.parametrize("charset", ["undefined", "punycode", "unicode_escape", "utf-7", "idna"])
def test_a_strange_character_set_is_refused(service: Service, charset: str) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\nabc\r\n'
        b'--x\r\nContent-Disposition: form-data; name="\\ud800"\r\n\r\n{}\r\n--x--\r\n'
    )
    kind = {"Content-Type": f"{MULTIPART}; charset={charset}"}
    with service.client() as client:
        response = client.post("/segment", content=body, headers=kind)
    assert refusal(response) == (400, "anfrage_ungueltig")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"files": files(*[grey(1)] * 17)}, "images: höchstens 16 Dateien"),
        (
            {"files": files(grey(1)), "data": {"options": ["{}", "{}"]}},
            "options: höchstens ein Textfeld",
        ),
        (
            {"files": files(grey(1)), "data": {"options": "x" * 17_000}},
            "options: höchstens 16 KB",
        ),
        (
            {"content": b"no form", "headers": {"Content-Type": MULTIPART}},
            "multipart/form-data",
        ),
        (
            {"content": HALF_A_FORM, "headers": {"Content-Type": MULTIPART}},
            "multipart/form-data",
        ),
    ],
)
def test_a_broken_form_is_explained_in_german(
    service: Service, request_: dict[str, Any], words: str
) -> None:
    with service.client() as client:
        body = ErrorBody.model_validate_json(client.post("/segment", **request_).content)
    assert body.message == f"Die Anfrage ist ungültig: {words}"


def test_what_nobody_waits_for_any_more_is_not_computed(service: Service) -> None:
    runtime, may_go = service.fake_solar(), threading.Event()

    def held(results: list[Any]) -> list[Any]:
        assert may_go.wait(PATIENCE_S)
        return results

    runtime.change = held
    fields = {"options": json.dumps(OPTIONS)}
    request = httpx.Request("POST", service.url, files=files(grey(153)), data=fields)
    body, kind = request.read(), request.headers["Content-Type"]
    host, port = service.url.removeprefix("http://").split(":")
    head = (
        f"POST /segment HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {service.token}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with (
        service.client() as client,
        ModelServerClient(service.settings) as looker,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(segment, client, grey(51))
        wait_until(lambda: runtime.batches)
        gone = [socket.create_connection((host, int(port)), timeout=10) for _ in range(5)]
        for connection in gone:
            connection.sendall(head + body)
        # They are parsed and wait behind the first.
        wait_until(lambda: looker.health().queue == 6)
        for connection in gone:
            connection.close()
        wait_until(lambda: looker.health().queue == 1)
        may_go.set()
        assert scores(first.result(20)) == pytest.approx([0.2])
        assert scores(segment(client, grey(102))) == pytest.approx([0.4])
    assert sum(runtime.batches) == 2


def test_an_item_without_a_finite_number_fails_alone(service: Service) -> None:
    def spoil(results: list[Any]) -> list[Any]:
        results[0]["output0"][0] = np.nan
        return results

    service.fake_solar().change = spoil
    with service.client() as client:
        found = scores(segment(client, grey(51), grey(102)))
    assert found == ["vorhersage_gescheitert", pytest.approx(0.4, abs=1e-6)]


def test_a_model_that_cannot_be_loaded_is_missing_from_then_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    def fail(model: object, threads: int) -> Any:
        opened.append(model)
        raise ValueError("broken")

    service.engine.shelf._loaded.clear()
    monkeypatch.setattr(service.engine.shelf, "_opener", fail)
    monkeypatch.setattr(service.engine.shelf, "_broken", set())
    with service.client() as client:
        assert scores(segment(client, grey(1))) == ["vorhersage_gescheitert"]
        assert refusal(segment(client, grey(1), grey(2))) == (404, "modell_fehlt")
        states = {row["name"]: row["state"] for row in client.get("/models").json()["models"]}
    assert states["solar"] == "failed"
    assert len(opened) == 1


def announce(service: Service, length: int) -> httpx.Response:
    """Announce a body of some length and send none of it."""
    host, port = service.url.removeprefix("http://").split(":")
    head = (
        f"POST /segment HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {service.token}\r\n"
        f"Content-Type: {MULTIPART}\r\nContent-Length: {length}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        raw = b"".join(iter(lambda: connection.recv(65536), b""))
    head_bytes, _, body = raw.partition(b"\r\n\r\n")
    lines = head_bytes.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return httpx.Response(int(lines[0].split()[1]), headers=headers, content=body)


def test_a_text_in_place_of_a_file_is_refused_and_never_fetched(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    real = socket.getaddrinfo

    def watch(host: object, *rest: Any, **more: Any) -> Any:
        if host != "127.0.0.1":
            asked.append(host)
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", watch)
    for text in ("http://example.invalid/x.png", "/etc/passwd", "file:///etc/passwd"):
        with service.client() as client:
            response = client.post("/segment", files=[("images", (None, text))])
        assert refusal(response) == (400, "anfrage_ungueltig")
    assert asked == []


def test_a_body_without_length_is_counted_while_it_arrives(service: Service) -> None:
    sent = 0

    def endless() -> Any:
        nonlocal sent
        yield b"--x\r\nContent-Disposition: form-data; name=images; filename=a\r\n\r\n"
        while sent < 4 * MAX_BODY_BYTES:
            sent += 2**20
            yield bytes(2**20)

    with service.client() as client:
        try:
            response = client.post(
                "/segment", content=endless(), headers={"Content-Type": MULTIPART}
            )
        except httpx.TransportError:
            # The server may close before the client looks for the answer.
            response = None
        assert response is None or refusal(response) == (413, "anfrage_zu_gross")
        assert sent < 2 * MAX_BODY_BYTES
        assert segment(client, grey(77)).status_code == 200


def test_uploads_never_touch_the_disk(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    rolled: list[object] = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda self: rolled.append(self))
    large = encode(noise(1200, 1200), compress_level=0)
    assert len(large) > 3 * 2**20
    with service.client() as client:
        assert segment(client, large).status_code == 200
    assert rolled == []


def test_a_long_file_name_is_ignored(service: Service) -> None:
    parts = [("images", ("../" * 100 + "x" * 300, grey(7)))]
    with service.client() as client:
        response = client.post("/segment", files=parts, data={"options": json.dumps(OPTIONS)})
    assert response.status_code == 200


def test_texts_fail_one_by_one(service: Service) -> None:
    with ModelServerClient(service.settings) as client:
        results = client.embed(["Grüße aus dem Rathaus", "", "x" * 5000, "\ud800", "a\0b"])
    codes = ["ok" if r.status == "ok" else r.error.code for r in map(_as_status, results)]
    assert codes == ["ok", "text_laenge", "text_laenge", "text_zeichen", "ok"]
    assert np.linalg.norm(results[0].vector) == pytest.approx(1, abs=1e-3)


def test_a_text_does_not_end_at_its_first_nul(service: Service) -> None:
    with ModelServerClient(service.settings) as client:
        whole, split, start = client.embed(["Rathaus Markt", "Rathaus\0Markt", "Rathaus"])
    assert np.array_equal(whole.vector, split.vector)
    assert not np.array_equal(split.vector, start.vector)


def _as_status(result: Any) -> Any:
    return result if hasattr(result, "status") else type("Ok", (), {"status": "ok"})


def test_a_question_is_closest_to_its_answer(service: Service) -> None:
    with ModelServerClient(service.settings) as client:
        (question,) = client.embed(["Wann wird der Müll abgeholt?"], kind="query")
        passages = client.embed(
            ["Die Mülltonnen werden montags geleert.", "Das Standesamt beurkundet Ehen."],
            kind="passage",
        )
    near, far = (float(question.vector @ passage.vector) for passage in passages)
    assert near > far


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"texts": []}',
        b'{"texts": "a"}',
        b'{"texts": [1]}',
        b'{"texts": ["a"], "x": 1}',
    ],
)
def test_bad_text_requests_are_refused(service: Service, body: bytes) -> None:
    with service.client() as client:
        response = client.post("/embed", content=body, headers={"Content-Type": "application/json"})
    assert refusal(response) == (400, "anfrage_ungueltig")


def test_pages_are_few_per_request_and_lines_many(service: Service) -> None:
    crop = encode(Image.new("RGB", (64, 32), "white"))
    with service.client() as client:
        too_many = client.post("/ocr", files=files(*[crop] * 5))
        lines = client.post("/ocr", files=files(*[crop] * 5), data={"options": '{"mode": "lines"}'})
    assert refusal(too_many) == (400, "anfrage_ungueltig")
    assert len(TaskResponse.model_validate_json(lines.content).results) == 5


def test_without_token_nothing_but_health_is_open(service: Service) -> None:
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code in (200, 503)
        for path in ("/", "/models", "/models/solar", "/metrics", "/docs.json", "/schema.json"):
            assert refusal(client.get(path)) == (401, "nicht_angemeldet")
        for path in ("/segment", "/ocr", "/embed"):
            assert refusal(client.post(path)) == (401, "nicht_angemeldet")


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer wrong")],
        [("Authorization", "Basic x")],
        [("Authorization", "")],
        [("Authorization", "Bearer REAL"), ("Authorization", "Bearer REAL")],
    ],
)
def test_wrong_tokens_are_refused(service: Service, headers: list[tuple[str, str]]) -> None:
    sent = [(name, value.replace("REAL", service.token)) for name, value in headers]
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        assert refusal(client.get("/models", headers=sent)) == (401, "nicht_angemeldet")


def test_the_figures_have_a_token_of_their_own(service: Service) -> None:
    service.fake_solar()
    with service.client() as client:
        segment(client, grey(51), b"")
    extra = {"Authorization": "Bearer only-for-figures"}
    with httpx.Client(base_url=service.url, headers=extra, trust_env=False) as client:
        figures = client.get("/metrics")
        assert refusal(client.get("/models")) == (401, "nicht_angemeldet")
    assert figures.status_code == 200
    for name in (
        'urbanki_items_total{model="solar",status="ok",task="segment"}',
        'urbanki_item_errors_total{code="datei_leer",task="segment"}',
        "urbanki_batch_items_bucket",
        'urbanki_stage_seconds_bucket{le="0.001",stage="queue",task="segment"}',
        "urbanki_model_loaded",
        "urbanki_model_memory_bytes",
        "urbanki_rejected_total",
        'urbanki_queue_depth{task="segment"}',
        "bentoml_service_adaptive_batch_size_bucket",
    ):
        assert name in figures.text


def test_made_up_paths_leave_no_trace_in_the_figures(service: Service) -> None:
    with service.client() as client:
        for path in ("/made-up-1", "/models/made-up-2", "/segment/made-up-3"):
            client.get(path)
        segment(client, grey(51))
        figures = client.get("/metrics").text
    assert "made-up" not in figures
    assert 'bentoml_service_request_total{endpoint="/segment",' in figures


def test_the_image_library_is_there_before_models_load_in_the_background(tmp_path: Path) -> None:
    code = (
        "import sys, threading\n"
        "from model_server import service\n"
        "def start(thread):\n"
        "    print(thread.name, hasattr(sys.modules.get('PIL.Image'), 'Image'))\n"
        "threading.Thread.start = start\n"
        "service.ModelServer.inner()\n"
    )
    chosen = {"URBANKI_DATA_DIR": str(tmp_path), "BENTOML_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ | chosen,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split() == ["warm-up", "True"]


def test_the_catalogue_lists_all_models_with_licence_and_figures(service: Service) -> None:
    with service.client() as client:
        catalog = Catalog.model_validate_json(client.get("/models").content)
        detail = ModelDetail.model_validate_json(client.get("/models/ppocrv6_small").content)
        assert refusal(client.get("/models/nix")) == (404, "modell_fehlt")
        assert refusal(client.get("/models/solar?version=9.9.9")) == (404, "modell_fehlt")
    names = {entry.name for entry in catalog.models}
    assert {"solar", "landcover", "ppocrv6_small", "e5_small_multilingual"} <= names
    planned = {entry.name for entry in catalog.models if not entry.version}
    assert planned == {"roof_change", "script_id", "page_class"}
    for entry in catalog.models:
        if entry.name in planned:
            assert (entry.available, entry.state) == (False, "failed")
            assert entry.reason and entry.title_de and entry.task
            continue
        assert entry.available, entry.reason
        assert entry.licence
        assert entry.metrics
        assert len(entry.sha256) == 64
    assert detail.readme.startswith("# Texterkennung")
    assert "Apache" in detail.licence_text


def test_the_request_keeps_its_name(service: Service) -> None:
    with service.client() as client:
        kept = client.get("/livez", headers={"X-Request-Id": "abc-12345678"})
        made = client.get("/livez", headers={"X-Request-Id": "no\tgood"})
    assert kept.headers["X-Request-Id"] == "abc-12345678"
    assert len(made.headers["X-Request-Id"]) == 32


def test_unknown_routes_and_methods_are_refused_in_german(service: Service) -> None:
    with service.client() as client:
        assert refusal(client.get("/nix")) == (404, "nicht_gefunden")
        assert refusal(client.get("/segment")) == (405, "methode_falsch")
        assert refusal(client.delete("/models")) == (405, "methode_falsch")


def test_preloaded_models_make_it_ready(service: Service) -> None:
    until = time.monotonic() + 60
    with service.client() as client:
        while (answer := client.get("/readyz")).status_code != 200:
            assert answer.json()["ready"] is False
            assert time.monotonic() < until
            time.sleep(0.1)
    assert answer.json() == {"ready": True, "waiting_for": []}
    with ModelServerClient(service.settings) as client:
        assert client.health().state == "ready"


def test_the_interface_document_is_the_agreed_one(service: Service) -> None:
    with service.client() as client:
        document = client.get("/docs.json").json()
    assert document == json.loads(SNAPSHOT.read_text(encoding="utf-8")), (
        "the interface changed; if that was meant, write the new document to openapi.json"
    )
