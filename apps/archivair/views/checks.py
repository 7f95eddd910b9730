"""Look into the files of a batch before they are read, each in a process of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

import streamlit as st

from apps.archivair.file_check import FileCheck, check_file
from apps.archivair.pages import Limits
from shared.contracts.finding import Finding
from shared.errors import InputError
from shared.i18n import N_
from shared.limited_reading import read_limited
from shared.ui.intake import AcceptedFile

_CHECKED = "archivair_checked"


def check_files(chosen: Sequence[AcceptedFile], limits: Limits) -> list[FileCheck | InputError]:
    """Open and check each file once; a refusal is remembered until another choice.

    Args:
        chosen: The files.
        limits: Largest input.
    """
    known: dict[tuple[str, str], FileCheck | InputError] = st.session_state.get(_CHECKED, {})
    held = {
        (file.sha256, file.name): known.get((file.sha256, file.name)) or _check(file, limits)
        for file in chosen
    }
    st.session_state[_CHECKED] = held
    return list(held.values())


def _check(file: AcceptedFile, limits: Limits) -> FileCheck | InputError:
    """Open what others made in a process of its own."""
    try:
        return read_limited(check_file, file.content, file.name, limits)
    except InputError as error:
        return error


def batch_findings(
    usable: Sequence[tuple[AcceptedFile, FileCheck]], pages: int, limits: Limits, *, alone: bool
) -> list[Finding]:
    """Return what to know: all about a single file, of several the pages and what is unusual.

    Args:
        usable: Files that can be read, with what was found.
        pages: Pages of all of them.
        limits: Largest input.
        alone: Whether one file was chosen; of others, also refused ones, each is named.
    """
    if alone and usable:
        return list(usable[0][1].findings)
    findings: list[Finding] = []
    for file, found in usable:
        details = {"name": file.name, "pages": found.pages}
        text = N_("„{name}“: Seiten {pages}.")
        findings.append(Finding("ok", "datei_im_stapel", text, details=details))
        findings += [one for one in found.findings if one.level != "ok"]
    if pages > limits.pages:
        text = N_("Der Stapel hat zusammen {pages} Seiten, erlaubt sind {limit}.")
        details = {"pages": pages, "limit": limits.pages}
        remedy = N_("Bitte teilen Sie den Stapel.")
        findings.append(Finding("stop", "zu_viele_seiten", text, remedy, details))
    return findings


def twin_of(names: Sequence[str]) -> str | None:
    """Return what two files are called, whose results would overwrite each other; None for none.

    Args:
        names: Names of the files.
    """
    counts = Counter(PurePath(name).stem for name in names)
    return next((stem for stem, count in counts.items() if count > 1), None)
