"""Reads what a foreign ONNX file says about itself and finds the code here that can run it.

Keys and their meaning: documentation of the QGIS plugin Deepness, "Adding metadata to ONNX model"
(https://qgis-plugin-deepness.readthedocs.io); values are JSON. Files of ultralytics carry `names`
and `task` instead, as Python literals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from model_server.commands.metadata import MAX_CLASSES, Metadata
from model_server.commands.onnx_probe import Port, Ports
from model_server.commands.outcome import CommandError, one_line

MAX_STRIDE = 64
BOX_ROWS = 4
LEAST_ROW = 6
"""Box, score and class: what one object takes where objects are rows and not columns."""
NEEDED: dict[str, tuple[str, ...]] = {
    "model_type": ("model_type", "task"),
    "class_names": ("class_names", "names"),
    "resolution": ("resolution",),
    "tiles_size": ("tiles_size", "tile_size"),
}
"""What a model must say to run without a person's help, and other names for it."""
FEATURES = "features"
LOGITS = "logits"
PROBABILITIES = "probabilities"
_HEADS = {
    "YOLO_Ultralytics": "yolo_detect",
    "YOLO_v9": "yolo_detect",
    "YOLO_Ultralytics_segmentation": "yolo_segment",
    "detect": "yolo_detect",
    "segment": "yolo_segment",
}
"""Deepness' `det_type` and ultralytics' `task` whose outputs `model_server.tasks.yolo` decodes."""
_OTHER_HEADS = {
    "YOLO_v5_or_v7_default": "YOLO v5 und v7 geben einen Objektwert je Rechteck aus",
    "YOLO_v6": "YOLO v6 gibt einen Objektwert je Rechteck aus",
    "YOLO_Ultralytics_obb": "gedrehte Rechtecke (OBB) kennt der Modellserver nicht",
    "obb": "gedrehte Rechtecke (OBB) kennt der Modellserver nicht",
    "pose": "Körperhaltungen kennt der Modellserver nicht",
}
_OTHER_TYPES = ("regressor", "superresolution", "recognition")
_BANDS = {3: "rgb", 4: "rgbi"}
_ARCHITECTURES = {
    "classes_onnx": ("segment", ("classes", "probabilities")),
    "yolo_detect": ("segment", ("instances",)),
    "yolo_segment": ("segment", ("instances",)),
    "yolo_layout": ("layout", ("regions",)),
    "label_onnx": ("classify", ("labels",)),
    "features_onnx": ("embed", ("vector",)),
}


