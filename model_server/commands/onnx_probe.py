"""Open a foreign ONNX file in a process of its own and say what goes in and out.

A file that is built to crash the engine, or to take all memory, ends this process only. It reads
the file from the standard input and writes JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 120
MEMORY_BYTES = 4 * 2**30
"""Address space beside three copies of the file: the engine's libraries and its threads."""
COPIES = 3


class ProbeFailed(ValueError):
    """The engine does not open the file."""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output.

    Args:
        name: Its name in the file.
        shape: Length of each axis, None where it is free.
        dtype: Type of its values as the engine names it, for example "tensor(float)".
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Ports:
    """What goes in and out."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def probe(data: bytes) -> Ports:
    """Let the engine open a file, in another process.

    Args:
        data: The whole file; `model_server.commands.onnx_file` has looked through it.

    Raises:
        ProbeFailed: The engine refuses it, crashes, takes too long or wants too much memory.
    """
    home = Path(__file__).parents[2]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "model_server.commands.onnx_probe"],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=home,
            # ONNX Runtime 1.32 reports to its maker unless this is set before it is loaded.
            env={**os.environ, "OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"},
            timeout=TIMEOUT_S,
            check=True,
        )
        content = json.loads(done.stdout)
        return Ports(_ports(content["inputs"]), _ports(content["outputs"]))
    except (subprocess.SubprocessError, OSError, ValueError, KeyError, TypeError) as cause:
        raise ProbeFailed("the engine does not open the file") from cause


def _ports(entries: Sequence[dict[str, Any]]) -> tuple[Port, ...]:
    return tuple(
        Port(str(entry["name"]), tuple(entry["shape"]), str(entry["dtype"])) for entry in entries
    )


def _describe(data: bytes) -> dict[str, Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Folding constants would already compute with them.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        data, sess_options=options, providers=["CPUExecutionProvider"]
    )
    return {
        "inputs": [_describe_port(port) for port in session.get_inputs()],
        "outputs": [_describe_port(port) for port in session.get_outputs()],
    }


def _describe_port(port: Any) -> dict[str, Any]:  # noqa: ANN401  # the engine has no types
    shape = [axis if isinstance(axis, int) and axis > 0 else None for axis in port.shape]
    return {"name": port.name, "shape": shape, "dtype": port.type}


def main() -> int:
    """Read, open, describe."""
    data = sys.stdin.buffer.read()
    memory = MEMORY_BYTES + COPIES * len(data)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT_S, TIMEOUT_S))
    sys.stdout.write(json.dumps(_describe(data)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
