"""Small networks as third parties might bring them, honest and hostile."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]


def network(
    outputs: Mapping[str, Shape],
    image: Shape = (1, 3, 64, 64),
    said: Mapping[str, object] | None = None,
    dtype: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Return a network that answers with zeros of the wanted shapes.

    Args:
        outputs: Shape of each output.
        image: Shape of the input.
        said: Metadata; texts as they are, everything else as JSON.
        dtype: Type of the input's values.
    """
    graph = helper.make_graph(
        [
            node
            for name, shape in outputs.items()
            for node in (
                helper.make_node("Shape", ["image"], [f"{name}_sides"]),
                helper.make_node("ConstantOfShape", [f"{name}_shape"], [name]),
            )
        ],
        "network",
        [helper.make_tensor_value_info("image", dtype, image)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in outputs.items()],
        [
            numpy_helper.from_array(
                np.array([side if isinstance(side, int) else 1 for side in shape]), f"{name}_shape"
            )
            for name, shape in outputs.items()
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    for key, value in (said or {}).items():
        text = value if isinstance(value, str) else json.dumps(value)
        made.metadata_props.add(key=key, value=text)
    return made


SEGMENTOR = {
    "model_type": json.dumps("Segmentor"),
    "class_names": {"0": "_background", "1": "Gründach"},
    "resolution": 20,
    "tiles_size": 64,
    "tiles_overlap": 15,
    "standardization_mean": [0.4, 0.5, 0.6],
    "standardization_std": [0.2, 0.2, 0.3],
    "seg_thresh": 0.5,
    "seg_small_segment": 7,
}
DETECTOR = {
    "model_type": json.dumps("Detector"),
    "det_type": json.dumps("YOLO_Ultralytics"),
    "class_names": {"0": "tank", "1": "pool"},
    "det_conf": 0.3,
    "det_iou_thresh": 0.4,
    "resolution": "12.5",
}
HEAD = {"output0": (1, 6, 84)}


def pickled() -> bytes:
    return pickle.dumps({"weights": [1, 2, 3]})


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", pickled())
    return buffer.getvalue()


def external() -> bytes:
    made = network(HEAD, said=DETECTOR)
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return made.SerializeToString()


def hidden_external() -> bytes:
    """An external tensor within an attribute of a node within a subgraph."""
    inner = helper.make_tensor("t", TensorProto.FLOAT, [1], [1.0])
    inner.external_data.add(key="location", value="weights.bin")
    constant = helper.make_node("Constant", [], ["c"], value=inner)
    branch = helper.make_graph([constant], "branch", [], [])
    made = network(HEAD, said=DETECTOR)
    made.graph.node.append(helper.make_node("If", ["x"], ["z"], then_branch=branch))
    return made.SerializeToString()


def foreign_operator() -> bytes:
    made = network(HEAD, said=DETECTOR)
    made.graph.node.append(helper.make_node("Evil", ["image"], ["e"], domain="evil.corp\n"))
    made.opset_import.append(helper.make_opsetid("evil.corp\n", 1))
    return made.SerializeToString()


def undeclared_operator() -> bytes:
    made = network(HEAD, said=DETECTOR)
    made.graph.node.append(helper.make_node("Evil", ["image"], ["e"], domain="evil.corp"))
    return made.SerializeToString()


def local_function() -> bytes:
    made = network(HEAD, said=DETECTOR)
    made.functions.append(
        helper.make_function(
            "evil.local", "F", ["a"], ["b"],
            [helper.make_node("Identity", ["a"], ["b"])], [helper.make_opsetid("", 17)],
        )
    )  # fmt: skip
    return made.SerializeToString()


def wrong_operator() -> bytes:
    made = network(HEAD, said=DETECTOR)
    made.graph.node.append(helper.make_node("NoSuchOperator", ["image"], ["e"]))
    return made.SerializeToString()