@dataclass(frozen=True, slots=True)
class Tiling:
    """How the file wants an image to be cut and its answers to be cleaned; None where it is silent.

    Args:
        size_px: Side of a tile.
        overlap_percent: Overlap of neighbouring tiles in percent of their side.
        small_segment_px: Side of the filter that drops small segments; 0 for none.
    """

    size_px: int | None
    overlap_percent: float | None
    small_segment_px: float | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What a file says and what follows from it; None where it says nothing.

    Args:
        architecture: Code that runs it, see `model_server.card.Architecture`.
        task: Task of the model server.
        outputs: Outputs of that task.
        bands: "rgb" or "rgbi".
        class_names: Names in the order of the outputs.
        tiling: How to cut images.
        output_stride: Pixels of the input per cell of the output.
        resolution_m: Ground sampling distance in metres per pixel.
        mean: Subtracted from pixel / 255, one entry per band.
        std: Divisor after that.
        min_score: Threshold 0-1.
        nms_iou: Overlap 0-1 above which duplicates are dropped.
        fixed_batch: The file takes one image at a time.
        missing: Keys of `NEEDED` that the file leaves out.
        notes: German sentences for the person who completes the card.
    """

    architecture: str
    task: str
    outputs: tuple[str, ...]
    bands: str
    class_names: tuple[str, ...] | None
    tiling: Tiling
    output_stride: int | None
    resolution_m: float | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    min_score: float | None
    nms_iou: float | None
    fixed_batch: bool
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def understand(metadata: Mapping[str, str | None], ports: Ports, task: str | None) -> Findings:
    """Find the architecture and collect what the file says.

    Args:
        metadata: Its key-value pairs.
        ports: What goes in and out.
        task: Task that the caller names; needed where the file says nothing.

    Raises:
        CommandError: A value is unusable, or no code here can run the model.
    """
    said = Metadata(metadata)
    image = _image_input(ports)
    names = said.class_names()
    architecture = _architecture(said, ports, task)
    own_task, outputs = _ARCHITECTURES[architecture]
    if task not in (None, own_task):
        raise CommandError(f"Das Modell ist für {own_task} gemacht, nicht für {task}.")
    bands = image.shape[1] or 0
    if bands not in (3, *((4,) if own_task == "segment" else ())):
        raise CommandError(f"Für die Aufgabe {own_task} braucht es 3 Kanäle, nicht {bands}.")
    classes = _class_count(architecture, ports, names)
    resolution = said.number("resolution", 0.01, 10_000)
    detects = architecture.startswith("yolo")
    maps = architecture == "classes_onnx"
    tiling = Tiling(
        _size(image, said),
        said.number("tiles_overlap", 0, 99),
        said.number("seg_small_segment", 0, 10_000) if maps else None,
    )
    return Findings(
        architecture=architecture,
        task=own_task,
        outputs=outputs,
        bands=_BANDS[bands],
        class_names=names or (None if classes is None else _placeholders(classes)),
        tiling=tiling,
        output_stride=_stride(image, ports) if maps else None,
        resolution_m=None if resolution is None else round(resolution / 100, 6),
        mean=said.numbers("standardization_mean", bands, -10, 10),
        std=said.numbers("standardization_std", bands, 1e-6, 10),
        min_score=said.number("det_conf" if detects else "seg_thresh", 0, 1),
        nms_iou=said.number("det_iou_thresh", 0, 1) if detects else None,
        fixed_batch=image.shape[0] == 1,
        missing=_missing(said, tiling.size_px),
        notes=(*_notes(said, ports, architecture, names is None), *_notes_for_apps(tiling)),
    )


def _image_input(ports: Ports) -> Port:
    if len(ports.inputs) != 1:
        raise CommandError("Das Modell muss genau einen Eingang haben.")
    (image,) = ports.inputs
    shape = "Anzahl x 3 oder 4 Kanäle x Höhe x Breite, Gleitkommazahlen (float32)"
    if image.dtype != "tensor(float)" or len(image.shape) != 4:
        raise CommandError(f"Der Eingang des Modells muss ein Bild sein: {shape}.")
    if image.shape[1] not in _BANDS:
        found = "offen" if image.shape[1] is None else image.shape[1]
        line = f"Die Zahl der Kanäle am Eingang des Modells ist {found}, nötig ist: {shape}."
        raise CommandError(line)
    return image


def _missing(said: Metadata, size_px: int | None) -> tuple[str, ...]:
    """Return the needed keys that the file leaves out; an input of fixed size says its own."""
    missing = [key for key, names in NEEDED.items() if said.value(*names) is None]
    return tuple(key for key in missing if key != "tiles_size" or size_px is None)


def _architecture(said: Metadata, ports: Ports, task: str | None) -> str:
    kind = (said.text("model_type") or "").lower()
    if kind in _OTHER_TYPES:
        line = f"Modelle der Art {kind.capitalize()} kennt der Modellserver nicht."
        raise CommandError(line)
    head = said.text("det_type") or said.text("task")
    if kind == "detector" or (not kind and head in _HEADS | _OTHER_HEADS):
        return _detector(head, ports, task)
    if kind.startswith("segment"):
        return "classes_onnx"
    if kind:
        raise CommandError(f"Die Modellart {kind} in der Datei ist unbekannt.")
    if head == "classify" or task == "classify":
        return "label_onnx"
    if task == "embed":
        return "features_onnx"
    if task in ("segment", "layout"):
        ranks = {len(port.shape) for port in ports.outputs}
        return (
            "classes_onnx" if ranks == {4} and task == "segment" else _detector(None, ports, task)
        )
    if task is None:
        # Whatever `task` says, it is nothing that is known here.
        keys = dict.fromkeys(["model_type", *_missing(said, _size(ports.inputs[0], said))])
        line = (
            f"Die Datei sagt nicht, was das Modell tut. Es fehlen die Angaben {', '.join(keys)}. "
            "Bitte ergänzen Sie diese oder nennen Sie die Aufgabe mit --task."
        )
        raise CommandError(line)
    raise CommandError(f"Für die Aufgabe {task} lässt sich kein fremdes Modell übernehmen.")


def _detector(head: str | None, ports: Ports, task: str | None) -> str:
    if head in _OTHER_HEADS:
        raise CommandError(f"Dieser Detektor lässt sich nicht übernehmen: {_OTHER_HEADS[head]}.")
    if head is not None and head not in _HEADS:
        raise CommandError(f"Die Art des Detektors {head} ist unbekannt.")
    has_masks = any(len(port.shape) == 4 for port in ports.outputs)
    expected = _HEADS[head] if head else "yolo_segment" if has_masks else "yolo_detect"
    if has_masks != (expected == "yolo_segment"):
        raise CommandError("Die Ausgänge des Modells passen nicht zur Art seines Detektors.")
    if task == "layout":
        if has_masks:
            raise CommandError("Für Seitenlayout sind Modelle mit Masken nicht vorgesehen.")
        return "yolo_layout"
    return expected


def _class_count(architecture: str, ports: Ports, names: tuple[str, ...] | None) -> int | None:
    """Compare the outputs with what the decoder expects and return the number of classes."""
    outputs = [port for port in ports.outputs if port.name != FEATURES]
    if architecture == "features_onnx":
        if not any(port.name == FEATURES and len(port.shape) == 2 for port in ports.outputs):
            raise CommandError(f"Das Modell hat keinen Ausgang namens {FEATURES}.")
        return None
    if architecture.startswith("yolo"):
        return _head_classes(outputs, names)
    rank = 4 if architecture == "classes_onnx" else 2
    if len(outputs) != 1 or len(outputs[0].shape) != rank:
        raise CommandError(f"Das Modell muss genau einen Ausgang mit {rank} Achsen haben.")
    found = outputs[0].shape[1]
    if found == 1:
        raise CommandError("Modelle mit nur einem Ausgangskanal kennt der Modellserver nicht.")
    return _agreed(found, names)


def _head_classes(outputs: list[Port], names: tuple[str, ...] | None) -> int | None:
    heads = [port for port in outputs if len(port.shape) == 3]
    masks = [port for port in outputs if len(port.shape) == 4]
    if len(heads) != 1 or len(masks) > 1 or len(heads) + len(masks) != len(outputs):
        raise CommandError("Die Ausgänge des Modells sind nicht die eines YOLO-Detektors.")
    _, rows, columns = heads[0].shape
    coefficients = masks[0].shape[1] if masks else 0
    if columns is not None and rows is not None and LEAST_ROW <= columns <= rows:
        line = (
            "Der Ausgang des Detektors hat die Anordnung von YOLO v5 oder unterdrückt Dopplungen "
            "selbst (NMS). Beides kennt der Modellserver nicht."
        )
        raise CommandError(line)
    if rows is None or coefficients is None:
        return None if names is None else len(names)
    return _agreed(rows - BOX_ROWS - coefficients, names)


def _agreed(found: int | None, names: tuple[str, ...] | None) -> int | None:
    if found is None:
        return None if names is None else len(names)
    if not 1 <= found <= MAX_CLASSES or (names is not None and len(names) != found):
        said = "unbekannt" if names is None else str(len(names))
        line = f"Die Ausgänge sind für {found} Klassen gemacht; laut Angaben der Datei: {said}."
        raise CommandError(line)
    return found


def _placeholders(count: int) -> tuple[str, ...]:
    return tuple(f"Klasse {number}" for number in range(count))


def _size(image: Port, said: Metadata) -> int | None:
    key = "tiles_size" if said.value("tiles_size") is not None else "tile_size"
    wanted = said.number(key, 8, 8192)
    height, width = image.shape[2:]
    if height is None or width is None:
        return None if wanted is None else int(wanted)
    if wanted is not None and (height, width) != (wanted, wanted):
        line = (
            f"Die Datei nennt Kacheln von {wanted:g} Bildpunkten, "
            f"ihr Eingang hat {width} x {height}."
        )
        raise CommandError(line)
    return height if height == width else None


def _stride(image: Port, ports: Ports) -> int:
    """Return how much smaller the output is; a file that does not say so must keep the size."""
    output = next(port for port in ports.outputs if port.name != FEATURES)
    pairs = list(zip(image.shape[2:], output.shape[2:], strict=True))
    ratios = {divmod(side, cell) for side, cell in pairs if side is not None and cell is not None}
    if not ratios:
        return 1
    stride, rest = max(ratios)
    if len(ratios) > 1 or rest or not 1 <= stride <= MAX_STRIDE:
        raise CommandError("Die Größe des Ausgangs passt nicht zu der des Eingangs.")
    return stride


def _notes(said: Metadata, ports: Ports, architecture: str, no_names: bool) -> list[str]:
    notes = []
    if no_names and architecture != "features_onnx":
        notes.append("Die Datei nennt keine Namen der Klassen; bitte tragen Sie sie ein.")
    output = next((port.name for port in ports.outputs if port.name != FEATURES), "")
    shown = one_line(output, 40)
    if architecture == "classes_onnx" and output != LOGITS:
        notes.append(
            f"Der Ausgang heißt {shown} und muss Wahrscheinlichkeiten enthalten, die je "
            f"Bildpunkt 1 ergeben. Enthält er Logits, muss er {LOGITS} heißen."
        )
    if architecture == "label_onnx" and output != PROBABILITIES:
        notes.append(
            f"Der Ausgang heißt {shown} und gilt deshalb als Logits. "
            f"Enthält er schon Wahrscheinlichkeiten, muss er {PROBABILITIES} heißen."
        )
    licence = said.text("license")
    if licence:
        notes.append(f"Die Datei nennt als Lizenz: {licence}. Bitte prüfen Sie das.")
    return notes


def _notes_for_apps(tiling: Tiling) -> Iterator[str]:
    if tiling.overlap_percent is not None:
        percent = f"{tiling.overlap_percent:g}".replace(".", ",")
        yield f"Die Datei empfiehlt {percent} % Überlappung; das stellt die Anwendung ein."
    if tiling.small_segment_px:
        yield (
            "Die Datei empfiehlt, kleine Flächen mit einem Filter von "
            f"{tiling.small_segment_px:g} Bildpunkten Seite zu entfernen; das stellt die "
            "Anwendung ein."
        )
