"""ONNX Runtime: only the file whose hash the card states is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from model_server.runtime import OnnxRuntime

FACTORS = np.array([2, 3, 4], dtype=np.float32).reshape(1, 3, 1, 1)


def put_model(file: Path, location: str = "") -> Path:
    """Write a model that multiplies bands by factors; with a location they lie in that file."""
    factors = numpy_helper.from_array(FACTORS, "factors")
    if location:
        content = factors.raw_data
        (file.parent / location).write_bytes(content)
        set_external_data(factors, location=location, offset=0, length=len(content))
        factors.ClearField("raw_data")
    shape = [None, 3, None, None]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "factors"], ["product"])],
        "factors",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, shape)],
        [factors],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    file.write_bytes(model.SerializeToString())
    return file


def test_inputs_run_together_and_come_back_in_order(tmp_path: Path) -> None:
    runtime = OnnxRuntime.load(put_model(tmp_path / "model.onnx"))
    images = [np.full((3, 2, 2), value, dtype=np.float32) for value in (1, 5)]
    results = runtime.predict(images)
    assert [result["product"][:, 0, 0].tolist() for result in results] == [[2, 3, 4], [10, 15, 20]]


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin"])
def test_weights_in_other_files_are_refused(
    tmp_path: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    file = put_model(folder / "model.onnx", location)
    assert onnx.load(str(file), load_external_data=False).graph.initializer[0].external_data
    monkeypatch.chdir(folder)
    with pytest.raises(Exception, match=r"(?i)external|model_path"):
        OnnxRuntime.load(file)
