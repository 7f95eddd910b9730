"""`card`: make a model folder with a draft card from a third-party ONNX file.

The draft is refused by `model_server.card` on purpose until a person has filled in what no file can
know: training, measured quality, licence, limits.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from model_server.commands.deepness import Findings, understand
from model_server.commands.draft_text import FILL_IN, Draft, write_card, write_sheet
from model_server.commands.names import slug
from model_server.commands.onnx_file import NoOnnx, OnnxContent, look_through
from model_server.commands.onnx_probe import ProbeFailed, probe
from model_server.commands.outcome import CommandError, one_line, read_file, shown

MAX_BYTES = 500 * 2**20
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
VERSION = "0.1.0"
MODEL_FILE = "model.onnx"
LICENCE_STUB = f"{FILL_IN}: Wortlaut der Lizenz der Gewichte. Bis dahin gilt: unbekannt.\n"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
_PICKLES = (b"\x80", b"PK\x03\x04")


def draft_card(file: Path, out: Path, name: str | None, task: str | None) -> dict[str, Any]:
    """Write `<out>/<name>/0.1.0/` with a copy of the weights, a draft card and two texts.

    Args:
        file: ONNX file of at most 500 MB.
        out: Folder of models, for example the one of `URBANKI_MODEL_DIR`.
        name: Name of the model; made from the file's name if None.
        task: Task, where the file does not say it.

    Raises:
        CommandError: The file is unusable or dangerous, or the folder exists already.
    """
    model_name = _model_name(file, name)
    data = read_file(file, MAX_BYTES)
    findings = _findings(data, task)
    draft = Draft(model_name, VERSION, hashlib.sha256(data).hexdigest(), findings)
    folder = out / model_name / VERSION
    _write(folder, data, draft)
    return {
        "folder": shown(folder),
        "name": model_name,
        "version": VERSION,
        "task": findings.task,
        "architecture": findings.architecture,
        "classes": list(findings.class_names or ()),
        "bands": findings.bands,
        "gsd_m": findings.resolution_m,
        "tile_px": findings.tiling.size_px,
        "overlap_percent": findings.tiling.overlap_percent,
        "min_score": findings.min_score,
        "nms_iou": findings.nms_iou,
        "small_segment_px": findings.tiling.small_segment_px,
        "missing": list(findings.missing),
        "to_fill": list(draft.to_fill),
        "to_check": list(draft.to_check),
        "notes": list(findings.notes),
    }


def _model_name(file: Path, name: str | None) -> str:
    wanted = slug(file.stem) if name is None else name
    if not _NAME.fullmatch(wanted):
        line = (
            "Der Name des Modells darf nur Kleinbuchstaben, Ziffern und Unterstriche enthalten, "
            "höchstens 64. Bitte nennen Sie ihn mit --name."
        )
        raise CommandError(line)
    return wanted


def _findings(data: bytes, task: str | None) -> Findings:
    if not data:
        raise CommandError("Die Datei ist leer.")
    if data.startswith(_PICKLES):
        line = (
            "Die Datei ist kein ONNX, sondern vermutlich von PyTorch (pickle). "
            "Bitte exportieren Sie ONNX."
        )
        raise CommandError(line)
    try:
        content = look_through(data)
        _refuse_dangers(content)
        ports = probe(data)
    except NoOnnx as cause:
        raise CommandError("Die Datei ist kein ONNX oder sie ist beschädigt.") from cause
    except ProbeFailed as cause:
        raise CommandError("ONNX Runtime kann die Datei nicht öffnen.") from cause
    return understand(content.metadata, ports, task)


def _refuse_dangers(content: OnnxContent) -> None:
    if content.has_external_data:
        line = "Das Modell verweist auf weitere Dateien. Bitte speichern Sie alles in einer Datei."
        raise CommandError(line)
    foreign = sorted(content.domains - DOMAINS)
    if foreign:
        line = f"Das Modell braucht fremde Operatoren ({one_line(', '.join(foreign), 80)})."
        raise CommandError(line)


def _write(folder: Path, data: bytes, draft: Draft) -> None:
    """Write all or nothing; a folder that is there already is never touched."""
    texts = {
        "card.toml": write_card(draft),
        "README.md": write_sheet(draft),
        "LICENSE": LICENCE_STUB,
    }
    try:
        if folder.exists():
            raise CommandError(f"Den Ordner {shown(folder)} gibt es schon.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The catalogue skips folders whose names begin with a dot.
        half = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
        try:
            (half / MODEL_FILE).write_bytes(data)
            for name, text in texts.items():
                (half / name).write_text(text, encoding="utf-8")
            half.chmod(0o755)
            half.rename(folder)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise
    except (OSError, ValueError) as cause:
        line = f"Der Ordner {shown(folder)} kann nicht geschrieben werden."
        raise CommandError(line) from cause
