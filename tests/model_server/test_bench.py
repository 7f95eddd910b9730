"""The bench: honest counting, the choice, the targets, and one short run of everything."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import shared.settings
from model_server import soak
from model_server.bench import __main__ as bench, peers
from model_server.bench.choice import Choice, apply, choose
from model_server.bench.decode_only import NAME, WEIGHTS, write_model
from model_server.bench.lines import LineProcess, LineProcessFailed
from model_server.bench.load import percentile_ms
from model_server.bench.measure import Meter, Sample, Setting, make_row
from model_server.bench.mixed import cards, kinds_of, mixed_calls
from model_server.bench.plan import parse_plan
from model_server.bench.server import (
    DISPATCHED,
    Command,
    ServerFailed,
    common_environment,
    difference,
    parse_histogram,
    running,
)
from model_server.bench.targets import rank, safety_targets, speed_targets
from model_server.bench.task_code import TaskCode
from model_server.bench.tree import Memory, ProcessTree
from model_server.bench.workload import Work, make_calls, make_payloads
from model_server.catalog import load_catalog
from shared.clients.server_process import start_model_server
from shared.contracts.model_server import InstancesValue
from shared.settings import Settings, load_settings
from tests.conftest import READY_WITHIN_S, ROOM_FOR_ALL_MB

WORK = Work("segment", NAME, (64,), seed=3, gsd_m=0.1)
SLOW_MS = 40
# Answers as the model server does, after so many milliseconds of work per image.
FAKE_SERVER = """
import hashlib, json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.reply(b"{}")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        boundary = self.headers["Content-Type"].partition("boundary=")[2].encode()
        parts = body.split(b"--" + boundary + b"\\r\\n")[2:]
        parts[-1] = parts[-1].removesuffix(b"--" + boundary + b"--\\r\\n")
        images = [part.partition(b"\\r\\n\\r\\n")[2].removesuffix(b"\\r\\n") for part in parts]
        until = time.thread_time() + len(images) * int(sys.argv[2]) / 1000
        while time.thread_time() < until:
            pass
        results = [{"status": "ok", "input_sha256": hashlib.sha256(i).hexdigest()} for i in images]
        self.reply(json.dumps({"results": results}).encode())
    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class SteadyBare:
    """A bare model that always needs 10 CPU milliseconds per image."""

    def measure(self, work: Work, items: int) -> float:
        assert work.bundle == 1
        assert items > 0
        return 10.0


@pytest.fixture
def load(tmp_path: Path) -> Iterator[LineProcess]:
    environment = common_environment(tmp_path, {})
    with LineProcess("model_server.bench.load", environment, tmp_path / "load.log") as process:
        yield process


def test_a_run_signs_its_tokens_itself_however_people_sign_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URBANKI_AUTH_MODE", "keycloak")
    assert common_environment(tmp_path, {})["URBANKI_AUTH_MODE"] == "lokal"


def fake_server(milliseconds: int) -> Command:
    words = (sys.executable, "-c", FAKE_SERVER, "{port}", str(milliseconds))
    return Command("fake", words, {}, "/")


def sample_of(
    load: LineProcess, folder: Path, milliseconds: int, work: Work = WORK, bundle: int = 1
) -> Sample:
    meter = Meter(SteadyBare(), load, "")
    command = fake_server(milliseconds)
    with running(command, common_environment(folder, {}), folder) as server:
        meter.warm_up(server, work)
        return meter.sample(server, work, Setting("fake", 1, 1, 2, bundle), 40)


def test_a_slow_server_has_a_low_efficiency(load: LineProcess, tmp_path: Path) -> None:
    fast = sample_of(load, tmp_path, 0)
    slow = sample_of(load, tmp_path, SLOW_MS)
    assert fast.report["items"] == slow.report["items"] == 40
    assert fast.report["errors"] == slow.report["errors"] == {}
    # The kernel may count a little less than what the thread itself measures.
    assert slow.cpu_ms_per_item >= 0.9 * SLOW_MS
    assert slow.cpu_ms_per_item - fast.cpu_ms_per_item >= 0.7 * SLOW_MS
    assert slow.efficiency == pytest.approx(10 / slow.cpu_ms_per_item)
    assert slow.efficiency < fast.efficiency


