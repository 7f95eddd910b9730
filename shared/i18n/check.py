"""Compare the texts in the code with the catalogues: missing, unused, differing placeholders."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from babel.messages.extract import extract_from_dir

from shared.i18n.translator import SHARED_LOCALE, read_catalogue
from shared.settings import REPOSITORY

KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "t": None,
    "N_": None,
    "gettext": None,
    "plural": (1, 2),
}
CATALOGUE = "en.po"
Text = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the texts of one catalogue.

    Args:
        catalogue: Path below the repository.
        kind: What is wrong.
        text: German text, shortened.
    """

    catalogue: str
    kind: str
    text: str

    def __str__(self) -> str:
        """Return the line for the command."""
        return f"{self.catalogue}: {self.kind}: {self.text[:100]!r}"


def check_catalogues(repository: Path = REPOSITORY) -> list[Problem]:
    """Return every problem of the shared catalogue and of each app's own one.

    Args:
        repository: Folder with `apps` and `shared`.
    """
    shared_path = repository / SHARED_LOCALE.relative_to(REPOSITORY) / CATALOGUE
    shared_texts = texts_in_code(repository / "shared") | texts_in_code(
        repository / "apps", recursive=False
    )
    shared_entries = read_entries(shared_path)
    problems = _compare(shared_path, repository, shared_texts, shared_entries, {})
    for folder in sorted(path.parent for path in (repository / "apps").glob("*/app.toml")):
        path = folder / "locale" / CATALOGUE
        entries = read_entries(path) if path.is_file() else {}
        found = texts_in_code(folder)
        problems += _compare(path, repository, found, entries, shared_entries)
    return problems


def texts_in_code(folder: Path, *, recursive: bool = True) -> frozenset[Text]:
    """Return the German texts that the Python files of a folder ask to translate.

    Args:
        folder: Folder to read.
        recursive: False reads only the files directly in it.
    """
    method_map = [("**.py" if recursive else "*.py", "python")]
    found = extract_from_dir(
        str(folder),
        method_map=method_map,
        keywords=KEYWORDS,
        directory_filter=None if recursive else lambda path: Path(path) == folder,
    )
    texts: set[Text] = set()
    for file_name, _, message, _, _ in found:
        if not recursive and "/" in file_name:
            continue
        if isinstance(message, tuple):
            texts.add((str(message[0]), str(message[1])))
        elif message:
            texts.add(message)
    return frozenset(texts)


def read_entries(path: Path) -> dict[Text, tuple[str, ...]]:
    """Return the translations of a catalogue; an empty translation counts as none.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is no valid catalogue.
    """
    catalogue = read_catalogue(path)
    entries: dict[Text, tuple[str, ...]] = {}
    for message in catalogue:
        if not message.id:
            continue
        found = message.string if isinstance(message.string, list | tuple) else (message.string,)
        key: Text = (
            (message.id[0], message.id[1])
            if isinstance(message.id, list | tuple)
            else str(message.id)
        )
        entries[key] = tuple(str(text) for text in found if text)
    return entries


def placeholders(text: str) -> frozenset[str]:
    """Return the names of the `{placeholders}` of a text."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def _compare(
    path: Path,
    repository: Path,
    wanted: frozenset[Text],
    own: Mapping[Text, tuple[str, ...]],
    inherited: Mapping[Text, tuple[str, ...]],
) -> list[Problem]:
    name = str(path.relative_to(repository))
    problems = [
        Problem(name, "missing", _shown(text))
        for text in sorted(wanted, key=_shown)
        if not own.get(text) and not inherited.get(text)
    ]
    problems += [Problem(name, "unused", _shown(text)) for text in own if text not in wanted]
    problems += [
        Problem(name, "placeholders differ", _shown(text))
        for text, translations in own.items()
        if not _same_placeholders(text, translations)
    ]
    return problems


def _same_placeholders(text: Text, translations: Iterable[str]) -> bool:
    german = text[1] if isinstance(text, tuple) else text
    return all(placeholders(german) == placeholders(english) for english in translations)


def _shown(text: Text) -> str:
    return text[0] if isinstance(text, tuple) else text
