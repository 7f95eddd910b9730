"""Engines: the same small interface, only the file whose hash the card states, no silent change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from model_server import runtime as engines, runtime_openvino
from model_server.catalog import BUILT_IN
from model_server.runtime import (
    OnnxRuntime,
    Runtime,
    check_device,
    choose_runtime,
    is_gpu_visible,
    is_openvino_installed,
    load_runtime,
)
from model_server.runtime_openvino import OpenVinoRuntime
from shared.errors import GpuUnusable
from tests.model_server.conftest import brightness_card

REPOSITORY = Path(__file__).resolve().parents[2]
FACTORS = np.array([2, 3, 4], dtype=np.float32).reshape(1, 3, 1, 1)
SHAPE = [None, 3, None, None]
SOLAR = next((BUILT_IN / "solar").iterdir()) / "model.onnx"
CUDA = "CUDAExecutionProvider"

Load = Callable[[Path], Runtime]
needs_openvino = pytest.mark.skipif(not is_openvino_installed(), reason="OpenVINO is optional")
ENGINES = pytest.mark.parametrize(
    "load",
    [
        pytest.param(OnnxRuntime.load, id="onnxruntime"),
        pytest.param(OpenVinoRuntime.load, id="openvino", marks=needs_openvino),
    ],
)


def run_python(
    script: str, *arguments: str, home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, as a machine would that nobody prepared."""
    environment = dict(os.environ) if home is None else {**os.environ, "HOME": str(home)}
    for name in ("ORT_DISABLE_TELEMETRY", "CI", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=REPOSITORY,
        env={**environment, "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def put_graph(
    file: Path,
    node: onnx.NodeProto,
    constants: list[TensorProto],
    domain: str = "",
    result_type: int = TensorProto.FLOAT,
) -> Path:
    """Write a model of one operation from `image` to `product`."""
    graph = helper.make_graph(
        [node],
        "one_operation",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("product", result_type, SHAPE)],
        constants,
    )
    imports = [helper.make_opsetid("", 17)]
    if domain:
        imports.append(helper.make_opsetid(domain, 1))
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    file.write_bytes(model.SerializeToString())
    return file


def put_model(file: Path, location: str = "") -> Path:
    """Write a model that multiplies bands by factors; with a location they lie in that file."""
    factors = numpy_helper.from_array(FACTORS, "factors")
    if location:
        content = factors.raw_data
        (file.parent / location).write_bytes(content)
        set_external_data(factors, location=location, offset=0, length=len(content))
        factors.ClearField("raw_data")
    node = helper.make_node("Mul", ["image", "factors"], ["product"])
    return put_graph(file, node, [factors])


@ENGINES
def test_inputs_come_back_in_order(tmp_path: Path, load: Load) -> None:
    runtime = load(put_model(tmp_path / "model.onnx"))
    images = [np.full((3, 2, 2), value, dtype=np.float32) for value in (1, 5)]
    results = runtime.predict(images)
    assert [result["product"][:, 0, 0].tolist() for result in results] == [[2, 3, 4], [10, 15, 20]]
    assert runtime.input_shape == (None, 3, None, None)


