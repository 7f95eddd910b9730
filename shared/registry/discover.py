"""Find the apps: one folder with an `app.toml` each, a broken one harms no other."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import logging
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from shared.errors import REFERENCE_PREFIX
from shared.registry.manifest import RESERVED_IDS, AppManifest, load_manifest
from shared.settings import REPOSITORY

APPS_FOLDER = REPOSITORY / "apps"
logger = logging.getLogger(__name__)
_parsing = Lock()
"""Two threads at once make the parser of CPython 3.11 fail now and then with a SystemError."""


@dataclass(frozen=True, slots=True)
class BrokenApp:
    """An app folder that cannot be loaded.

    Args:
        id: Folder name.
        title: Title from the manifest if it could be read, else the folder name.
        reference: Number that stands on the card and in the log beside the cause.
        cause: For the log and `python -m apps list` only, never for a page.
    """

    id: str
    title: str
    reference: str
    cause: str

    @property
    def has_address(self) -> bool:
        """Tell whether the folder's name is free; a page of the gallery itself would clash."""
        return self.id not in RESERVED_IDS


def discover(
    folder: Path = APPS_FOLDER, only: Collection[str] = ()
) -> list[AppManifest | BrokenApp]:
    """Read every `app.toml` below a folder, ordered by topic, order and title.

    Args:
        folder: Folder that holds the app folders.
        only: Ids to keep; empty keeps all.
    """
    found = [
        _load(path.parent, _state(path.parent))
        for path in sorted(folder.glob("*/app.toml"))
        if not only or path.parent.name in only
    ]
    return sorted(found, key=_position)


def manifests(folder: Path = APPS_FOLDER, only: Collection[str] = ()) -> list[AppManifest]:
    """Return the apps that can be loaded."""
    return [app for app in discover(folder, only) if isinstance(app, AppManifest)]


def find_app(slug: str, folder: Path = APPS_FOLDER) -> AppManifest | BrokenApp | None:
    """Return one app, or None if there is no such folder."""
    path = folder / slug
    return _load(path, _state(path)) if (path / "app.toml").is_file() else None


def _position(app: AppManifest | BrokenApp) -> tuple[int, int, str]:
    if isinstance(app, BrokenApp):
        return (len(_TOPICS), 0, app.title.casefold())
    return (_TOPICS.index(app.topic), app.order, app.title.casefold())


_TOPICS = ("klima", "mobilitaet", "sicherheit", "verwaltung")


def _state(folder: Path) -> tuple[tuple[str, int], ...]:
    """Return what must change for an app to be read again."""
    files = [folder / "app.toml", *sorted(folder.glob("*.svg")), *sorted(folder.rglob("*.py"))]
    return tuple((str(path), path.stat().st_mtime_ns) for path in files if path.is_file())


@lru_cache(maxsize=256)
def _load(folder: Path, state: tuple[tuple[str, int], ...]) -> AppManifest | BrokenApp:
    del state  # part of the cache key only
    try:
        manifest = load_manifest(folder / "app.toml")
        for name in ("page.py", manifest.icon):
            if not (folder / name).is_file():
                raise FileNotFoundError(str(folder / name))
        _check_imports(folder, _parse(folder))
    except (OSError, ValueError, SyntaxError, ImportError) as cause:
        return _broken(folder, cause)
    return manifest


def _parse(folder: Path) -> dict[str, ast.Module]:
    """Parse the app's modules, by their dotted name in it, without running them.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is no UTF-8 text.
        SyntaxError: A module is no valid Python.
    """
    with _parsing:
        return {
            _dotted(path.relative_to(folder)): ast.parse(
                path.read_text(encoding="utf-8"), filename=str(path)
            )
            for path in sorted(folder.rglob("*.py"))
        }


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix("__init__").rstrip(".")


def _check_imports(folder: Path, modules: Mapping[str, ast.Module]) -> None:
    """Look for what the page and the app's modules behind it import, without importing it.

    Commands beside the page may need packages that a page does not, so they are not followed.

    Raises:
        ModuleNotFoundError: There is no such module.
    """
    own = f"apps.{folder.name}."
    waiting, seen = ["page"], {"page"}
    while waiting:
        for name, members in _imported(modules[waiting.pop()]):
            if not f"{name}.".startswith(own):
                known = _exists(name)
            else:
                inside = name.split(".")[2:]
                # `from package import module` reaches the module, too.
                places = {".".join(inside), *(".".join([*inside, one]) for one in members)}
                reached = places & modules.keys()
                waiting += sorted(reached - seen)
                seen |= reached
                known = bool(reached) or folder.joinpath(*inside).is_dir()
            if not known:
                message = f"no module {name!r}"
                raise ModuleNotFoundError(message)


def _imported(module: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Yield the modules that a file always imports, each with the names taken from it.

    Guarded and late imports are left out.
    """
    for node in module.body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, [alias.name for alias in node.names]


def _exists(name: str) -> bool:
    root, *rest = name.split(".")
    if root == "shared":
        path = REPOSITORY.joinpath(root, *rest)
        return path.is_dir() or path.with_suffix(".py").is_file()
    return root in sys.modules or importlib.util.find_spec(root) is not None


def _broken(folder: Path, cause: Exception) -> BrokenApp:
    text = f"{type(cause).__name__}: {cause}"
    digest = hashlib.sha256(f"{folder.name} {text}".encode()).hexdigest()[:8].upper()
    broken = BrokenApp(folder.name, _title(folder), f"{REFERENCE_PREFIX}{digest}", text)
    logger.error("%s app %s cannot be loaded: %s", broken.reference, broken.id, text)
    return broken


def _title(folder: Path) -> str:
    try:
        title = tomllib.loads((folder / "app.toml").read_text(encoding="utf-8")).get("title")
    except (OSError, ValueError):
        return folder.name
    return title if isinstance(title, str) and 0 < len(title) <= 80 else folder.name