def test_cpu_time_per_image_does_not_depend_on_the_bundle(
    load: LineProcess, tmp_path: Path
) -> None:
    bundled = sample_of(load, tmp_path, SLOW_MS, bundle=8)
    assert bundled.report["answered"] == 5
    assert bundled.report["items"] == 40
    assert 0.9 * SLOW_MS <= bundled.cpu_ms_per_item <= 2 * SLOW_MS


def test_the_cpu_time_of_the_clients_is_not_counted(load: LineProcess, tmp_path: Path) -> None:
    """Drawing large images keeps the clients' process busy, the server idle."""
    work = replace(WORK, sizes=(1024,))
    client = psutil.Process(load._process.pid)
    before = sum(client.cpu_times()[:2])
    sample = sample_of(load, tmp_path, 0, work)
    used_ms = (sum(client.cpu_times()[:2]) - before) * 1000
    counted_ms = sample.cpu_ms_per_item * sample.report["items"]
    assert used_ms > 1000
    assert counted_ms < used_ms / 2


def test_a_server_that_answers_nonsense_has_no_figures(load: LineProcess, tmp_path: Path) -> None:
    wrong = FAKE_SERVER.replace("sha256(i)", "sha256(i + b'x')")
    command = Command("fake", (sys.executable, "-c", wrong, "{port}", "0"), {}, "/")
    meter = Meter(SteadyBare(), load, "")
    with running(command, common_environment(tmp_path, {}), tmp_path) as server:
        with pytest.raises(ServerFailed, match="falsche_antwort"):
            meter.warm_up(server, WORK)
        with pytest.raises(ServerFailed, match="answered nothing"):
            meter.sample(server, WORK, Setting("fake", 1, 1, 1), 4)


def test_a_server_that_ends_at_once_is_no_endless_wait(tmp_path: Path) -> None:
    command = Command("fake", (sys.executable, "-c", "raise SystemExit('no port')"))
    with (
        pytest.raises(ServerFailed, match="no port"),
        running(command, common_environment(tmp_path, {}), tmp_path),
    ):
        pass


def test_a_line_process_that_fails_says_why(tmp_path: Path) -> None:
    environment = common_environment(tmp_path, {})
    with LineProcess("model_server.bench.load", environment, tmp_path / "log") as process:
        with pytest.raises(LineProcessFailed, match="KeyError"):
            process.ask({}, 30)
        with pytest.raises(LineProcessFailed):
            process.ask({}, 30)


BURN = "import time\nuntil = time.process_time() + 0.4\nwhile time.process_time() < until: pass\n"


def test_a_child_that_ended_still_counts() -> None:
    code = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {BURN!r}])\n"
    code += "print('done', flush=True)\ntime.sleep(60)\n"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    try:
        assert parent.stdout.readline() == "done\n"
        tree = ProcessTree(parent.pid)
        assert tree.members() == [psutil.Process(parent.pid)]
        assert tree.cpu_s() >= 0.4
        memory = tree.memory()
        assert 0 < memory.pss_mib <= memory.rss_mib
    finally:
        tree.end(10)
        parent.stdout.close()
        parent.wait(10)
    assert not psutil.pid_exists(parent.pid)


def test_a_process_that_ignores_the_request_to_end_is_killed() -> None:
    code = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    code += "print('ready', flush=True)\ntime.sleep(60)\n"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    ProcessTree(process.pid).end(0.2)
    process.stdout.close()
    process.wait(10)
    assert not psutil.pid_exists(process.pid)


def _reaches(process: psutil.Process, *, stopped: bool) -> bool:
    """Say whether the process is soon stopped or not; a signal takes a moment to arrive."""
    for _ in range(500):
        if (process.status() == psutil.STATUS_STOPPED) == stopped:
            return True
        time.sleep(0.01)
    return False


