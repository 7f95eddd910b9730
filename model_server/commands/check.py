"""`check`: are cards, weights, texts, parity figures and sizes of all models in order?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model_server.card import load_card
from model_server.catalog import BUILT_IN, FailedModel, ServableModel, load_catalog
from model_server.commands.draft_text import FILL_IN
from model_server.commands.outcome import CommandError, one_line, shown
from model_server.commands.parity_check import find_parity_problems

TEXTS = ("README.md", "LICENSE")
MAX_FILE_BYTES = 25_000_000
MAX_ALL_BYTES = 60_000_000
"""What the repository may hold; a municipality's own folder is not bound by it."""
_MEGA = 1_000_000
_GERMAN_FAULTS = {
    "missing": "fehlt",
    "extra_forbidden": "unbekannte Angabe",
    "less_than_equal": "höchstens {le}",
    "less_than": "kleiner als {lt}",
    "greater_than_equal": "mindestens {ge}",
    "greater_than": "größer als {gt}",
    "literal_error": "erlaubt ist nur {expected}",
    "string_pattern_mismatch": "hat nicht die Form {pattern}",
}
"""What a card may do wrong by the names that pydantic gives it, filled from its context."""
_MOST_CARD_PROBLEMS = 20
_UNREADABLE = (OSError, ValueError, RecursionError)


def check_models(
    name: str | None, own: Path | None = None, shipped: Path = BUILT_IN
) -> dict[str, Any]:
    """Check all model folders; only shipped models decide over `ok`.

    Args:
        name: Only this model; None checks all.
        own: Folder with the municipality's own models.
        shipped: Folder with the models of the project.

    Raises:
        CommandError: No model has this name.
    """
    rows = [*_shipped_rows(shipped), *([] if own is None else _own_rows(shipped, own))]
    chosen = [row for row in rows if name in (None, row["name"])]
    if not chosen and name is not None:
        raise CommandError(f"Das Modell {one_line(name, 80)} ist nicht vorhanden.")
    general = list(_general_problems(shipped, own))
    fine = all(not row["problems"] for row in chosen if row["origin"] == "shipped")
    too_large = size_of(shipped) > MAX_ALL_BYTES
    return {"models": chosen, "problems": general, "ok": fine and bool(rows) and not too_large}


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _shipped_rows(shipped: Path) -> list[dict[str, Any]]:
    catalog = load_catalog([shipped])
    rows = [_row(model, "shipped", list(_size_problems(model.folder))) for model in catalog.models]
    return rows + [_failed_row(model, "shipped", shipped) for model in catalog.failed]


def _own_rows(shipped: Path, own: Path) -> list[dict[str, Any]]:
    known = load_catalog([shipped])
    catalog = load_catalog([shipped, own])
    rows = [_row(model, "own", []) for model in catalog.models if model not in known.models]
    failed = [model for model in catalog.failed if model not in known.failed]
    return rows + [_failed_row(model, "own", own) for model in failed]


def _row(model: ServableModel, origin: str, problems: list[str]) -> dict[str, Any]:
    return {
        "name": model.card.name,
        "version": model.card.version,
        "state": "available",
        "origin": origin,
        "sha256": model.card.sha256,
        "problems": [
            *_text_problems(model.folder),
            *find_parity_problems(model.card, model.folder),
            *problems,
        ],
    }


def _failed_row(model: FailedModel, origin: str, home: Path) -> dict[str, Any]:
    row = {"name": model.name, "version": model.version, "state": "failed", "origin": origin}
    if not model.version:
        # Only announced in `planned.toml`; there is nothing yet that could be wrong.
        return {**row, "state": "planned", "reason": model.reason, "problems": []}
    problems = [model.reason]
    if model.card is None:
        problems += _card_problems(home / model.name / model.version / "card.toml")
    return {**row, "problems": problems}


def _card_problems(file: Path) -> list[str]:
    """Name what is wrong with a card, so that whoever fills it in can go on."""
    try:
        load_card(file)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return [
            f"{'.'.join(str(part) for part in one['loc']) or 'Karte'}: "
            f"{_german_fault(one['type'], one['msg'], one.get('ctx', {}))}"
            for one in found[:_MOST_CARD_PROBLEMS]
        ]
    except _UNREADABLE as error:
        return [one_line(f"card.toml: {error}", 200)]
    return []


def _german_fault(kind: str, message: str, figures: Mapping[str, object]) -> str:
    """Return what is wrong in German; rare faults keep the reason in the words of the checker."""
    known = _GERMAN_FAULTS.get(kind)
    if known is None:
        return f"ungültig ({one_line(message.removeprefix('Value error, '), 120)})"
    text = known.format_map(figures)
    return one_line(text.replace(" or ", " oder "), 120)


def _text_problems(folder: Path) -> Iterator[str]:
    for name in TEXTS:
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            yield f"{name} fehlt."
        except _UNREADABLE:
            yield f"{name} ist nicht lesbar."
        else:
            if not text.strip():
                yield f"{name} ist leer."
            elif FILL_IN in text:
                yield f"{name} ist noch nicht ausgefüllt."


def _size_problems(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
            size = f"{path.stat().st_size / _MEGA:.1f}".replace(".", ",")
            limit = MAX_FILE_BYTES // _MEGA
            yield f"{path.name} ist {size} MB groß, erlaubt sind {limit} MB."


def _general_problems(shipped: Path, own: Path | None) -> Iterator[str]:
    if own is not None and not own.is_dir():
        yield f"Den Ordner {shown(own)} aus URBANKI_MODEL_DIR gibt es nicht."
    size = size_of(shipped)
    if size > MAX_ALL_BYTES:
        found = f"{size / _MEGA:.1f}".replace(".", ",")
        yield f"Alle Modelle sind {found} MB groß, erlaubt sind {MAX_ALL_BYTES // _MEGA} MB."
    if not any(shipped.glob("*/*")):
        yield "Es gibt keine mitgelieferten Modelle."
