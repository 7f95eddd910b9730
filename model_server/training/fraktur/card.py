"""Card, sheet and licence of the recogniser: texts from templates, figures from `metrics.json`."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from string import Template
from typing import Any

from model_server.training.landcover_card import german

ORIGIN = (
    "# Written by model_server/training/fraktur/card.py; the figures stand in metrics.json too."
)
TEMPLATE = Path(__file__).with_suffix(".toml")
SHEET_TEMPLATE = Path(__file__).with_name("sheet.md")
CREDIT = "archiscribe-corpus, J. Baiter u. a., CC BY 4.0"
MEMORY_MB = 120
GOAL = 0.015
SHOWN_CONFUSIONS = 12
SPLITS = {
    "test": "Testwerke",
    "development": "Prüfwerke (nach ihnen wurde ausgewählt)",
    "transfer": "andere Sammlung (GT4HistOCR)",
}
RENDERED = Template("""
[[training.data]]
name = "Künstliche Zeilen: eigene Sätze in der Schrift Blankenburg"
licence = "AGPL-3.0-or-later"
origin = "Gezeichnet mit model_server/training/fraktur/rendered.py; Schrift: P. Wiegel, OFL-1.1"
items = $lines
""")
LICENCE = f"""\
The weights in model.onnx are licensed under the Creative Commons Attribution 4.0
International licence, https://creativecommons.org/licenses/by/4.0/.