@ENGINES
@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin"])
def test_weights_in_other_files_are_refused(
    tmp_path: Path, location: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    file = put_model(folder / "model.onnx", location)
    assert onnx.load(str(file), load_external_data=False).graph.initializer[0].external_data
    monkeypatch.chdir(folder)
    with pytest.raises(Exception, match=r"(?i)external|model_path"):
        load(file)


@ENGINES
@pytest.mark.parametrize("domain", ["", "com.example.own"])
def test_operations_of_others_are_refused(tmp_path: Path, load: Load, domain: str) -> None:
    node = helper.make_node("Steal", ["image"], ["product"], domain=domain)
    file = put_graph(tmp_path / "model.onnx", node, [], domain)
    with pytest.raises(Exception, match="Steal"):
        load(file)


@ENGINES
def test_weights_that_return_more_rows_than_inputs_give_an_error(
    tmp_path: Path, load: Load
) -> None:
    node = helper.make_node("Concat", ["image", "image"], ["product"], axis=0)
    runtime = load(put_graph(tmp_path / "model.onnx", node, []))
    with pytest.raises(ValueError, match="shapes"):
        runtime.predict([np.zeros((3, 2, 2), dtype=np.float32)])


def test_on_a_gpu_no_input_gets_the_row_of_another(tmp_path: Path) -> None:
    node = helper.make_node("Concat", ["image", "image"], ["product"], axis=0)
    file = put_graph(tmp_path / "model.onnx", node, [])
    session = onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    images = [np.full((3, 2, 2), value, dtype=np.float32) for value in (1, 5)]
    with pytest.raises(ValueError, match="shapes"):
        OnnxRuntime(session, "cuda").predict(images)


NO_ROOM = """
import resource, sys
import numpy as np
from pathlib import Path
from model_server.runtime import OnnxRuntime
from model_server.runtime_openvino import OpenVinoRuntime
load = {"onnxruntime": OnnxRuntime.load, "openvino": OpenVinoRuntime.load}[sys.argv[2]]
runtime = load(Path(sys.argv[1]))
image = np.ones((3, 64, 64), dtype=np.float32)
runtime.predict([np.ones((3, 1, 1), dtype=np.float32)])
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 64 * 2**20, resource.RLIM_INFINITY))
try:
    runtime.predict([image])
except MemoryError as cause:
    # Only what the engine said has a cause.
    print("MemoryError", cause.__cause__ is not None)
"""


@pytest.mark.parametrize("engine", ["onnxruntime", pytest.param("openvino", marks=needs_openvino)])
def test_what_does_not_fit_is_a_memory_error(tmp_path: Path, engine: str) -> None:
    """A result of 201 MB in a process that may take 64 MiB more; never the result before it."""
    scales = numpy_helper.from_array(np.array([1, 1, 64, 64], dtype=np.float32), "scales")
    node = helper.make_node("Resize", ["image", "", "scales"], ["product"], mode="nearest")
    file = put_graph(tmp_path / "model.onnx", node, [scales])
    done = run_python(NO_ROOM, str(file), engine)
    assert done.stdout.split() == ["MemoryError", "True"], done.stderr


@ENGINES
def test_neighbours_and_order_change_nothing(load: Load) -> None:
    runtime = load(SOLAR)
    random = np.random.default_rng(1)
    images = [random.random((3, 64, 128), dtype=np.float32) for _ in range(3)]
    alone = [runtime.predict([image])[0] for image in images]
    together = runtime.predict(images)
    turned = runtime.predict(images[::-1])[::-1]
    for one, two, three in zip(alone, together, turned, strict=True):
        assert set(one) == {"output0", "output1", "features"}
        for name in one:
            assert one[name].tobytes() == two[name].tobytes() == three[name].tobytes()


@ENGINES
def test_threads_do_not_mix_their_answers(tmp_path: Path, load: Load) -> None:
    runtime = load(put_model(tmp_path / "model.onnx"))

    def ask(value: int) -> float:
        shape = (3, 8 + value % 5, 8)
        return float(runtime.predict([np.full(shape, value, np.float32)])[0]["product"][0].mean())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(200))) == [2.0 * value for value in range(200)]


@needs_openvino
def test_openvino_in_float32_repeats_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor without bfloat16 gets float32 even if bfloat16 was asked for."""
    monkeypatch.setattr(runtime_openvino, "has_bfloat16", lambda core: False)
    runtime = OpenVinoRuntime.load(SOLAR, 1, "bf16")
    assert runtime.precision == "f32"
    random = np.random.default_rng(2)
    for shape in ((3, 64, 64), (3, 192, 128), (3, 64, 64)):
        image = random.random(shape, dtype=np.float32)
        expected = OnnxRuntime.load(SOLAR).predict([image])[0]
        found = runtime.predict([image])[0]
        for name, tolerance in (("output0", 1e-2), ("output1", 1e-3), ("features", 1e-4)):
            assert np.abs(found[name] - expected[name]).max() <= tolerance
        scores = slice(4, 7)  # of three classes
        assert np.abs(found["output0"][scores] - expected["output0"][scores]).max() <= 1e-4


ALONE = """
import json, os, sys, time
events = []
sys.addaudithook(lambda name, _: events.append(name) if name.startswith("socket.") else None)
import numpy as np, psutil
from pathlib import Path
from model_server.runtime import OnnxRuntime
file = Path(sys.argv[1])
OnnxRuntime.load(file)
before = "openvino" in sys.modules
from model_server.runtime_openvino import OpenVinoRuntime
runtime = OpenVinoRuntime.load(file)
shapes = [(height, width) for height in range(64, 449, 64) for width in range(64, 449, 64)]
random = np.random.default_rng(1)
sizes = []
for shape in [(448, 448), *shapes]:
    runtime.predict([random.random((3, *shape), dtype=np.float32)])
    sizes.append(psutil.Process().memory_info().rss)