def test_a_tree_rests_while_others_are_measured() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    process = psutil.Process(busy.pid)
    try:
        with ProcessTree(busy.pid).paused():
            assert _reaches(process, stopped=True)
        assert _reaches(process, stopped=False)
    finally:
        busy.kill()
        busy.wait(10)


def test_the_model_that_only_decodes_is_what_its_comment_says(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    def whole_numbers(name: str, values: list[int]) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)

    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["images", "from", "to", "axes"], ["corner"]),
            helper.make_node("Mul", ["corner", "zero"], ["nothing"]),
            helper.make_node("Reshape", ["nothing", "shape"], ["output0"]),
        ],
        NAME,
        [
            helper.make_tensor_value_info(
                "images", TensorProto.FLOAT, ["batch", 3, "height", "width"]
            )
        ],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["batch", 5, 1])],
        initializer=[
            whole_numbers("from", [0, 0, 0]),
            whole_numbers("to", [1, 1, 5]),
            whole_numbers("axes", [1, 2, 3]),
            whole_numbers("shape", [0, 5, 1]),
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
        ],
    )
    assert onnx.load_model_from_string(WEIGHTS).graph == graph
    write_model(tmp_path)
    catalog = load_catalog([tmp_path])
    assert catalog.failed == ()
    assert catalog.resolve("segment", NAME, None).card.name == NAME
    (found,) = TaskCode(WORK, tmp_path).run(make_payloads(WORK)[:1])
    assert isinstance(found.value, InstancesValue)
    assert found.value.instances == []


def test_task_code_keeps_the_order_of_mixed_sizes(tmp_path: Path) -> None:
    write_model(tmp_path)
    work = replace(WORK, sizes=(64, 200, 128))
    found = TaskCode(work, tmp_path).run(make_payloads(work))
    assert [one.value.width for one in found[:6]] == [64, 200, 128, 64, 200, 128]


def test_the_same_seed_gives_the_same_requests() -> None:
    assert make_calls(WORK) == make_calls(WORK)
    assert make_calls(WORK)[0].body != make_calls(replace(WORK, seed=4))[0].body
    bundled = make_calls(replace(WORK, bundle=3))
    assert len(bundled[0].sha256) == 3
    assert len({call.sha256 for call in bundled}) == len(bundled)


def test_mixed_calls_repeat_and_bring_poison() -> None:
    kinds = [kind for card in cards() for kind in kinds_of(card, 1)]
    first, second = (list(itertools.islice(mixed_calls(kinds, 5), 150)) for _ in range(2))
    assert first == second
    assert {call.path for call in first} >= {"/segment", "/ocr", "/embed"}
    codes = {code for call in first for code in call.codes}
    assert "" in codes
    assert len(codes) > 2


def test_histograms_are_read_and_subtracted() -> None:
    text = "\n".join(
        f'{DISPATCHED}_bucket{{method="{method}",le="{limit}",worker="1"}} {count}'
        for method in ("a", "b")
        for limit, count in (("1.0", "3.0"), ("2.0", "5.0"), ("+Inf", "5.0"))
    )
    counts = parse_histogram(text, DISPATCHED)
    assert counts == {"1": 6, "2": 4, "inf": 0}
    assert difference({**counts, "2": 9}, counts) == {"2": 5}
    assert parse_histogram(text, "another") == {}


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, 0),
        ([2], 0.99, 2000),
        ([1, 2, 3, 4], 0.5, 2000),
        (list(range(1, 101)), 0.95, 95000),
    ],
)
def test_percentiles_by_nearest_rank(values: list[float], share: float, expected: float) -> None:
    assert percentile_ms(values, share) == expected


def row(**changes: Any) -> dict[str, Any]:
    usual = {
        "name": "BentoML",
        "workers": 1,
        "batch": 1,
        "clients": 8,
        "bundle": 1,
        "cpu_ms_per_item": 50.0,
        "items_per_s": 20.0,
        "efficiency": 0.95,
        "overhead_ms": 4.0,
        "errors": {},
    }
    return usual | changes


