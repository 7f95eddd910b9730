"""Engines behind one small interface; ONNX Runtime on the CPU is the one that is always there."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

from model_server.card import Card
from shared.errors import GpuUnusable
from shared.settings import get_settings

Array = NDArray[Any]
Device = Literal["auto", "cpu", "cuda"]
EngineName = Literal["cuda", "openvino", "onnxruntime", "python"]

DEVICE_FILES = Path("/dev")
GPU_FILES = ("nvidia[0-9]*", "dxg")
"""One per card of NVIDIA's driver; the second stands for all cards in Windows' Linux."""
_CUDA_PROVIDER = "CUDAExecutionProvider"
_CPU_PROVIDER = "CPUExecutionProvider"
_CUDA_OPTIONS = {
    # The first of CUDA_VISIBLE_DEVICES: CUDA counts only the cards that the variable names.
    "device_id": "0",
    # Neither a coarser number format nor a choice by stopwatch, so that answers repeat.
    "use_tf32": "0",
    "cudnn_conv_algo_search": "HEURISTIC",
}
_OUT_OF_MEMORY = re.compile(r"alloc|out of memory", re.IGNORECASE)


class Runtime(Protocol):
    """Runs one file of weights."""

    name: str
    device: str

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Return the shape of the input; None for axes of free length."""

    @property
    def metadata(self) -> dict[str, str]:
        """Return what the file says about itself."""

    def predict(self, inputs: Sequence[Array]) -> list[dict[str, Array]]:
        """Run inputs of one shape together; one dict of outputs per input, in order."""


class OnnxRuntime:
    """ONNX Runtime, one thread per session: workers are the parallelism.

    On the CPU the inputs of a batch run one after the other: a joint run of 8 images took 6 to 13 %
    more CPU time per image and twice the memory (yolov8n, 640 x 640), and what runs alone cannot be
    changed by its neighbours. On a GPU they run together (not measured yet).

    Args:
        session: The open session.
        device: "cpu" or "cuda".
    """

    name = "onnxruntime"

    def __init__(self, session: onnxruntime.InferenceSession, device: str = "cpu") -> None:
        self.device = device
        self._session = session
        self._input = session.get_inputs()[0]
        self._outputs = [output.name for output in session.get_outputs()]

    @classmethod
    def load(cls, file: Path, threads: int = 1) -> Self:
        """Open an ONNX file on the CPU.

        It is read whole, so that it cannot refer to weights in other files, whose hashes no card
        states; the engine refuses such references then. It also refuses operations that are not
        its own, for no library of further ones is ever registered.

        Args:
            file: Path of the weights.
            threads: Threads within one operation.

        Raises:
            MemoryError: The engine could not get the memory.
        """
        return cls(_open_session(file, _session_options(threads), [_CPU_PROVIDER]))

    @classmethod
    def load_on_gpu(cls, file: Path) -> Self:
        """Open an ONNX file on the first visible GPU.

        Raises:
            GpuUnusable: The engine could not use the GPU; it would go on with the CPU by itself.
            MemoryError: The engine could not get the memory.
        """
        providers = [(_CUDA_PROVIDER, _CUDA_OPTIONS), _CPU_PROVIDER]
        session = _open_session(file, _session_options(1), providers)
        if _CUDA_PROVIDER not in session.get_providers():
            raise GpuUnusable()
        return cls(session, "cuda")

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Return the shape of the input; None for axes of free length."""
        return tuple(axis if isinstance(axis, int) else None for axis in self._input.shape)

    @property
    def metadata(self) -> dict[str, str]:
        """Return what the file says about itself."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def predict(self, inputs: Sequence[Array]) -> list[dict[str, Array]]:
        """Run inputs of one shape; one dict of outputs per input, in order.

        Raises:
            MemoryError: The engine could not get the memory.
            ValueError: An output has not one row per input.
        """
        if len(inputs) > 1 and (self.device == "cpu" or self.input_shape[0] == 1):
            return [self.predict([single])[0] for single in inputs]
        stacked = np.stack(inputs)
        try:
            results = self._session.run(self._outputs, {self._input.name: stacked})
        except (RuntimeException, Fail) as cause:
            raise_if_out_of_memory(cause)
            raise
        check_rows(results, len(inputs))
        return [
            {name: result[row] for name, result in zip(self._outputs, results, strict=True)}
            for row in range(len(inputs))
        ]


