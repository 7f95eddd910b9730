"""Compare the engines on the shipped weights: `python -m model_server.parity [--model NAME]`.

Writes what it measured into each model's `parity.json` and prints it as JSON. Exit codes: 0 fine, 1
an engine differs by more than its limit allows or a card claims otherwise, 2 unknown model.

ONNX Runtime is compared with torch where torch is installed, OpenVINO (bfloat16) with ONNX Runtime
where OpenVINO is installed and the processor computes in bfloat16; what cannot be measured keeps
its last figures.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from model_server.catalog import BUILT_IN, MAIN_FILE, ServableModel, load_catalog
from model_server.mask_overlap import COMPARED_MASKS, least_overlap, masks_of
from model_server.runtime import Array, OnnxRuntime, Runtime, is_openvino_installed
from model_server.runtime_openvino import OpenVinoRuntime, has_bfloat16, import_openvino
from shared.settings import get_settings

PARITY_FILE = "parity.json"
TORCH_SCORE_LIMIT = 1e-4
TORCH_BOX_LIMIT_PX = 0.05
TORCH_LEAST_MASK_IOU = 0.99
OPENVINO_SCORE_LIMIT = 0.02
AP50_LIMIT_POINTS = 0.3
VISIBLE_SCORE = 0.01
"""Boxes and masks of weaker anchors are not compared; nobody asks for them."""
SCENES_PX = ((640, 640), (512, 512), (320, 640), (1280, 1280))
TORCH_SHAPES = [(1, 512, 512), (2, 640, 640), (1, 320, 640)]
LABELLED_TILES = {"solar": "solar_tiles_train"}
"""Data sets below the development data folder, on which a model's AP50 is measured."""
YOLO_HEADS = ("yolo_detect", "yolo_segment")
_HEAD, _PROTOTYPES = "output0", "output1"

Pixels = NDArray[np.uint8]
Outputs = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Difference:
    """Largest differences between two engines.

    Args:
        max_score_difference: Over all anchors and classes of all images.
        max_box_difference_px: Over anchors with a score of at least `VISIBLE_SCORE`.
        images: Number of compared images.
        min_mask_iou: Smallest overlap of the masks of the best anchors, not cut to their boxes;
            None without masks.
    """

    max_score_difference: float
    max_box_difference_px: float
    images: int
    min_mask_iou: float | None = None


def draw_scene(seed: int, height: int, width: int) -> Pixels:
    """Draw noisy ground with turned rectangles, some of them gridded like solar arrays.

    Args:
        seed: Seed of all chances.
        height: Pixels.
        width: Pixels.

    Returns:
        height x width x 3, RGB.
    """
    random = np.random.default_rng(seed)
    coarse = random.integers(60, 170, (height // 64 + 1, width // 64 + 1, 3), dtype=np.uint8)
    scene = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    for _ in range(12):
        centre = (float(random.uniform(0, width)), float(random.uniform(0, height)))
        size = (float(random.uniform(20, 160)), float(random.uniform(15, 90)))
        corners = cv2.boxPoints((centre, size, float(random.uniform(0, 90)))).astype(np.int32)
        cv2.fillConvexPoly(scene, corners, random.integers(10, 230, 3).tolist())
        for share in np.linspace(0, 1, int(random.integers(2, 7))):
            start = corners[0] + (corners[1] - corners[0]) * share
            end = corners[3] + (corners[2] - corners[3]) * share
            cv2.line(scene, start.astype(int).tolist(), end.astype(int).tolist(), (200, 205, 215))
    noisy = scene + random.normal(0, 6, scene.shape)
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)


def compare_engines(
    first: Runtime, second: Runtime, images: Iterable[Pixels], classes: int
) -> Difference:
    """Run images through two engines of one detector and compare its raw outputs.

    Args:
        first: The engine that counts as right.
        second: The other one.
        images: height x width x 3, RGB, sides multiples of 64.
        classes: Number of classes; what follows their scores are coefficients of masks.
    """
    found = Difference(0.0, 0.0, 0)
    for image in images:
        tensor = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32) / 255
        (right,), (other,) = first.predict([tensor]), second.predict([tensor])
        found = _larger(found, _difference(right, other, classes))
    return found