def test_the_thriftiest_setting_wins_and_the_fastest_of_alike_ones() -> None:
    rows = [
        row(cpu_ms_per_item=50.0, items_per_s=20.0),
        row(cpu_ms_per_item=51.0, items_per_s=39.0, workers=2),
        row(cpu_ms_per_item=60.0, items_per_s=45.0, workers=2, batch=8),
    ]
    chosen = choose(rows, {1: 500.0, 2: 900.0})
    assert (chosen.workers, chosen.max_batch_size) == (2, 1)
    assert "900 MiB" in chosen.reason
    assert choose(rows, {1: 500.0, 2: 1600.0}).workers == 1
    over = choose(rows, {1: 1700.0, 2: 2600.0})
    assert over.workers == 1
    assert "keine Einstellung" in over.reason


def test_the_choice_is_applied_and_overruled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.local.toml"
    monkeypatch.setattr(shared.settings, "LOCAL_SETTINGS", file)
    for name in ("WORKERS", "MAX_BATCH"):
        monkeypatch.delenv(f"URBANKI_MODEL_SERVER_{name}", raising=False)
    usual = load_settings()
    apply(Choice(usual.model_server_workers + 2, 3, "because"), file)
    measured = load_settings()
    assert measured.model_server_workers == usual.model_server_workers + 2
    assert measured.model_server_max_batch == 3
    assert Settings(_env_file=None).model_server_workers == usual.model_server_workers
    monkeypatch.setenv("URBANKI_MODEL_SERVER_WORKERS", "7")
    assert load_settings().model_server_workers == 7


def test_targets_at_their_limits() -> None:
    final = [
        row(),
        row(clients=1, overhead_ms=5.0),
        row(bundle=8, efficiency=0.97, overhead_ms=None),
        row(bundle=16, efficiency=0.969, overhead_ms=None, errors={"ausgelastet": 2}),
    ]
    found = {target.id: (target.value, target.ok) for target in speed_targets(final, 8)}
    assert found == {
        "efficiency": (0.95, True),
        "overhead_ms": (5.0, True),
        "efficiency_bundle_8": (0.97, True),
        "efficiency_bundle_16": (0.969, False),
        "errors": (2, False),
    }
    clean = {"wrong": 0, "lost": 0, "neighbours_harmed": 0, "largest_dispatched_batch": 1.0}
    recovery = {"seconds": 15.1, "failed_calls": 0}
    safety = safety_targets(clean, recovery, {"rss_mib": 1536.1}, [3.0, 15.0])
    missed = {target.id for target in safety if not target.ok}
    assert missed == {"largest_dispatched_batch", "recovery_s", "rss_mib_all_models"}


def test_the_rank_counts_peers_that_are_clearly_better() -> None:
    final = [
        row(),
        row(name="FastAPI", cpu_ms_per_item=49.0),
        row(name="LitServe", cpu_ms_per_item=40.0),
        row(name="LitServe", cpu_ms_per_item=41.0, batch=8),
    ]
    assert rank(final, 8, 1) == 2
    assert {target.id for target in speed_targets(final, 8)} >= {"rank_bundle_1"}


def test_a_row_sums_up_by_medians() -> None:
    report = {
        "answered": 10,
        "items": 20,
        "seconds": 2.0,
        "errors": {"ausgelastet": 1},
        "p50_ms": 1.0,
        "p95_ms": 2.0,
        "p99_ms": 3.0,
        "client_cpu_ms": 5.0,
    }
    samples = [Sample(ms, 10.0, report, {"2": 1}, {}) for ms in (10.0, 40.0, 20.0)]
    made = make_row(Setting("BentoML", 1, 2, 8, 2), samples, samples[:1], Memory(2.0, 1.0))
    assert made["cpu_ms_per_item"] == 20.0
    assert made["cpu_ms_per_request"] == 40.0
    assert made["efficiency"] == 0.5
    assert made["overhead_ms"] == 0.0
    assert (made["rps"], made["items_per_s"]) == (5.0, 10.0)
    assert made["errors"] == {"ausgelastet": 3}
    assert made["batch_histogram"] == {"2": 3}
    assert made["spread"]["cpu_ms_per_item"] == (10.0, 40.0)


