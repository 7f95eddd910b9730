"""`publish`: copy a model's folder into BentoML's model store, for a production export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_server.catalog import FailedModel, ServableModel, load_catalog
from model_server.commands.outcome import CommandError, one_line, shown

NO_TRACKING = "BENTOML_DO_NOT_TRACK"


def publish_model(wanted: str, folders: Sequence[Path]) -> dict[str, Any]:
    """Copy a model into the store; the folder stays the source of truth.

    Args:
        wanted: `NAME` or `NAME:VERSION`; without a version the newest.
        folders: Folders with models, the built-in one first.

    Raises:
        CommandError: The model is unknown, broken or in the store already.
    """
    model = _find(wanted, folders)
    files = _files(model)
    tag = f"{model.card.name}:{model.card.version}"
    # The library reports every model that it saves to its maker unless this is set.
    os.environ[NO_TRACKING] = "True"
    import bentoml

    labels = {"task": model.card.task, "quality": model.card.quality}
    try:
        with bentoml.models.create(tag, labels=labels, metadata={"sha256": model.card.sha256}) as m:
            for file in files:
                target = Path(m.path) / file.relative_to(model.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
    except bentoml.exceptions.BentoMLException as cause:
        is_there = "already exists" in str(cause)
        why = "liegt schon im Speicher von BentoML" if is_there else "wurde von BentoML abgelehnt"
        raise CommandError(f"Das Modell {tag} {why}.") from cause
    except OSError as cause:
        raise CommandError(f"Das Modell {tag} ließ sich nicht kopieren.") from cause
    names = [file.relative_to(model.folder).as_posix() for file in files]
    return {"tag": tag, "files": names, "package": model.card.package}


def _find(wanted: str, folders: Sequence[Path]) -> ServableModel:
    name, _, version = wanted.partition(":")
    catalog = load_catalog(folders)
    found = catalog.find(name, version or None)
    if found is not None:
        return found
    broken = [model for model in catalog.failed if _is(model, name, version)]
    if broken:
        line = f"Das Modell {one_line(wanted, 80)} ist nicht in Ordnung: {broken[-1].reason}"
        raise CommandError(line)
    raise CommandError(f"Das Modell {one_line(wanted, 80)} ist nicht vorhanden.")


def _is(model: FailedModel, name: str, version: str) -> bool:
    return model.name == name and version in ("", model.version)


def _files(model: ServableModel) -> list[Path]:
    files = []
    for path in sorted(model.folder.rglob("*")):
        if path.is_symlink():
            # It might lead out of the folder to something that nobody meant to publish.
            raise CommandError(f"{shown(path)} ist eine Verknüpfung und wird nicht kopiert.")
        if path.is_file() and "__pycache__" not in path.parts:
            files.append(path)
    return files