Credit: URBAN.KI gallery; trained on {CREDIT}.
The measured figures also use: GT4HistOCR, U. Springmann, C. Reul, S. Dipper,
J. Baiter 2018, doi:10.5281/zenodo.1344132, CC BY 4.0.
Random start, no weights of others. The code that trained them is licensed under
AGPL-3.0-or-later; the text stands in the file LICENSE at the root of the repository.
"""


def write_card(folder: Path, metrics: dict[str, Any], alphabet: Sequence[str]) -> None:
    """Write `card.toml` beside `model.onnx`.

    Args:
        folder: Folder of the model.
        metrics: Content of `metrics.json`.
        alphabet: Symbols in the order of the classes.
    """
    final = metrics["final"]
    rate = _own(metrics, "test")["normalised"]["character_error_rate"]
    filled = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        version=metrics["version"],
        sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        one_in=round(1 / max(rate, 1e-4)),
        classes="\n".join(_class_row(*entry) for entry in enumerate(alphabet)),
        memory_mb=MEMORY_MB,
        command=metrics["command"],
        seed=final["settings"]["seed"],
        measured_on=metrics["measured_on"],
        hours_cpu=round(final["minutes"] / 60, 2),
        works=final["works"],
        lines=final["settings"]["lines"] - final["rendered"],
        credit=CREDIT,
    )
    if final["rendered"]:
        filled += RENDERED.substitute(lines=final["rendered"])
    blocks = [_metric_block(metrics, split) for split in SPLITS]
    text = "\n".join([ORIGIN, filled.rstrip("\n"), *blocks]) + "\n"
    (folder / "card.toml").write_text(text, encoding="utf-8")


def _class_row(code: int, sign: str) -> str:
    if not sign:
        key, title = "blank", "kein Zeichen"
    elif sign == "\N{REPLACEMENT CHARACTER}":
        key, title = "unknown", "unbekannt, wird nie geschrieben"
    else:
        key = f"u{ord(sign):04x}"
        title = "Leerzeichen" if sign == " " else sign
        if unicodedata.combining(sign):
            title = f"\N{DOTTED CIRCLE}{sign}"
    shown = json.dumps(title, ensure_ascii=False)
    return f'  {{ code = {code}, key = "{key}", title_de = {shown} }},'


def _own(metrics: dict[str, Any], split: str) -> dict[str, Any]:
    return metrics["splits"][split]["engines"]["fraktur_line"]


def _metric_block(metrics: dict[str, Any], split: str) -> str:
    errors = _own(metrics, split)["normalised"]
    rows: dict[str, object] = {
        "name": f"Zeichenfehlerrate, {SPLITS[split]}",
        "value": round(errors["character_error_rate"], 5),
        "interval_95": [round(one, 5) for one in errors["interval_95"]],
        "data": f"{metrics['splits'][split]['works']} Werke, die das Modell nie sah",
        "items": errors["lines"],
        "command": metrics["command"],
    }
    # JSON's texts, numbers and lists are TOML as well.
    lines = [f"{key} = {json.dumps(entry, ensure_ascii=False)}" for key, entry in rows.items()]
    return "\n".join(["", "[[metrics]]", *lines, f"measured_on = {metrics['measured_on']}"])


def write_sheet(folder: Path, metrics: dict[str, Any]) -> None:
    """Write `README.md`, the German sheet of the model with its figures.

    Args:
        folder: Folder of the model.
        metrics: Content of `metrics.json`.
    """
    final = metrics["final"]
    filled = Template(SHEET_TEMPLATE.read_text(encoding="utf-8")).substitute(
        figures="\n".join(_figure_rows(metrics)),
        missed=_missed(metrics),
        confusions=_confusions(metrics["splits"]["development"]["confusions"]),
        measured_on=date.fromisoformat(metrics["measured_on"]).strftime("%d.%m.%Y"),
        command=metrics["command"],
        lines=final["settings"]["lines"] - final["rendered"],
        rendered=final["rendered"],
        works=final["works"],
        minutes=german(final["minutes"], 1),
        rounds=german(final["rounds"], 1),
        parameters=german(final["parameters"] / 1e6),
        symbols=final["symbols"],
        milliseconds=german(metrics["parity"]["milliseconds"], 1),
        curve="\n".join(_curve_rows(metrics["curve"])),
        credit=CREDIT,
    )
    (folder / "README.md").write_text(filled, encoding="utf-8")


def _figure_rows(metrics: dict[str, Any]) -> Iterator[str]:
    for split, name in SPLITS.items():
        for engine, kinds in metrics["splits"][split]["engines"].items():
            plain = kinds["normalised"]
            low, high = (german(100 * one) for one in plain["interval_95"])
            cells = (
                f"{plain['lines']} Zeilen, {name}",
                engine,
                f"{german(100 * plain['character_error_rate'])} % ({low} bis {high})",
                f"{german(100 * kinds['with_umlauts']['character_error_rate'])} %",
                f"{german(100 * kinds['diplomatic']['character_error_rate'])} %",
                f"{german(100 * plain['word_error_rate'], 1)} %",
                f"{german(100 * plain['perfect_lines'], 0)} %",
            )
            yield f"| {' | '.join(cells)} |"


def _missed(metrics: dict[str, Any]) -> str:
    rate = _own(metrics, "test")["normalised"]["character_error_rate"]
    if rate <= GOAL:
        return "Auf den Testwerken ist es erreicht."
    return f"**Auf den Testwerken noch nicht erreicht:** {german(100 * rate)} %."


def _confusions(rows: Sequence[Sequence[Any]]) -> str:
    shown = (f"{_quoted(wrote)} → {_quoted(seen)} ({count})" for wrote, seen, count in rows)
    return ", ".join(list(shown)[:SHOWN_CONFUSIONS]) or "keine"


def _quoted(sign: str) -> str:
    return {"": "nichts", " ": "Leerzeichen", "\u0364": "altes Umlautzeichen"}.get(sign, sign)


def _curve_rows(curve: Sequence[dict[str, Any]]) -> Iterator[str]:
    for row in curve:
        rate = german(100 * row["character_error_rate"])
        spent = f"{german(row['cpu_minutes'], 1)} | {german(row['rounds'], 1)}"
        yield f"| {spent} | {'fällt' if row['cooling'] else 'gleich'} | {rate} % |"


def write_licence(folder: Path) -> None:
    """Write `LICENSE`, the licence of the weights with the credit of their data."""
    (folder / "LICENSE").write_text(LICENCE, encoding="utf-8")