def test_the_plan_is_what_the_specification_says() -> None:
    plan = parse_plan([])
    assert (plan.model, plan.clients, plan.requests) == ("solar", (1, 8, 32), 200)
    assert (plan.sizes, plan.batch, plan.workers) == ((640,), (1, 2, 4, 8), (1, 2))
    assert (plan.peers, plan.device, plan.seed) == ((), "auto", 1)
    assert (plan.rounds, plan.torture_calls) == (3, 3200)
    quick = parse_plan(["--quick", "--clients", "2, 2,4", "--peers", "litserve"])
    assert quick.clients == (2, 4)
    assert quick.peers == ("litserve",)
    assert quick.requests < plan.requests
    assert parse_plan(["--peers", "all"]).peers == tuple(peers.PEERS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--clients", "0"],
        ["--clients", "1,,2"],
        ["--sizes", "9000"],
        ["--requests", "viele"],
        ["--bundle", "17"],
        ["--peers", "ray"],
        ["--device", "tpu"],
        ["--unknown"],
        ["--model", "nix"],
        ["--model", "ppocrv6_small", "--peers", "all"],
        ["--out", "/no/such/folder/bench.json"],
        ["--markdown", "."],
    ],
)
def test_bad_arguments_are_one_german_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert any(word in lines[0] for word in ("falsch", "nicht", "möglich", "nur"))


def test_peers_answer_in_order_with_the_same_task_code(tmp_path: Path) -> None:
    write_model(tmp_path)
    environment = {
        peers.WORK_VARIABLE: json.dumps([WORK.to_json()]),
        peers.MODELS_VARIABLE: str(tmp_path),
    }
    payloads = make_payloads(WORK)
    models = peers.Models(environment)
    requests = [(NAME, [payloads[0].data]), (NAME, [payload.data for payload in payloads[1:3]])]
    first, second = (json.loads(answer)["results"] for answer in models.answer(requests))
    assert [result["input_sha256"] for result in first] == [payloads[0].sha256]
    assert [result["input_sha256"] for result in second] == [p.sha256 for p in payloads[1:3]]
    assert second[1]["value"]["width"] == 64


@pytest.mark.parametrize("peer", [name for name in peers.PEERS if peers.is_installed(name)] or [""])
def test_an_installed_peer_answers_like_the_model_server(
    peer: str, load: LineProcess, tmp_path: Path
) -> None:
    if not peer:
        pytest.skip("no other server is installed")
    write_model(tmp_path / "models")
    environment = common_environment(tmp_path, {"URBANKI_MODEL_DIR": str(tmp_path / "models")})
    meter = Meter(SteadyBare(), load, "")
    for command, _ in peers.peer_commands(peer, [WORK], 2):
        with running(command, environment, tmp_path) as server:
            report = meter.send(server, replace(WORK, bundle=2), clients=4, requests=12)
        assert report["errors"] == {}
        assert report["items"] == 24


@pytest.mark.server
def test_a_short_run_measures_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "is_installed", lambda _: False)
    out, page = tmp_path / "bench.json", tmp_path / "bench.md"
    arguments = ["--quick", "--sizes", "128", "--clients", "2", "--peers", "all"]
    code = bench.main([*arguments, "--out", str(out), "--markdown", str(page)])
    assert capsys.readouterr().out == ""
    report = json.loads(out.read_text(encoding="utf-8"))
    targets = {target["id"]: target for target in report["targets"]}
    assert code == (0 if all(target["ok"] for target in targets.values()) else 1)
    assert {"efficiency", "overhead_ms", "efficiency_bundle_8", "start_s"} <= set(targets)
    for name in (
        "errors",
        "torture_wrong",
        "torture_lost",
        "torture_neighbours_harmed",
        "recovery_failed_calls",
        "largest_dispatched_batch",
    ):
        assert targets[name]["ok"], targets[name]
    assert targets["recovery_s"]["ok"], targets["recovery_s"]
    assert report["in_process"]["cpu_ms"] > 0
    assert report["machine"]["load_before"] >= 0
    measured = [entry for entry in report["servers"] if "state" not in entry]
    assert {entry["phase"] for entry in measured} == {"sweep", "final"}
    assert all(entry["errors"] == {} for entry in measured)
    assert all(0 < entry["efficiency"] < 1.5 for entry in measured)
    left_out = {entry["name"]: entry["state"] for entry in report["servers"] if "state" in entry}
    assert left_out == {"FastAPI": "nicht installiert", "LitServe": "nicht installiert"}
    assert report["chosen"]["workers"] == 1
    assert report["torture"]["poison_items"] > 0
    assert report["mixed_calls"]["errors"] == {}
    text = page.read_text(encoding="utf-8")
    shown = re.search(r"ohne Server: ([\d,]+) CPU-ms je Bild", text)
    assert shown is not None
    cpu_ms = report["in_process"]["cpu_ms"]
    rounding = 0.005 if cpu_ms < 100 else 0.5
    assert float(shown[1].replace(",", ".")) == pytest.approx(cpu_ms, abs=rounding + 1e-9)
    assert "--sizes 128" in text
    assert text.count("| BentoML |") == 2


