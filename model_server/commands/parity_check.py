"""Does a model's `parity.json` say that the engines agree on its weights?

The file holds figures and limits from the export, and a section per engine that
`model_server.parity` measured later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model_server.card import Card

PARITY_FILE = "parity.json"
_ENGINES = ("onnxruntime", "openvino")


def find_parity_problems(card: Card, folder: Path) -> Iterator[str]:
    """Yield German sentences about what is missing or beyond its limit.

    Args:
        card: Card of the model; weights from a package were compared by their makers.
        folder: Its folder.
    """
    if card.file is None:
        return
    try:
        content = json.loads((folder / PARITY_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield f"{PARITY_FILE} fehlt."
        return
    except (OSError, ValueError, RecursionError):
        yield f"{PARITY_FILE} ist nicht lesbar."
        return
    if not isinstance(content, dict):
        yield f"{PARITY_FILE} enthält keine Werte."
        return
    sections = {name: content[name] for name in _ENGINES if isinstance(content.get(name), dict)}
    if "onnxruntime" not in sections:
        yield from _beyond_limits(content)
    for name, section in sections.items():
        if section.get("sha256") != card.sha256:
            yield f"{PARITY_FILE}: {name} wurde mit anderen Gewichten verglichen."
        elif section.get("ok") is not True and (name == "onnxruntime" or card.openvino_ok):
            yield f"{PARITY_FILE}: {name} weicht stärker ab als erlaubt."
    if card.openvino_ok and "openvino" not in sections:
        yield f"{PARITY_FILE}: openvino wurde nicht verglichen, die Karte erlaubt es aber."


def _beyond_limits(content: Mapping[str, Any]) -> Iterator[str]:
    """Compare figures with the limits beside them.

    `box_px` limits `max_box_difference_px` from above, `mask_iou` `min_mask_iou` from below.
    """
    limits = content.get("limits")
    if not isinstance(limits, dict) or not limits:
        yield f"{PARITY_FILE} enthält keine Werte."
        return
    for name, limit in limits.items():
        stem, unit = (name.removesuffix("_px"), "_px" if name.endswith("_px") else "")
        from_below = f"min_{name}" in content
        found = content.get(f"max_{stem}_difference{unit}", content.get(f"max_{name}"))
        if from_below:
            found = content[f"min_{name}"]
        if not _is_number(found) or not _is_number(limit):
            yield f"{PARITY_FILE} enthält keinen Wert für {name}."
        elif found < limit if from_below else found > limit:
            yield f"{PARITY_FILE}: {name} weicht stärker ab als erlaubt."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
