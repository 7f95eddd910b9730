"""Compare networks for land cover, train the shipped one and report; every part is resumable."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from model_server.domain import FEATURES_OUTPUT, Domain
from model_server.runtime import OnnxRuntime
from model_server.tasks.landcover_rules import LandcoverRules
from model_server.training.landcover_calibration import collect_cells, fit_fusion, fit_temperature
from model_server.training.landcover_card import DOMAIN_FILE, write_card, write_sheet
from model_server.training.landcover_data import KEYS, Packed, pack
from model_server.training.landcover_measure import (
    Predictor,
    measure,
    measure_fused,
    tiling_disagreement,
)
from model_server.training.landcover_networks import build, prepare
from model_server.training.semantic_export import (
    PROBABILITIES,
    export_onnx,
    measure_parity,
    parity_content,
)
from model_server.training.semantic_loop import Run, Settings, to_input, train
from model_server.training.timed_run import LAST

FINAL, REPORT = "final", "report"
ARMS = ("a", "b", "c")
RESULT_FILE = "result.json"
AVERAGED_FILE = "averaged.pt"
"""Weights of a finished part; its checkpoints may already be further."""
RULES_STRIDE = 2
PREPARED_SQUARES = 32
TILED_SCENES = 30
DOMAIN_SCENES = 150
"""Of each split, at most."""
DOMAIN_PX = 512
"""Side of the images whose features are typical."""


class UnknownPart(ValueError):
    """A part was asked for that the experiment does not have."""


class PartMissing(ValueError):
    """A part has to be trained before the report."""


@dataclass(frozen=True)
class Experiment:
    """What is trained, where and how long.

    Attributes:
        scenes: Folder of the rendered scenes; only read.
        folder: Folder for packed scenes, parts and result.
        minutes: Limit of one part in CPU minutes (on CUDA: minutes).
        device: "cpu" or "cuda".
        seed: Of the shipped run; arms have the number in their name.
        batch: Squares per step.
        side_px: Side of the squares.
        arm: Network of the shipped run.
        version: Of the shipped model.
        command: Command that repeats this experiment.
    """

    scenes: Path
    folder: Path
    minutes: float
    device: str
    seed: int
    batch: int
    side_px: int
    arm: str
    version: str
    command: str

    def part_folder(self, part: str) -> Path:
        """Return the scratch folder of a part."""
        return self.folder / "parts" / part

    def files(self, split: str) -> list[Path]:
        """Return the packed scenes of a split."""
        return pack(self.scenes, self.folder / "packed", split)

    def settings(self, part: str) -> Settings:
        """Return what decides the run of a part.

        Raises:
            UnknownPart: The part is no arm with a seed and not the shipped run.
        """
        arm, seed = (self.arm, str(self.seed)) if part == FINAL else (part[:1], part[1:])
        if arm not in ARMS or not seed.isdecimal():
            message = f"Unbekannter Teil: {part}. Es gibt etwa a1, b1, c1, {FINAL}, {REPORT}."
            raise UnknownPart(message)
        return Settings(arm, int(seed), self.batch, self.side_px)


def run_experiment(experiment: Experiment, parts: Sequence[str]) -> None:
    """Run the named parts in order; what a part has done already is not done again.

    Raises:
        UnknownPart: A part is unknown.
        PartMissing: The report has nothing to report.
        ScenesUnusable: There are no scenes, or they cannot be read.
        StartWeightsMissing: The start weights of arm "b" are not installed.
        OtherSettings: The folder holds parts of other settings.
    """
    for part in parts:
        if part != REPORT:
            experiment.settings(part)
    for part in parts:
        if part == REPORT:
            report(experiment)
        else:
            _train_part(experiment, part)


def _train_part(experiment: Experiment, part: str) -> None:
    settings, folder = experiment.settings(part), experiment.part_folder(part)
    data = Packed(experiment.files("train"))
    network = build(settings.arm, settings.seed)
    if settings.arm == "b" and not (folder / LAST).is_file():
        random = np.random.default_rng(settings.seed)
        squares = data.draw(random, PREPARED_SQUARES, experiment.side_px)
        prepare(network, to_input(squares.images))
    run = train(network, data, settings, experiment.minutes, folder, experiment.device)
    torch.save(run.network.state_dict(), folder / AVERAGED_FILE)
    export_onnx(run.network, folder / "model.onnx")
    result = _told(run, settings) | _measured(folder / "model.onnx", run.network, experiment)
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    (folder / RESULT_FILE).write_text(text, encoding="utf-8")
    print(f"{part}: val {result['val']['mean_iou']}, {run.minutes:.1f} CPU minutes", flush=True)


def _told(run: Run, settings: Settings) -> dict[str, Any]:
    return {
        "settings": asdict(settings),
        "parameters": sum(value.numel() for value in run.network.parameters()),
        "minutes": round(run.minutes, 2),
        "all_minutes": round(run.all_minutes, 2),
        "steps": run.steps,
        "drawn_shares": dict(zip(KEYS, np.round(run.drawn_shares, 4).tolist(), strict=True)),
        "train_shards": run.data,
    }


def _measured(file: Path, network: nn.Module, experiment: Experiment) -> dict[str, Any]:
    predictor = onnx_predictor(file, network.stride)
    files = experiment.files("val")
    return {
        "stride": network.stride,
        "reach_px": network.reach_px,
        "val": measure(predictor, files).summary(),
        "tiling": tiling_disagreement(predictor, files[:TILED_SCENES]),
    }


def onnx_predictor(file: Path, stride: int) -> Predictor:
    """Return an exported model as something to measure."""
    runtime = OnnxRuntime.load(file)
    return Predictor(lambda image: runtime.predict([image])[0][PROBABILITIES], stride)


def rules_predictor(bands: int) -> Predictor:
    """Return the rules that stand in without a trained model, on 3 or 4 bands."""
    rules = LandcoverRules(range(len(KEYS)), RULES_STRIDE)
    return Predictor(
        lambda image: rules.predict([image])[0][PROBABILITIES], RULES_STRIDE, bands=bands
    )


def report(experiment: Experiment) -> None:
    """Calibrate the shipped run, export it and write all figures, card and sheet to `DIR/model`."""
    result = _result(experiment, FINAL)
    target = experiment.folder / "model"
    target.mkdir(parents=True, exist_ok=True)
    network = load_averaged(experiment.part_folder(FINAL) / AVERAGED_FILE, experiment.arm)
    raw = onnx_predictor(experiment.part_folder(FINAL) / "model.onnx", network.stride)
    cells = collect_cells(raw, experiment.files("val"), experiment.seed)
    temperature = fit_temperature(cells)
    fusion = fit_fusion(cells, temperature)
    model = export_onnx(network, target / "model.onnx", temperature)
    metrics = _metrics(experiment, result, temperature, fusion)
    metrics["domain"] = _fit_domain(experiment, target)
    parity = measure_parity(model, target / "model.onnx", _samples(experiment))
    metrics["parity"] = asdict(parity)
    text = json.dumps(metrics, indent=1, ensure_ascii=False) + "\n"
    (target / "metrics.json").write_text(text, encoding="utf-8")
    compared = json.dumps(parity_content(target / "model.onnx", parity), indent=1) + "\n"
    (target / "parity.json").write_text(compared, encoding="utf-8")
    write_card(target, metrics)
    write_sheet(target, metrics)


def load_averaged(file: Path, arm: str) -> nn.Module:
    """Return the network of an arm with the averaged weights of a finished part."""
    network = build(arm, 0)
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return network.eval()


def _result(experiment: Experiment, part: str) -> dict[str, Any]:
    file = experiment.part_folder(part) / RESULT_FILE
    if not file.is_file():
        message = f"Der Teil {part} ist noch nicht trainiert."
        raise PartMissing(message)
    return json.loads(file.read_text(encoding="utf-8"))


def _metrics(
    experiment: Experiment, result: dict[str, Any], temperature: float, fusion: np.ndarray
) -> dict[str, Any]:
    """Return the content of `metrics.json`; the test split is looked at here and nowhere else."""
    file = experiment.folder / "model" / "model.onnx"
    predictor = onnx_predictor(file, result["stride"])
    splits: dict[str, Any] = {}
    for split in ("val", "test", "extreme"):
        if not any((experiment.scenes / split).glob("s_*/scenes.json")):
            continue
        files = experiment.files(split)
        plain, fused = measure_fused(predictor, fusion, files)
        splits[split] = {
            "shards": sorted({one.parent.name for one in files}),
            "rgb": plain.summary(),
            "rgbi": fused.summary(),
            "rules_rgb": measure(rules_predictor(3), files).summary(),
            "rules_rgbi": measure(rules_predictor(4), files).summary(),
        }
    arms = sorted(experiment.folder.glob(f"parts/*/{RESULT_FILE}"))
    return {
        "version": experiment.version,
        "command": experiment.command,
        "measured_on": datetime.now(UTC).date().isoformat(),
        "final": result,
        "arms": {
            one.parent.name: json.loads(one.read_text(encoding="utf-8"))
            for one in arms
            if one.parent.name != FINAL
        },
        "temperature": temperature,
        "fusion": dict(zip(KEYS, fusion.tolist(), strict=True)),
        "splits": splits,
        "tiling": tiling_disagreement(predictor, experiment.files("val")[:TILED_SCENES]),
    }


def _samples(experiment: Experiment) -> list[np.ndarray]:
    """Return images of several sizes for the comparison of engines."""
    images = []
    for number, file in enumerate(experiment.files("val")[:3]):
        scene = np.load(file, mmap_mode="r")
        height, width = (side - side % 64 for side in scene.shape[:2])
        cut = scene[:height, : max(64, width - 64 * number), :3].transpose(2, 0, 1)
        images.append(np.ascontiguousarray(cut, dtype=np.float32) / 255)
    return images


def _fit_domain(experiment: Experiment, target: Path) -> dict[str, Any]:
    """Write the feature statistics of training scenes; return how far other scenes lie away."""
    runtime = OnnxRuntime.load(target / "model.onnx")
    domain = Domain.fit(_features(runtime, experiment.files("train")))
    domain.save(target / DOMAIN_FILE)
    found = {
        split: [domain.distance(one) for one in _features(runtime, experiment.files(split))]
        for split in ("val", "test")
    }
    limit = float(np.percentile(found["val"], 99))
    return {
        "distance_median": round(float(np.median(found["val"])), 4),
        "distance_p99": round(limit, 4),
        "unusual_test_share": round(float(np.mean(np.array(found["test"]) > limit)), 4),
    }


def _features(runtime: OnnxRuntime, files: Sequence[Path]) -> np.ndarray:
    rows = []
    for file in files[:: math.ceil(len(files) / DOMAIN_SCENES)]:
        scene = np.load(file, mmap_mode="r")
        height, width = (min(DOMAIN_PX, side - side % 64) for side in scene.shape[:2])
        image = np.ascontiguousarray(scene[:height, :width, :3].transpose(2, 0, 1))
        rows.append(runtime.predict([image.astype(np.float32) / 255])[0][FEATURES_OUTPUT])
    return np.stack(rows)
