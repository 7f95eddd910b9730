"""What the service really answers fits the shared contracts, and the document describes it."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from model_server.catalog import BUILT_IN, load_catalog
from model_server.openapi import TASK_ERRORS, VALUES
from shared.contracts.identity.policy import TASKS
from shared.contracts.model_catalog import Catalog, ModelDetail, ReloadReport
from shared.contracts.model_server import (
    ChangeValue,
    ClassesValue,
    ClassifyValue,
    EmbedValue,
    ErrorBody,
    InstancesValue,
    ItemOk,
    LayoutValue,
    OcrLineValue,
    OcrPageValue,
    ProbabilitiesValue,
    Readiness,
    TaskResponse,
    Wire,
    pair_digest,
)
from tests.model_server.colour_models import colour_network, write_model, write_pair_model
from tests.model_server.conftest import Service
from tests.model_server.pictures import encode, noise, page

CALLS = 200
CLIENTS = 6
BROKEN = b"no image"


@dataclass(frozen=True)
class Call:
    """A request and the kind of value that its good items must have."""

    path: str
    value: type[Wire]
    items: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.path} {self.value.__name__}"

    def send(self, client: httpx.Client) -> httpx.Response:
        if isinstance(self.items[0], str):
            return client.post(self.path, json={"texts": list(self.items), **self.options})
        parts: list[Any] = []
        for item in self.items:
            names = ("before", "after") if isinstance(item, tuple) else ("images",)
            contents = item if isinstance(item, tuple) else (item,)
            parts += [(name, ("x", data)) for name, data in zip(names, contents, strict=True)]
        return client.post(self.path, files=parts, data={"options": json.dumps(self.options)})

    def digest(self, place: int) -> str:
        item = self.items[place]
        if isinstance(item, tuple):
            return pair_digest(*item)
        return sha256(item.encode() if isinstance(item, str) else item).hexdigest()


@dataclass(frozen=True)
class Recorded:
    """A call and its answer."""

    call: Call
    answer: httpx.Response


def a_segment_call(seed: int) -> Call:
    image = encode(noise(64 + seed % 40, 48, seed))
    solar = {"model": "solar", "gsd_m": 0.12, "min_score": 0.0, "max_instances": 1 + seed % 5}
    if seed % 3 == 0:
        return Call("/segment", InstancesValue, (image, b"", image), solar)
    bands = "rgbi" if seed % 2 else "rgb"
    pixels = noise(40, 36, seed).convert("RGBA") if bands == "rgbi" else noise(40, 36, seed)
    output = "classes" if seed % 3 == 1 else "probabilities"
    options = {"model": "landcover_rules", "gsd_m": 0.2, "bands": bands, "output": output}
    value = ClassesValue if output == "classes" else ProbabilitiesValue
    return Call("/segment", value, (encode(pixels), BROKEN), options)


def a_change_call(seed: int) -> Call:
    first, second = encode(noise(48, 40, seed)), encode(noise(48, 40, seed + 1))
    larger = encode(noise(52, 40, seed))
    return Call("/change", ChangeValue, ((first, second), (first, larger)), {"model": "pairs"})


def an_ocr_call(seed: int) -> Call:
    crop = encode(page([f"Akte {seed}"]).crop((70, 52, 300, 112)))
    if seed % 4:
        return Call("/ocr", OcrLineValue, (crop, BROKEN), {"mode": "lines", "min_score": 0.0})
    sheet = encode(page([f"Akte {seed}"], width=320, height=160))
    return Call("/ocr", OcrPageValue, (sheet,), {"mode": "page" if seed % 8 else "detect"})


def a_layout_call(seed: int) -> Call:
    sheet = encode(page(["Bescheid", "Die Auflagen gelten."], width=400 + seed, height=300))
    name = "layout_doclaynet" if seed % 5 == 0 else "layout_cdla"
    return Call("/layout", LayoutValue, (sheet,), {"model": name, "min_score": 0.05})


def a_classify_call(seed: int) -> Call:
    images = tuple(encode(noise(20 + place, 30, seed)) for place in range(1 + seed % 4))
    return Call("/classify", ClassifyValue, (*images, BROKEN), {"model": "colours", "top": 2})


def an_embed_call(seed: int) -> Call:
    if seed % 2:
        return Call("/embed", EmbedValue, (encode(noise(40, 40, seed)), BROKEN))
    return Call("/embed", EmbedValue, (f"Frage {seed}", ""), {"kind": "passage"})


def make_calls() -> list[Call]:
    """Return calls of all tasks in a mixed, repeatable order; slow ones are fewer."""
    makers = [a_segment_call] * 5 + [a_change_call, a_classify_call, an_embed_call] * 3
    makers += [an_ocr_call] * 3 + [a_layout_call]
    order = np.random.default_rng(18).permutation(CALLS)
    return [makers[place % len(makers)](place // len(makers)) for place in order.tolist()]


@pytest.fixture(scope="module")
def recorded(
    _running_service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Recorded]]:
    """Answers of the real service; besides the shipped models it has two small ones."""
    folder = tmp_path_factory.mktemp("models")
    write_model(folder, colour_network("logits", side=8))
    write_pair_model(folder)
    engine = _running_service.engine
    before = engine.catalog
    engine.replace_catalog(lambda: load_catalog([BUILT_IN, folder]))
    calls = make_calls()
    with _running_service.client() as client, ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda call: call.send(client), calls))
    yield [Recorded(call, answer) for call, answer in zip(calls, answers, strict=True)]
    engine.replace_catalog(lambda: before)


def read(recorded: Sequence[Recorded]) -> Iterator[tuple[Call, TaskResponse]]:
    for one in recorded:
        assert one.answer.status_code == 200, one.answer.text
        yield one.call, TaskResponse.model_validate_json(one.answer.content, strict=True)


def value_of(call: Call, result: ItemOk) -> Any:
    return call.value.model_validate_json(json.dumps(result.value), strict=True)


def good(recorded: Sequence[Recorded], kind: type[Wire]) -> Iterator[tuple[Call, int, Any]]:
    for call, answer in read(recorded):
        for result in answer.results:
            if call.value is kind and isinstance(result, ItemOk):
                yield call, result.index, value_of(call, result)


def test_all_answers_fit_the_contract_and_the_request(
    recorded: list[Recorded], _running_service: Service
) -> None:
    assert len(recorded) == CALLS
    kinds: Counter[str] = Counter()
    for one, (call, answer) in zip(recorded, read(recorded), strict=True):
        assert answer.request_id == one.answer.headers["X-Request-Id"]
        assert [result.index for result in answer.results] == list(range(len(call.items)))
        assert answer.timing_ms.batch_size >= 1
        card = _running_service.engine.catalog.find(answer.model.name)
        assert card is not None
        assert (answer.model.version, answer.model.sha256) == (card.card.version, card.card.sha256)
        for result in answer.results:
            assert result.input_sha256 == call.digest(result.index)
            if isinstance(result, ItemOk):
                value_of(call, result)
                kinds[call.name] += 1
            else:
                kinds[result.error.code] += 1
                assert result.error.message
    every = {f"/{task} {value.__name__}" for task, values in VALUES.items() for value in values}
    assert every <= set(kinds)
    assert {"bild_format", "datei_leer", "text_laenge", "bildpaar_ungleich"} <= set(kinds)


def test_pixel_values_have_the_size_they_state(recorded: list[Recorded]) -> None:
    for _, _, value in good(recorded, ClassesValue):
        for content in (value.classes_png, value.confidence_png):
            with Image.open(io.BytesIO(base64.b64decode(content, validate=True))) as image:
                assert (image.format, image.mode) == ("PNG", "L")
                assert image.size == (value.width, value.height) == (40, 36)
        assert sum(value.pixel_counts.values()) == 40 * 36
    for _, _, value in good(recorded, ProbabilitiesValue):
        data = zlib.decompress(base64.b64decode(value.data, validate=True))
        rows, columns = -(-value.height // value.stride), -(-value.width // value.stride)
        planes = np.frombuffer(data, np.uint8).reshape(len(value.class_codes), rows, columns)
        assert np.abs(planes.astype(int).sum(axis=0) - 255).max() <= len(value.class_codes)


def test_boxes_lie_on_the_image(recorded: list[Recorded]) -> None:
    found = 0
    for kind in (InstancesValue, LayoutValue):
        for _, _, value in good(recorded, kind):
            objects = value.instances if kind is InstancesValue else value.regions
            found += len(objects)
            for entry in objects:
                left, top, right, bottom = entry.box
                assert 0 <= left <= right <= value.width
                assert 0 <= top <= bottom <= value.height
    assert found > 0


def test_shares_add_up_and_vectors_have_length_one(recorded: list[Recorded]) -> None:
    for _, _, value in good(recorded, ChangeValue):
        assert sum(value.probabilities.values()) == pytest.approx(1, abs=1e-4)
        assert value.probabilities[value.label] == max(value.probabilities.values())
        assert 0 <= value.attributes["recognisable"] <= 1
    for call, _, value in good(recorded, ClassifyValue):
        scores = [entry.score for entry in value.labels]
        assert len(scores) == call.options["top"]
        assert scores == sorted(scores, reverse=True)
    for call, _, value in good(recorded, EmbedValue):
        vector = np.frombuffer(base64.b64decode(value.vector, validate=True), "<f4")
        assert len(vector) == value.dim == (384 if isinstance(call.items[0], str) else 1280)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


def test_lines_are_what_was_written(recorded: list[Recorded]) -> None:
    texts = [value.text for _, _, value in good(recorded, OcrLineValue)]
    assert texts
    assert all(text.startswith("Akte") for text in texts)
    pages = list(good(recorded, OcrPageValue))
    read_pages = [value for call, _, value in pages if call.options["mode"] == "page"]
    assert read_pages
    assert all(value.lines[0].text.startswith("Akte") for value in read_pages)
    detected = [value for call, _, value in pages if call.options["mode"] == "detect"]
    assert detected
    assert all(not line.text for value in detected for line in value.lines)


def test_values_of_one_task_are_not_taken_for_another(recorded: list[Recorded]) -> None:
    """The contracts are narrow enough to tell the kinds of values apart."""
    kinds = sorted({value for values in VALUES.values() for value in values}, key=str)
    for kind in kinds:
        _, _, value = next(good(recorded, kind))
        fitting = []
        for other in kinds:
            try:
                other.model_validate_json(value.model_dump_json(by_alias=True), strict=True)
            except ValueError:
                continue
            fitting.append(other)
        assert fitting == [kind]


def test_the_other_routes_fit_the_contract(service: Service) -> None:
    with service.client() as client:
        listed = Catalog.model_validate_json(client.get("/models").content, strict=True)
        served = [entry for entry in listed.models if entry.version]
        assert served
        for entry in served:
            answer = client.get(f"/models/{entry.name}", params={"version": entry.version})
            ModelDetail.model_validate_json(answer.content, strict=True)
        Readiness.model_validate_json(client.get("/readyz").content, strict=True)
        answer = client.post("/models/reload")
        ReloadReport.model_validate_json(answer.content, strict=True)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    with service.client() as client:
        return client.get("/docs.json").json()


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    used = set(references(document))
    for reference in used:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    for kind, entries in document["components"].items():
        if kind != "securitySchemes":
            assert {f"#/components/{kind}/{name}" for name in entries} <= used


def test_the_document_knows_every_route(document: dict[str, Any], service: Service) -> None:
    assert {f"/{task}" for task in TASKS} <= set(document["paths"])
    with service.client() as client:
        for path, operations in document["paths"].items():
            for method in operations:
                sent = client.request(method, path.replace("{name}", "solar"))
                assert str(sent.status_code) in operations[method]["responses"], (method, path)
                assert sent.status_code not in (404, 405)
    assert set(document["paths"]["/embed"]["post"]["requestBody"]["content"]) == {
        "application/json",
        "multipart/form-data",
    }
    classify = document["paths"]["/classify"]["post"]["requestBody"]["content"]
    assert "options" in classify["multipart/form-data"]["schema"]["required"]


def test_refusals_are_in_the_document(document: dict[str, Any], service: Service) -> None:
    post = document["paths"]["/segment"]["post"]["responses"]
    with service.client() as client, httpx.Client(base_url=service.url, trust_env=False) as nobody:
        refused = [
            nobody.post("/segment"),
            client.post("/segment", content=b"x", headers={"Content-Type": "text/plain"}),
            client.post("/segment", files=[("images", ("x", BROKEN))], data={"options": "[]"}),
            client.post(
                "/segment",
                files=[("images", ("x", BROKEN))],
                data={"options": '{"model": "no_such_model"}'},
            ),
            client.get("/segment"),
        ]
    assert [answer.status_code for answer in refused] == [401, 415, 400, 404, 405]
    for answer in refused:
        body = ErrorBody.model_validate_json(answer.content, strict=True)
        assert post[str(answer.status_code)] == {"$ref": f"#/components/responses/{body.code}"}
    statuses = [error.http_status for error in TASK_ERRORS]
    assert len(set(statuses)) == len(statuses), "one refusal would hide another of its status"
    assert {"401", "403", "500", "503"} <= set(document["paths"]["/models"]["get"]["responses"])
    assert document["paths"]["/livez"]["get"]["security"] == []
    assert document["security"] == [{"bearer": []}]


def test_no_path_of_the_machine_is_in_the_document(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert str(Path.cwd()) not in text
    assert "bentoml" not in text.lower().replace("bentoml's own schema", "")