def load_runtime(card: Card, file: Path, threads: int = 1, device: Device | None = None) -> Runtime:
    """Open a file of weights with the best engine that this machine and the card allow.

    Args:
        card: Card of the model that the file belongs to.
        file: One of its files of weights.
        threads: Threads within one operation on the CPU.
        device: Where to run; None asks the settings.

    Raises:
        GpuUnusable: The settings demand a GPU and there is none that can be used.
        ValueError: The card lists no engine that opens files.
        MemoryError: The engine could not get the memory.
    """
    wanted = get_settings().device if device is None else device
    match choose_runtime(card, wanted, is_gpu_visible(os.environ)):
        case "cuda":
            return OnnxRuntime.load_on_gpu(file)
        case "openvino":
            # Its library is large, so only those load it who use it.
            from model_server.runtime_openvino import OpenVinoRuntime

            return OpenVinoRuntime.load(file, threads)
        case "onnxruntime":
            return OnnxRuntime.load(file, threads)
        case "python":
            message = f"{card.name} is not run by an engine that opens files"
            raise ValueError(message)


def choose_runtime(card: Card, device: Device, visible: bool) -> EngineName:
    """Choose the engine of a model.

    Order: ONNX Runtime on a GPU; OpenVINO where it is installed and the card says that it was
    measured to give the same results; ONNX Runtime on the CPU; the model's own Python code.

    Args:
        card: The model's card.
        device: "cpu" never takes a GPU, "cuda" takes nothing else, "auto" takes what is there.
        visible: A GPU is visible, see `is_gpu_visible`.

    Raises:
        GpuUnusable: "cuda" was demanded and no GPU can be used.
        ValueError: The card lists no engine of this server.
    """
    check_device(device, visible)
    if device != "cpu" and _has_gpu(visible) and "onnxruntime" in card.runtime:
        return "cuda"
    if "openvino" in card.runtime and card.openvino_ok and is_openvino_installed():
        return "openvino"
    if "onnxruntime" in card.runtime:
        return "onnxruntime"
    if "python" in card.runtime:
        return "python"
    message = f"no engine of this server runs {card.name}"
    raise ValueError(message)


def check_device(device: Device, visible: bool) -> None:
    """Refuse a setting that demands a GPU where none can be used.

    Args:
        device: See `choose_runtime`.
        visible: A GPU is visible, see `is_gpu_visible`.

    Raises:
        GpuUnusable: "cuda" was demanded and no GPU can be used.
    """
    if device == "cuda" and not _has_gpu(visible):
        raise GpuUnusable()


def _has_gpu(visible: bool) -> bool:
    return visible and _CUDA_PROVIDER in onnxruntime.get_available_providers()


def is_gpu_visible(environment: Mapping[str, str], folder: Path = DEVICE_FILES) -> bool:
    """Say whether this process may use a GPU of this machine, without loading any library.

    Args:
        environment: Environment variables; `CUDA_VISIBLE_DEVICES` hides cards when it is empty or
            begins with -1, as CUDA's programming guide states.
        folder: Folder of the device files.
    """
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is not None and named.split(",")[0].strip() in ("", "-1", "NoDevFiles"):
        return False
    return any(True for pattern in GPU_FILES for _ in folder.glob(pattern))


def is_openvino_installed() -> bool:
    """Say whether OpenVINO could be loaded, without loading it."""
    return importlib.util.find_spec("openvino") is not None


def check_rows(outputs: Sequence[Array], inputs: int) -> None:
    """Refuse outputs whose rows would go to the wrong inputs.

    Args:
        outputs: Outputs of one run.
        inputs: Inputs that ran together.

    Raises:
        ValueError: An output has not one row per input.
    """
    if any(output.shape[:1] != (inputs,) for output in outputs):
        shapes = [output.shape for output in outputs]
        raise ValueError(f"outputs of the shapes {shapes} for {inputs} inputs")


def raise_if_out_of_memory(cause: Exception) -> None:
    """Turn an engine's error into a MemoryError if that is what it means; engines only say so.

    Raises:
        MemoryError: The engine could not get the memory.
    """
    if _OUT_OF_MEMORY.search(str(cause)):
        raise MemoryError from cause


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads that spin would take the other worker's core; without an arena the memory
    # of a large page goes back to the system.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    return options


def _open_session(
    file: Path, options: onnxruntime.SessionOptions, providers: Sequence[Any]
) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(
            file.read_bytes(), sess_options=options, providers=providers
        )
    except (RuntimeException, Fail) as cause:
        raise_if_out_of_memory(cause)
        raise
