"""The texts of a draft: card and sheet, with a mark at everything that a person must fill in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from model_server.commands.deepness import Findings
from model_server.commands.names import class_keys

FILL_IN = "AUSFÜLLEN"
_TRAINING = (
    ('script = "…"', "womit trainiert wurde"),
    ('command = "…"', "mit welchem Befehl"),
    ("seed = …", "Startwert des Zufalls"),
    ("synthetic = …", "true, wenn die Bilder künstlich sind"),
    ("date = …", "Tag des Trainings, etwa 2026-01-31"),
    ("hours_cpu = …", "Rechenstunden"),
    ('split_rule = "…"', "wie Training und Prüfung getrennt wurden"),
    ("test_disjoint = …", "true, wenn kein Bild in beiden vorkommt"),
    (
        'data = [{ name = "…", licence = "…", origin = "…", items = … }]',
        "womit trainiert wurde; unbekannt heißt „unbekannt“",
    ),
)
_METRIC = (
    ('name = "…"', "zum Beispiel AP50"),
    ("value = …", "gemessen an Bildern, die das Modell nie sah"),
    ('data = "…"', "an welchen Bildern"),
    ("items = …", "wie vielen"),
    ('command = "…"', "mit welchem Befehl"),
    ("measured_on = …", "wann"),
)


@dataclass(frozen=True)
class Draft:
    """A model folder in the making.

    Args:
        name: Name of the model.
        version: Its version.
        sha256: Hash of the weights.
        findings: What the file says.
    """

    name: str
    version: str
    sha256: str
    findings: Findings

    @cached_property
    def to_fill(self) -> tuple[str, ...]:
        """Keys of the card that only a person can fill in."""
        keys = ["title_de", "limits_de", "limits.memory_mb"]
        if self.findings.class_names is None and self.findings.task != "embed":
            keys.append("classes")
        if self.findings.resolution_m is not None:
            keys += ["input.gsd_min_m", "input.gsd_max_m"]
        return (*keys, "training", "metrics", "contact.text")

    @cached_property
    def to_check(self) -> tuple[str, ...]:
        """Keys that are filled in, but with what the file says or with the safest value."""
        classes = () if self.findings.class_names is None else ("classes",)
        return (*classes, "licence", "limits.max_batch", "limits.min_score")


def write_card(draft: Draft) -> str:
    """Return `card.toml`; it is refused as long as the marked keys are missing.

    Args:
        draft: Model folder in the making.
    """
    blocks = (_head(draft), _input(draft), _limits(draft), _licence(), _rest())
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def write_sheet(draft: Draft) -> str:
    """Return `README.md`, the German sheet of the model, to be completed.

    Args:
        draft: Model folder in the making.
    """
    notes = draft.findings.notes or ("Keine.",)
    parts = [
        f"# {draft.name} {draft.version}",
        "Entwurf einer Modellkarte für ein fremdes Modell. Solange Angaben fehlen, führt der "
        "Modellserver es als nicht verfügbar.",
        "## Was das Modell tut und was nicht",
        f"{FILL_IN}",
        "## Womit es trainiert wurde",
        f"{FILL_IN}",
        "## Wie gut es ist",
        f"Nicht gemessen. {FILL_IN}: Messung an Bildern, die das Modell nie sah.",
        "## Hinweise aus der Datei",
        "\n".join(f"- {note}" for note in notes),
    ]
    return "\n\n".join(parts) + "\n"


def _head(draft: Draft) -> Iterator[str]:
    findings = draft.findings
    yield "# Entwurf aus einer ONNX-Datei. Bitte ergänzen Sie alles, was mit"
    yield f"# {FILL_IN} beginnt; erst dann nimmt der Modellserver die Karte an. Prüfen Sie mit:"
    yield f"# python -m model_server check --model {draft.name}"
    yield from (f"# Hinweis: {note}" for note in findings.notes)
    yield f"name = {_quoted(draft.name)}"
    yield f"version = {_quoted(draft.version)}"
    yield f"task = {_quoted(findings.task)}"
    yield _to_fill('title_de = "…"', "kurzer deutscher Titel")
    yield f"architecture = {_quoted(findings.architecture)}"
    yield 'runtime = ["onnxruntime"]'
    yield 'file = "model.onnx"'
    yield f"sha256 = {_quoted(draft.sha256)}"
    yield from _classes(findings)
    yield f"outputs = [{', '.join(map(_quoted, findings.outputs))}]"
    yield f"bands = [{_quoted(findings.bands)}]"
    yield "# Höchstens so viel, bis die Güte gemessen ist."
    yield 'quality = "demonstration"'
    yield _to_fill('limits_de = "…"', "was das Modell nicht kann und wofür es nicht taugt")


def _classes(findings: Findings) -> Iterator[str]:
    if findings.task == "embed":
        return
    if findings.class_names is None:
        example = 'classes = [{ code = 0, key = "dach", title_de = "Dach" }]'
        yield _to_fill(example, "alle Klassen in der Reihenfolge der Ausgänge")
        return
    yield "# Bitte prüfen: key sind Namen für Programme, title_de lesen Menschen auf Deutsch."
    yield "classes = ["
    keys = class_keys(findings.class_names)
    for code, (key, title) in enumerate(zip(keys, findings.class_names, strict=True)):
        yield f"    {{ code = {code}, key = {_quoted(key)}, title_de = {_quoted(title)} }},"
    yield "]"


def _input(draft: Draft) -> Iterator[str]:
    findings = draft.findings
    yield "[input]"
    if findings.tiling.size_px is not None:
        yield f"size_px = {findings.tiling.size_px}"
    if findings.output_stride is not None:
        yield f"output_stride = {findings.output_stride}"
    if findings.resolution_m is not None:
        yield f"gsd_best_m = {findings.resolution_m}"
        yield _to_fill("gsd_min_m = …", "feinste Bodenauflösung in Metern, die noch geht")
        yield _to_fill("gsd_max_m = …", "gröbste")
    bands = len(findings.bands)
    yield f"mean = {_numbers(findings.mean or (0.0,) * bands)}"
    yield f"std = {_numbers(findings.std or (1.0,) * bands)}"


def _limits(draft: Draft) -> Iterator[str]:
    findings = draft.findings
    yield "[limits]"
    if findings.fixed_batch:
        yield "# Die Datei nimmt nur ein Bild auf einmal."
    else:
        yield "# Vorsichtig; größer erst, wenn der Speicher gemessen ist."
    yield "max_batch = 1"
    yield _to_fill("memory_mb = …", "gemessener Arbeitsspeicher in MB")
    if findings.min_score is not None:
        yield f"min_score = {findings.min_score}"
    if findings.nms_iou is not None:
        yield f"nms_iou = {findings.nms_iou}"


def _licence() -> Iterator[str]:
    yield "# Unbekannt heißt: nicht weitergeben. Bitte klären und den Wortlaut in LICENSE ablegen."
    yield "[licence]"
    yield from (f'{key} = "unbekannt"' for key in ("weights", "data", "code"))
    yield "redistribute = false"


def _rest() -> Iterator[str]:
    yield f"# {FILL_IN}: die folgenden Abschnitte"
    yield "# [training]"
    yield from (f"# {example}  # {meaning}" for example, meaning in _TRAINING)
    yield "#"
    yield "# [[metrics]]"
    yield from (f"# {example}  # {meaning}" for example, meaning in _METRIC)
    yield "#"
    yield "# [contact]"
    yield '# text = "…"  # wer Fragen beantwortet'


def _to_fill(example: str, meaning: str) -> str:
    return f"# {FILL_IN}: {example}  # {meaning}"


def _quoted(text: str) -> str:
    """Return a TOML string; all control characters are gone already."""
    return json.dumps(text, ensure_ascii=False)


def _numbers(values: tuple[float, ...]) -> str:
    return f"[{', '.join(repr(value) for value in values)}]"
