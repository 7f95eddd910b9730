"""Pictures of the page fit a phone: wider ones stretch inside a container, which shrinks."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

from apps.archivair import views

PHONE_PX, MARGINS_PX = 390, 32
FOLDER = Path(views.__file__).parent


def fixed_widths() -> dict[str, int]:
    """Return the width of each picture that has one in pixels, by file and line."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        module = importlib.import_module(f"apps.archivair.views.{path.stem}")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "st.image"):
                continue
            (width,) = [one.value for one in node.keywords if one.arg == "width"]
            value = vars(module).get(width.id, 0) if isinstance(width, ast.Name) else 0
            if value:
                found[f"{path.name}:{node.lineno}"] = value
    return found


def test_no_picture_is_wider_than_a_phone():
    widths = fixed_widths()
    assert len(widths) >= 3
    assert {place: px for place, px in widths.items() if px > PHONE_PX - MARGINS_PX} == {}