def measure_openvino(
    file: Path, classes: int, tiles_folder: Path | None, nms_iou: float
) -> dict[str, Any]:
    """Compare OpenVINO in bfloat16 with ONNX Runtime on drawn scenes and on labelled tiles.

    The weights may know the tiles: only the change of the figure counts here, not the figure.

    Args:
        file: ONNX file of a detector, with masks or without.
        classes: Number of its classes.
        tiles_folder: Folder with `tiles.csv`; None leaves the figure unmeasured, and then the
            engine does not count as equal.
        nms_iou: Overlap above which the weaker of two boxes is dropped.

    Returns:
        Section of `parity.json`; without figures where OpenVINO cannot read the file.
    """
    origin = {"sha256": _sha256(file), "version": import_openvino().get_version()}
    exact = OnnxRuntime.load(file)
    try:
        coarse = OpenVinoRuntime.load(file)
    except RuntimeError:
        # It knows fewer kinds of operations than ONNX Runtime.
        return {**origin, "readable": False, "ok": False}
    scenes = [draw_scene(seed, *size) for seed, size in enumerate(SCENES_PX)]
    difference = compare_engines(exact, coarse, scenes, classes)
    figures: dict[str, float] = {}
    if tiles_folder is not None:
        on_tiles, figures = _measure_tiles(exact, coarse, classes, tiles_folder, nms_iou)
        difference = _larger(difference, on_tiles)
    points = round(abs(figures["openvino"] - figures["onnxruntime"]) * 100, 3) if figures else None
    return {
        **origin,
        "readable": True,
        "precision": coarse.precision,
        **asdict(difference),
        "tiles": difference.images - len(scenes),
        "ap50": figures or None,
        "ap50_change_points": points,
        "limits": {"score": OPENVINO_SCORE_LIMIT, "ap50_change_points": AP50_LIMIT_POINTS},
        "ok": points is not None
        and points <= AP50_LIMIT_POINTS
        and difference.max_score_difference <= OPENVINO_SCORE_LIMIT,
    }


def measure_torch(model: ServableModel) -> dict[str, Any]:
    """Compare ONNX Runtime with the torch model rebuilt from the shipped weights.

    Args:
        model: A detector that `model_server.training` wrote.
    """
    import torch

    threads = torch.get_num_threads()
    # Several threads wait for each other on a machine that is not idle: minutes, not seconds.
    torch.set_num_threads(1)
    try:
        difference = _compare_with_torch(model)
    finally:
        torch.set_num_threads(threads)
    return {
        "sha256": model.card.sha256,
        "version": onnxruntime.__version__,
        "torch": torch.__version__,
        **asdict(difference),
        "limits": {
            "score": TORCH_SCORE_LIMIT,
            "box_px": TORCH_BOX_LIMIT_PX,
            "mask_iou": TORCH_LEAST_MASK_IOU,
        },
        "ok": difference.max_score_difference <= TORCH_SCORE_LIMIT
        and difference.max_box_difference_px <= TORCH_BOX_LIMIT_PX
        and (difference.min_mask_iou is None or difference.min_mask_iou >= TORCH_LEAST_MASK_IOU),
    }


def _compare_with_torch(model: ServableModel) -> Difference:
    from model_server.training.export import export_onnx, measure_parity
    from model_server.training.rebuild import rebuild_network

    file = model.files[MAIN_FILE]
    metrics = json.loads((model.folder / "metrics.json").read_text(encoding="utf-8"))
    fitted = metrics["calibration"]
    network = rebuild_network(file, len(model.card.classes))
    with tempfile.TemporaryDirectory() as scratch:
        raw = export_onnx(
            network,
            Path(scratch) / "again.onnx",
            metrics["recipe"]["image_size_px"],
            fitted["platt_slope"],
            fitted["platt_offset"],
        )
    found = measure_parity(raw, file, TORCH_SHAPES)
    return Difference(
        found.max_score_difference, found.max_box_difference_px, found.images, found.min_mask_iou
    )


def measure_trained(folder: Path, tiles_folder: Path, nms_iou: float) -> None:
    """Measure OpenVINO on new weights of one class, if possible here, before their card is written.

    Args:
        folder: Folder with `model.onnx`.
        tiles_folder: Folder with `tiles.csv`.
        nms_iou: Overlap above which the weaker of two boxes is dropped.
    """
    if can_measure_openvino():
        found = measure_openvino(folder / "model.onnx", 1, tiles_folder, nms_iou)
        write_measured(folder, {"openvino": found})


def can_measure_openvino() -> bool:
    """Say whether OpenVINO is installed and this processor computes in bfloat16."""
    return is_openvino_installed() and has_bfloat16(import_openvino().Core())


def check_parity(model: ServableModel, data_folder: Path) -> dict[str, Any]:
    """Measure what can be measured here and write it into the model's `parity.json`.

    Args:
        model: A shipped model.
        data_folder: Folder with data sets.

    Returns:
        Row of the command's answer; `problems` holds German sentences.
    """
    card, found = model.card, dict[str, Any]()
    row = {"name": card.name, "version": card.version}
    if card.architecture not in YOLO_HEADS or card.file is None:
        return {**row, "measured": found, "problems": find_problems(card.openvino_ok, {})}
    if importlib.util.find_spec("torch") and importlib.util.find_spec("ultralytics"):
        found["onnxruntime"] = measure_torch(model)
    if can_measure_openvino():
        tiles = data_folder / LABELLED_TILES.get(card.name, card.name)
        folder = tiles if (tiles / "tiles.csv").is_file() else None
        found["openvino"] = measure_openvino(
            model.files[MAIN_FILE], len(card.classes), folder, card.limits.nms_iou
        )
    stored = write_measured(model.folder, found)
    return {**row, "measured": found, "problems": find_problems(card.openvino_ok, stored)}