def test_growth_counts_from_the_settled_server_on() -> None:
    def samples(*values: float) -> list[soak.MemorySample]:
        return [soak.MemorySample(10.0 * place, value, 1.0) for place, value in enumerate(values)]

    rising = samples(100, 200, 400, 400, 400, 440, 440, 440)
    assert soak.growth(rising, 20) == pytest.approx(0.1)
    assert soak.growth(rising, 1000) is None
    assert soak.growth(samples(400, 200, 100, 100), 20) == 0
    assert soak.is_calm(0.05)
    assert not soak.is_calm(0.051)
    assert not soak.is_calm(None)


@pytest.mark.server
def test_a_short_soak_finds_no_error(tmp_path: Path) -> None:
    from model_server.bench.sign_in import token_source

    settings = Settings(_env_file=None, data_dir=tmp_path, model_memory_mb=ROOM_FOR_ALL_MB)
    with start_model_server(settings, READY_WITHIN_S) as server:
        assert server.process_id is not None
        tree = ProcessTree(server.process_id)
        address, token = server.settings.model_server_address, token_source(server.settings)
        run = soak.Soak(address, token, tree, 8.0)
        kinds = [kind for card in cards() for kind in kinds_of(card, 2)]
        report = run.run(kinds, clients=3, seed=2)
    assert report["errors"] == {}
    assert report["answered"] == sum(task["calls"] for task in report["tasks"].values()) > 0
    assert len(run.samples) > 5
    assert all(sample.rss_mib > sample.pss_mib > 0 for sample in run.samples)


def test_the_soak_counts_what_fails(tmp_path: Path) -> None:
    """A server that refuses every call."""
    code = FAKE_SERVER.replace("self.send_response(200)", "self.send_response(self.status)")
    code = code.replace("def do_GET(self):", "def do_GET(self):\n        self.status = 200")
    code = code.replace("def do_POST(self):", "def do_POST(self):\n        self.status = 404")
    command = Command("fake", (sys.executable, "-c", code, "{port}", "0"), {}, "/")
    environment = common_environment(tmp_path, {})
    kinds = [kind for card in cards() if card.name == "solar" for kind in kinds_of(card, 2)]
    with running(command, environment, tmp_path) as server:
        run = soak.Soak(server.url, lambda: "token", server.tree, 1.0)
        report = run.run(kinds, clients=2, seed=2)
    assert report["answered"] == report["items"] == 0
    assert report["errors"]["http_404"] > 0


@pytest.mark.parametrize(
    "arguments", [["--minutes", "0"], ["--minutes", "nan"], ["--clients", "x"]]
)
def test_bad_arguments_of_the_soak(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert soak.main([*arguments, "--out", str(tmp_path / "soak.json")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_soak_without_a_server_says_so(
    tmp_path: Path, model_server_down: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--url", model_server_down.model_server_address, "--out", str(tmp_path / "soak.json")]
    assert soak.main(["--minutes", "0.1", *where]) == 3
    assert capsys.readouterr().err == "Der Modellserver antwortet nicht.\n"
    assert not (tmp_path / "soak.json").exists()
