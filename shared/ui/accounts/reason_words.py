"""The reasons in the audit as words; the table to take along keeps the codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from shared.errors import UrbanKiError
from shared.i18n import N_, Translator
from shared.ui.account_menu import ROLE_NAMES
from shared.ui.accounts.sharing_panel import KINDS
from shared.ui.task_names import TASK_NAMES

_WORDS: Mapping[str, str] = {
    "alle": N_("alle Sitzungen"),
    "angelegt": N_("angelegt"),
    "anmeldedienst": N_("durch den Anmeldedienst"),
    "anwendungen": N_("andere Anwendungen"),
    "command": N_("durch einen Befehl"),
    "entsperrt": N_("entsperrt"),
    "gesperrt": N_("gesperrt"),
    "keine_berechtigung": N_("keine Berechtigung"),
    "neue_anmeldung": N_("neu angemeldet"),
    "passwort": N_("Passwort geändert"),
    "passwort_neu": N_("neues Passwort vergeben"),
    "rolle_fehlt": N_("Konto ohne Rolle"),
    "sitzungen": N_("Sitzungen"),
}
_ROLE, _SHARE = "rolle", "freigabe"
_NO_ROLE = "keine"
_PLACEHOLDER = re.compile(r'\s*(?:\([^)]*\{[^)]*\)|[„"]?\{\w+\}[“"]?)')


def reason_words(code: str, t: Translator) -> str:
    """Return what a reason says; a part without words of its own, as a number, stays a code.

    Args:
        code: Of a row of the audit, its parts divided by colons.
        t: Translator.
    """
    first, *rest = code.split(":")
    if first in _sentences() and first not in _WORDS:
        said = _PLACEHOLDER.sub("", t(_sentences()[first])).rstrip(".")
        return ": ".join([said, *rest])
    if first == _ROLE and rest:
        role = t("keine Rolle mehr") if rest[0] == _NO_ROLE else t(_roles().get(rest[0], rest[0]))
        return ", ".join([t("Rolle: {role}", role=role), *(_word(part, t) for part in rest[1:])])
    if first == _SHARE and rest:
        return t(KINDS.get(rest[0], rest[0]))
    return ": ".join(_word(part, t) for part in (first, *rest))


def _word(part: str, t: Translator) -> str:
    word = _WORDS.get(part) or TASK_NAMES.get(part)
    return part if word is None else t(word)


def _roles() -> dict[str, str]:
    return {str(role): name for role, name in ROLE_NAMES.items()}


@cache
def _sentences() -> Mapping[str, str]:
    """Return what each error of the house says, by its code."""
    return {error.code: error.user_message for error in _errors(UrbanKiError)}


def _errors(parent: type[UrbanKiError]) -> Iterator[type[UrbanKiError]]:
    for error in parent.__subclasses__():
        yield error
        yield from _errors(error)
