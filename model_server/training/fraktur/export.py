"""Write the recogniser as ONNX and measure how well ONNX Runtime repeats torch."""

from __future__ import annotations

import copy
import hashlib
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from model_server.runtime import OnnxRuntime
from model_server.tasks.grey_lines import ALPHABET_KEY, HEIGHT_PX, decode, prepare_grey_crop
from model_server.training.export import ParityBroken
from model_server.training.fraktur.lines import Line, Lines, read_image

OPSET = 17
TRACED_PX = 256
LOGS = "logs"
LIMIT_DIFFERENCE = 1e-3
"""Of a log probability; sums of other order differ by some 1e-5 after hundreds of columns."""
LIMIT_AGREEMENT = 0.999


@dataclass(frozen=True)
class Parity:
    """How closely ONNX Runtime repeats torch.

    Attributes:
        max_difference: Largest difference of a symbol's log probability above -10.
        text_agreement: Share of lines with the same text.
        lines: Number of compared lines.
        milliseconds: Mean time per line in ONNX Runtime, one thread, without the decoding of files.
    """

    max_difference: float
    text_agreement: float
    lines: int
    milliseconds: float


class Spoken(nn.Module):
    """A network with log probabilities, lines first.

    Args:
        network: Returns logits (columns, lines, classes); it is copied.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).float().cpu().eval().requires_grad_(False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return log probabilities (lines, columns, classes) of pictures (lines, 1, 40, width)."""
        return self.network(pictures).log_softmax(dim=2).permute(1, 0, 2)


def export_onnx(network: nn.Module, alphabet: Sequence[str], file: Path) -> Spoken:
    """Write the ONNX file with its alphabet and return the torch model it must agree with.

    Args:
        network: Returns logits.
        alphabet: Symbols in the order of the classes.
        file: Target.
    """
    # The exporter brings everything back to the mode it finds.
    model = Spoken(network).eval()
    file.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is the one that needs no further package; it announces its end.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(1, 1, HEIGHT_PX, TRACED_PX),),
            str(file),
            opset_version=OPSET,
            input_names=["pictures"],
            output_names=[LOGS],
            dynamic_axes={"pictures": {0: "batch", 3: "width"}, LOGS: {0: "batch", 1: "columns"}},
            dynamo=False,
        )
    written = onnx.load(str(file))
    entry = written.metadata_props.add()
    entry.key, entry.value = ALPHABET_KEY, json.dumps(list(alphabet), ensure_ascii=False)
    onnx.checker.check_model(written)
    onnx.save(written, str(file))
    return model


def measure_parity(
    model: Spoken, file: Path, lines: Lines, chosen: Sequence[Line], alphabet: Sequence[str]
) -> Parity:
    """Compare torch and ONNX Runtime.

    Args:
        model: What `export_onnx` returned.
        file: Exported file.
        lines: The data set.
        chosen: Lines to compare.
        alphabet: Symbols.

    Raises:
        ParityBroken: A difference is above its limit.
    """
    runtime = OnnxRuntime.load(file)
    largest, same, spent = 0.0, 0, 0.0
    for line in chosen:
        grey = read_image(lines.folder, line)
        start = time.process_time()
        crop = prepare_grey_crop(grey)
        found = runtime.predict([crop])[0][LOGS]
        text = decode(found, alphabet).text
        spent += time.process_time() - start
        with torch.inference_mode():
            expected = model(torch.from_numpy(crop)[None])[0].numpy()
        likely = expected > -10
        largest = max(largest, float(np.abs(found - expected)[likely].max()))
        same += text == decode(expected, alphabet).text
    count = max(1, len(chosen))
    parity = Parity(largest, same / count, len(chosen), round(1000 * spent / count, 2))
    if largest > LIMIT_DIFFERENCE or parity.text_agreement < LIMIT_AGREEMENT:
        message = f"torch and ONNX Runtime differ: {parity}"
        raise ParityBroken(message)
    return parity


def parity_content(file: Path, parity: Parity) -> dict[str, Any]:
    """Return what `parity.json` holds about weights whose measurement broke no limit."""
    return {
        "onnxruntime": {
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "version": onnxruntime.__version__,
            "torch": torch.__version__,
            **asdict(parity),
            "limits": {"difference": LIMIT_DIFFERENCE, "text_agreement": LIMIT_AGREEMENT},
            "ok": True,
        }
    }
