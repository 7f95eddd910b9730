"""OpenVINO on the CPU: half the processor time of ONNX Runtime, in a coarser number format."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from model_server.runtime import Array, OnnxRuntime, check_rows, raise_if_out_of_memory

Precision = Literal["f32", "bf16"]

_CONVERTER = "openvino.tools.ovc"


class OpenVinoRuntime:
    """OpenVINO on the CPU, one thread per model: workers are the parallelism.

    Axes of free length stay free: a new shape costs a few milliseconds once, compiling for it would
    cost 150 to 190 milliseconds and 20 to 100 MiB (yolov8n). The inputs of a batch run one after
    the other: a joint run is no faster, takes three times the memory, and what runs alone cannot be
    changed by its neighbours.

    Args:
        compiled: The model, compiled by the library.
        source: The same file as ONNX Runtime describes it.
    """

    name = "openvino"
    device = "cpu"

    def __init__(self, compiled: Any, source: OnnxRuntime) -> None:  # noqa: ANN401  # untyped library
        self.input_shape = source.input_shape
        self.metadata = source.metadata
        self.precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        self._request = compiled.create_infer_request()
        self._outputs = [output.get_any_name() for output in compiled.outputs]
        # The request runs one input at a time; a second thread has to wait.
        self._lock = threading.Lock()

    @classmethod
    def load(cls, file: Path, threads: int = 1, precision: Precision = "bf16") -> Self:
        """Open an ONNX file.

        ONNX Runtime reads it first: this library would follow references to weights in other files
        of the current folder, whose hashes no card states; ONNX Runtime refuses them.

        Args:
            file: Path of the weights.
            threads: Threads within one operation.
            precision: Number format; a processor without instructions for bfloat16 computes in
                float32 all the same.

        Raises:
            MemoryError: The engine could not get the memory.
        """
        source = OnnxRuntime.load(file, threads)
        core = import_openvino().Core()
        if not has_bfloat16(core):
            precision = "f32"
        try:
            model = core.read_model(file.read_bytes())
            return cls(core.compile_model(model, "CPU", _settings(threads, precision)), source)
        except RuntimeError as cause:
            raise_if_out_of_memory(cause)
            raise

    def predict(self, inputs: Sequence[Array]) -> list[dict[str, Array]]:
        """Run inputs of one shape; one dict of outputs per input, in order.

        Raises:
            MemoryError: The engine could not get the memory.
            ValueError: An output has not one row per input.
        """
        with self._lock:
            try:
                return [self._run(single) for single in inputs]
            except RuntimeError as cause:
                raise_if_out_of_memory(cause)
                raise

    def _run(self, single: Array) -> dict[str, Array]:
        # `infer` hides that memory was short and leaves the outputs of the input before (2026.4.1);
        # `wait` tells.
        self._request.start_async([single[np.newaxis]], share_inputs=True)
        self._request.wait()
        outputs = [
            self._request.get_output_tensor(place).data for place in range(len(self._outputs))
        ]
        check_rows(outputs, 1)
        # The request writes its next outputs into the same memory.
        return {name: output[0].copy() for name, output in zip(self._outputs, outputs, strict=True)}


def import_openvino() -> Any:  # noqa: ANN401  # a module without types
    """Import the library without its converter.

    The converter reports every import to its maker over the network and leaves a file with an
    identifier in the home directory (2026.4.1, `openvino/tools/ovc/__init__.py`). The library does
    without it where it cannot be imported.
    """
    sys.modules.setdefault(_CONVERTER, None)  # type: ignore[arg-type]  # None forbids the import
    return importlib.import_module("openvino")


def has_bfloat16(core: Any) -> bool:  # noqa: ANN401  # untyped library
    """Say whether the processor has instructions for bfloat16.

    Args:
        core: `openvino.Core`.
    """
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _settings(threads: int, precision: Precision) -> dict[str, Any]:
    return {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        # Every worker would be bound to the same first core.
        "ENABLE_CPU_PINNING": False,
        # What is kept per shape grew by 5 MiB with each new shape and saved no measurable time.
        "CPU_RUNTIME_CACHE_CAPACITY": 0,
    }