start = time.process_time()
time.sleep(0.5)
print(json.dumps({
    "before": before,
    "idle_s": time.process_time() - start,
    "grown": sizes[-1] - sizes[0],
    "events": events,
    "modules": [name for name in ("openvino_telemetry", "torch") if name in sys.modules],
}))
"""


@needs_openvino
def test_openvino_is_loaded_late_reports_to_nobody_and_rests(tmp_path: Path) -> None:
    done = run_python(ALONE, str(SOLAR), home=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["before"] is False
    assert told["events"] == []
    assert told["modules"] == []
    assert list(tmp_path.iterdir()) == []
    assert told["idle_s"] < 0.1, "idle threads spin"
    assert told["grown"] < 60 * 2**20, "every new shape is kept"


def test_onnx_runtime_reports_to_nobody(tmp_path: Path) -> None:
    """Its reports begin with an identifier of the machine in the home directory."""
    script = "import sys; from pathlib import Path; from model_server.runtime import OnnxRuntime; "
    done = run_python(script + "OnnxRuntime.load(Path(sys.argv[1]))", str(SOLAR), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("runtime", "openvino_ok", "installed", "device", "visible", "provider", "expected"),
    [
        (("onnxruntime", "openvino"), True, True, "auto", True, True, "cuda"),
        (("onnxruntime", "openvino"), True, True, "cuda", True, True, "cuda"),
        (("onnxruntime", "openvino"), True, True, "cpu", True, True, "openvino"),
        (("onnxruntime", "openvino"), True, True, "auto", False, True, "openvino"),
        (("onnxruntime", "openvino"), True, True, "auto", True, False, "openvino"),
        (("onnxruntime", "openvino"), True, False, "auto", False, False, "onnxruntime"),
        (("onnxruntime", "openvino"), False, True, "auto", False, False, "onnxruntime"),
        (("onnxruntime",), True, True, "auto", False, False, "onnxruntime"),
        (("openvino", "python"), True, True, "auto", True, True, "openvino"),
        (("python",), False, True, "auto", True, True, "python"),
        (("python",), False, True, "cpu", False, False, "python"),
    ],
)
def test_choice_of_the_engine(
    monkeypatch: pytest.MonkeyPatch,
    runtime: tuple[str, ...],
    openvino_ok: bool,
    installed: bool,
    device: engines.Device,
    visible: bool,
    provider: bool,
    expected: str,
) -> None:
    offered = [CUDA, "CPUExecutionProvider"] if provider else ["CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    monkeypatch.setattr(engines, "is_openvino_installed", lambda: installed)
    card = brightness_card(runtime=runtime, openvino_ok=openvino_ok)
    assert choose_runtime(card, device, visible) == expected


@pytest.mark.parametrize(("visible", "provider"), [(False, True), (True, False)])
def test_a_demanded_gpu_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, visible: bool, provider: bool
) -> None:
    offered = [CUDA] if provider else ["CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    with pytest.raises(GpuUnusable, match="URBANKI_DEVICE"):
        choose_runtime(brightness_card(), "cuda", visible)
    with pytest.raises(GpuUnusable):
        check_device("cuda", visible)
    check_device("auto", visible)
    check_device("cpu", visible)


def test_a_card_without_an_engine_of_this_server_is_refused() -> None:
    with pytest.raises(ValueError, match="no engine"):
        choose_runtime(brightness_card(runtime=("torch",)), "cpu", False)


@pytest.mark.skipif(
    CUDA in onnxruntime.get_available_providers(), reason="this engine can use a GPU"
)
def test_the_engine_must_not_go_on_with_the_cpu_by_itself(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=CUDA), pytest.raises(GpuUnusable):
        OnnxRuntime.load_on_gpu(put_model(tmp_path / "model.onnx"))


@pytest.mark.parametrize(
    ("environment", "files", "expected"),
    [
        ({}, [], False),
        ({}, ["nvidiactl", "nvidia-uvm"], False),
        ({}, ["nvidia0"], True),
        ({}, ["dxg"], True),
        ({"CUDA_VISIBLE_DEVICES": "1"}, ["nvidia0", "nvidia1"], True),
        ({"CUDA_VISIBLE_DEVICES": ""}, ["nvidia0"], False),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, ["nvidia0"], False),
        ({"CUDA_VISIBLE_DEVICES": "-1,0"}, ["nvidia0"], False),
        ({"CUDA_VISIBLE_DEVICES": "0"}, [], False),
    ],
)
def test_how_a_gpu_is_seen(
    tmp_path: Path, environment: dict[str, str], files: list[str], expected: bool
) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert is_gpu_visible(environment, tmp_path) is expected


def test_the_chosen_engine_opens_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put_model(tmp_path / "model.onnx")
    card = brightness_card(runtime=("onnxruntime", "openvino"), openvino_ok=True)
    monkeypatch.setattr(engines, "is_openvino_installed", lambda: False)
    plain = load_runtime(card, file, 1, "cpu")
    assert (plain.name, plain.device) == ("onnxruntime", "cpu")
    with pytest.raises(ValueError, match="opens files"):
        load_runtime(brightness_card(runtime=("python",)), file, 1, "cpu")


@needs_openvino
def test_openvino_opens_the_file_when_it_is_chosen(tmp_path: Path) -> None:
    file = put_model(tmp_path / "model.onnx")
    card = brightness_card(runtime=("onnxruntime", "openvino"), openvino_ok=True)
    assert load_runtime(card, file, 1, "cpu").name == "openvino"
    measured_otherwise = brightness_card(runtime=("onnxruntime", "openvino"), openvino_ok=False)
    assert load_runtime(measured_otherwise, file, 1, "cpu").name == "onnxruntime"