def write_measured(folder: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Put measurements into a folder's `parity.json`, beside what stands there already.

    Args:
        folder: Folder of the model.
        found: By engine.

    Returns:
        The file's whole content.
    """
    file = folder / PARITY_FILE
    stored = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    stored |= found
    file.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    return stored


def find_problems(openvino_ok: bool, stored: dict[str, Any]) -> list[str]:
    """Return German sentences about what a card claims and a measurement denies.

    Args:
        openvino_ok: The card's claim.
        stored: Content of `parity.json`.
    """
    problems = []
    if not stored.get("onnxruntime", {"ok": True})["ok"]:
        problems.append("ONNX Runtime weicht zu stark von torch ab.")
    if openvino_ok and not stored.get("openvino", {"ok": False})["ok"]:
        problems.append("Die Karte sagt openvino_ok = true, gemessen ist es nicht.")
    return problems


class _Recorder:
    """Passes on what a runtime answers and keeps the last answer."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.outputs = Outputs()
        self.name, self.device = runtime.name, runtime.device
        self.input_shape, self.metadata = runtime.input_shape, runtime.metadata

    def predict(self, inputs: Sequence[Array]) -> list[dict[str, Array]]:
        answers = self._runtime.predict(inputs)
        self.outputs = answers[-1]
        return answers


def _measure_tiles(
    exact: Runtime, coarse: Runtime, classes: int, folder: Path, nms_iou: float
) -> tuple[Difference, dict[str, float]]:
    """Return the difference of the raw outputs and the AP50 by engine, all classes as one."""
    from model_server.training.mask_prediction import as_detections, find_arrays
    from model_server.training.scoring import average_precision, match
    from model_server.training.tiles import TilesUnusable, read_tiles

    recorders = [_Recorder(exact), _Recorder(coarse)]
    difference = Difference(0.0, 0.0, 0)
    scored: list[list[Any]] = [[], []]
    for tile in read_tiles(folder):
        pixels = cv2.imread(str(tile.image), cv2.IMREAD_COLOR)
        if pixels is None:
            message = f"Das Bild {tile.image.name} ist nicht lesbar."
            raise TilesUnusable(message)
        image = np.ascontiguousarray(pixels[:, :, ::-1], dtype=np.uint8)
        truth = tile.boxes_px(image.shape[1], image.shape[0])
        for recorder, rows in zip(recorders, scored, strict=True):
            found = find_arrays(recorder, image, classes, VISIBLE_SCORE, nms_iou)
            rows.append((as_detections(found), truth))
        right, other = (recorder.outputs for recorder in recorders)
        difference = _larger(difference, _difference(right, other, classes))
    figures = {
        recorder.name: round(average_precision(match(rows)), 5)
        for recorder, rows in zip(recorders, scored, strict=True)
    }
    return difference, figures


def _difference(rights: Outputs, others: Outputs, classes: int) -> Difference:
    """Compare what two engines answered for one image."""
    right, other, last = rights[_HEAD], others[_HEAD], 4 + classes
    best = right[4:last].max(axis=0)
    visible = best >= VISIBLE_SCORE
    overlap = None
    if _PROTOTYPES in rights:
        strongest = np.argsort(-best, kind="stable")[:COMPARED_MASKS]
        shown = strongest[visible[strongest]]
        first, second = (
            masks_of(one[_HEAD][last:, shown], one[_PROTOTYPES]) for one in (rights, others)
        )
        overlap = least_overlap(first, second)
    return Difference(
        float(np.abs(right[4:last] - other[4:last]).max()),
        float(np.abs(right[:4] - other[:4])[:, visible].max(initial=0)),
        1,
        overlap,
    )


def _larger(first: Difference, second: Difference) -> Difference:
    overlaps = [one.min_mask_iou for one in (first, second) if one.min_mask_iou is not None]
    return Difference(
        max(first.max_score_difference, second.max_score_difference),
        max(first.max_box_difference_px, second.max_box_difference_px),
        first.images + second.images,
        min(overlaps, default=None),
    )


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write `parity.json`, print JSON."""
    parser = argparse.ArgumentParser(prog="python -m model_server.parity")
    parser.add_argument("--model", help="only this model")
    wanted = parser.parse_args(arguments).model
    models = [
        model for model in load_catalog([BUILT_IN]).models if wanted in (None, model.card.name)
    ]
    if not models:
        sys.stderr.write(f"Das Modell {wanted} ist nicht vorhanden.\n")
        return 2
    rows = [check_parity(model, get_settings().development_data_dir) for model in models]
    fine = not any(row["problems"] for row in rows)
    sys.stdout.write(json.dumps({"models": rows, "ok": fine}, indent=1, ensure_ascii=False) + "\n")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
