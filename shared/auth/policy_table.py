"""The table of what each role may do, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.contracts.identity.policy import ROLES, TABLE, TASKS, Cell, Rule, Where, model_call
from shared.i18n import N_, Language, Translator, get_translator

_HEAD = (N_("Aktion"), N_("Bedeutung"))
_LAST = N_("Daten")
_CELLS: Mapping[Cell, str] = MappingProxyType(
    {
        "-": "–",
        "x": N_("ja"),
        "demo": N_("nur Vorführung"),
        "example": N_("nur Beispiele"),
        "demonstration": N_("nur Modelle zur Vorführung"),
        "job_part": N_("nur als Teil eines Auftrags"),
        "signed_targets": N_("nur mit signierter Zielliste"),
    }
)
_WHERE: Mapping[Where, str] = MappingProxyType(
    {"own": N_("eigene"), "shared": N_("eigene und geteilte"), "any": "–"}
)
_GRANTED = N_("nur freigegebene Anwendungen")
_TASK = N_("aufgabe")


def policy_table(language: Language) -> str:
    """Write every action as a row of a Markdown table; the tasks of the model server share one.

    Args:
        language: Of everything but the names of actions and roles.
    """
    t = get_translator(language)
    head = [*(t(text) for text in _HEAD), *(f"`{role}`" for role in ROLES), t(_LAST)]
    by_name = {_name(action, t): rule for action, rule in TABLE.items()}
    rows = [head, ["---"] * len(head), *(_row(name, rule, t) for name, rule in by_name.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def policy_json() -> dict[str, object]:
    """Return every action with its rule, for programs."""
    return {action: _written(rule) for action, rule in TABLE.items()}


def _name(action: str, t: Translator) -> str:
    return model_call(f"<{t(_TASK)}>") if action in map(model_call, TASKS) else action


def _row(name: str, rule: Rule, t: Translator) -> list[str]:
    cells = (_word(_CELLS[rule.cells[role]], t) for role in ROLES)
    where = _word(_WHERE[rule.where], t) + (f", {t(_GRANTED)}" if rule.names_app else "")
    return [f"`{name}`", t(rule.what), *cells, where]


def _word(text: str, t: Translator) -> str:
    return text if text == "–" else t(text)


def _written(rule: Rule) -> dict[str, object]:
    cells = dict(rule.cells)
    return {"what": rule.what, "cells": cells, "where": rule.where, "names_app": rule.names_app}
