"""The command against the real model server: acceptance figures on a few rendered pages."""

import json
import os
import signal
import subprocess
import sys
import time
import unicodedata
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from apps.archivair.alto import NAMESPACE
from apps.archivair.measure import lines_in_order, measure_book_page
from apps.archivair.metrics import LENIENT, cer
from apps.archivair.piece_reading import Engines
from apps.archivair.recognise import ServerReader
from apps.archivair.rendering import (
    DEGRADED,
    Wear,
    compose_paragraphs,
    render_columns,
    render_letter,
    spoil,
)
from apps.archivair.tesseract import find_tesseract
from shared.clients.model_server import ModelServerClient
from shared.settings import REPOSITORY, Settings
from tests.apps.archivair.doubles import draw_lines

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

SPACE = {"a": NAMESPACE}
PAGES = {
    "schief": spoil(render_letter("courier_prime", 50_101), DEGRADED, 1),
    "kopf": spoil(render_letter("arimo", 50_102), Wear(dpi=150, noise_sigma=6), 2),
    "spalten": spoil(render_columns("tinos", 50_103), Wear(dpi=200), 3),
}


def words(server, *given, **environment):
    command = [sys.executable, "-m", "apps.archivair", "ocr", *map(str, given)]
    variables = os.environ | {
        "URBANKI_MODEL_SERVER_URL": server.settings.model_server_address,
        "URBANKI_DATA_DIR": str(server.settings.data_dir),
    }
    return command, {"cwd": REPOSITORY, "env": variables | environment, "text": True}


def run(server, *given, **environment):
    command, options = words(server, *given, **environment)
    return subprocess.run(command, capture_output=True, timeout=240, **options)


@pytest.fixture(scope="module")
def results(running_model_server, tmp_path_factory):
    """Three pages read in one call, the second one upside down."""
    folder = tmp_path_factory.mktemp("archivair")
    for name, page in PAGES.items():
        image = Image.fromarray(page.image)
        turned = image.rotate(180) if name == "kopf" else image
        turned.save(folder / f"{name}.png", dpi=(page.dpi, page.dpi))
    files = [folder / f"{name}.png" for name in PAGES]
    done = run(running_model_server, *files, "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), folder / "out"


@pytest.mark.parametrize(("name", "most"), [("schief", 0.01), ("kopf", 0.004), ("spalten", 0.004)])
def test_error_rates_stay_below_the_limits(results, name, most):
    text = (results[1] / f"{name}.txt").read_text(encoding="utf-8")
    counted = cer(PAGES[name].text, text)
    assert counted.rate <= most, counted


def test_summary_and_files(results):
    summary, out = results
    assert summary["pages"] == 3
    assert summary["failed"] == []
    assert [one["stem"] for one in summary["per_page"]] == list(PAGES)
    scripts = {one["stem"]: one["script"] for one in summary["per_page"]}
    assert scripts == {"schief": "typewriter", "kopf": "antiqua", "spalten": "antiqua"}
    names = {path.name for path in out.iterdir()}
    assert names == {f"{name}.{end}" for name in PAGES for end in ("txt", "alto.xml", "json")}


def test_the_upside_down_page_says_so(results):
    page = json.loads((results[1] / "kopf.json").read_bytes())
    assert page["rotation_deg"] == 180
    assert "kopfstehend" in [finding["code"] for finding in page["findings"]]


@pytest.mark.parametrize("name", list(PAGES))
def test_text_alto_and_places_fit_together(results, name):
    out = results[1]
    text = (out / f"{name}.txt").read_bytes().decode("utf-8")
    assert text == unicodedata.normalize("NFC", text)
    assert "\r" not in text
    root = ElementTree.parse(out / f"{name}.alto.xml").getroot()  # noqa: S314  # written just now
    lines = [
        " ".join(word.get("CONTENT") for word in line.iterfind("a:String", SPACE))
        for line in root.iterfind(".//a:TextLine", SPACE)
    ]
    assert lines == [line for line in text.split("\n") if line]
    height, width = PAGES[name].image.shape
    for word in root.iterfind(".//a:String", SPACE):
        left, top = int(word.get("HPOS")), int(word.get("VPOS"))
        assert 0 <= left < left + int(word.get("WIDTH")) <= width
        assert 0 <= top < top + int(word.get("HEIGHT")) <= height


def test_columns_are_read_one_after_the_other(results):
    from tests.apps.archivair.doubles import reading

    text = (results[1] / "spalten.txt").read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in text.split("\n\n")]
    assert all(lines_in_order(PAGES["spalten"], reading(blocks)))


def small_page(path, **options):
    image = Image.fromarray(PAGES["kopf"].image)
    image.crop((0, 0, image.width, 420)).save(path, **options)
    return path


def test_without_tesseract_one_engine_reads(running_model_server, tmp_path):
    page = small_page(tmp_path / "akte.png")
    done = run(running_model_server, page, "--out", tmp_path / "out", PATH="/nowhere")
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)["per_page"]
    assert entry["engines"] == ["ppocr"]
    text = (tmp_path / "out" / "akte.txt").read_text(encoding="utf-8")
    start = PAGES["kopf"].text[: len(text)]
    assert cer(start, text).rate < 0.1
    findings = json.loads((tmp_path / "out" / "akte.json").read_bytes())["findings"]
    assert "tesseract_fehlt" in [one["code"] for one in findings]


def test_a_killed_command_leaves_whole_files_only(running_model_server, tmp_path):
    image = Image.open(small_page(tmp_path / "eins.png"))
    image.save(tmp_path / "akte.tif", save_all=True, append_images=[image] * 30)
    out = tmp_path / "out"
    command, options = words(running_model_server, tmp_path / "akte.tif", "--out", out)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    until = time.monotonic() + 200
    while not list(out.glob("*.json")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed) == (4, "")
    assert "abgebrochen" in said.splitlines()[-1]
    names = [path.name for path in out.iterdir()]
    stems = {name.split(".")[0] for name in names}
    assert len(names) == 3 * len(stems) < 3 * 31
    assert not [name for name in names if name.startswith(".")]


def test_forty_upright_lines_stay_upright(running_model_server):
    texts = [compose_paragraphs(seed, 1)[0][:40].rsplit(" ", 1)[0] for seed in range(40)]
    lines = [draw_lines([text], size=(760, 56), left=10, top=4, size_px=34) for text in texts]
    with ModelServerClient(running_model_server.settings) as client:
        found = ServerReader(client).read_crops(lines)
    wrong = [
        (text, one.text)
        for text, one in zip(texts, found, strict=True)
        if cer(text, one.text, LENIENT).rate > 0.15
    ]
    assert len(lines) == 40
    assert wrong == []


@pytest.mark.real_data
def test_a_real_book_page_is_read_in_order(running_model_server):
    folder = Settings().development_data_dir / "ocrd_pages" / "hilbert_zahlkoerper_1897"
    if not folder.is_dir():
        pytest.skip(f"development data not there: {folder}")
    with ModelServerClient(running_model_server.settings) as client:
        engines = Engines(ServerReader(client), find_tesseract())
        measure = measure_book_page(sorted(folder.glob("*.tif"))[-1], engines)
    assert len(measure.in_order) > 50
    assert all(measure.in_order)
