"""Engines behind one small interface; ONNX Runtime on the CPU is the one that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

Array = NDArray[Any]


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
    """ONNX Runtime on the CPU, one thread per session: workers are the parallelism.

    Args:
        session: The open session.
    """

    name = "onnxruntime"
    device = "cpu"

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0]
        self._outputs = [output.name for output in session.get_outputs()]

    @classmethod
    def load(cls, file: Path, threads: int = 1) -> Self:
        """Open an ONNX file.

        It is read whole, so that it cannot refer to weights in other files, whose hashes no card
        states; the engine refuses such references then.

        Args:
            file: Path of the weights.
            threads: Threads within one operation.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Idle threads that spin would take the other worker's core; without an arena the memory
        # of a large page goes back to the system.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False
        return cls(
            onnxruntime.InferenceSession(
                file.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
            )
        )

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Return the shape of the input; None for axes of free length."""
        return tuple(axis if isinstance(axis, int) else None for axis in self._input.shape)

    @property
    def metadata(self) -> dict[str, str]:
        """Return what the file says about itself."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def predict(self, inputs: Sequence[Array]) -> list[dict[str, Array]]:
        """Run inputs of one shape together; one dict of outputs per input, in order.

        A file that was exported for batches of one is run input by input.

        Raises:
            MemoryError: The engine could not get the memory.
        """
        if self.input_shape[0] == 1 and len(inputs) > 1:
            return [self.predict([single])[0] for single in inputs]
        stacked = np.stack(inputs)
        try:
            results = self._session.run(self._outputs, {self._input.name: stacked})
        except (RuntimeException, Fail) as cause:
            if "alloc" in str(cause).lower():
                raise MemoryError from cause
            raise
        return [
            {name: result[row] for name, result in zip(self._outputs, results, strict=True)}
            for row in range(len(inputs))
        ]
